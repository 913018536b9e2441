"""Random slopes against a covariate whose zero is far from the data."""

from __future__ import annotations

import numpy as np

from msclong.covariance.components import components
from msclong.design.coordinates import Effects
from msclong.design.design import Design
from msclong.errors import DataWarning, listing, warn

FAR = 5.0
"""Standard deviations between a covariate's zero and its mean, beyond which the intercept is an extrapolation."""


def warn_of_far_origins(design: Design) -> None:
    """Warn (DataWarning) where the prior of a random intercept's SD, which is at the covariate's zero, says too much.

    Far from the data an intercept must vary widely between subjects for slopes to vary a little: a prior of its SD on
    the outcome's scale then takes the slopes away.
    """
    if not any(component.is_random for component in components(design.structure)):
        return
    start, constant, far = 0, False, []
    for reader in design.covariance.readers:
        if not isinstance(reader, Effects):
            start += 1
            continue
        Z = design.coords[:, start : start + len(reader.names)]
        start += len(reader.names)
        spread, mean = Z.std(axis=0), np.abs(Z.mean(axis=0))
        fixed = spread <= 1e-12 * mean
        constant = constant or bool(fixed.any())
        names = zip(reader.names, ~fixed & (mean > FAR * spread), strict=True)
        far += [name for name, chosen in names if chosen]
    if constant and far:
        warn(
            f"The zero of {listing(dict.fromkeys(far))} is far from the data, and so is the random intercept, whose "
            "prior then keeps the random slopes small. Count from a time within the data (the mean, or the first "
            "visit) and fit again.",
            DataWarning,
        )
