"""The ARD of a report: one row a statistic, in the shape of {cards}, at full precision in every file."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import SpecError
from msclong.reporting.ard import ard
from msclong.reporting.inline import said
from msclong.reporting.record import (
    Axes,
    Block,
    Cell,
    Column,
    Document,
    FoldOut,
    Noted,
    Paragraph,
    Row,
    Section,
    Table,
)

CARDS = [
    "group1", "group1_level", "group2", "group2_level", "variable", "variable_level", "context", "stat_name",
    "stat_label", "stat", "formatted", "warning", "error",
]  # fmt: skip
THIRD = 1 / 3


@pytest.fixture(scope="module")
def report(hamd17_report):
    return hamd17_report


@pytest.fixture(scope="module")
def table(report):
    return report.ard()


def document(*blocks: Block, **fields) -> Document:
    return Document("T", "", (Section("one", "One", blocks),), datetime(2026, 1, 1, tzinfo=UTC), **fields)


def small(key: str = "small", text: str = "0.33", value: object = THIRD, **column) -> Table:
    columns = (Column("Visit"), Column("Estimate", "Frequentist", "number", **column))
    return Table(key, "A table", columns, (Row((Cell("week 8"), Cell(text, value)), "Drug"),))


def test_it_has_the_columns_of_cards(table):
    assert [name for name in table if name in CARDS] == [
        "group1", "group1_level", "group2", "group2_level", "variable", "variable_level", "context", "stat_name",
        "stat_label", "stat", "formatted", "warning", "error",
    ]  # fmt: skip
    assert set(table) - set(CARDS) == {"stat_text", "scale", "section", "table"}
    assert table["stat"].dtype == np.float64


def test_contrasts_are_the_fits_own_to_the_last_bit(table, hamd17):
    names = {"estimate": "estimate", "lower": "conf.low", "upper": "conf.high", "se": "std.error",
             "df": "df", "statistic": "statistic", "p_value": "p.value"}  # fmt: skip
    found = table[(table["context"] == "contrasts") & (table["group1_level"] == "Frequentist")]
    fit = hamd17[0].contrasts()
    for column, name in names.items():
        own = found[found["stat_name"] == name]
        assert own["stat"].tolist() == fit[column].tolist(), name
        assert own["variable"].unique().tolist() == ["Change in HAMD-17 total score"]
    assert own["variable_level"].tolist() == ["1", "2", "4", "6", "8"] * 3
    assert own["group2"].unique().tolist() == ["arm"]
    assert own["group2_level"].unique().tolist() == ["TRT 1", "TRT 2", "TRT 2 \N{MINUS SIGN} TRT 1"]


def test_what_two_tables_and_a_sentence_print_is_one_row(table):
    found = table[(table["stat_name"] == "p.value") & (table["table"].fillna("").str.contains("contrasts"))]
    last = found[found["variable_level"] == "8"].iloc[-1]
    assert last["table"].split() == ["contrasts", "contrasts-1"]
    assert {"answer", "contrasts"} <= set(last["section"].split())
    assert (table.loc[table["context"].isin(["contrasts", "text"]), "stat"] == last["stat"]).sum() == 1


def test_engines_keep_their_names_of_evidence(table):
    bayesian = table[(table["group1_level"] == "Bayesian") & (table["context"] == "contrasts")]
    assert {"prob.negative", "ess.bulk", "rhat", "mcse"} <= set(bayesian["stat_name"])
    assert "p.value" not in set(bayesian["stat_name"])


def test_fit_statistics_are_named_as_broom_does(table, hamd17):
    found = table[(table["context"] == "convergence") & (table["group1_level"] == "Frequentist")]
    values = found.set_index("stat_name")["stat"]
    assert values["logLik"] == hamd17[0].loglik
    assert values["AIC"] == hamd17[0].aic
    assert found.set_index("stat_name").loc["converged", ["stat", "stat_text"]].tolist() == [1.0, "yes"]


def test_counts_are_by_arm_and_visit_and_shares_are_shares(table):
    found = table[
        (table["context"] == "visits") & (table["group1_level"] == "TRT 2") & (table["variable_level"] == "8")
    ]
    values = found.set_index("stat_name")
    assert values.loc["n", "stat"] + values.loc["n.missing", "stat"] == 100
    assert values.loc["p.missing", "stat"] == pytest.approx(values.loc["n.missing", "stat"] / 100, rel=1e-12)
    assert values.loc["p.missing", "scale"] == 100


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".json"])
def test_every_double_comes_back(report, table, tmp_path, suffix):
    path = report.to_ard(tmp_path / "made" / f"ard{suffix}")
    readers = {
        ".parquet": pd.read_parquet,
        ".csv": lambda path: pd.read_csv(path, dtype={"stat": str}).astype({"stat": float}),
        ".json": lambda path: pd.read_json(path, precise_float=True, dtype={"stat": float}),
    }
    read = readers[suffix](path)
    assert list(read) == list(table)
    np.testing.assert_array_equal(read["stat"], table["stat"])
    assert read["stat_name"].tolist() == table["stat_name"].tolist()
    for name in table:
        assert read[name].isna().tolist() == table[name].isna().tolist(), name
    assert table.loc[table["context"] == "notes", "section"].isna().all()
    assert (table["context"] == "notes").any()
    assert not (table.select_dtypes("string") == "").to_numpy(dtype=bool, na_value=False).any()


def test_another_suffix_is_refused(report, tmp_path):
    with pytest.raises(SpecError, match=r"'ard\.xlsx'.*ard\.parquet"):
        report.to_ard(tmp_path / "ard.xlsx")


def test_json_has_null_for_what_is_not_finite(tmp_path):
    from msclong.reporting.ard import write

    text = write(ard(document(small(text="\N{INFINITY}", value=np.inf))), tmp_path / "a.json").read_text(
        "utf-8"
    )
    assert '"stat": null' in text
    assert "\N{INFINITY}" in text


def test_a_table_without_annotation_has_sensible_names():
    (row,) = ard(document(FoldOut("More", (small(),)), outcome="Score")).itertuples()
    assert (row.group1, row.group1_level, row.group2, row.group2_level) == (
        "engine",
        "Frequentist",
        "group",
        "Drug",
    )
    assert (row.variable, row.variable_level, row.context) == ("Score", "week 8", "small")
    assert (row.stat_name, row.stat, row.formatted, row.section, row.table) == (
        "estimate",
        THIRD,
        "0.33",
        "one",
        "small",
    )


def test_what_is_said_of_columns_and_rows_comes_first():
    columns = (Column("Name"), Column("%", "Seen", "number", of=(("arm", "Drug"),), scale=100))
    row = Row((Cell("a"), Cell("33", THIRD)), "g", (("outcome", "Score"), ("visit", "8")), "p.seen")
    (found,) = ard(
        document(Table("t", "", columns, (row,), axes=Axes("x", "y", "z"), context="c"))
    ).itertuples()
    assert (found.group1, found.group1_level, found.variable, found.variable_level) == (
        "arm",
        "Drug",
        "Score",
        "8",
    )
    assert (found.context, found.stat_name, found.stat_label, found.scale) == ("c", "p.seen", "a", 100)


def test_limits_are_two_statistics_and_headings_without_a_name_become_one():
    columns = (Column("Visit"), Column("95% CI", kind="interval"), Column("Worst value, SEs"))
    cells = (Cell("8"), Cell("0.33 to \N{INFINITY}", (THIRD, np.inf)), Cell("2", 2))
    found = ard(document(Table("t", "", columns, (Row(cells),))))
    assert found["stat_name"].tolist() == ["conf.low", "conf.high", "worst.value.ses"]
    assert found["formatted"].tolist() == ["0.33", "\N{INFINITY}", "2"]
    assert found["stat"].tolist() == [THIRD, np.inf, 2]


def test_more_than_two_groups_are_composed():
    row = Row((Cell("a"), Cell("1", 1)), of=(("arm", "Drug"), ("sex", "f"), ("site", "9")))
    (found,) = ard(document(Table("t", "", (Column("x"), Column("n", "E")), (row,)))).itertuples()
    assert (found.group1_level, found.group2, found.group2_level) == ("E", "arm, sex, site", "Drug, f, 9")


def test_texts_are_kept_where_they_are_results():
    columns = (Column("Criterion"), Column("Met"), Column("Limit"), Column("Remark"))
    cells = (Cell("R-hat"), Cell("yes", True), Cell("< 1.01"), Cell("fine"))
    found = ard(document(Table("t", "", columns, (Row(cells),))))
    assert found["stat_name"].tolist() == ["met", "limit"]
    assert found["stat_text"].tolist() == ["yes", "< 1.01"]
    assert found["stat"].isna().tolist() == [False, True]


def test_a_sentences_figure_that_is_a_tables_is_not_repeated_but_counts_are():
    told = f"It was {said('0.33', THIRD, 'estimate')} in {said('24', 24, 'n')} patients. More follows."
    found = ard(document(Paragraph(told), small(), small("n", "24", 24, stat="n"))).set_index("context")
    assert found["stat"].tolist() == [THIRD, 24, 24]
    assert found.loc["text", "stat_label"] == "It was 0.33 in 24 patients."


def test_a_sentences_figure_that_several_rows_have_is_nobodys():
    rows = tuple(
        Row((Cell(name), Cell("0.33", THIRD)), of=(("outcome", name), ("visit", "8"))) for name in ("a", "b")
    )
    made = Table("t", "T", (Column("Outcome"), Column("p", "Frequentist", "number")), rows)
    paragraph = Paragraph(f"It was {said('0.33', THIRD, 'p.value')}.")
    found = ard(document(paragraph, made))
    assert found["variable"].fillna("").tolist() == ["a", "b", ""]
    assert found["context"].tolist() == ["t", "t", "text"]
    of_b = Section("two", "Two", (paragraph,), outcome="b")
    whole = document(made)
    found = ard(replace(whole, sections=(*whole.sections, of_b)))
    assert found["section"].tolist() == ["one", "one two"]


def test_nearly_equal_is_not_the_same():
    told = f"It was {said('0.33', np.nextafter(THIRD, 1), 'estimate')}."
    assert len(ard(document(Paragraph(told), small()))) == 2


def test_warnings_go_to_the_rows_of_their_fit_and_notes_have_their_own():
    warned, note = (
        Noted("Score", "Frequentist", "No convergence."),
        Noted("Score", "Bayesian", "3 subjects left out."),
    )
    found = ard(document(small(), outcome="Score", warnings=(warned,), notes=(note,)))
    assert found["warning"].fillna("").tolist() == ["No convergence.", ""]
    assert found["stat_text"].fillna("").tolist() == ["", "3 subjects left out."]
    other = Noted("Other", "Frequentist", "No convergence.")
    assert ard(document(small(), outcome="Score", warnings=(other,)))["warning"].isna().all()


def test_an_outcome_that_failed_is_a_row_with_its_error(fitted_with_failure):
    found = ml.report(fitted_with_failure).ard()
    failed = found[found["error"].notna()]
    reasons = fitted_with_failure.failures["reason"]
    assert set(failed["variable"]) == {"constant"}
    assert set(failed["error"]) == set(reasons)
    assert failed["stat"].isna().all()


@pytest.fixture(scope="module")
def fitted_with_failure():
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {"patient": np.repeat(np.arange(12), 2), "month": np.tile([0, 6], 12), "constant": 1.0}
    )
    table["score"] = rng.normal(size=24)
    outcomes = {"score": {"role": "primary", "better": "lower"}, "constant": {"better": "lower"}}
    with pytest.warns(ml.errors.MsclongWarning):
        return ml.Study(table, outcomes, {"formula": "{outcome} ~ C(month) + us(month | patient)"}).fit(
            n_jobs=1
        )
