"""Marginal residuals: what the fixed effects leave unexplained, raw or standardised by the fitted covariance."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd

from msclong.design.design import Design
from msclong.errors import SpecError, listing
from msclong.results.fit import Fit
from msclong.results.posterior_draws import PosteriorDraws

Kind = Literal["raw", "pearson", "scaled"]


def residuals(fit: Fit, kind: Kind = "raw") -> pd.Series:
    """Marginal residuals of the observed outcomes.

    With y_i = X_i beta + e_i and Sigma_i = Var(e_i) for subject i:

    - 'raw': r_i = y_i - X_i beta, in the outcome's unit;
    - 'pearson': r_it / sqrt(Sigma_i[t, t]), without unit; correlated within subjects;
    - 'scaled': L_i^-1 r_i with L_i the lower Cholesky factor of Sigma_i, without unit. Where the model
      holds they are uncorrelated with variance one (Fitzmaurice, Laird and Ware, Applied Longitudinal Analysis, 2nd
      ed. 2011, section 10.3). A subject's rows are taken in the order of their covariance coordinates (visits or
      times), so that each residual is standardised given the subject's earlier ones.

    beta and theta are the point estimates, or the posterior means.

    Returns
    -------
    Series of length N, indexed like `fit.design.fixed.frame`, in its order.

    Raises SpecError for any other `kind`.
    """
    if kind not in get_args(Kind):
        raise SpecError(f"kind takes {listing(map(repr, get_args(Kind)))}; got {kind!r}.")
    design = fit.design
    raw = design.y - fitted(fit).to_numpy()
    values = raw if kind == "raw" else _standardised(design, fit.covariance.theta, raw, kind)
    return pd.Series(values, index=design.fixed.frame.index, name=f"{kind} residual")


def fitted(fit: Fit) -> pd.Series:
    """X beta of the observed rows, (N,), in the outcome's unit."""
    design = fit.design
    return pd.Series(design.fixed.X @ coefficients(fit), index=design.fixed.frame.index, name="fitted")


def coefficients(fit: Fit) -> np.ndarray:
    """beta (p,): the point estimate or the posterior mean."""
    estimate = fit.estimate
    if isinstance(estimate, PosteriorDraws):
        return estimate.draws.reshape(-1, estimate.draws.shape[2]).mean(axis=0)
    return estimate.beta


def _standardised(design: Design, theta: np.ndarray, raw: np.ndarray, kind: Kind) -> np.ndarray:
    """Residuals by the subjects' Sigma; subjects with equally many rows are one batch."""
    order = np.lexsort((*design.coords.T[::-1], design.subject))
    starts = np.flatnonzero(np.diff(design.subject[order], prepend=-1))
    lengths = np.diff(np.r_[starts, len(order)])
    result = np.empty_like(raw)
    for t in np.unique(lengths):
        rows = order[starts[lengths == t][:, None] + np.arange(t)]
        sigma = design.structure.sigma(theta, design.coords[rows])
        if kind == "pearson":
            result[rows] = raw[rows] / np.sqrt(np.diagonal(sigma, axis1=1, axis2=2))
        else:
            result[rows] = np.linalg.solve(np.linalg.cholesky(sigma), raw[rows][..., None])[..., 0]
    return result
