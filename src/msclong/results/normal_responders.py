"""Responders of a model whose changes are normal given the covariates: means of Phi over patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import log_ndtr, logsumexp, ndtr, ndtri, ndtri_exp

from msclong.covariance.batch import batched_sigma
from msclong.covariance.structure import CovarianceStructure
from msclong.linear_hypothesis import LinearHypothesis
from msclong.results.patients import ComparedPatients, alike
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.posterior_table import Convergence, of_some
from msclong.results.variance_components import VarianceComponents

MOST_VALUES = 3_000_000
"""Values of Phi in a table: of more, as many draws as that makes are used, evenly spaced, but not below LEAST_DRAWS."""

LEAST_DRAWS = 1000


@dataclass(frozen=True, eq=False)
class Changes:
    """The changes of D kinds of patients with their weights (D,), of sum one.

    x : (D, p), the mean change is x beta. coords : (U, T, d), the distinct ones; `which` of them is whose, (D,).
    """

    x: np.ndarray
    coords: np.ndarray
    which: np.ndarray
    weights: np.ndarray


def changes(patients: ComparedPatients) -> Changes:
    """Patients whose mean change and its variance are the same as one kind: what both visits have cancels."""
    x = patients.X[:, -1] if patients.X.shape[1] == 1 else patients.X[:, 1] - patients.X[:, 0]
    coords = patients.coords[:, :, 0]
    first, kind = alike(x, coords)
    distinct, which = alike(coords[first])
    return Changes(x[first], coords[first][distinct], which, np.bincount(kind) / len(kind))


def estimated_share(
    estimate: PointEstimate,
    covariance: VarianceComponents,
    patients: Sequence[Changes],
    rows: pd.Index,
    beyond: tuple[float, int],
    level: float,
) -> pd.DataFrame:
    """P = sum of w_i Phi(q_i) with a delta-method interval on the probit scale; beyond : the limit and the direction.

    With Q = probit(P) and r_i = w_i phi(q_i) / phi(Q), the gradient of Q is sum of r_i dq_i: of beta, times x_i / s_i,
    of theta, times -q_i ds_i / s_i. Where all patients are alike Q is q.
    """
    structure, theta, (limit, direction) = covariance.structure, covariance.theta, beyond
    Q, of_beta, of_theta = [], [], []
    for group in patients:
        s = np.sqrt(_of_change(np.moveaxis(structure.sigma(theta, group.coords), 0, -1)))[group.which]
        slope = _of_change(np.moveaxis(structure.first(theta, group.coords), (0, 1), (-1, -2)))[group.which]
        q = direction * (group.x @ estimate.beta - limit) / s
        probit, r = _probit_of_mean(q, group.weights)
        Q.append(probit)
        of_beta.append(r * direction / s @ group.x)
        of_theta.append(-r * q / (2 * s**2) @ slope)
    tested = estimate.test(LinearHypothesis(np.array(of_beta), rows))
    se = np.hypot(tested["se"].to_numpy(), covariance.error_of(np.array(of_theta)))
    middle, half = np.array(Q), ndtri((1 + level) / 2) * se
    table = pd.DataFrame(
        {
            "estimate": ndtr(middle),
            "se": np.exp(-(middle**2) / 2) / np.sqrt(2 * np.pi) * se,
            "lower": ndtr(middle - half),
            "upper": ndtr(middle + half),
        },
        index=rows,
    )
    table.attrs["interval"] = f"{100 * level:.4g} % confidence"
    return table


def posterior_share(
    estimate: PosteriorDraws,
    structure: CovarianceStructure,
    patients: Sequence[Changes],
    beyond: tuple[float, int],
) -> tuple[np.ndarray, Convergence]:
    """P = sum of w_i Phi(q_i) at each draw that is used, (chains, draws, m), and the convergence of such draws."""
    chains, length = estimate.draws.shape[:2]
    most = max(LEAST_DRAWS, MOST_VALUES // sum(len(group.x) for group in patients))
    kept, draws = evenly_spaced(chains, length, most)
    beta, theta = estimate.flat[draws], estimate.flat_theta[draws].T
    limit, direction = beyond
    shares = np.empty((len(draws), len(patients)))
    for j, group in enumerate(patients):
        s = np.sqrt([_of_change(batched_sigma(structure, theta, at[None])[0]) for at in group.coords])
        q = direction * (group.x @ beta.T - limit) / s[group.which]
        shares[:, j] = group.weights @ ndtr(q)
    return shares.reshape(chains, -1, len(patients)), of_some(estimate.convergence, kept)


def evenly_spaced(chains: int, length: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of up to `most` draws in each chain's share of them, and in the chains one after the other."""
    kept = np.unique(np.linspace(0, length - 1, min(length, max(1, most // chains))).astype(int))
    return kept, (length * np.arange(chains)[:, None] + kept).reshape(-1)


def _probit_of_mean(q: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """Q = probit of the mean of Phi(q), and weights * phi(q) / phi(Q); in logarithms, for q far out."""
    # The smaller of the two tails keeps its digits.
    side = 1.0 if weights @ ndtr(q) < 0.5 else -1.0
    Q = side * float(ndtri_exp(min(0.0, logsumexp(log_ndtr(side * q), b=weights))))
    return Q, weights * np.exp((Q - q) * (Q + q) / 2)


def _of_change(sigma: np.ndarray) -> np.ndarray:
    """The variance of the last outcome minus the first, of sigma (2, 2, ...); of (1, 1, ...) itself."""
    if len(sigma) == 1:
        return np.asarray(sigma[0, 0])
    return np.asarray(sigma[0, 0] + sigma[1, 1] - sigma[0, 1] - sigma[1, 0])
