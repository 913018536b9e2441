"""The results object: tables, tests, text."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import HypothesisError, SpecError

FREQUENTIST = ["estimate", "se", "lower", "upper", "df", "statistic", "p_value"]


@pytest.fixture(scope="module")
def fit():
    spec = ml.ModelSpec("change ~ basval * week + TRT * week + us(week | PATIENT)", outcome_type="change")
    return ml.fit(spec, ml.datasets.hamd17())


@pytest.fixture(scope="module")
def slopes():
    return ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy())


def test_every_table_has_the_same_columns(fit):
    for table in (
        fit.coefficients(),
        fit.means(),
        fit.contrasts(),
        fit.contrasts(versus="1", factor="TRT", by="week"),
    ):
        assert list(table.columns) == FREQUENTIST
    assert list(fit.contrasts(adjust="holm").columns) == [*FREQUENTIST, "p_adjusted"]
    assert fit.coefficients().index.name == "coefficient"
    assert list(fit.means().index.names) == ["TRT", "week"]


def test_levels_of_confidence(fit):
    narrow, wide = fit.coefficients(level=0.9), fit.coefficients(level=0.99)
    assert (narrow["lower"] > wide["lower"]).all()
    with pytest.raises(SpecError, match="level must lie between 0 and 1"):
        fit.coefficients(level=95)
    with pytest.raises(SpecError, match="level must lie between 0 and 1"):
        fit.summary(level="x")


def test_slopes_answer_the_founding_question_too(slopes):
    """Reaction time at each day minus day 0, from a straight line: k times the slope."""
    table = slopes.contrasts()
    slope = slopes.coefficients().loc["Days"]
    assert list(table.index) == [f"{day} - 0" for day in range(1, 10)]
    np.testing.assert_allclose(table["estimate"], slope["estimate"] * np.arange(1, 10), rtol=1e-12)
    np.testing.assert_allclose(table["se"], slope["se"] * np.arange(1, 10), rtol=1e-12)


def test_a_later_baseline():
    spec = ml.ModelSpec("Reaction ~ C(Days) + cs(Days | Subject)", baseline=2)
    table = ml.fit(spec, ml.datasets.sleepstudy()).contrasts()
    assert list(table.index[:3]) == ["0 - 2", "1 - 2", "3 - 2"]


def test_means_at_chosen_values(slopes):
    table = slopes.means(by="Days", at={"Days": [0, 4.5]})
    assert list(table.index) == [0, 4.5]
    assert table.loc[0, "estimate"] == pytest.approx(slopes.coefficients().loc["Intercept", "estimate"])


def test_contrasts_that_mean_nothing(fit, slopes):
    with pytest.raises(HypothesisError, match="'9' is not a level of 'TRT'"):
        fit.contrasts(versus="9", factor="TRT")
    with pytest.raises(HypothesisError, match=r"\[1\] is not a level of 'TRT'"):
        fit.contrasts(versus=[1], factor="TRT")
    for factor in (3, ["week"]):
        with pytest.raises(HypothesisError, match="factor takes the name of one variable"):
            fit.contrasts(factor=factor)
    with pytest.raises(HypothesisError, match="both compared and listed"):
        fit.contrasts(versus="1", factor="TRT", by="TRT")
    with pytest.raises(HypothesisError, match="'TRT:basval' is not a coefficient.*Its terms are"):
        fit.test("TRT:basval")
    with pytest.raises(HypothesisError, match="Unknown adjustment"):
        fit.contrasts(adjust="tukey")
    with pytest.raises(HypothesisError, match="Which variable holds the visits"):
        ml.fit("change ~ basval + (1 | PATIENT)", ml.datasets.hamd17()).contrasts()
    with pytest.raises(HypothesisError, match="has 2 columns, the model 15"):
        fit.test(ml.LinearHypothesis(np.eye(2), pd.Index(["a", "b"])))
    with pytest.raises(HypothesisError, match="zero for every coefficient"):
        slopes.estimate.test(ml.LinearHypothesis(np.zeros((1, 2)), pd.Index(["nothing"])))


def test_hypotheses_compose_with_test(fit):
    """No difference between arms at any visit, as one F test with one numerator df a visit."""
    difference = fit.hypothesis(versus="1", factor="TRT", by="week")
    assert fit.test(difference).iloc[0]["num_df"] == 5
    slope_free = fit.test("week:TRT").iloc[0]
    np.testing.assert_allclose(slope_free, fit.test("TRT:week").iloc[0])


def test_covariance_parts(fit, slopes):
    assert fit.covariance.matrix.shape == (5, 5)
    np.testing.assert_allclose(np.diag(fit.covariance.correlation), 1)
    np.testing.assert_array_equal(np.asarray(fit.covariance), fit.covariance.matrix)
    assert list(slopes.covariance.random_effects.index) == ["Intercept", "Days"]
    with pytest.raises(HypothesisError, match="no random effects"):
        _ = fit.covariance.random_effects
    # A random slope over planned days has a matrix too: Z G Z' + sigma^2 I.
    Z = np.column_stack([np.ones(10), np.arange(10)])
    G, residual = slopes.covariance.random_effects, slopes.covariance.residual_variance
    np.testing.assert_allclose(slopes.covariance.matrix, Z @ G @ Z.T + residual * np.eye(10))
    irregular = ml.datasets.sleepstudy()
    irregular["Days"] += np.random.default_rng(1).uniform(size=len(irregular))
    with pytest.raises(HypothesisError, match="no single matrix over visits"):
        _ = ml.fit("Reaction ~ Days + (1 | Subject)", irregular).covariance.matrix
    with pytest.raises(HypothesisError, match="no independent residual"):
        _ = fit.covariance.residual_variance
    assert "variance(Days)" in repr(slopes.covariance)


def test_standard_errors_of_covariance_parameters(slopes):
    """One of them is known exactly: with balanced random slopes sigma^2 has n (t - 2) degrees of freedom."""
    table = slopes.covariance.parameters
    assert list(table.index) == [
        "variance(Intercept)",
        "covariance(Days, Intercept)",
        "variance(Days)",
        "residual variance",
    ]
    exact = table.loc["residual variance", "estimate"] * np.sqrt(2 / (18 * 8))
    assert table.loc["residual variance", "se"] == pytest.approx(exact, rel=1e-6)


def test_the_summary_fits_a_terminal_and_names_what_matters(fit, slopes):
    for result in (fit, slopes):
        text = result.summary()
        assert max(map(len, text.splitlines())) <= 100
        assert "converged" in text
        assert repr(result) == text
    assert "831 observations of 200 subjects" in fit.summary()
    assert "<0.001" in slopes.summary()


def test_nothing_of_the_users_data_is_changed():
    data = ml.datasets.hamd17()
    before = data.copy(deep=True)
    ml.fit("change ~ basval + TRT * week + cs(week | PATIENT)", data)
    pd.testing.assert_frame_equal(data, before)


def test_a_longdata_that_disagrees_with_the_spec():
    data = ml.LongData(ml.datasets.hamd17(), subject="PATIENT", outcome="change", visit="week")
    assert ml.fit("change ~ week + cs(week | PATIENT)", data).n_obs == 831
    with pytest.raises(ml.errors.DataError, match="outcome is 'change' in the data and 'basval' in the spec"):
        ml.fit("basval ~ week + cs(week | PATIENT)", data)
