"""Simulated power beside closed forms, and what is counted how."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import betaincinv
from scipy.stats import nct, t

import msclong as ml
from msclong.errors import EngineError, HypothesisError, SpecError

PAIRED = ml.Scenario([0, 1], [10, 8.6], sd=[2, 2.5], correlation=0.6)
ARMS = ml.Scenario([0, 3], {"placebo": [20, 19], "drug": [20, 15]}, sd=5, correlation=0.5)
ERRORS = 4.0
"""Monte Carlo standard errors that a share may lie off its true value: one test in 16,000 fails by chance."""


def noncentral(effect: float, se: float, df: float, alpha: float = 0.05) -> float:
    """Power of a two-sided t test."""
    limit = t.ppf(1 - alpha / 2, df)
    return float(nct.sf(limit, df, effect / se) + nct.cdf(-limit, df, effect / se))


def near(share: float, true: float, trials: int) -> bool:
    return abs(share - true) < ERRORS * np.sqrt(true * (1 - true) / trials)


def test_two_visits_of_one_arm_have_the_power_of_the_paired_t_test():
    trials = 1000
    found = ml.power("y ~ C(visit) + us(visit | id)", PAIRED, n=[8, 14], n_sim=trials, seed=1).table
    sd = np.sqrt(4 + 6.25 - 2 * 0.6 * 2 * 2.5)
    for n in (8, 14):
        row = found.loc[(n, "1 - 0")]
        assert near(row["power"], noncentral(-1.4, sd / np.sqrt(n), n - 1), trials)
        assert near(row["coverage"], 0.95, trials)
        np.testing.assert_allclose(row["df"], n - 1)
        assert row["true"] == pytest.approx(-1.4)
        assert abs(row["bias"]) < ERRORS * sd / np.sqrt(n * trials)
        assert row["se"] == pytest.approx(row["sd"], rel=0.1)


def test_changes_of_two_arms_have_the_power_of_the_t_test_of_two_samples():
    trials, n = 1000, 30
    spec = "y ~ arm * C(visit) + us(visit | id)"
    asked = {"kind": "difference-in-differences"}
    row = ml.power(spec, ARMS, n=n, n_sim=trials, seed=2, contrast=asked).table.iloc[0]
    assert near(row["power"], noncentral(-4, 5 * np.sqrt(2 / (n / 2)), n - 2), trials)
    np.testing.assert_allclose(row["df"], n - 2)


def test_the_table_is_made_of_its_counts():
    trials = 40
    found = ml.power("y ~ C(visit) + us(visit | id)", PAIRED, n=10, n_sim=trials, seed=3)
    row = found.table.iloc[0]
    hits = row["power"] * trials
    assert hits == round(hits)
    np.testing.assert_allclose(row["lower"], betaincinv(hits, trials - hits + 1, 0.025))
    np.testing.assert_allclose(row["upper"], betaincinv(hits + 1, trials - hits, 0.975))
    np.testing.assert_allclose(row["mcse"], np.sqrt(row["power"] * (1 - row["power"]) / trials))
    assert found.observed.loc[10].to_numpy().tolist() == [[10, 10]]


def test_the_same_seed_gives_the_same_table_in_any_batches(monkeypatch):
    def one() -> ml.Scenario:
        return ml.power(
            "y ~ C(visit) + us(visit | id)", PAIRED, n=[6, 9], dropout=0.2, n_sim=30, seed=4
        ).table

    first = one()
    monkeypatch.setattr("msclong.replication.power.BATCH", 7)
    np.testing.assert_allclose(one(), first, rtol=1e-9)


def test_a_seed_is_chosen_and_told():
    found = ml.power("y ~ C(visit) + us(visit | id)", PAIRED, n=6, n_sim=5)
    again = ml.power("y ~ C(visit) + us(visit | id)", PAIRED, n=6, n_sim=5, seed=found.seed)
    np.testing.assert_allclose(again.table, found.table)


def test_analyses_without_an_answer_count_as_not_significant_and_fallbacks_are_followed():
    scenario = ml.Scenario([0, 1, 2], [10, 0, 0], sd=1, correlation=0.5)
    ask = {"n": 6, "dropout": ml.Dropout([0, 0.2, 0.5]), "n_sim": 40, "seed": 5}
    spec = ml.ModelSpec("y ~ C(visit) + us(visit | id)")
    plain = ml.power(spec, scenario, **ask)
    row = plain.table.iloc[0]
    assert 0.1 < row["failed"] < 0.99
    assert row["power"] == pytest.approx(1 - row["failed"])
    assert "unstructured" in plain.failures[6][0]
    assert "count as not significant" in repr(plain)
    backed = ml.power(spec.replace(fallback=("us", "cs")), scenario, **ask)
    assert backed.table.iloc[0]["fallback"] == pytest.approx(row["failed"], abs=0.06)
    assert backed.table.iloc[0]["failed"] < 0.06
    assert "declared fallback" in repr(backed)


@pytest.mark.parametrize("baseline_as", ["response", "constrained", "covariate", "change"])
def test_every_use_of_the_baseline_has_the_true_difference(baseline_as):
    spec = ml.ModelSpec("y ~ arm * C(visit) + us(visit | id)", baseline_as=baseline_as, arm="arm")
    scenario = ml.Scenario([0, 3, 6], {"a": [20, 19, 18], "b": [20, 16, 14]}, sd=5, correlation=0.5)
    row = ml.power(spec, scenario, n=30, n_sim=60, seed=6).table.iloc[-1]
    assert row.name[1] == "b - a"
    assert row["true"] == pytest.approx(-4)
    assert abs(row["bias"]) < ERRORS * row["sd"] / np.sqrt(60)


def test_a_baseline_column_of_the_formula_is_supplied():
    spec = ml.ModelSpec("change ~ basval + arm * week + cs(week | id)", outcome_type="change")
    scenario = ml.Scenario(
        [0, 3, 6], {"a": [20, 19, 18], "b": [20, 16, 14]}, sd=5, correlation=0.5, baseline="basval"
    )
    found = ml.power(spec, scenario, n=24, n_sim=20, seed=7)
    assert found.table["true"].tolist() == pytest.approx([-1, -2, -4, -6, -3, -4])
    assert found.table["failed"].max() == 0


def test_times_and_slopes():
    scenario = ml.Scenario(
        [0, 1, 3], [10, 9, 7], covariance=ml.Scenario.random_effects([0, 1, 3], 2, 1, 0.3, 0)
    )
    found = ml.power("y ~ month + (1 + month | id)", scenario, n=20, n_sim=20, seed=8, contrast="month")
    assert found.table["true"].tolist() == pytest.approx([-1])
    bent = scenario.replace(means=[10, 7, 7])
    missed = ml.power("y ~ month + (1 + month | id)", bent, n=20, n_sim=20, seed=8, contrast="month")
    assert missed.table[["true", "coverage"]].isna().all(axis=None)


def test_one_sided_and_non_inferiority():
    ask = {"n": 12, "n_sim": 60, "seed": 9, "alpha": 0.025}
    spec = "y ~ C(visit) + us(visit | id)"
    two = ml.power(spec, PAIRED, n=12, n_sim=60, seed=9, alpha=0.05).table["power"].iloc[0]
    less = ml.power(spec, PAIRED, test="less", **ask).table["power"].iloc[0]
    assert less == pytest.approx(two)
    assert ml.power(spec, PAIRED, test="greater", **ask).table["power"].iloc[0] == 0
    wide = ml.power(spec, PAIRED, test="non-inferiority", margin=-2.0, **ask)
    assert wide.table["power"].iloc[0] > two
    assert "non-inferiority, margin -2" in repr(wide)


def test_the_smallest_n_and_the_figure():
    found = ml.power("y ~ C(visit) + us(visit | id)", PAIRED, n=[6, 12, 30], n_sim=600, seed=10)
    row = found.n_for(0.8).loc["1 - 0"]
    assert 6 < row["n"] <= 30
    assert row["lower"] <= row["n"] <= row["upper"]
    assert found.n_for(0.8, contrast="1 - 0").loc["1 - 0", "n"] == row["n"]
    with pytest.raises(SpecError, match="nothing is extrapolated"):
        found.n_for(0.9999, contrast="1 - 0")
    with pytest.raises(SpecError, match="No contrast is named"):
        found.n_for(0.8, contrast="2 - 0")
    assert "power" in found.plot().axes[0].get_ylabel().lower()
    assert "n = 12" in found._repr_html_()
    assert "<svg" in found._repr_html_()


SPEC = "y ~ C(visit) + us(visit | id)"


@pytest.mark.parametrize(
    ("spec", "scenario", "options", "error", "message"),
    [
        (SPEC, {"means": [1, 2]}, {}, SpecError, "must be a ml.Scenario"),
        (3, PAIRED, {}, SpecError, "formula string or a ModelSpec"),
        (SPEC, PAIRED, {"n": 1}, SpecError, "n counts the subjects"),
        (SPEC, PAIRED, {"n": []}, SpecError, "n counts the subjects"),
        (SPEC, PAIRED, {"n_sim": 0}, SpecError, "n_sim"),
        (SPEC, PAIRED, {"alpha": 5}, SpecError, "alpha must lie"),
        (SPEC, PAIRED, {"seed": -1}, SpecError, "seed must be"),
        (SPEC, PAIRED, {"engine": ml.Bayesian()}, EngineError, "ml.Frequentist"),
        (SPEC, PAIRED, {"dropout": 2}, SpecError, "share of subjects"),
        (SPEC, PAIRED, {"contrast": ["3 - 0"]}, SpecError, "rows of Fit.contrasts"),
        (SPEC, PAIRED, {"contrast": {"versus": 7}}, HypothesisError, "7 is not a level"),
        (SPEC, PAIRED, {"test": "superiority"}, HypothesisError, "needs a margin"),
        (SPEC, ARMS, {}, SpecError, "has the arms placebo, drug"),
        ("y ~ C(visit) * arm + us(visit | id)", PAIRED, {}, SpecError, "reads 'arm'"),
        ("y ~ C(visit) + age + us(visit | id)", PAIRED, {}, SpecError, "reads 'age'"),
        ("y ~ C(visit) + (1 | site / id)", PAIRED, {}, SpecError, "independent subjects"),
        ("y ~ C(visit) + us(visit | id)", PAIRED, {"n": 2}, SpecError, "Even a complete trial of 2"),
        ("y ~ a:b + (1 | id)", PAIRED, {}, SpecError, "Which column"),
        (ml.ModelSpec(SPEC, family="student"), PAIRED, {}, SpecError, "family 'student'"),
        (SPEC, PAIRED.replace(baseline="x"), {}, SpecError, "does not read"),
        (
            ml.ModelSpec(SPEC, baseline_as="change"),
            PAIRED.replace(baseline="x"),
            {},
            SpecError,
            "leave Scenario",
        ),
        (ml.ModelSpec(SPEC, outcome_type="change"), PAIRED, {}, SpecError, "is a change from baseline"),
        (SPEC, PAIRED.replace(changes=True), {}, SpecError, "values are changes"),
        ("y ~ time + (1 + time | id)", PAIRED.replace(visits=["a", "b"]), {}, SpecError, "times=\\[...\\]"),
    ],
)
def test_what_does_not_fit_together_is_refused(spec, scenario, options, error, message):
    with pytest.raises(error, match=message):
        ml.power(spec, scenario, **{"n": 8, "n_sim": 5, "seed": 1} | options)


def test_what_is_noticed_of_the_model_is_told():
    found = ml.power("y ~ arm * visit + us(visit | id)", ARMS, n=8, n_sim=5, seed=1)
    assert "enters the mean as a number" in found.notes[0]
    assert found.notes[0] in repr(found).replace("\n    ", " ")


def test_times_are_not_taken_for_labels():
    scenario = ml.Scenario([0, 1, 2], [0, 10, 12], sd=1, correlation=0.5, times=[0, 2, 4])
    spec = ml.ModelSpec("y ~ month + (1 + month | id)", time="month")
    found = ml.power(spec, scenario, n=8, n_sim=5, seed=1, contrast={"at": {"month": [0, 2]}})
    assert found.table["true"].tolist() == [10]


def test_adjusted_p_values_are_those_of_each_trial():
    scenario = ml.Scenario([0, 1, 2], [10, 9, 8.7], sd=2, correlation=0.6)
    ask = {"n": 12, "n_sim": 200, "seed": 11}
    spec = "y ~ C(visit) + us(visit | id)"
    plain, holm, first = (ml.power(spec, scenario, adjust=a, **ask) for a in (None, "holm", "fixed-sequence"))
    both = plain.together["all"].iloc[0]
    # Holm rejects both where both p lie below alpha and one below half of it.
    assert holm.together["any"].iloc[0] < plain.together["any"].iloc[0]
    assert holm.together["all"].iloc[0] <= both
    assert (holm.table["power"] <= plain.table["power"]).all()
    assert first.table["power"].tolist() == [plain.table["power"].iloc[0], both]
    assert first.together["any"].iloc[0] == plain.table["power"].iloc[0]
    assert ", Holm" in repr(holm)
    graph = ml.GraphicalProcedure.holm(["1 - 0", "2 - 0"])
    assert ml.power(spec, scenario, adjust=graph, **ask).table.equals(holm.table)
    with pytest.raises(HypothesisError, match="adjust='mvt'"):
        ml.power(spec, scenario, adjust="mvt", **ask)


def test_a_pilot_of_changes_is_planned_as_such():
    scenario = ml.Scenario([1, 3], [-1, -2], sd=2, correlation=0.5, changes=True)
    spec = ml.ModelSpec("change ~ C(visit) + us(visit | id)", outcome_type="change")
    found = ml.power(spec, scenario, n=10, n_sim=20, seed=1)
    assert found.table["true"].tolist() == [-1, -2]


def test_arms_may_be_numbers_and_a_single_arm_may_have_a_name():
    numbered = ml.Scenario([0, 1], {1: [0, 0], 2: [0, 2]}, sd=1, correlation=0.5, allocation={1: 2, 2: 1})
    found = ml.power("y ~ C(visit) * trt + us(visit | id)", numbered, n=9, n_sim=10, seed=1)
    assert found.table.index[-1] == (9, "2 - 1", "1 - 0")
    assert found.observed[0].tolist() == [6, 3]
    named = ml.Scenario([0, 1], {"drug": [0, 2]}, sd=1, correlation=0.5)
    assert ml.power("y ~ C(visit) + us(visit | id)", named, n=9, n_sim=10, seed=1).table["true"].tolist() == [
        2
    ]


def test_the_visits_may_be_named_n():
    found = ml.power("y ~ C(n) + us(n | id)", PAIRED, n=[6, 20], n_sim=20, seed=1)
    assert "n = 20" in repr(found)
    assert found.n_for(0.6).index.tolist() == ["1 - 0"]
    found.plot()
