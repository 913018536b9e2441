"""Latent terms: their effects have the covariance that the structure states."""

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.bayesian.conditional.latent_terms import latent_terms, slots_for
from msclong.engines.bayesian.priors.conditional_priors import conditional_priors
from msclong.errors import EngineError

EXACT = 1e-10

FORMULAS = [
    "(1 | id)",
    "(1 + t | id)",
    "(1 + t || id)",
    "(1 | site / id)",
    "(1 + t | id) + (1 | site)",
    "(1 | id) + (1 | rater)",
    "us(t | id)",
    "cs(t | id)",
    "ar1h(t | id)",
    "ar1(t | arm / id)",
    "us(t | arm / id)",
    "(1 | site) + us(t | id)",
    "sp_exp(day | id)",
]


def table():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"id": np.repeat(np.arange(8), 3), "t": np.tile(np.arange(3), 8)})
    frame["arm"] = np.where(frame["id"] % 2, "a", "b")
    frame["site"] = frame["id"] // 3
    frame["rater"] = rng.integers(0, 3, len(frame))
    frame["day"] = frame["t"] * 2.0 + rng.integers(0, 2, len(frame))
    frame["y"] = np.where(rng.random(len(frame)) < 0.2, 0.0, rng.gamma(2, size=len(frame)))
    return frame.drop(index=[4, 11])


def build(terms, family, frame):
    spec = ml.ModelSpec(f"y ~ t + {terms}", family=family)
    return build_design(spec, long_data(spec, frame))


@pytest.mark.parametrize("by_name", [True, False])
@pytest.mark.parametrize(
    ("terms", "family"),
    [(f, "student") for f in FORMULAS] + [(f, "hurdle_gamma") for f in FORMULAS[:6]],
)
def test_effects_have_the_covariance_of_the_structure(terms, family, by_name):
    design = build(terms, family, table())
    prior = conditional_priors(design).covariance
    rng = np.random.default_rng(2)
    values = {v.name: v.natural(rng.uniform(0.3, 0.8, len(v.labels))) for v in prior.variables}
    theta = prior.theta(values, np)
    # By their names the factor is taken from the prior's variables, else from theta.
    known = {**values, **prior.data} if by_name else {}
    coords = design.latent_coords()
    N, m = coords.shape[:2]
    # The derivative of all linear predictors in z: their covariance is J J'.
    columns = {}
    for term in latent_terms(design):
        factor = term.factor(known, theta, np)
        for k, unit in enumerate(np.eye(term.slots * term.width)):
            effects = unit.reshape(term.slots, term.width) @ factor.T
            share = np.concatenate(term.share(effects, term.rows, m))
            columns[term.name, k] = columns.get((term.name, k), 0.0) + share
    J = np.stack(list(columns.values()), axis=1)
    unit = np.tile(design.unit, m)
    flat = coords.transpose(1, 0, 2).reshape(N * m, -1)
    expected = design.structure.sigma(theta, flat[None])[0] * (unit[:, None] == unit)
    np.testing.assert_allclose(J @ J.T, expected, rtol=EXACT, atol=EXACT)


def test_slots_are_enough_and_few():
    groups = np.arange(1, 3000)
    slots = np.array([slots_for(n) for n in groups.tolist()])
    assert (slots >= groups).all()
    assert (slots[8:] <= 1.5 * groups[8:]).all()
    assert sorted(set(slots))[:7] == [8, 12, 16, 24, 32, 48, 64]


def test_too_many_times_for_one_matrix():
    frame = pd.concat(
        [table().assign(id=lambda f, i=i: f["id"] + 8 * i) for i in range(8)], ignore_index=True
    )
    frame["day"] = np.random.default_rng(3).random(len(frame))
    with pytest.raises(EngineError, match="'sp_exp' over .* distinct times .* round the times"):
        latent_terms(build("sp_exp(day | id)", "student", frame))
