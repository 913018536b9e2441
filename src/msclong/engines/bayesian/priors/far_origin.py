"""Random slopes, beside an intercept whose prior is at zero, against a covariate whose zero is far from the data."""

from __future__ import annotations

import numpy as np

from msclong.covariance.components import components
from msclong.design.coordinates import Effects
from msclong.design.design import Design
from msclong.engines.bayesian.priors.centred_columns import AT_MEANS, CONSTANT
from msclong.errors import DataWarning, listing, warn

FAR = 5.0
"""Standard deviations between a covariate's zero and its mean, beyond which the intercept is an extrapolation."""


def warn_of_far_origins(design: Design) -> None:
    """Warn (DataWarning) where independent effects, `(1 + t || id)`, say too much because the zero of t is far away.

    Or where the intercept as written has a prior by name.

    Independent at the covariate's zero, the intercept must vary widely between subjects for slopes to vary a little,
    and a prior on the outcome's scale then takes the slopes away. Correlated effects have their prior at the
    covariates' means (see `centred_effects`); at the means independent effects would be correlated.
    """
    if not any(component.is_random for component in components(design.structure)):
        return
    start, constant, far = 0, False, []
    written = any(name.startswith("sd(Intercept") and AT_MEANS not in name for name in design.spec.priors.sds)
    coords = design.latent_coords().sum(axis=1)
    for reader in design.covariance.readers:
        if not isinstance(reader, Effects):
            start += 1
            continue
        Z = coords[:, start : start + len(reader.names)]
        start += len(reader.names)
        spread, mean = Z.std(axis=0), np.abs(Z.mean(axis=0))
        fixed = spread <= CONSTANT * mean
        constant = constant or bool(fixed.any())
        if not fixed.any() or written:
            names = zip(reader.names, ~fixed & (mean > FAR * spread), strict=True)
            far += [name for name, chosen in names if chosen]
    if constant and far:
        warn(
            f"The zero of {listing(dict.fromkeys(far))} is far from the data, and so is the random intercept that is "
            "independent of the slopes, or has a prior of its own: it then keeps them small. Let them correlate, "
            "(1 + t | id), with the default prior, or count from a time within the data (the mean, or the first "
            "visit), and fit again.",
            DataWarning,
        )
