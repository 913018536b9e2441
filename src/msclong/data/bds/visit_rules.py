"""Rules of the analysis visits: their names and numbers, their dates, and which record of a visit is analysed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from msclong.data.bds.dates import record_dates
from msclong.data.bds.rule import Finding, one_to_one
from msclong.data.bds.view import VISIT, View, together
from msclong.errors import listing


def visit_one_to_one(view: View) -> Iterator[Finding]:
    """Within a parameter, an AVISIT has one AVISITN, and no two have the same."""
    yield from one_to_one(view, "AVISIT", "AVISITN", within="PARAMCD")


def visit_given(view: View) -> Iterator[Finding]:
    """Every analysis record with a value, and every baseline record, has an AVISIT, if its parameter has visits."""
    value = view.given("AVAL") | view.given("AVALC")
    with_visits = np.isin(view.codes("PARAMCD"), view.codes("PARAMCD")[view.given("AVISIT")])
    needed = view.baseline_row | (view.known & view.analysed & value)
    for row in np.flatnonzero(needed & with_visits & ~view.given("AVISIT")):
        what = "the baseline record" if view.baseline_row[row] else "a record that is to be analysed"
        yield Finding((row,), f"AVISIT is missing in {what}.")


def visit_dates(view: View) -> Iterator[Finding]:
    """ADT (or ADTM, or ADY, where it is not a date) does not run backwards while AVISITN runs forwards."""
    dates = next(record_dates(view), None)
    if dates is None:
        return
    when, number, visit = dates.numbers, view.number("AVISITN"), view.text("AVISIT")
    # AVISITN may start anew in each period of a crossover.
    series = view.groups("USUBJID", "PARAMCD", "BASETYPE", "APERIOD")
    usable = np.flatnonzero(view.known & view.analysed & view.observed & ~np.isnan(number) & ~np.isnan(when))
    order = usable[np.lexsort((when[usable], number[usable], series[usable]))]
    before, after = order[:-1], order[1:]
    backwards = (
        (series[before] == series[after]) & (number[before] < number[after]) & (when[before] > when[after])
    )
    for pair in zip(before[backwards].tolist(), after[backwards].tolist(), strict=True):
        this, following = (f"{dates.words[row]} at {visit[row]!r}" for row in pair)
        yield Finding(pair, f"{dates.name} is {this} and {following}, which follows it.")


def one_analysis_record(view: View) -> Iterator[Finding]:
    """Of a subject, parameter and visit, one observed record has ANL01FL 'Y' (without ANL01FL, one is there)."""
    rows = view.known & view.analysed & view.observed & view.given("AVISIT")
    count = np.bincount(view.visits[rows], minlength=view.visits.max(initial=0) + 1)[view.visits]
    for several in together(rows & (count > 1), view.visits):
        marked = "have ANL01FL 'Y'" if view.has("ANL01FL") else "are there, and no ANL01FL to choose"
        yield Finding(several, f"{len(several)} records of the visit {marked}.")


def unmarked_visit(view: View) -> Iterator[Finding]:
    """A subject's observed visit has a record with ANL01FL 'Y' where other subjects' have."""
    marked = view.known & view.analysed
    of_others = view.groups("PARAMCD", "AVISIT")
    chosen = np.isin(view.visits, view.visits[marked])
    analysed_visit = np.isin(of_others, of_others[marked & view.given("AVISIT")])
    rows = view.known & view.observed & view.given("AVAL") & analysed_visit & ~chosen
    for unmarked in together(rows, view.visits):
        yield Finding(unmarked, "No record of the visit has ANL01FL 'Y': the observed value is not analysed.")


def derived_record(view: View) -> Iterator[Finding]:
    """Every record was observed: DTYPE, which says how one was computed, is blank."""
    for rows in together(view.known & view.derived, view.groups("USUBJID", "PARAMCD", "DTYPE")):
        yield Finding(rows, f"DTYPE is {view.text('DTYPE')[rows[0]]!r}: computed, not observed.")


def derived_duplicate(view: View) -> Iterator[Finding]:
    """No computed record is analysed beside an observed one of its visit, or another of its DTYPE."""
    rows = view.known & view.analysed & view.given("AVISIT")
    derived = rows & view.derived
    beside = derived & np.isin(view.visits, view.visits[rows & view.observed])
    kinds = view.groups(*VISIT, "DTYPE")
    count = np.bincount(kinds[derived], minlength=kinds.max(initial=0) + 1)[kinds]
    twice = derived & (count > 1)
    concerned = np.isin(view.visits, view.visits[beside | twice])
    undecided = "ANL01FL is 'Y' in all of them" if view.has("ANL01FL") else "there is no ANL01FL to choose"
    for several in together(rows & concerned, view.visits):
        kinds_there = listing(view.text("DTYPE")[several].dropna().unique())
        yield Finding(
            several, f"Records with DTYPE {kinds_there} stand beside others of the visit, and {undecided}."
        )
