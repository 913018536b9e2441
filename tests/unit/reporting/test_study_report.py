"""The report of a study: its record holds the study's numbers, and says what a single arm cannot show."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import msclong as ml
from msclong.errors import SpecError
from msclong.printing import numbers
from msclong.published import audit, audit_paired
from msclong.reporting import html
from msclong.reporting.inline import plain
from msclong.reporting.record import Bullets, Code, Definitions, Document, FoldOut, Paragraph
from msclong.reporting.study.published import audited, published
from msclong.reporting.study.reproducibility import reproducibility
from msclong.reporting.study.results import study_result

VISITS = (0, 1, 3, 6)

PLAN = {
    "score": {
        "margin": -1,
        "mid": -2,
        "resolution": 1,
        "role": "primary",
        "label": "Activity score",
        "unit": "points",
    },
    "flow": {"family": "lognormal", "margin": 1.2, "mid": 1.5, "label": "Salivary flow"},
    "well": {
        "family": "bernoulli",
        "formula": "{outcome} ~ C(month) + (1 | patient)",
        "visit": "month",
        "better": "higher",
        "role": "exploratory",
        "approximation": "gaussian",
    },
    "unknown": {"role": "exploratory"},
    "constant": {"better": "lower"},
}


def trial(seed: int = 4) -> pd.DataFrame:
    """24 patients at four visits; flow of eleven, one outcome without variation."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(24):
        level = rng.normal()
        for month in VISITS:
            score = 6 + level - 0.28 * month + rng.normal()
            rows.append(
                (
                    f"P{i}",
                    month,
                    score,
                    np.exp(0.3 * level + 0.1 * month + 0.3 * rng.normal()),
                    i == 3 and month > 0,
                )
            )
    table = pd.DataFrame(rows, columns=["patient", "month", "score", "flow", "event"])
    table.loc[table["patient"].isin([f"P{i}" for i in range(11, 24)]), "flow"] = np.nan
    table["well"] = (table["score"] + rng.normal(size=len(table)) < 5.5).astype(int)
    table["unknown"] = rng.normal(size=len(table)).cumsum() / 10
    table["constant"] = 1.0
    table.attrs["synthetic"] = "Synthetic: made for a test."
    table.attrs["assumptions"] = ["Scores are normal."]
    return table


@pytest.fixture(scope="module")
def found():
    study = ml.Study(
        trial(),
        PLAN,
        defaults={"formula": "{outcome} ~ C(month) + us(month | patient)"},
        title="A small trial",
        note="This plan was made afterwards.",
        events={"a bad day": "event", "a broken leg": "leg"},
    )
    with pytest.warns(ml.errors.ConvergenceWarning, match="constant"):
        return study.fit([ml.Frequentist(), ml.Bayesian(seed=1)], n_jobs=1)


@pytest.fixture(scope="module")
def printed():
    antibodies = {"outcome": "anti_ssa", "visit": "month 1", "n": 5, "p": "<0.001"}
    flow = {
        "outcome": "flow",
        "visit": "week 2",
        "n": 11,
        "pre": ("0.63", "0.73"),
        "post": ("1.00", "0.78"),
        "p": "<0.001",
    }
    return audit([flow, antibodies])


@pytest.fixture(scope="module")
def report(found, printed):
    return ml.report(found, published=printed)


@pytest.fixture(scope="module")
def page(report):
    return html.render(report)


def section(report, key):
    return next(section for section in report.sections if section.key == key)


def table(report, key):
    return next(table for table in report.tables if table.key == key)


def audit_table(found, given, key):
    """A table of the section on an audit, which takes no other part of the report."""
    labels = {name: one.name for name, one in found.endpoints.items()}
    document = Document("", "", (published(audited(given), labels),), datetime.now().astimezone())
    return table(document, key)


def words(part) -> str:
    """All prose of a section."""
    texts = []
    for block in part.blocks:
        for one in block.blocks if isinstance(block, FoldOut) else (block,):
            if isinstance(one, Paragraph):
                texts.append(one.text)
            elif isinstance(one, Bullets):
                texts += one.items
            elif isinstance(one, Definitions):
                texts += [f"{term}: {text}" for term, text in one.items]
    return plain(" ".join(texts)).replace("\xa0", " ")


def test_sections_come_in_the_order_in_which_they_are_read(report):
    assert [one.key for one in report.sections] == [
        "answer", "design", "estimands", "outcomes", "patients", "primary", "others", "forest", "multiplicity",
        "responders", "detail-score", "agreement", "checks", "sensitivity", "published", "model", "synthetic",
        "checklists", "reproducibility",
    ]  # fmt: skip
    assert report.title == "A small trial"
    assert (
        plain(report.subtitle) == "5 outcomes of 24 patients, single arm; frequentist and Bayesian analyses"
    )


def test_the_answer_has_the_primary_changes_and_what_the_design_cannot_claim(report, found):
    told = words(section(report, "answer"))
    assert "had no control group" in told
    row = found.contrasts().loc[("score", "6 - 0")]
    posterior = found.contrasts("Bayesian").loc[("score", "6 - 0")]
    assert (
        f"month 6: {numbers.fixed(row['estimate'], 2)} points (95% CI "
        f"{numbers.interval(row['lower'], row['upper'], 2)}; {row['df']:.1f} df; adjusted p < 0.001); Bayesian: "
        f"P(improved) > 0.999, P(beyond −1) = {numbers.probability(posterior['prob_beyond_margin'])}." in told
    )
    assert "The primary outcome improved, by adjusted p below 0.05 at any tested visit." in told
    assert "1 secondary outcome without results" in told
    assert "1 exploratory outcome without a declared direction of benefit" in told
    assert "1 of 24 patients had a bad day: 4.17%" in told


def test_every_cell_of_the_primary_table_is_the_studys_number(report, found):
    made = table(report, "contrasts-score")
    frequentist, bayesian = (found.contrasts(engine).loc["score"] for engine in found.engines)
    paired = found.paired_t_tests().loc["score"]
    assert [column.label for column in made.columns] == [
        "Month", "Estimate", "95% CI", "df", "p", "p, adj.", "Estimate", "95% CrI", "P(improved)", "P(< −1)", "n",
        "Mean change", "p",
    ]  # fmt: skip
    assert len(made.rows) == len(frequentist) == 3
    for i, row in enumerate(made.rows):
        f, b, t = frequentist.iloc[i], bayesian.iloc[i], paired.iloc[i]
        assert [cell.value for cell in row.cells[1:]] == [
            f["estimate"], (f["lower"], f["upper"]), f["df"], f["p_value"], f["p_adjusted"],
            b["estimate"], (b["lower"], b["upper"]), b["prob_improved"], b["prob_beyond_margin"],
            t["n"], t["estimate"], t["p_value"],
        ]  # fmt: skip
        assert row.cells[1].text == numbers.fixed(f["estimate"], 2)


def test_other_outcomes_name_their_effect_and_the_approximation(report, found):
    flow = table(report, "secondary")
    assert {plain(row.group) for row in flow.rows} == {
        "Salivary flow – ratio of geometric means; higher is better; margin 1.2"
    }
    assert [row.cells[1].value for row in flow.rows] == found.contrasts().loc["flow", "estimate"].tolist()
    others = table(report, "exploratory")
    groups = list(dict.fromkeys(row.group for row in others.rows))
    assert groups[0].startswith(
        "well – Frequentist: difference of means (Gaussian approximation); Bayesian: difference of prob"
    )
    unknown = [row for row in others.rows if row.group == groups[1]]
    column = [column.label for column in others.columns].index("P(improved)")
    assert {row.cells[column].text for row in unknown} == {"–"}


def test_regression_to_the_mean_is_that_of_the_single_arm(report, found):
    frame = found["score"]["Frequentist"].design.data.frame.pivot(
        index="patient", columns="month", values="score"
    )
    made = table(report, "regression")
    for row in made.rows:
        mu = row.cells[0].value
        slope, at_mean = stats.linregress(frame[0] - mu, frame[6] - mu)[:2]
        assert row.cells[2].value == pytest.approx(at_mean, rel=1e-9)
        assert row.cells[1].value == pytest.approx((1 - slope) * (mu - frame[0].mean()), abs=1e-9)
    assert "regression" in [figure.key for figure in report.figures]


def test_events_have_exact_limits_and_a_missing_column_its_reason(report):
    (row,) = table(report, "events").rows
    assert [cell.value for cell in row.cells[1:3]] == [1, 24]
    limits = stats.binomtest(1, 24).proportion_ci(method="exact")
    assert row.cells[4].value == pytest.approx(tuple(limits), rel=1e-9)
    assert "a broken leg: the table has no column leg" in words(section(report, "design"))


def test_patients_are_counted_by_outcome_and_visit(report):
    rows = {
        row.cells[0].text: [cell.text for cell in row.cells[1:]] for row in table(report, "patients").rows
    }
    assert rows["Activity score"] == ["24"] * 5
    assert rows["Salivary flow"] == ["11"] * 5
    assert "constant" not in rows


def test_all_outcomes_are_standardised_on_one_forest_plot(report, found):
    forest = next(figure for figure in report.figures if figure.key == "forest")
    for engine in found.engines:
        drawn = forest.data[forest.data["engine"] == engine]
        assert drawn["label"].iloc[0] == "Activity score, month 1"
        assert drawn["estimate"].dropna().tolist() == found.standardised(engine)["estimate"].tolist()
    assert "worse" in forest.svg
    assert "no direction of benefit" in forest.caption


def test_multiplicity_says_what_each_p_value_has_had(report, found):
    rows = {row.cells[0].text: row for row in table(report, "multiplicity").rows}
    assert rows["Activity score"].cells[2].text == "single-step max-t over 3 contrasts"
    assert rows["well"].cells[2].text == "none (exploratory)"
    assert rows["constant"].cells[2].text == "no p-value: counted as 1"
    smallest = found.contrasts().loc["score", "p_adjusted"].min()
    assert rows["Activity score"].cells[4].value == smallest


def test_responders_by_engine_and_as_observed(report, found):
    made = table(report, "responders")
    expected = found.responders("Frequentist").loc["score"]
    rows = [
        row for row in made.rows if plain(row.group) == "Activity score (points) – a fall of 2 points or more"
    ]
    assert [row.cells[1].value for row in rows] == expected["estimate"].tolist()
    assert [row.cells[6].value for row in rows] == expected["observed"].tolist()
    assert any("a rise to 1.5 times baseline or more" in plain(row.group) for row in made.rows)


def test_the_primary_outcome_has_every_check_under_its_name(report, found):
    keys = {one.key for one in [*report.tables, *report.figures]}
    assert {
        f"{key}-score" for key in (
            "subjects", "waterfall", "covariance", "convergence", "residuals", "influence", "checks-2",
            "posteriors-2", "prior-posterior-2", "prior-sensitivity-2", "predictive-2",
        )
    } <= keys  # fmt: skip
    made = table(report, "influence-score")
    assert made.context == "influence"
    own = section(report, "detail-score")
    assert own.outcome == "Activity score"
    assert "Participants are independent" in words(own)
    barg = {row.cells[0].text: row.cells[2].value for row in table(report, "barg").rows}
    assert all(barg[item] for item in ("1B", "1E", "3A", "5A"))


def test_each_fit_has_its_residuals_and_each_posterior_its_checks(report, found):
    made = {row.cells[0].text: [cell.value for cell in row.cells[1:]] for row in table(report, "fit").rows}
    assert list(made) == ["Activity score", "Salivary flow", "well", "unknown"]
    for place, engine in enumerate(found.engines):
        size = found["score"][engine].residuals("scaled").abs()
        beyond = pytest.approx((size > 1.96).mean())
        assert made["Activity score"][2 * place : 2 * place + 2] == [beyond, size.max()]
    sensitivity = ml.prior_sensitivity(found["score"]["Bayesian"]).loc["contrast"]
    assert made["Activity score"][6] == sensitivity[["coefficients", "sds", "correlations"]].max(axis=None)
    p = ml.predictive_check(found["score"]["Bayesian"], "sd", n=200, seed=1)["predictive_p"]
    assert made["Activity score"][5] == (((p < 0.025) | (p > 0.975)).sum(), 4)
    # Of yes or no the SD says nothing that the mean does not.
    assert made["well"][4][1] == 4
    assert made["well"][5] is None


def test_engines_are_compared_where_they_fitted_one_model(report, found):
    made = {row.cells[0].text: row for row in table(report, "agreement-1").rows}
    one, other = (found.contrasts(engine).loc["score"] for engine in found.engines)
    largest = ((other["estimate"] - one["estimate"]) / one["se"]).abs().max()
    assert made["Activity score"].cells[2].value == pytest.approx(largest, rel=1e-12)
    assert made["well"].cells[3].text == "other models"


def test_failures_and_approximations_are_told(report, found):
    (row,) = table(report, "failures").rows[:1]
    assert row.cells[0].text == "constant"
    assert row.cells[2].text in found.failures["reason"].tolist()
    told = words(section(report, "checks"))
    assert "Fitted by their declared approximation (frequentist): well" in told
    assert "All outcomes: The order of the visits" in told


def test_the_audit_of_printed_figures_is_printed_and_not_stamped_synthetic(report, printed):
    made = table(report, "published")
    assert [row.cells[5].text for row in made.rows] == printed["verdict"].tolist()
    assert made.rows[1].cells[6].text == "impossible"
    assert made.stamp == "As published"


def test_figures_that_no_exact_test_gives_are_named_above_the_table_and_in_the_summary(report):
    sentence = (
        "Impossible by any exact rank test: anti_ssa at month 1 (n = 5, p < 0.001): no exact signed-rank or sign test "
        "of 5 changes can give a p below 0.0625."
    )
    assert sentence in words(section(report, "published"))
    assert sentence in words(section(report, "answer"))
    assert plain(table(report, "published").caption).endswith("2 tight; 1 impossible by any exact rank test")


def test_every_test_has_its_reason_whatever_the_verdict(found):
    flow = {"outcome": "flow", "visit": "week 2", "n": 11, "p": "0.008"}
    score = {"outcome": "score", "n": 24, "pre": ("5.63", "1.44"), "post": ("4.33", "1.79"), "p": "<0.05"}
    given = audit([flow, score | {"integer": True}, {"outcome": "unknown"}])
    made = audit_table(found, given, "published-reasons")
    rows = {group: [] for group in dict.fromkeys(row.group for row in made.rows)}
    for row in made.rows:
        rows[row.group].append(tuple(cell.text for cell in row.cells))
    of_flow, of_score, of_unknown = rows.values()
    single = audit_paired(11, p="0.008")
    assert [row[1] for row in of_flow] == [verdict.word for verdict in single.verdicts.values()]
    assert [row[2] for row in of_flow] == [verdict.reason for verdict in single.verdicts.values()]
    assert "tight" in {row[1] for row in of_flow} != {"tight"}
    assert "sum 135, sum of squares 807" in of_score[-1][2]
    assert of_unknown == [("Every test", "not testable", "no n and no p-value printed")]


def test_the_plans_note_stands_wherever_the_report_leans_on_the_plan(report):
    for key in ("answer", "estimands", "outcomes", "multiplicity", "model"):
        assert words(section(report, key)).count("This plan was made afterwards.") == 1, key


def test_a_correction_for_continuity_is_told_with_the_change_that_it_makes(report):
    (note,) = [plain(note) for note in table(report, "responders").notes if "continuity" in note]
    assert "frequentist and Bayesian probability is P(change ≤ −1.5)" in note
    assert "held against −2" in note
    assert "Activity score, scored in steps" in words(section(report, "model"))


def test_the_code_names_the_data_where_they_can_be_made_again(report, found):
    def part(given, printed=False):
        return reproducibility(study_result(given), report.created, printed)

    def code(given, printed=False):
        return [block for block in part(given, printed).blocks if isinstance(block, Code)][1].text

    assert "data = ...  # your table" in code(found)
    assert "published" not in code(found)
    made = found.table.copy()
    made.attrs |= {"seed": 3, "call": "ml.datasets.sjogren_msct(seed=3)"}
    text = code(replace(found, table=made), printed=True)
    compile(text, "rerun", "exec")
    assert "data = ml.datasets.sjogren_msct(seed=3)" in text
    assert "ml.report(found, published=printed)" in text
    told = words(part(replace(found, table=made)))
    assert "Random seed of the synthetic data: 3" in told


def test_synthetic_data_are_stamped_everywhere(report, page):
    assert report.stamp == "Synthetic: made for a test."
    assert {one.stamp for one in report.tables if not one.key.startswith("published")} == {"Synthetic"}
    assert {one.stamp for one in report.figures} == {"Synthetic"}
    assert all(">Synthetic data</text>" in figure.svg for figure in report.figures)
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", page)
    assert len(captions) == len(report.tables) + len(report.figures)
    assert (
        sum('<span class="stamp">Synthetic.</span>' in caption for caption in captions) == len(captions) - 2
    )
    assert page.index("Synthetic: made for a test.") < page.index("<h1>")
    assert "Scores are normal." in words(section(report, "synthetic"))


def test_the_plan_and_the_code_are_given(report, found):
    codes = [block for block in section(report, "reproducibility").blocks if type(block).__name__ == "Code"]
    assert ml.AnalysisPlan.from_toml(codes[0].text) == found.plan
    compile(codes[1].text, "rerun", "exec")
    assert "1 (Bayesian)" in words(section(report, "reproducibility"))


def test_methods_name_estimation_once_and_cite(report):
    told = words(section(report, "model"))
    assert "there was no control group" in told
    assert told.count("Kenward and Roger (1997)") == 1
    assert "Mee RW" in told
    assert "ICH E9(R1)" in told


def test_one_audit_is_taken_as_well_as_a_table(found):
    one = audit_paired(5, p="<0.001", label="Anti-SSA")
    made = audit_table(found, one, "published")
    assert [row.cells[0].text for row in made.rows] == ["Anti-SSA"]


def test_what_is_not_for_a_study_is_refused(found, hamd17, printed):
    with pytest.raises(SpecError, match="declared in its plan"):
        ml.report(found, adjust="holm")
    with pytest.raises(SpecError, match="for the report of a study"):
        ml.report(hamd17, published=printed)
    with pytest.raises(SpecError, match="has no r_needed"):
        ml.report(found, published=printed.drop(columns="r_needed"))
