"""The founding study's synthetic patients: every figure that was printed, and nothing that cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import msclong as ml
from msclong.errors import SpecError
from msclong.published.printed import number, p_value

REFERENCE = Path(__file__).parents[2] / "reference"
PRINTED = json.loads((REFERENCE / "sjogren_msct.json").read_text(encoding="utf-8"))
OUTCOMES = PRINTED["outcomes"]
DETERMINED = json.loads((REFERENCE / "published_audit.json").read_text(encoding="utf-8"))["ssdai"]
GRADED = ("sialectasia", "duct_dilation", "excretory_function")
BETTER = {"lower": -1, "higher": 1, "down": -1, "up": 1}

SEEDS = range(6)
FITTED = 1e-9  # generalised least squares of complete data: differences of means
BINARY = 1e-12  # 5.625, the mean of whole numbers, is exact; 0.635 has no binary fraction


@pytest.fixture(scope="module", params=SEEDS)
def trial(request):
    return ml.datasets.sjogren_msct(seed=request.param)


def wide(trial, outcome):
    """A row per patient in whom it was measured, a column per month."""
    return trial.dropna(subset=[outcome]).pivot(index="patient", columns="month", values=outcome)


def printed_visits(outcome):
    """(month, what was printed of it); a p-value without a visit is of month 1."""
    for visit in outcome.get("visits", [outcome]):
        yield visit["month"] if "month" in visit else visit.get("week", 4) / 4, visit


@pytest.mark.parametrize("name", OUTCOMES)
def test_every_printed_figure_holds(trial, name):
    outcome, found = OUTCOMES[name], wide(trial, name)
    assert found.notna().all(axis=None)
    assert len(found) == outcome.get("n", 24)
    for month, visit in printed_visits(outcome):
        if "mean" in visit:
            for figure, value in (("mean", found[month].mean()), ("sd", found[month].std(ddof=1))):
                interval = number(visit[figure], figure)
                assert float(interval.low) - BINARY <= value <= float(interval.high) + BINARY, (month, figure)
        if p := visit.get("p_vs_baseline", visit.get("p")):
            test = stats.ttest_rel(found[month], found[0.0])
            assert p_value(p).admits(test.pvalue), (month, test.pvalue)
            better = (
                visit.get("direction") or outcome.get("direction") or trial.attrs["outcomes"][name]["better"]
            )
            assert np.sign(test.statistic) == BETTER[better]


def test_the_activity_index_has_the_sums_that_its_printed_figures_determine(trial):
    found = wide(trial, "ssdai")
    assert ((found >= 0) & (found <= 21) & (found % 1 == 0)).all(axis=None)
    assert {f"{m:g}": x.sum() for m, x in found.items()} == DETERMINED["grim_consistent_sums"]
    assert {f"{m:g}": x @ x for m, x in found.items()} == DETERMINED["grimmer_sums_of_squares"]


def test_each_seed_has_the_changes_that_the_sums_determine(trial):
    table = trial.dropna(subset=["ssdai"])
    fit = ml.fit("ssdai ~ C(month) + us(month | patient)", table)
    sums = list(DETERMINED["grim_consistent_sums"].values())
    expected = [(later - sums[0]) / 24 for later in sums[1:]]
    np.testing.assert_allclose(fit.contrasts()["estimate"], expected, rtol=FITTED)
    assert fit.synthetic == trial.attrs["synthetic"]


def test_no_value_is_impossible(trial):
    told = trial.attrs["outcomes"]
    steps = {"score": 1, "bounded": 1, "count": 1, "positive": 0.01, "titre": 1, "percentage": 0.01}
    for name, outcome in told.items():
        if name in GRADED:
            continue
        found, step = trial[name].dropna(), steps.get(outcome["kind"], 0.1)
        assert np.allclose(found / step, np.rint(found / step), rtol=0, atol=1e-9), name
        most = {"bounded": 100, "titre": 200, "percentage": 100}.get(outcome["kind"], np.inf)
        assert found.min() >= (0 if outcome["kind"] in ("score", "bounded", "count") else step), name
        assert found.max() <= most, name
        assert sorted(trial.loc[found.index, "month"].unique()) == outcome["months"]
        assert trial.loc[found.index, "patient"].nunique() == outcome["n"]
    assert (trial["vas"] == 0).any()
    assert (trial["adverse_event"] == PRINTED["safety"]["adverse_events"]).all()


def test_titres_above_the_assay_limit_are_marked(trial):
    for name in ("anti_ssa", "anti_ssb"):
        censored = trial[f"{name}_limit"] == "right"
        assert censored.sum() in (1, 2)
        assert (trial.loc[censored, name] == 200).all()
        assert (trial.loc[censored, "month"] == 0).all()


@pytest.mark.parametrize("name", GRADED)
def test_grades_change_in_both_directions(trial, name):
    found = trial.assign(code=trial[name].cat.codes)[trial[name].notna()]
    assert trial[name].cat.ordered
    codes = found.pivot(index="patient", columns="month", values="code").astype(int)
    change = (codes[12.0] - codes[0.0]) * BETTER[trial.attrs["outcomes"][name]["better"]]
    assert len(change) == 24
    assert 2 <= (change < 0).sum() <= 4
    assert (change > 0).sum() >= (change < 0).sum() + 6


def test_patients_are_those_of_the_abstract(trial):
    design = PRINTED["design"]
    people = trial.groupby("patient").first()
    assert len(people) == design["n_patients"]
    assert people["sex"].value_counts().to_dict() == {"female": design["female"], "male": design["male"]}
    age = design["age_years"]
    assert (people["age"].min(), people["age"].max()) == (age["min"], age["max"])
    assert abs(people["age"].mean() - age["mean"]) <= 0.5
    assert (trial.groupby("patient")["month"].max() == design["follow_up_months"]).all()


def test_what_was_assumed_is_said(trial):
    attrs = trial.attrs
    assert attrs["synthetic"].startswith("Synthetic")
    assert attrs["published"] == PRINTED
    assert attrs["source"] == PRINTED["source"]
    assert set(attrs["outcomes"]) == set(OUTCOMES)
    for outcome in attrs["outcomes"].values():
        assert any(outcome["label"] in sentence for sentence in attrs["assumptions"]), outcome["label"]
    for word in (
        "n is not printed",
        "t-test",
        "correlation",
        "visit",
        "recorded",
        "lognormal",
        "graded",
        "p-value",
    ):
        assert any(word in sentence for sentence in attrs["assumptions"]), word


def test_a_seed_is_a_trial():
    one, again, other = (ml.datasets.sjogren_msct(seed=seed) for seed in (3, 3, 4))
    assert one.equals(again)
    assert not one.equals(other)


def test_a_seed_may_be_a_numpy_integer():
    plain, same = ml.datasets.sjogren_msct(seed=3), ml.datasets.sjogren_msct(seed=np.int64(3))
    assert same.equals(plain)
    assert same.attrs == plain.attrs
    assert type(same.attrs["seed"]) is int


@pytest.mark.parametrize("seed", [-1, 1.5, True, None])
def test_no_seed(seed):
    with pytest.raises(SpecError, match="whole number"):
        ml.datasets.sjogren_msct(seed=seed)
