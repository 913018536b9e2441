"""Residuals: what the fixed effects, or the fixed and the random effects, leave unexplained."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd

from msclong.covariance.components import components, sum_of
from msclong.design.design import Design
from msclong.design.grouped_effects import grouped_effects
from msclong.design.unit_batches import unit_batches
from msclong.errors import EngineError, SpecError, listing
from msclong.likelihood.crossed.prediction import predicted_effects
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.quantile_residuals import quantile_residuals

Kind = Literal["raw", "pearson", "scaled", "conditional", "quantile"]


def residuals(
    design: Design, estimate: PointEstimate | PosteriorDraws, theta: np.ndarray, kind: Kind
) -> pd.Series:
    """Residuals of the observed outcomes at the estimate of beta (p,) and theta (k,).

    With y_i = X_i beta + e_i and Sigma_i = Var(e_i) for independent unit i (the subject, in ordinary models):

    - 'raw': r_i = y_i - X_i beta, in the outcome's unit;
    - 'pearson': r_it / sqrt(Sigma_i[t, t]), without unit; correlated within subjects;
    - 'scaled': L_i^-1 r_i with L_i the lower Cholesky factor of Sigma_i, without unit. Where the model
      holds they are uncorrelated with variance one (Fitzmaurice, Laird and Ware, Applied Longitudinal Analysis, 2nd
      ed. 2011, section 10.3). A subject's rows are taken in the order of their covariance coordinates (visits or
      times), so that each residual is standardised given the subject's earlier ones;
    - 'conditional': y_i - X_i beta - Z_i b_i with b_i the predicted random effects, in the outcome's unit
      (R lme4's `residuals`). It is R_i Sigma_i^-1 r_i, with R_i the residual part of Sigma_i;
    - 'quantile': normal quantiles of the outcome's place in its predictive distribution, of any family.

    Returns
    -------
    Series of length N, indexed like the observed rows, in their order.

    Raises SpecError for any other `kind`, and for 'conditional' where the model has no random effects; EngineError for
    outcomes that are not Gaussian, nor transformed Gaussian (whose residuals are those of the transformed outcomes).
    """
    if kind not in get_args(Kind):
        raise SpecError(f"kind takes {listing(map(repr, get_args(Kind)))}; got {kind!r}.")
    if kind == "quantile":
        return quantile_residuals(design, estimate, theta)
    terms = components(design.structure)
    if kind == "conditional" and not any(term.is_random for term in terms):
        raise SpecError(
            f"Conditional residuals are what random effects leave, and {design.spec.formula!r} has none; "
            "use kind='scaled', which removes the correlation within subjects."
        )
    if design.conditional:
        raise EngineError(
            f"Residuals of family {design.family.keyword!r} are those of kind='quantile'; only Gaussian outcomes "
            f"have {kind!r} ones."
        )
    raw = design.y - design.fixed.X @ estimate.beta
    values = raw.copy()
    if kind == "pearson":  # each observation by itself
        variance = design.structure.sigma(theta, design.coords[:, None])
        values = raw / np.sqrt(variance[:, 0, 0])
    elif kind == "conditional" and design.crossed is not None:
        effects = grouped_effects(design.structure, design.coords, design.unit, like=design.crossed.effects)
        assert effects is not None
        values = raw - predicted_effects(design.crossed, estimate.beta, theta).mean(effects)
    elif kind != "raw":
        for rows in unit_batches(design.unit, design.coords):
            coords, r = design.coords[rows], raw[rows][..., None]
            sigma = design.structure.sigma(theta, coords)
            if kind == "conditional":
                residual = sum_of([term for term in terms if not term.is_random], theta, coords)
                standardised = residual @ np.linalg.solve(sigma, r)
            else:
                standardised = np.linalg.solve(np.linalg.cholesky(sigma), r)
            values[rows] = standardised[..., 0]
    return pd.Series(values, index=design.fixed.frame.index, name=f"{kind} residual")
