"""What each subject does to the fixed effects while the covariance is held: closed forms, no refit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from msclong.design.fixed_effects import ALIAS_TOLERANCE
from msclong.design.unit_batches import unit_batches
from msclong.design.unit_names import unit_names
from msclong.engines.frequentist.arguments import check_fit
from msclong.errors import EngineError, SpecError
from msclong.results.fit import Fit
from msclong.results.stamp import stamp


@dataclass(frozen=True, eq=False)
class Deletions:
    """Every independent unit left out once, Sigma at its estimate from all data.

    table : by unit, n_obs and cook_d = (beta - beta_i)' X'V^-1X (beta - beta_i) / p. coefficients : beta_i, (units, p).
    NaN where the others cannot estimate beta.
    """

    table: pd.DataFrame
    coefficients: pd.DataFrame


def deletions(fit: Fit) -> Deletions:
    """Cook's distance of each independent unit, and generalised least squares without it, for a given Sigma.

    A quick look over all units, of a fit by any engine (of a posterior: at the mean of the covariance parameters, and
    without its priors); `influence` fits again, covariance included. SAS PROC MIXED's INFLUENCE with ITER=0.

    Raises SpecError for what is no fit or where all observations are one unit, EngineError for outcomes that are not
    Gaussian and for fits by least squares (ddf='modified-box').
    """
    check_fit(fit)
    refuse_least_squares(fit)
    design = fit.design
    if design.conditional:
        raise EngineError(
            f"Outcomes of family {design.family.keyword!r} are not Gaussian: leaving one out has no closed form. Use "
            "ml.loo(fit)."
        )
    names = unit_names(design)
    if len(names) < 2:
        raise SpecError("All observations are one independent unit, and nothing is left without it.")
    X, y, p = design.fixed.X, design.y, design.fixed.X.shape[1]
    cross, score = np.empty((len(names), p, p)), np.empty((len(names), p))
    for rows in unit_batches(design.unit, design.coords):
        root = np.linalg.cholesky(design.structure.sigma(fit.covariance.theta, design.coords[rows]))
        white = np.linalg.solve(root, np.concatenate([X[rows], y[rows][..., None]], axis=2))
        units = design.unit[rows[:, 0]]
        cross[units] = np.swapaxes(white[..., :p], 1, 2) @ white[..., :p]
        score[units] = np.einsum("nti,nt->ni", white[..., :p], white[..., p])
    A = np.linalg.cholesky(cross.sum(axis=0))
    beta = np.linalg.solve(A.T, np.linalg.solve(A, score.sum(axis=0)))
    # In the coordinates where X'V^-1X is the identity.
    share = np.linalg.solve(A, np.swapaxes(np.linalg.solve(A, cross), 1, 2))
    pull = np.linalg.solve(A, (score - cross @ beta).T).T
    alone = np.linalg.eigvalsh(share)[:, -1] > 1 - ALIAS_TOLERANCE
    share[alone] = 0.0
    moved = np.linalg.solve(np.eye(p) - share, pull[..., None])[..., 0]
    moved[alone] = np.nan
    table = pd.DataFrame(
        {"n_obs": np.bincount(design.unit), "cook_d": (moved**2).sum(axis=1) / p}, index=names
    )
    left = beta - np.linalg.solve(A.T, moved.T).T
    columns = pd.Index(design.fixed.names, name="coefficient")
    return Deletions(stamp(table, fit), stamp(pd.DataFrame(left, index=names, columns=columns), fit))


def refuse_least_squares(fit: Fit) -> None:
    """Raise EngineError where the fit's coefficients are not those of its likelihood."""
    if getattr(fit.engine, "ddf", None) == "modified-box":
        raise EngineError(
            "The modified Box correction takes its coefficients from ordinary least squares, and what is left without "
            "a case is estimated by the likelihood: the two cannot be compared. Use ml.Frequentist() with other ddf."
        )
