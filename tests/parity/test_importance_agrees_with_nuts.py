"""Importance sampling and the No-U-Turn sampler draw from one posterior: means to 3 Monte Carlo errors, SDs to 5 %."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.engines.bayesian.checking.checks import sds_and_correlations
from parity import reference

pytestmark = pytest.mark.slow

# Of some 20 correlated quantities the largest difference, in Monte Carlo errors of both.
MCSE = 3.0
SD = 0.05


def visits(n: int, t: int, seed: int, missing: float = 0.0) -> pd.DataFrame:
    """n subjects at t visits with an unstructured covariance."""
    rng = np.random.default_rng(seed)
    A = 1 + 0.5 * rng.normal(size=(t, t))
    y = rng.normal(size=(n, t)) @ np.linalg.cholesky(A @ A.T + np.eye(t)).T + np.arange(t)
    frame = pd.DataFrame(
        {"id": np.repeat(np.arange(n), t), "visit": np.tile(np.arange(t), n), "y": y.ravel()}
    )
    return frame[rng.random(n * t) >= missing]


TRIALS = {
    "sleepstudy": ("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy()),
    "hamd17": ("change ~ basval * week + TRT * week + us(week | PATIENT)", ml.datasets.hamd17()),
    "BtheB": (
        "bdi ~ bdi_pre + drug + length + treatment * visit + (1 | subject)",
        reference.frame("btheb").dropna(subset="bdi"),
    ),
    "us, 6 visits": ("y ~ C(visit) + us(visit | id)", visits(60, 6, 1, 0.1)),
    "us, n = 11": ("y ~ C(visit) + us(visit | id)", visits(11, 4, 1)),
    "no variance between subjects": (
        "y ~ visit + (1 | id)",
        visits(30, 4, 2).assign(y=lambda t: t["y"].sample(frac=1, random_state=1).to_numpy()),
    ),
}


@pytest.mark.parametrize("name", TRIALS)
def test_they_agree(name: str) -> None:
    formula, table = TRIALS[name]
    ours = ml.fit(formula, table, engine=ml.Bayesian(draws=5000, seed=1, sampler="importance"))
    theirs = ml.fit(
        formula, table, engine=ml.Bayesian(draws=5000, seed=1, sampler="nuts", target_accept=0.98)
    )
    assert ours.outcome.converged, str(ours.outcome)
    assert ours.outcome.diagnostics["Pareto k-hat"] < 0.5
    for a, b in (
        (ours.coefficients(), theirs.coefficients()),
        (ours.covariance.parameters, theirs.covariance.parameters),
    ):
        distance = (a["estimate"] - b["estimate"]).abs() / np.hypot(a["mcse"], b["mcse"])
        assert (distance < MCSE).all(), distance.to_string()
    ratio = ours.coefficients()["se"] / theirs.coefficients()["se"]
    assert (np.abs(np.log(ratio)) < SD).all(), ratio.to_string()
    # Variances of few subjects have tails so heavy that NUTS knows their SDs to 7 % only; their roots do not.
    structure = ours.design.structure
    names, mine = sds_and_correlations(structure, ours.estimate.flat_theta)
    _, nuts = sds_and_correlations(structure, theirs.estimate.flat_theta)
    apart = pd.Series(np.log(mine.std(axis=0) / nuts.std(axis=0)), index=names)
    assert (apart.abs() < SD).all(), apart.to_string()
