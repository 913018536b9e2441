"""Where each outcome falls in what the other subjects predict for it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.covariance.batch import batched_sigma
from msclong.design.design import Design
from msclong.engines.bayesian.criticism.left_out import left_out
from msclong.engines.bayesian.criticism.loo import posterior_of
from msclong.engines.bayesian.criticism.unit_predictive import UnitPredictive
from msclong.errors import EngineError
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.fit import Fit
from msclong.results.simulation import root
from msclong.results.stamp import stamp

AT_ONCE = 2_000_000
"""Simulated outcomes of a pass (16 MB)."""


def loo_pit(fit: Fit, seed: int | None = 0) -> pd.Series:
    """P(Y <= y | all other subjects) of each observed outcome y, (N,), indexed like the observed rows.

    Uniform between 0 and 1 where the model holds (over subjects: a subject's outcomes go together); piled up at the
    ends where it predicts too narrowly, in the middle where too widely, at one end where it is off.
    The whole subject is left out, with its random effects (Gelfand, Dey and Chang 1992; weights as in
    `msclong.engines.bayesian.criticism.loo.loo`). Of Gaussian models exact given the draws; of others one outcome is
    simulated for each draw, with `seed`, and a discrete outcome is spread at random over the probability of its own
    value (Czado, Gneiting and Held 2009, Biometrics 65:1254).

    Raises EngineError for another engine's fit, censored outcomes, or random effects that cannot be integrated out.

    Examples
    --------
    >>> import msclong as ml
    >>> fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy(), ml.Bayesian(seed=1))
    >>> ml.loo_pit(fit).between(0, 1).all().item()
    True
    """
    estimate = posterior_of(fit)
    design = fit.design
    if "censored" in design.observation:
        raise EngineError(
            "A censored outcome has no place of its own in a distribution: no PIT for censored outcomes."
        )
    weights = np.exp(left_out(design, estimate).weights()[0])
    if isinstance(estimate, ConditionalDraws):
        values = _simulated(design, estimate, weights, np.random.default_rng(seed))
    else:
        values = UnitPredictive(design).probability(estimate.flat_theta, weights)
    return stamp(pd.Series(values, index=design.fixed.frame.index, name="PIT"), fit)


def _simulated(
    design: Design, estimate: ConditionalDraws, weights: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The weighted share of outcomes, one simulated for each draw, below the observed one; ties at random."""
    coords = design.latent_coords()
    y = design.outcome
    below, equal = np.zeros((2, design.n_obs))
    X = [design.fixed.X, *([] if design.zero is None else [design.zero.X])]
    beta = [estimate.flat, *([] if estimate.flat_zero is None else [estimate.flat_zero])]
    phi = estimate.phi_of(design.dispersion)
    step = max(1, AT_ONCE // design.n_obs)
    for start in range(0, len(estimate.flat), step):
        some = slice(start, start + step)
        V = np.moveaxis(batched_sigma(design.structure, estimate.flat_theta[some].T, coords), -1, 0)
        noise = rng.standard_normal((*V.shape[:2], V.shape[2], 1))
        latent = (root(V) @ noise)[..., 0]
        eta = [b[some] @ x.T + latent[..., m] for m, (b, x) in enumerate(zip(beta, X, strict=True))]
        eta[0] = eta[0] + design.offset
        new = design.family.draw(
            tuple(eta), {name: value[some] for name, value in phi.items()}, design.observation, rng
        )
        weight = weights[some][:, design.unit]
        below += (weight * (new < y)).sum(axis=0)
        equal += (weight * (new == y)).sum(axis=0)
    return below + rng.random(design.n_obs) * equal
