"""Studies unlike the founding one: each must render, and say what it cannot show."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.reporting import html
from msclong.reporting.inline import plain
from msclong.reporting.record import Bullets, Definitions, FoldOut, Paragraph

FORMULA = "{outcome} ~ C(month) + us(month | patient)"
FREQUENTIST, BAYESIAN = ml.Frequentist(), ml.Bayesian(seed=1)


def single_arm(months=(0, 1, 3), outcomes=("a", "b"), n=16) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    frame = pd.DataFrame({"patient": np.repeat(np.arange(n), len(months)), "month": np.tile(months, n)})
    for name in outcomes:
        level = rng.normal(5, 1, n)[frame["patient"]]
        frame[name] = level - 0.3 * frame["month"] + rng.normal(0, 0.7, len(frame))
    return frame


def reported(table, outcomes, engines, **study):
    """The report of a study, rendered: no study that is legal may fail."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ml.errors.ConvergenceWarning)
        found = ml.Study(table, outcomes, **study).fit(engines, n_jobs=1)
    report = ml.report(found)
    page = html.render(report)
    assert page.count("<section") == len(report.sections)
    return report


def words(report, key):
    section = next(section for section in report.sections if section.key == key)
    blocks = [
        one for block in section.blocks for one in (block.blocks if isinstance(block, FoldOut) else (block,))
    ]
    texts = [block.text for block in blocks if isinstance(block, Paragraph)]
    texts += [item for block in blocks if isinstance(block, Bullets) for item in block.items]
    return plain(" ".join(texts)).replace("\xa0", " ")


def keys(report):
    return [section.key for section in report.sections]


def table(report, key):
    return next(table for table in report.tables if table.key == key)


@pytest.mark.parametrize("engines", [[FREQUENTIST], [BAYESIAN]], ids=["frequentist", "bayesian"])
def test_one_engine_without_primary_direction_margin_or_events(engines):
    report = reported(single_arm(), {"a": {}, "b": {}}, engines, defaults={"formula": FORMULA})
    assert "primary" not in keys(report)
    assert "agreement" not in keys(report)
    assert "responders" not in keys(report)
    assert "No primary outcome was declared" in words(report, "answer")
    assert "without a declared direction of benefit" in words(report, "answer")
    spans = [(column.span, column.label) for column in table(report, "secondary").columns]
    assert (("Frequentist", "p") in spans) == (engines == [FREQUENTIST])
    assert (("Bayesian", "P(improved)") in spans) == (engines == [BAYESIAN])
    if engines == [BAYESIAN]:
        assert "not adjusted" in words(report, "multiplicity")


def test_a_posterior_alone_counts_by_probability():
    outcomes = {"a": {"role": "primary", "better": "lower"}, "b": {"better": "lower"}}
    report = reported(single_arm(), outcomes, BAYESIAN, defaults={"formula": FORMULA})
    assert "by a posterior probability above 0.975 at any tested visit" in words(report, "answer")
    assert "95% CrI" in words(report, "answer")


@pytest.mark.parametrize("test", [None, "less"])
@pytest.mark.parametrize("engine", [FREQUENTIST, BAYESIAN], ids=["frequentist", "bayesian"])
def test_outcomes_that_worsen_are_told(engine, test):
    worse = {"better": "higher", "test": test if test is None else "greater"}
    outcomes = {"a": {**worse, "role": "primary"}, "b": dict(worse), "c": {"better": "lower", "test": test}}
    outcomes["b"]["role"] = outcomes["c"]["role"] = "exploratory"  # no gate before them
    frame = single_arm(outcomes=("a", "b", "c"), months=(0, 1, 6))
    report = reported(frame, outcomes, engine, defaults={"formula": FORMULA})
    assert "The primary outcome worsened, by" in words(report, "answer")
    assert "1 of 2 exploratory outcomes improved and 1 worsened, by" in words(report, "answer")


def test_a_primary_outcome_without_change_is_said_to_have_none():
    frame = single_arm()
    frame["a"] += 0.3 * frame["month"]
    report = reported(
        frame, {"a": {"better": "lower", "role": "primary"}}, FREQUENTIST, defaults={"formula": FORMULA}
    )
    assert "The primary outcome neither improved nor worsened, by" in words(report, "answer")


def test_censoring_and_the_engine_that_forgoes_it_are_told():
    frame = single_arm(outcomes=("a",))
    frame["limit"] = np.where(frame["a"] > 6, "right", "none")
    frame["a"] = np.exp(frame["a"].clip(upper=6))
    outcomes = {"a": {"family": "lognormal", "censored": "limit", "approximation": "lognormal", "mid": 0.8}}
    report = reported(frame, outcomes, [FREQUENTIST, BAYESIAN], defaults={"formula": FORMULA})
    blocks = next(section for section in report.sections if section.key == "model").blocks
    models = next(block.blocks for block in blocks if isinstance(block, FoldOut))
    told = dict(next(block.items for block in models if isinstance(block, Definitions)))["Censoring"]
    assert told.startswith("Frequentist: the limit is taken for the value")
    assert "Bayesian: outcomes marked in limit lie beyond the limit" in told


def test_an_approximation_has_no_responders_and_says_why():
    frame = single_arm(outcomes=("a",))
    frame["well"] = (frame["a"] / 10).clip(0.05, 0.95)
    shared = {"mid": -0.1, "approximation": "gaussian", "formula": "{outcome} ~ C(month) + (1 | patient)"}
    outcomes = {"well": {"family": "beta", "visit": "month", **shared}}
    report = reported(frame, outcomes, [FREQUENTIST, BAYESIAN])
    assert "well: no probability, because the fit is the approximation" in words(report, "responders")
    assert "(frequentist)" in words(report, "responders")


def test_one_visit_after_baseline_and_outcomes_that_are_changes():
    frame = single_arm(months=(0, 1))
    later = single_arm(months=(0, 1, 3))
    later["change"] = later["a"] - later.groupby("patient")["a"].transform("first")
    both = later[later["month"] > 0].merge(
        frame[["patient", "month", "b"]], on=["patient", "month"], how="left", suffixes=("_", "")
    )
    outcomes = {
        "change": {"outcome_type": "change", "role": "primary", "margin": -0.5, "unit": "points"},
        "b_": {"better": "lower"},
    }
    report = reported(both, outcomes, [FREQUENTIST, BAYESIAN], defaults={"formula": FORMULA})
    assert "Primary outcome: mean change." in words(report, "answer")
    assert "Not on this axis" in words(report, "forest")
    pair = reported(
        frame, {"a": {"role": "primary", "mid": -0.5}}, [FREQUENTIST], defaults={"formula": FORMULA}
    )
    assert len(table(pair, "contrasts-a").rows) == 1


def test_every_outcome_failed():
    frame = single_arm().assign(a=1.0, b="x")
    report = reported(
        frame, {"a": {"role": "primary"}, "b": {}}, [FREQUENTIST, BAYESIAN], defaults={"formula": FORMULA}
    )
    assert "2 outcomes of 2 could not be analysed" in words(report, "answer")
    failures = [[cell.text for cell in row.cells[:2]] for row in table(report, "failures").rows]
    assert failures == [["a", "Frequentist"], ["a", "Bayesian"], ["b", "Frequentist, Bayesian"]]
    assert report.figures == ()


def test_one_engine_failed_where_the_other_did_not():
    """Poisson has no approximation here, so that only the Bayesian engine fits it; its figures stand alone."""
    frame = single_arm().assign(events=lambda t: t["a"].clip(lower=0).round().astype(int))
    outcomes = {
        "a": {"role": "primary", "better": "lower"},
        "events": {
            "family": "poisson",
            "formula": "events ~ C(month) + (1 | patient)",
            "visit": "month",
            "better": "lower",
        },
    }
    report = reported(frame, outcomes, [FREQUENTIST, BAYESIAN], defaults={"formula": FORMULA})
    (row, *_) = table(report, "secondary").rows
    assert row.cells[1].text == "–"
    assert row.cells[4].value is not None
    assert "no figures of events (frequentist)" in plain(" ".join(table(report, "secondary").notes))


def test_two_arms_compare_arms():
    trial = ml.datasets.hamd17().assign(
        improved=lambda t: -t["change"], bad=lambda t: (t["change"] > 3).astype(int)
    )
    outcomes = {
        "change": {"role": "primary", "margin": -2, "label": "HAMD-17", "unit": "points"},
        "improved": {"better": "higher", "tested": [8]},
    }
    defaults = {
        "formula": "{outcome} ~ basval * week + TRT * week + us(week | PATIENT)",
        "outcome_type": "change",
        "arm": "TRT",
    }
    report = reported(
        trial, outcomes, [FREQUENTIST, BAYESIAN], defaults=defaults, events={"a setback": "bad"}
    )
    assert "free of them" in words(report, "design")
    assert "had no control group" not in words(report, "answer")
    assert "TRT 2 − TRT 1, week 8: −2." in words(report, "answer")
    assert "difference between arms in mean HAMD-17" in words(report, "answer")
    assert "Paired t-test" not in {column.span for made in report.tables for column in made.columns}
    assert [figure.key for figure in report.figures].count("regression") == 0
    assert {row.group for row in table(report, "contrasts-change").rows} == {
        "TRT 1",
        "TRT 2",
        "TRT 2 − TRT 1",
    }
    assert [row.cells[0].text for row in table(report, "secondary").rows] == ["TRT 2 − TRT 1, week 8"]
    assert [row.group for row in table(report, "events").rows] == ["TRT 1", "TRT 2"]
    assert [row.cells[2].value for row in table(report, "events").rows] == [100, 100]


def test_two_arms_with_their_baseline_as_rows():
    frame = single_arm(n=20).assign(arm=lambda t: np.where(t["patient"] % 2, "drug", "placebo"))
    outcomes = {"a": {"role": "primary", "better": "lower", "mid": -0.5}, "b": {"better": "lower"}}
    formula = {"formula": "{outcome} ~ arm * C(month) + cs(month | patient)", "arm": "arm"}
    report = reported(frame, outcomes, [FREQUENTIST, BAYESIAN], defaults=formula)
    assert {row.group for row in table(report, "contrasts-a").rows} >= {"drug", "placebo"}
    assert "responders" in keys(report)


def test_outcomes_that_share_a_label_stay_apart():
    trial = ml.datasets.hamd17().assign(b2=lambda t: np.random.default_rng(2).poisson(9, len(t)))
    formula = "change ~ {}TRT * week + us(week | PATIENT)"
    outcomes = {
        "change": {"role": "primary", "formula": formula.format("")},
        "adj": {"role": "primary", "formula": formula.format("basval * week + ")},
        "txt": {"formula": "b2 ~ TRT * week + (1 | PATIENT)", "family": "poisson", "outcome_type": "value"},
        "b2": {"formula": "b2 ~ TRT * week + us(week | PATIENT)"},
    }
    report = reported(trial, outcomes, [FREQUENTIST], defaults={"outcome_type": "change", "arm": "TRT"})
    assert "could not be analysed by every engine: b2 (txt)" in words(report, "answer")
    captions = [made.caption for made in report.figures if made.key.startswith("means-")]
    assert ["(adj)" in caption for caption in captions] == [False, True]
    assert [row.cells[0].text for row in table(report, "outcomes").rows] == [
        "change", "change (adj)", "b2 (txt)", "b2",
    ]  # fmt: skip
    found = report.ard()
    tables = found["table"].fillna("")
    assert not (tables.str.contains("contrasts-change") & tables.str.contains("contrasts-adj")).any()
    assert set(found.loc[found["error"].notna(), "variable"]) == {"b2 (txt)"}
    p = found[(found["context"] == "contrasts") & (found["stat_name"] == "adj.p.value")]
    assert set(p["variable"]) == {"change", "change (adj)", "b2"}


def test_a_posterior_beside_p_values_without_a_direction_gives_its_estimate():
    outcomes = {"a": {"role": "primary"}, "b": {"better": "lower"}}
    defaults = {"formula": FORMULA}
    report = reported(single_arm(), outcomes, [FREQUENTIST, BAYESIAN], defaults=defaults)
    assert "P(improved)" not in words(report, "answer")
    assert "; Bayesian: \N{MINUS SIGN}" in words(report, "answer")
    assert "(95% CrI" in words(report, "answer")


def test_arms_that_are_true_or_false():
    frame = single_arm(n=20).assign(drug=lambda t: t["patient"] % 2 == 1)
    formula = {"formula": "{outcome} ~ drug * C(month) + cs(month | patient)", "arm": "drug"}
    report = reported(frame, {"a": {"role": "primary", "better": "lower"}}, [FREQUENTIST], defaults=formula)
    assert "drug True \N{MINUS SIGN} drug False" in words(report, "answer")
    single = ml.report(ml.fit(ml.ModelSpec(formula["formula"].format(outcome="a"), arm="drug"), frame))
    (question,) = (section for section in single.sections if section.key == "question")
    assert "drug False (n = 10) and drug True (n = 10)" in plain(
        dict(question.blocks[0].items)["Arms"]
    ).replace("\xa0", " ")


def test_least_squares_in_a_study_need_missing_completely_at_random():
    frame = single_arm(n=20).assign(drug=lambda t: np.where(t["patient"] % 2, "drug", "placebo"))
    formula = {"formula": "{outcome} ~ drug * C(month) + cs(month | patient)", "arm": "drug"}
    engine = ml.Frequentist(ddf="modified-box")
    report = reported(frame, {"a": {"role": "primary", "better": "lower"}}, [engine], defaults=formula)
    for key in ("answer", "model"):
        assert "missing completely at random" in words(report, key)
        assert "missing at random" not in words(report, key)


def test_many_outcomes_keep_the_page_usable():
    names = [f"y{i}" for i in range(45)]
    frame = single_arm(outcomes=names, n=12)
    report = reported(
        frame, {name: {"better": "lower"} for name in names}, FREQUENTIST, defaults={"formula": FORMULA}
    )
    panels = next(figure for figure in report.figures if figure.key == "panels")
    assert panels.data["outcome"].nunique() == 30
    assert "15 more outcomes are not drawn" in plain(panels.caption)
    assert len(table(report, "secondary").rows) == 90
    assert [row.cells[0].text for row in table(report, "secondary").rows[:2]] == ["month 1", "month 3"]
    assert len(report.figures) <= 4
    folded = [block for section in report.sections for block in section.blocks if isinstance(block, FoldOut)]
    assert any("estimands" in [getattr(one, "key", "") for one in block.blocks] for block in folded)
    assert "Table" in report.references["table:estimands"]


def test_outcomes_with_one_row_each_stand_together_by_effect():
    frame = single_arm(months=(0, 1), outcomes=("a", "b", "c")).assign(b=lambda t: np.exp(t["b"] / 5))
    outcomes = {"a": {"better": "lower"}, "b": {"family": "lognormal"}, "c": {"better": "higher"}}
    report = reported(frame, outcomes, FREQUENTIST, defaults={"formula": FORMULA})
    assert [(row.group, row.cells[0].text) for row in table(report, "secondary").rows] == [
        ("Difference of means", "a \N{DOWNWARDS ARROW}, month 1"),
        ("Difference of means", "c \N{UPWARDS ARROW}, month 1"),
        ("Ratio of geometric means", "b, month 1"),
    ]


def test_outcomes_without_planned_visits_and_in_tables_of_their_own():
    rng = np.random.default_rng(2)
    frame = single_arm()
    irregular = pd.DataFrame({"patient": np.repeat(np.arange(15), 4), "time": rng.uniform(0, 12, 60)})
    irregular["b"] = (
        rng.normal(size=15)[irregular["patient"]] - 0.1 * irregular["time"] + rng.normal(0, 0.5, 60)
    )
    outcomes = {"a": FORMULA.replace("{outcome}", "a"), "b": "b ~ time + (1 + time | patient)"}
    report = reported({"a": frame, "b": irregular}, outcomes, [FREQUENTIST], events={"an event": "event"})
    assert "b" in [row.cells[0].text for row in table(report, "outcomes").rows]
    assert "not in one table" in words(report, "design")


def test_names_of_outcomes_make_identifiers_that_stay_apart():
    frame = single_arm(outcomes=("a", "b")).rename(columns={"a": "a b", "b": "a_b"})
    outcomes = {
        name: {
            "role": "primary",
            "better": "lower",
            "formula": f"Q('{name}') ~ C(month) + us(month | patient)",
        }
        for name in ("a b", "a_b")
    }
    report = reported(frame, outcomes, FREQUENTIST)
    found = [made.key for made in report.tables]
    assert len(found) == len(set(found))
