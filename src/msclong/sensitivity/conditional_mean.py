"""Conditional mean imputation, and the fixed effects of the completed data."""

from __future__ import annotations

import numpy as np

from msclong.sensitivity.assumption import Assumption


def imputed_residuals(
    assumption: Assumption, beta: np.ndarray, sigma: np.ndarray, rng: np.random.Generator | None = None
) -> np.ndarray:
    """(n, T) of the completed outcomes minus X beta: observed, or expected given what was observed, or (rng) drawn.

    sigma : (groups, T, T). With r = y - X beta, before dropout E[r_gap] = S_go S_oo^-1 r_o. Later, with mu the assumed
    mean and u = mu - X beta, E[r_after] = u_after + S_ab S_bb^-1 (r_before - u_before): Carpenter, Roger and Kenward
    (2013), J Biopharm Stat 23:1352, whose covariances for J2R, CR and CIR all lead to the regression of the reference
    arm.
    """
    planned = assumption.planned
    residual = np.where(planned.observed, planned.y - planned.X @ beta, 0.0)
    departure = assumption.departures(beta)
    none = np.zeros_like(departure)
    for pattern in assumption.patterns:
        who = pattern.members[:, None]
        steps = (
            (pattern.gaps, pattern.seen, pattern.group),
            (pattern.after, pattern.before, pattern.later_group),
        )
        for (of, on, group), moved in zip(steps, (none, departure), strict=True):
            if of.size:
                regression, spread = _conditional(sigma[group], of, on)
                known = residual[who, on] - moved[who, on]
                residual[who, of] = moved[who, of] + known @ regression.T
                if rng is not None:
                    noise = rng.standard_normal((len(who), len(of)))
                    residual[who, of] += noise @ np.linalg.cholesky(spread).T
    return residual


def _conditional(sigma: np.ndarray, of: np.ndarray, on: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (of, on) of the regression of some visits on others, and the covariance that it leaves."""
    between = sigma[np.ix_(on, of)]
    regression = np.linalg.solve(sigma[np.ix_(on, on)], between).T
    return regression, sigma[np.ix_(of, of)] - regression @ between


def completed_coefficients(
    assumption: Assumption, beta: np.ndarray, theta: np.ndarray, left_out: int | None = None
) -> np.ndarray:
    """(p, 1 + m): the fixed effects of the completed data, and how they move with each of the m shifts.

    Generalised least squares of the model's own mean on the completed outcomes y*, at the Sigma of theta:
    beta + G^-1 sum X_i' Sigma^-1 (y_i* - X_i beta), G = sum X_i' Sigma^-1 X_i. Under MAR the sum is zero where
    beta is the estimate at theta: the model's own estimate is what comes back. left_out : a subject to leave out.
    """
    planned = assumption.planned
    sigma = planned.sigma(theta)
    n, T, p = planned.X.shape
    target = np.concatenate(
        [imputed_residuals(assumption, beta, sigma)[..., None], assumption.shifts], axis=2
    )
    kept = np.ones(n, dtype=bool)
    if left_out is not None:
        kept[left_out] = False
    gram, moment = np.zeros((p, p)), np.zeros((p, target.shape[2]))
    for group, matrix in enumerate(sigma):
        chosen = kept & (planned.group == group)
        white = np.linalg.inv(np.linalg.cholesky(matrix))
        X = (white @ planned.X[chosen]).reshape(-1, p)
        gram += X.T @ X
        moment += X.T @ (white @ target[chosen]).reshape(len(X), -1)
    found = np.linalg.solve(gram, moment)
    found[:, 0] += beta
    return found
