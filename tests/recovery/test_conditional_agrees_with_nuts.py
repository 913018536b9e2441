"""Importance sampling with latent effects integrated out, and NUTS over all of them, sample one posterior."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.families.registry import family_of
from msclong.results.conditional_draws import ConditionalDraws

pytestmark = pytest.mark.slow

# Differences of means in their Monte Carlo errors, of about 60 quantities; SDs of some 1,000 effective draws.
MCSE, SD = 4.5, 0.12

CASES = (
    ("bernoulli", "(1 | id)", {}),
    ("negative_binomial", "(1 | id)", {"coefficient of variation of the rate": [0.7]}),
    ("student", "(1 | id)", {"residual scale": [0.5], "degrees of freedom": [4.0]}),
    ("cumulative_logit", "(1 | id)", {"cutpoint": [-1.0, 0.5, 2.0]}),
    ("ordered_beta", "(1 | id)", {"dispersion": [0.3], "cutpoint": [-3.0, 3.0]}),
    ("hurdle_gamma", "(1 | id)", {"coefficient of variation": [0.5]}),
    ("poisson", "(1 + time | id)", {}),
    # By random points of each subject, and by NUTS in coordinates of its own.
    ("cumulative_logit", "ar1(time | id)", {"cutpoint": [-1.0, 0.5, 2.0]}),
)


def table(family: str, phi: dict[str, list[float]]) -> pd.DataFrame:
    """40 subjects in two arms at 5 times."""
    rng = np.random.default_rng(5)
    chosen, n, t = family_of(family), 40, 5
    subject, time = np.repeat(np.arange(n), t), np.tile(np.arange(t) / 2, n)
    arm = subject % 2
    eta = (
        0.3
        - 0.3 * time
        + 0.4 * arm * time
        + rng.normal(0, 0.9, n)[subject]
        + rng.normal(0, 0.4, n)[subject] * time
    )
    every = (eta,) if len(chosen.predictors) == 1 else (eta, -1 + 0.2 * time + rng.normal(0, 1, n)[subject])
    y = chosen.draw(every, {k: np.array(v) for k, v in phi.items()}, {"trials": np.ones(n * t)}, rng)
    return pd.DataFrame({"id": subject, "time": time, "arm": np.array(["a", "b"])[arm], "y": y})


def quantities(estimate: ConditionalDraws) -> np.ndarray:
    """All parameters, (chains, draws, m); a first variance's logarithm, whose distribution is less skewed."""
    theta = np.asarray(estimate.theta)
    if "covariance" not in "".join(estimate.theta_names):
        theta = np.concatenate([np.log(theta[..., :1]), theta[..., 1:]], axis=2)
    parts = [estimate.draws, theta, *estimate.phi.values()]
    return np.concatenate(parts if estimate.zero is None else [*parts, estimate.zero], axis=2)


@pytest.mark.parametrize(("family", "latent", "phi"), CASES, ids=[f"{one}, {two}" for one, two, _ in CASES])
def test_one_posterior(family, latent, phi):
    spec = ml.ModelSpec(f"y ~ arm * time + {latent}", family=family)
    data = table(family, phi)
    ours, theirs = (
        ml.fit(spec, data, engine=ml.Bayesian(seed=1, sampler=sampler)).estimate
        for sampler in ("importance", "nuts")
    )
    a, b = quantities(ours), quantities(theirs)
    error = np.hypot(ours.convergence(a)["mcse"], theirs.convergence(b)["mcse"])
    assert (np.abs(a.mean(axis=(0, 1)) - b.mean(axis=(0, 1))) < MCSE * error).all()
    np.testing.assert_allclose(a.std(axis=(0, 1)), b.std(axis=(0, 1)), rtol=SD)
