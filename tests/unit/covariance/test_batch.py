"""Functions of one theta at many: equal to a loop, whatever the structure."""

import numpy as np
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.covariance.batch import Batch, batched, batched_sigma
from msclong.covariance.registry import known_structures
from msclong.design.design import build_design
from msclong.likelihood.residual_scatter import residual_scatter

# Sums of a few products, in another order.
ROUNDING = 1e-12

FORMULAS = {
    **{name: f"change ~ C(week) + {name}(week | PATIENT)" for name in known_structures()},
    "slope": "change ~ C(week) + (1 + week | PATIENT)",
    "by group": "change ~ C(week) + us(week | TRT / PATIENT)",
    "sum": "change ~ C(week) + (1 | PATIENT) + ar1h(week | PATIENT)",
    "two groupings": "change ~ C(week) + (1 | POOLINV) + (1 | PATIENT)",
}


@pytest.mark.parametrize("name", FORMULAS)
def test_every_structure_runs_in_one_pass_and_equals_the_loop(name):
    table = ml.datasets.hamd17().query("POOLINV in ['001', '002']").copy()
    table = table.assign(week=table["week"].astype(float))
    spec = ml.ModelSpec(FORMULAS[name], outcome_type="change")
    design = build_design(spec, long_data(spec, table))
    structure, coords = design.structure, design.moments.blocks[-1].coords
    start = structure.working.from_theta(structure.start(residual_scatter(design.moments)))
    rng = np.random.default_rng(1)
    theta = np.stack(
        [structure.working.to_theta(start + rng.normal(0, 0.1, start.shape)) for _ in range(5)], 1
    )
    assert isinstance(structure.sigma(Batch(theta), coords), Batch)
    expected = np.stack([structure.sigma(one, coords) for one in theta.T], axis=-1)
    np.testing.assert_allclose(
        batched_sigma(structure, theta, coords),
        expected,
        rtol=ROUNDING,
        atol=ROUNDING * np.abs(expected).max(),
    )


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[0] * np.eye(2) + 2.0,
        lambda x: np.e ** (-np.arange(3.0) / x[1]),
        lambda x: np.ones(3) / x - (x**2).sum(),
        lambda x: x[:, None] * np.ones((3, 2)) * x[None, :2],
        lambda x: np.ones((2, 3)) @ (x[:, None] * np.eye(3)) @ np.ones((3, 2)),
        lambda x: (x[:, None] * np.ones((3, 2))).sum(axis=1),
        lambda x: (x[:, None] * np.ones((3, 2))).sum(axis=-1),
        lambda x: np.stack([x[0] * np.ones(2), x[1:]], axis=1),
        lambda x: np.concatenate([np.ones(1), x, x[:2]]),
        lambda x: np.sqrt(x)[..., ::-1],
        lambda x: np.linalg.inv(x[0] * np.eye(2) + 1),  # not elementwise: one by one
        lambda x: np.eye(2),
    ],
)
def test_what_is_written_for_one_array_is_right_for_many(function):
    values = np.random.default_rng(2).uniform(0.5, 2, (3, 4))
    expected = np.stack([function(one) for one in values.T], axis=-1)
    np.testing.assert_allclose(batched(function, values), expected, rtol=ROUNDING)


def test_an_error_of_the_function_itself_is_raised():
    with pytest.raises(ZeroDivisionError):
        batched(lambda x: x / (1 // 0), np.ones((2, 3)))
