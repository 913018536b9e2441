"""Random effects after rotation: the likelihood and beta given theta are those of the observations as they stand."""

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.bayesian.gaussian.collapsed import collapse
from msclong.engines.bayesian.gaussian.collapsed_batch import collapsed_batch
from msclong.engines.bayesian.gaussian.rotated import rotated
from msclong.likelihood.residual_scatter import residual_scatter
from msclong.likelihood.standardised import standardise

# Both are sums of some dozens of terms.
ROUNDING = 1e-10


def table():
    """30 subjects with 1 to 9 observations at times of their own, some shared."""
    rng = np.random.default_rng(1)
    rows = []
    for i in range(30):
        times = np.sort(rng.choice(12, size=rng.integers(1, 10), replace=False)) + 0.25 * (i % 3 == 0)
        effects = rng.normal(0, [2.0, 0.3])
        rows += [(i, i % 4, "AB"[i % 2], t, 5 + effects @ [1, t] + rng.normal()) for t in times]
    return pd.DataFrame(rows, columns=["id", "site", "arm", "time", "y"]).assign(w=lambda d: 1 + d["id"] % 3)


def design_of(formula, frame, **fields):
    spec = ml.ModelSpec(formula, visit="time", **fields)
    return build_design(spec, long_data(spec, frame))


ROTATED = {
    "slopes": "y ~ arm * time + (1 + time | id)",
    "uncorrelated": "y ~ arm * time + (1 + time || id)",
    "intercept": "y ~ arm * time + (1 | id)",
    "quadratic": "y ~ arm * time + (1 + time + I(time ** 2) | id)",
}


def thetas(design, moments):
    working = design.structure.working
    start = working.from_theta(design.structure.start(residual_scatter(moments)))
    moved = np.random.default_rng(2).normal(0, 0.3, (4, len(start)))
    return np.stack([working.to_theta(start + step) for step in moved], axis=1)


@pytest.mark.parametrize("name", ROTATED)
def test_likelihood_and_coefficients_are_those_without_it(name):
    design = design_of(ROTATED[name], table())
    plain = standardise(design.moments).moments
    short = rotated(design.structure, plain)
    assert max(block.t for block in short.blocks) <= max(design.structure.coordinates, 1)
    assert (short.n_obs, short.names) == (plain.n_obs, plain.names)
    q = plain.n_fixed + 1
    theta, rows = thetas(design, plain), 0.3 * np.eye(q - 1, q)
    whole, less = (collapsed_batch(design.structure, theta, collapse(m, rows)) for m in (plain, short))
    np.testing.assert_allclose(less.log_likelihood, whole.log_likelihood, rtol=ROUNDING)
    for one, other in zip(less.coefficients(), whole.coefficients(), strict=True):
        np.testing.assert_allclose(one, other, rtol=ROUNDING, atol=ROUNDING)


@pytest.mark.parametrize(
    ("formula", "fields"),
    [
        ("y ~ arm * time + (1 + time | id)", {"weights": "w"}),
        ("y ~ arm * time + (1 | site / id)", {}),
        ("y ~ arm * time + (1 | id) + ar1(time | id)", {}),
        ("y ~ arm * C(time) + us(time | id)", {}),
    ],
    ids=["weights", "nested", "autoregressive residuals", "no random effects"],
)
def test_other_covariances_are_left_as_they_are(formula, fields):
    frame = table().query("time in (0, 2, 4, 6)")
    design = design_of(formula, frame, **fields)
    assert rotated(design.structure, design.moments) is design.moments
