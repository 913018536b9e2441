"""Every rule finds what was planted, with its rows, through a file; and nothing where nothing was."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.data.bds import RULES

# Row numbers of `synthetic_trial`: subject s (from 0) has rows 8 s + 1 to 8 s + 4 of QSTOT, Baseline, Week 2, 4 and 8,
# and 8 s + 5 to 8 s + 8 of FLOW.


def row(subject: int, parameter: str, visit: int) -> int:
    return 8 * subject + (4 if parameter == "FLOW" else 0) + visit + 1


def with_copy(table: pd.DataFrame, at: int, **changed: object) -> pd.DataFrame:
    extra = table.loc[[at]].assign(**changed)
    return pd.concat([table, extra], ignore_index=True).set_axis(pd.RangeIndex(1, len(table) + 2, name="row"))


def plant_key_values(table, s):
    at = row(s, "QSTOT", 2)
    table.loc[at, "PARAMCD"] = np.nan
    return table, {("key_values", (at,))}


def plant_numeric_values(table, s):
    at = row(s, "QSTOT", 1)
    day = table["ADY"].astype(int).astype(str)
    day[at] = "day 15"
    return table.assign(ADY=day), {("numeric_values", (at,))}


def plant_flag_values(table, s):
    at = row(s, "FLOW", 3)
    table.loc[at, "PPFL"] = "U"
    return table, {("flag_values", (at,))}


def plant_parameter_one_to_one(table, s):
    at = row(s, "QSTOT", 3)
    table.loc[at, "PARAM"] = "Questionnaire total"
    return table, {("parameter_one_to_one", (at,))}


def plant_treatment_constant(table, s):
    at = row(s, "QSTOT", 0)
    table.loc[at, "TRT01P"] = "Other"
    return table, {("treatment_constant", (at,))}


def plant_population_constant(table, s):
    at = row(s, "QSTOT", 2)
    table.loc[at, "FASFL"] = np.nan
    return table, {("population_constant", (at,))}


def plant_one_baseline(table, s):
    """Two baselines: which of them BASE should be is open, so `base_value` has nothing to say."""
    at = row(s, "QSTOT", 1)
    table.loc[at, "ABLFL"] = "Y"
    return table, {("one_baseline", (at - 1, at))}


def plant_no_baseline(table, s):
    rows = [row(s, "FLOW", visit) for visit in range(4)]
    table.loc[rows, ["ABLFL", "BASE", "CHG", "PCHG"]] = np.nan
    return table, {("no_baseline", tuple(rows))}


def plant_basetype_given(table, s):
    at = row(s, "FLOW", 2)
    table.loc[at, "BASETYPE"] = np.nan
    return table, {("basetype_given", (at,))}


def plant_base_value(table, s):
    """CHG and PCHG follow the wrong BASE, so only BASE is wrong."""
    at = row(s, "QSTOT", 2)
    table.loc[at, "BASE"] += 1
    table.loc[at, "CHG"] = table.loc[at, "AVAL"] - table.loc[at, "BASE"]
    table.loc[at, "PCHG"] = 100 * table.loc[at, "CHG"] / table.loc[at, "BASE"]
    return table, {("base_value", (at,))}


def plant_change(table, s):
    at = row(s, "QSTOT", 3)
    table.loc[at, "CHG"] += 0.01
    return table, {("change", (at,))}


def plant_percent_change(table, s):
    at = row(s, "FLOW", 1)
    table.loc[at, "PCHG"] = -table.loc[at, "PCHG"]
    return table, {("percent_change", (at,))}


def plant_visit_one_to_one(table, s):
    at = row(s, "QSTOT", 2)
    table.loc[at, "AVISITN"] = 5
    return table, {("visit_one_to_one", (at,))}


def plant_visit_given(table, s):
    at = row(s, "QSTOT", 1)
    table.loc[at, "AVISIT"] = np.nan
    return table, {("visit_given", (at,))}


def plant_visit_dates(table, s):
    at = row(s, "FLOW", 2)
    table.loc[at, "ADT"] += pd.Timedelta(days=60)
    return table, {("visit_dates", (at, at + 1))}


def plant_one_analysis_record(table, s):
    at = row(s, "FLOW", 3)
    return with_copy(table, at), {("one_analysis_record", (at, len(table) + 1))}


def plant_unmarked_visit(table, s):
    at = row(s, "QSTOT", 1)
    table.loc[at, "ANL01FL"] = np.nan
    return table, {("unmarked_visit", (at,))}


def plant_derived_record(table, s):
    at = row(s, "QSTOT", 3)
    table.loc[at, "DTYPE"] = "LOCF"
    return table, {("derived_record", (at,))}


def plant_derived_duplicate(table, s):
    """The duplicate is a derived record too, which is a notice of its own."""
    at, new = row(s, "QSTOT", 3), len(table) + 1
    return with_copy(table, at, DTYPE="LOCF"), {("derived_duplicate", (at, new)), ("derived_record", (new,))}


PLANTS = {
    name.removeprefix("plant_"): value for name, value in dict(globals()).items() if name.startswith("plant_")
}


def found(violations: pd.DataFrame) -> set[tuple[str, tuple[int, ...]]]:
    pairs = list(zip(violations["rule"], violations["rows"], strict=True))
    assert len(set(pairs)) == len(pairs)
    return set(pairs)


def test_every_rule_has_a_plant():
    assert {"required_variables", *PLANTS} == set(RULES)


def test_the_clean_file_has_no_violation(trial, written, file_format):
    assert ml.read_bds(written(trial, file_format)).violations.empty


@pytest.mark.parametrize("rule", PLANTS)
def test_one_planted_violation_is_all_that_is_found(trial, written, rule):
    table, expected = PLANTS[rule](trial, 3)
    assert found(ml.read_bds(written(table)).violations) == expected


@pytest.mark.parametrize("name", ["USUBJID", "PARAMCD", "AVISIT", "AVAL"])
def test_a_missing_variable_is_all_that_is_found(trial, written, name):
    violations = ml.read_bds(written(trial.drop(columns=name))).violations
    assert found(violations) == {("required_variables", ())}
    assert name in violations["problem"].item()


def test_one_file_with_every_violation(trial_of_24, written, file_format):
    """Each in a subject of its own, so that none hides another."""
    table, expected = trial_of_24, set()
    for subject, plant in enumerate(PLANTS.values()):
        table, planted = plant(table, subject)
        expected |= planted
    assert len(expected) == len(PLANTS) + 1
    assert found(ml.read_bds(written(table, file_format)).violations) == expected


def test_a_violation_says_whose_it_is(trial):
    table, _ = plant_change(trial, 3)
    (violation,) = ml.check_bds(table).to_dict("records")
    assert violation["severity"] == "error"
    assert [violation[key] for key in ("USUBJID", "PARAMCD", "AVISIT")] == ["SYN-01-004", "QSTOT", "Week 8"]
    row = table.loc[violation["rows"][0]]
    assert violation["problem"] == f"CHG is {row['CHG']:.8g}, but AVAL - BASE is {row['CHG'] - 0.01:.8g}."


def test_keys_on_which_the_rows_disagree_are_missing(trial):
    table, _ = plant_no_baseline(trial, 3)
    assert ml.check_bds(table)["AVISIT"].item() is None


# Odd, but right: nothing of this is a violation.
def test_baseline_records_may_have_a_change_of_zero(trial):
    at_baseline = trial["AVISITN"] == 0
    assert ml.check_bds(trial.assign(CHG=trial["CHG"].mask(at_baseline, 0.0))).empty


def test_figures_rounded_to_seven_digits_are_right(trial):
    rounded = trial.copy()
    for name in ("AVAL", "BASE", "CHG", "PCHG"):
        rounded[name] = trial[name].map(lambda value: float(f"{value:.7g}"))
    assert ml.check_bds(rounded).empty


@pytest.mark.parametrize("decimals", [0, 1, 2, 4])
def test_a_percent_change_may_be_rounded(trial, decimals):
    rounded = trial.assign(PCHG=trial["PCHG"].round(decimals))
    assert ml.check_bds(rounded).empty
    rounded.loc[2, "PCHG"] = round(rounded.loc[2, "PCHG"] + 3 * 10.0**-decimals, decimals)
    assert found(ml.check_bds(rounded)) == {("percent_change", (2,))}


def test_rounding_of_one_parameter_excuses_no_other(trial):
    trial["PCHG"] = trial["PCHG"].mask(trial["PARAMCD"] == "QSTOT", trial["PCHG"].round(0))
    trial.loc[row(0, "FLOW", 1), "PCHG"] += 0.3
    assert found(ml.check_bds(trial)) == {("percent_change", (row(0, "FLOW", 1),))}


def crossover(trial: pd.DataFrame) -> pd.DataFrame:
    """Two periods with visits of the same names; the baseline is of the first."""
    second = trial[trial["ABLFL"].isna()].assign(APERIOD=2, ADT=trial["ADT"] + pd.Timedelta(days=90))
    return pd.concat([trial.assign(APERIOD=1), second])


def test_the_periods_of_a_crossover_may_have_the_same_visits(trial):
    assert ml.check_bds(crossover(trial)).empty


def test_a_parameter_without_visits_needs_none(trial):
    event = trial[trial["AVISIT"] == "Week 8"].assign(
        PARAMCD="TTE", PARAM="Time to event", PARAMN=9, BASETYPE=None, AVISIT=np.nan, AVISITN=np.nan,
        **dict.fromkeys(("BASE", "CHG", "PCHG"), np.nan),
    )  # fmt: skip
    assert ml.check_bds(pd.concat([trial, event[event["AVAL"].notna()].drop_duplicates("USUBJID")])).empty


def test_a_baseline_record_without_visit_is_found_though_it_is_not_marked(trial):
    trial.loc[1, ["AVISIT", "ANL01FL"]] = np.nan
    (violation,) = ml.check_bds(trial).query("rule == 'visit_given'").to_dict("records")
    assert violation["rows"] == (1,)
    assert violation["problem"] == "AVISIT is missing in the baseline record."


def test_the_date_of_a_computed_record_is_no_visit(trial):
    table = with_copy(trial, row(2, "QSTOT", 3), DTYPE="LOCF", ADT=trial.loc[row(2, "QSTOT", 1), "ADT"])
    table.loc[row(2, "QSTOT", 3), "ANL01FL"] = np.nan
    assert set(ml.check_bds(table)["rule"]) == {"derived_record"}


def test_a_flag_of_records_may_change_within_a_subject(trial):
    assert ml.check_bds(trial.assign(ITTRFL=trial["ABLFL"])).empty


def test_each_basetype_has_its_own_baseline(trial):
    twice = pd.concat(
        [trial, trial.assign(BASETYPE=trial["BASETYPE"].where(trial["BASETYPE"].isna(), "FIRST"))]
    )
    twice = twice[(twice["PARAMCD"] == "FLOW")]
    assert ml.check_bds(twice).empty
    assert set(ml.check_bds(twice.drop(columns="BASETYPE"))["rule"]) == {
        "one_baseline",
        "one_analysis_record",
    }


def test_times_within_a_visit_are_not_duplicates(trial):
    later = trial[trial["ABLFL"].isna()]
    table = pd.concat([trial.assign(ATPT="PRE"), later.assign(ATPT="POST")])
    assert ml.check_bds(table).empty


def test_a_parameter_without_any_baseline_needs_none(trial):
    table = trial.copy()
    table.loc[table["PARAMCD"] == "FLOW", ["ABLFL", "BASE", "CHG", "PCHG"]] = np.nan
    assert ml.check_bds(table).empty


@pytest.mark.parametrize("as_text", [False, True])
def test_days_are_compared_where_there_are_no_dates(trial, as_text):
    at = row(3, "QSTOT", 2)
    trial.loc[at, "ADY"] = 90
    table = trial.drop(columns="ADT")
    table = table.assign(ADY=table["ADY"].astype(str)) if as_text else table
    violations = ml.check_bds(table).query("rule == 'visit_dates'")
    assert found(violations) == {("visit_dates", (at, at + 1))}
    assert violations["problem"].item() == "ADY is 90 at 'Week 4' and 57 at 'Week 8', which follows it."


def test_a_date_that_runs_backwards_is_said(trial):
    table, _ = plant_visit_dates(trial, 0)
    assert ml.check_bds(table)["problem"].item() == (
        "ADT is 2024-05-29 at 'Week 4' and 2024-04-27 at 'Week 8', which follows it."
    )


def test_an_imputed_record_in_place_of_the_observed_one_is_a_notice_only(trial):
    table = with_copy(trial, row(2, "QSTOT", 3), DTYPE="LOCF")
    table.loc[row(2, "QSTOT", 3), "ANL01FL"] = np.nan
    assert set(ml.check_bds(table)["rule"]) == {"derived_record"}


def test_two_kinds_of_imputed_records_are_not_duplicates(trial):
    at = row(2, "QSTOT", 3)
    table = with_copy(trial, at, DTYPE="LOCF")
    table.loc[at, "DTYPE"] = "WOCF"
    assert set(ml.check_bds(table)["rule"]) == {"derived_record"}
    table.loc[at, "DTYPE"] = "LOCF"
    assert set(ml.check_bds(table)["rule"]) == {"derived_record", "derived_duplicate"}


def test_without_anl01fl_every_record_counts(trial):
    table = with_copy(trial.drop(columns="ANL01FL"), row(2, "QSTOT", 3))
    assert found(ml.check_bds(table)) == {("one_analysis_record", (row(2, "QSTOT", 3), 97))}


def test_base_without_a_baseline_record(trial):
    trial.loc[row(1, "QSTOT", 0), "ABLFL"] = np.nan
    (violation,) = ml.check_bds(trial).to_dict("records")
    assert violation["rule"] == "one_baseline"
    assert violation["rows"] == tuple(row(1, "QSTOT", visit) for visit in range(4))


def test_a_change_that_is_missing_after_baseline(trial):
    trial.loc[row(1, "QSTOT", 2), "CHG"] = np.nan
    trial.loc[row(1, "QSTOT", 3), "BASE"] = np.nan
    rules = found(ml.check_bds(trial))
    assert ("change", (row(1, "QSTOT", 2),)) in rules
    assert ("base_value", (row(1, "QSTOT", 3),)) in rules


def test_of_two_equally_frequent_names_both_are_found(trial):
    trial.loc[trial["AVISITN"] == 8, "AVISIT"] = "Week 4"
    assert len(ml.check_bds(trial).query("rule == 'visit_one_to_one'")) == 4


def test_numbers_as_text_are_found(trial):
    violations = ml.check_bds(trial.assign(AVAL=trial["AVAL"].astype(str)))
    assert violations["rule"].tolist() == ["numeric_values"]
    assert len(violations["rows"].item()) == len(trial)


def test_categories_and_other_libraries_are_checked_alike(trial):
    import polars as pl

    table, expected = plant_visit_one_to_one(trial, 3)
    categories = table.astype({"USUBJID": "category", "AVISIT": "category", "ABLFL": "category"})
    assert found(ml.check_bds(categories)) == expected
    assert found(ml.check_bds(pl.from_pandas(table))) == expected


def test_an_empty_table_has_no_rows_to_fault(trial):
    assert ml.check_bds(trial.iloc[:0]).empty


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_base_and_change_against_a_plain_loop(trial, seed):
    """Random damage: the rows of three rules, found by loops over subjects."""
    rng = np.random.default_rng(seed)
    for name in ("AVAL", "BASE", "CHG"):
        trial.loc[rng.choice(trial.index, 6, replace=False), name] += 1.0
        trial.loc[rng.choice(trial.index, 4, replace=False), name] = np.nan
    trial.loc[rng.choice(trial.index, 5, replace=False), "ABLFL"] = "Y"
    trial.loc[rng.choice(trial.index, 3, replace=False), "ABLFL"] = np.nan
    one, base, change = set(), set(), set()
    for _, series in trial.groupby(["USUBJID", "PARAMCD"]):
        flagged = series[series["ABLFL"] == "Y"]
        if len(flagged) > 1:
            one |= set(flagged.index)
        if len(flagged) == 0:
            one |= set(series.index[series["BASE"].notna()])
        for label, record in series.iterrows():
            single = flagged.iloc[0] if len(flagged) == 1 else None
            after = single is not None and record["AVISITN"] > single["AVISITN"]
            if single is not None:
                if pd.notna(record["BASE"]):
                    if not abs(record["BASE"] - single["AVAL"]) < 1e-3:
                        base.add(label)
                elif (
                    pd.notna(single["AVAL"])
                    and pd.notna(record["AVAL"])
                    and (after or record["ABLFL"] == "Y")
                ):
                    base.add(label)
            expected = record["AVAL"] - record["BASE"]
            if pd.notna(record["CHG"]):
                if not abs(record["CHG"] - expected) < 1e-3:
                    change.add(label)
            elif after and pd.notna(expected):
                change.add(label)
    violations = ml.check_bds(trial)
    for rule, rows in (("one_baseline", one), ("base_value", base), ("change", change)):
        assert set(violations.loc[violations["rule"] == rule, "rows"].explode()) == rows


def test_violations_of_synthetic_data_say_so(trial):
    trial.attrs["synthetic"] = "Made for a test."
    assert ml.check_bds(trial).attrs["synthetic"] == "Made for a test."
    assert ml.read_bds(trial).violations.attrs["synthetic"] == "Made for a test."
