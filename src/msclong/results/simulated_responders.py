"""Responders of a model whose changes are not normal: new patients drawn at draws of the posterior."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from msclong.covariance.batch import batched_sigma
from msclong.design.design import Design
from msclong.results.change_threshold import ChangeThreshold
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.normal_responders import evenly_spaced
from msclong.results.patients import ComparedPatients, alike
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.posterior_table import Convergence, of_some
from msclong.results.simulation import root

PATIENTS = 2000
"""Drawn at each draw of the posterior: a share has a simulation error of 0.011 at most, beside its posterior SD."""

MOST_DRAWS = 1000
"""Draws of the posterior that are used, evenly spaced."""

MOST_VALUES = 400_000
"""Outcomes drawn at once."""

SEED = 20253
"""Of the patients, so that a table is the same each time."""


def simulated_share(
    design: Design, estimate: PosteriorDraws, threshold: ChangeThreshold, rows: Sequence[ComparedPatients]
) -> tuple[np.ndarray, Convergence]:
    """The share of new patients who respond, (chains, draws kept, m), and the convergence of such draws.

    At each of up to MOST_DRAWS draws, PATIENTS patients or more, as many for each kind of covariates, have effects
    ~ N(0, Sigma) at both visits, and outcomes that are independent given these, as the family has it. The Monte Carlo
    error of the mean covers both.
    """
    chains, length = estimate.draws.shape[:2]
    kept, draws = evenly_spaced(chains, length, MOST_DRAWS)
    rng = np.random.default_rng(SEED)
    shares = np.stack([_of_row(design, estimate, threshold, row, draws, rng) for row in rows], axis=-1)
    return shares.reshape(chains, -1, len(rows)), of_some(estimate.convergence, kept)


def _of_row(
    design: Design,
    estimate: PosteriorDraws,
    threshold: ChangeThreshold,
    row: ComparedPatients,
    draws: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """The weighted share at each of the draws, (S,)."""
    first, which = alike(row.X, row.zero, row.coords, row.dispersion)
    kinds, visits = len(first), row.X.shape[1]
    each = -(-PATIENTS // kinds)
    patient = np.repeat(np.arange(kinds), each)
    weights = np.bincount(which)[patient] / (len(which) * each)
    fixed = [_predicted(estimate.flat[draws], row.X[first])]
    if isinstance(estimate, ConditionalDraws) and estimate.flat_zero is not None:
        fixed.append(_predicted(estimate.flat_zero[draws], row.zero[first]))
    eta = np.stack(fixed, axis=-1)
    m, d = row.coords.shape[2:]
    at = row.coords[first].reshape(kinds, visits * m, d)
    distinct, group = alike(at)
    theta = estimate.flat_theta[draws].T
    sigma = (batched_sigma(design.structure, theta, at[[i]])[0] for i in distinct)
    roots = [root(np.moveaxis(one, -1, 0)) for one in sigma]
    members = [np.flatnonzero(group[patient] == u) for u in range(len(roots))]
    phi = {}
    if isinstance(estimate, ConditionalDraws):
        varies = {parameter.name for parameter in estimate.family.parameters if parameter.varies}
        dispersion = row.dispersion[first][patient]
        phi = {
            name: values[draws][:, dispersion] if name in varies else values[draws][:, None]
            for name, values in estimate.flat_phi.items()
        }
    found, size = np.empty(len(draws)), max(1, MOST_VALUES // len(patient))
    for start in range(0, len(draws), size):
        part = slice(start, start + size)
        effects = rng.standard_normal((len(eta[part]), len(patient), visits * m))
        for one, own in zip(roots, members, strict=True):
            effects[:, own] = effects[:, own] @ np.swapaxes(one[part], 1, 2)
        values = eta[part][:, patient] + effects.reshape(*effects.shape[:2], visits, m)
        own_phi = {name: of[part] for name, of in phi.items()}
        y = design.family.draw(tuple(np.moveaxis(values, -1, 0)), own_phi, {}, rng)
        before = y[..., 0] if visits == 2 else np.zeros(y.shape[:-1])
        found[part] = threshold.met(before, y[..., -1]) @ weights
    return found


def _predicted(beta: np.ndarray, X: np.ndarray) -> np.ndarray:
    """X beta of patients at visits, (S, k, T), of beta (S, p) and X (k, T, p)."""
    return np.asarray(beta @ X.reshape(-1, X.shape[-1]).T).reshape(len(beta), *X.shape[:2])
