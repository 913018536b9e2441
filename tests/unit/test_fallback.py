"""A declared chain of structures: used where the first has no estimate, and written down."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import ConvergenceError, DegenerateCovarianceError, SpecError

CHAIN = ("us", "toeph", "ar1h", "cs")


def trial(n: int, visits: int = 4, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(n, 1)) + rng.normal(size=(n, visits))
    return pd.DataFrame(
        {"id": np.repeat(np.arange(n), visits), "visit": np.tile(np.arange(visits), n), "y": y.ravel()}
    )


def few_completers() -> pd.DataFrame:
    table = trial(14)
    return table[(table["visit"] < 3) | (table["id"] < 4)]


def test_the_first_that_can_be_fitted_is_used_and_the_others_are_logged():
    spec = ml.ModelSpec("y ~ C(visit) + us(visit | id)", fallback=CHAIN)
    fit = ml.fit(spec, few_completers())
    plain = ml.fit(fit.spec.formula, few_completers())
    assert fit.spec.parsed.structure.structure == "toeph"
    pd.testing.assert_frame_equal(fit.contrasts(), plain.contrasts())
    assert len(fit.outcome.fallback) == 1
    assert "us(visit | id) was not used" in fit.outcome.fallback[0]
    assert "needs at least 5 subjects" in fit.outcome.fallback[0]
    assert "The declared fallback toeph(visit | id) was used instead" in fit.summary().replace("\n    ", " ")


def test_nothing_is_logged_where_the_first_one_works():
    spec = ml.ModelSpec("y ~ C(visit) + us(visit | id)", fallback=CHAIN)
    fit = ml.fit(spec, trial(12))
    assert fit.outcome.fallback == ()
    assert fit.spec == spec
    assert ml.ModelSpec.from_json(spec.to_json()) == spec


def test_without_a_chain_it_is_an_error():
    with pytest.raises(DegenerateCovarianceError, match="declare them beforehand"):
        ml.fit("y ~ C(visit) + us(visit | id)", trial(4))


def test_a_chain_that_fails_altogether_names_every_failure():
    table = trial(4)
    # Equal within subjects: every structure has its correlation at one, where the likelihood has no maximum.
    table["y"] = table["id"] * 1.0
    with pytest.raises(
        ConvergenceError, match=r"No structure of the declared chain.*us\(visit \| id\).*cs\(visit"
    ):
        ml.fit(ml.ModelSpec("y ~ C(visit) + us(visit | id)", fallback=("us", "cs")), table)


def test_only_what_comes_after_the_formulas_own_structure_is_tried():
    spec = ml.ModelSpec("y ~ C(visit) + toeph(visit | id)", fallback=CHAIN)
    assert [s.parsed.structure.structure for s in spec.fallbacks()] == ["ar1h", "cs"]
    grouped = ml.ModelSpec("y ~ C(visit) + (1 | site) + us(visit | arm / id)", fallback=("ar1h",))
    assert str(grouped.fallbacks()[0].parsed) == "y ~ C(visit) + (1 | site) + ar1h(visit | arm / id)"


@pytest.mark.parametrize(
    ("formula", "fallback", "text"),
    [
        ("us(visit | id)", "cs", "a sequence of structure names"),
        ("us(visit | id)", ("us", "fancy"), "'fancy' is not a known covariance structure"),
        ("us(visit | id)", ("sp_exp",), "must read the same column"),
        ("(1 | id)", ("cs",), "this one has none"),
    ],
)
def test_impossible_chains(formula, fallback, text):
    with pytest.raises(SpecError, match=text):
        ml.ModelSpec(f"y ~ C(visit) + {formula}", fallback=fallback)


def test_a_parameter_that_the_data_say_nothing_of_is_passed_over():
    table = trial(30, visits=3)
    early, late = (table["id"] < 15) & (table["visit"] == 0), (table["id"] >= 15) & (table["visit"] == 2)
    fit = ml.fit(ml.ModelSpec("y ~ C(visit) + us(visit | id)", fallback=CHAIN), table[~early & ~late])
    assert fit.spec.parsed.structure.structure == "ar1h"
    assert "say nothing of covariance(2, 0)" in fit.outcome.fallback[0]
    assert "say nothing of correlation(lag 2)" in fit.outcome.fallback[1]
