"""Likelihood-ratio tests: which models may be compared, and which distribution the ratio has."""

from __future__ import annotations

from functools import cache

import pytest
from scipy.stats import chi2

import msclong as ml
from msclong.engines.frequentist.nesting import covariance_nesting
from msclong.errors import HypothesisError, SpecError
from msclong.results.fit import Fit
from parity.reference import frame

# Closed forms of the chi-squared distribution.
EXACT = 1e-10

FAMILIES = ("cs", "csh", "ar1", "ar1h", "toep", "toeph", "ad", "adh", "us", "sp_exp")
NESTED = {
    "cs": {"csh", "toep", "toeph", "us"},
    "csh": {"toeph", "us"},
    "ar1": {"ar1h", "toep", "toeph", "ad", "adh", "us", "sp_exp"},
    "ar1h": {"toeph", "adh", "us"},
    "toep": {"toeph", "us"},
    "toeph": {"us"},
    "ad": {"adh", "us"},
    "adh": {"us"},
    "us": set(),
    "sp_exp": {"ar1", "ar1h", "toep", "toeph", "ad", "adh", "us"},
}
"""On equally spaced visits, of families whose correlation is positive at the estimate."""


@cache
def orthodont(covariance: str, method: str = "reml", fixed: str = "age * Sex") -> Fit:
    engine = ml.Frequentist(method=method, ddf="satterthwaite")
    return ml.fit(f"distance ~ {fixed} + {covariance}", frame("orthodont"), engine=engine)


@pytest.mark.parametrize("smaller", FAMILIES)
def test_nesting_is_found_without_being_told(smaller):
    inner = orthodont(f"{smaller}(age | Subject)")
    found = {
        larger
        for larger in FAMILIES
        if larger != smaller and covariance_nesting(inner, orthodont(f"{larger}(age | Subject)")) is not None
    }
    assert found == NESTED[smaller]


@pytest.mark.parametrize(
    ("smaller", "larger", "vanishing"),
    [
        ("cs(age | Subject)", "us(age | Subject)", 0),
        ("(1 | Subject)", "cs(age | Subject)", 0),
        ("(1 | Subject)", "(1 + age | Subject)", 1),
        ("(1 | Subject)", "(1 + age || Subject)", 1),
        ("(1 + age || Subject)", "(1 + age | Subject)", 0),
        ("homdiag(age | Subject)", "(1 | Subject)", 1),
        ("homdiag(age | Subject)", "(1 + age || Subject)", 2),
        ("homdiag(age | Subject)", "cs(age | Subject)", 0),
        ("(1 + age | Subject)", "us(age | Subject)", 0),
    ],
)
def test_variances_that_vanish_are_counted(smaller, larger, vanishing):
    assert covariance_nesting(orthodont(smaller), orthodont(larger)) == vanishing


def test_one_random_effect_more_is_a_mixture():
    smaller, larger = orthodont("(1 | Subject)"), orthodont("(1 + age | Subject)")
    table = ml.compare(smaller, larger)
    statistic = 2 * (larger.loglik - smaller.loglik)
    assert table.loc["larger", "distribution"] == "0.5 chi2(1) + 0.5 chi2(2)"
    mixture = (chi2.sf(statistic, 1) + chi2.sf(statistic, 2)) / 2
    assert table.loc["larger", "p_value"] == pytest.approx(mixture, rel=EXACT)
    plain = ml.compare(smaller, larger, boundary="ignore")
    assert plain.loc["larger", "p_value"] == pytest.approx(chi2.sf(statistic, 2), rel=EXACT)
    assert plain.loc["larger", "distribution"].startswith("chi2(2), conservative")
    assert list(table["n_parameters"]) == [2, 4]
    assert list(table["aic"]) == [smaller.aic, larger.aic]
    assert list(table["bic"]) == [smaller.bic, larger.bic]


def test_fixed_effects_count_with_the_variance():
    """A slope of age and its random part at once: chi-squared with 3 and with 2 degrees of freedom, mixed."""
    smaller = orthodont("(1 | Subject)", "ml", "Sex")
    larger = orthodont("(1 + age | Subject)", "ml", "Sex + age")
    row = ml.compare(smaller, larger).loc["larger"]
    assert (row["df"], row["distribution"]) == (3, "0.5 chi2(2) + 0.5 chi2(3)")


def test_what_may_not_be_compared():
    reml = orthodont("(1 | Subject)")
    with pytest.raises(HypothesisError, match=r"Restricted likelihoods .*method='ml'"):
        ml.compare(orthodont("(1 | Subject)", fixed="age"), reml)
    with pytest.raises(HypothesisError, match="The likelihoods are reml, ml"):
        ml.compare(reml, orthodont("(1 + age | Subject)", "ml"))
    with pytest.raises(HypothesisError, match="no special case of that of the larger .*nested=True"):
        ml.compare(orthodont("ar1(age | Subject)"), orthodont("csh(age | Subject)"))
    with pytest.raises(HypothesisError, match="mean of the smaller model"):
        ml.compare(orthodont("(1 | Subject)", "ml", "Sex"), orthodont("(1 | Subject)", "ml", "age"))
    with pytest.raises(HypothesisError, match="Is the order right"):
        ml.compare(orthodont("us(age | Subject)"), orthodont("(1 | Subject)"), nested=True)
    with pytest.raises(HypothesisError, match="not nested have no"):
        ml.compare(reml, orthodont("us(age | Subject)"), nested=False)
    with pytest.raises(SpecError, match="boundary takes"):
        ml.compare(reml, orthodont("us(age | Subject)"), boundary="exact")
    with pytest.raises(HypothesisError, match="one model in two codings"):
        ml.compare(
            orthodont("(1 | Subject)", fixed="age + Sex"),
            orthodont("us(age | Subject)", fixed="age + C(Sex, Sum)"),
        )
    fewer = ml.fit("distance ~ age * Sex + (1 | Subject)", frame("orthodont").query("age < 14"))
    with pytest.raises(HypothesisError, match=r"different rows \(81 and 108"):
        ml.compare(fewer, reml)
    other = ml.fit("np.log(distance) ~ age * Sex + us(age | Subject)", frame("orthodont"))
    with pytest.raises(HypothesisError, match="outcomes differ"):
        ml.compare(reml, other)
    second = ml.fit(
        "distance ~ age * Sex + (1 | Subject)", frame("orthodont"), engine=ml.StatsmodelsMixedLM()
    )
    with pytest.raises(HypothesisError, match="StatsmodelsMixedLM, Frequentist"):
        ml.compare(second, reml)
