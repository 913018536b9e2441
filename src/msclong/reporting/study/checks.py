"""Can the fits be relied on: convergence of each, failures with their reasons, fallbacks, and what was noticed."""

from __future__ import annotations

from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.cautions import unused, used, warned
from msclong.reporting.record import (
    Block,
    Bullets,
    Cell,
    Column,
    FoldOut,
    Noted,
    Paragraph,
    Row,
    Section,
    Subheading,
    Table,
)
from msclong.reporting.study.fit_of_outcomes import fit_of_outcomes
from msclong.reporting.study.results import OutcomeResult, StudyResult
from msclong.reporting.study.tables import NONE
from msclong.reporting.wording import inside, listed, spoken
from msclong.results.fit import Fit
from msclong.study.jobs import Fitted

MOST_NAMED = 6
"""Outcomes that share a note are named up to so many."""


def checks(found: StudyResult) -> Section:
    """Failures, convergence of each fit, fallbacks, how well each model fits, and notes once each."""
    fits = [
        (one, engine, analysis.first) for one in found.outcomes for engine, analysis in one.analyses.items()
    ]
    unfit = [(one, engine) for one, engine, fit in fits if not fit.outcome.converged]
    blocks: list[Block] = [Paragraph(_overview(found, len(fits), unfit))]
    blocks += _failures(found)
    if fits:
        blocks.append(_table(found))
    blocks += _deviations(found)
    if fits:
        blocks += fit_of_outcomes(found)
    notes = _notes(found)
    blocks.append(Subheading("What was noticed on the way"))
    blocks.append(
        FoldOut(say.counted(len(notes), "note"), (Bullets(tuple(notes)),)) if notes else Paragraph("Nothing.")
    )
    return Section("checks", "Checks", tuple(blocks))


def _overview(found: StudyResult, fits: int, unfit: list[tuple[OutcomeResult, str]]) -> str:
    text = f"{say.counted(fits, 'fit')} of {say.counted(len(found.outcomes), 'outcome')}"
    if not unfit:
        return f"{text}; all met their engine\u2019s criteria of convergence." if fits else f"{text}."
    named = listed([f"{one.label} ({spoken(engine)})" for one, engine in unfit])
    return f"{text}. These did not converge, and their figures should not be used as they are: {named}."


def _failures(found: StudyResult) -> list[Block]:
    failed: dict[tuple[str, str], list[str]] = {}
    for one in found.outcomes:
        for engine, reason in one.reasons.items():
            failed.setdefault((one.label, reason), []).append(engine)
    if not failed:
        return []
    columns = (
        Column("Outcome", kind="prose"),
        Column("Engine"),
        Column("Reason", kind="prose", stat="error"),
    )
    rows = tuple(
        Row(
            (Cell(label), Cell(", ".join(engines)), Cell(reason, reason)),
            of=(("outcome", label), ("engine", ", ".join(engines))),
        )
        for (label, reason), engines in failed.items()
    )
    return [Table("failures", "Outcomes without results, and why", columns, rows)]


def _table(found: StudyResult) -> Table:
    columns = [Column("Outcome", kind="prose")]
    for engine, posterior in found.bayesian.items():
        columns.append(Column("Converged", engine))
        if posterior:
            columns += [Column("Checks met", engine, "interval", ("n", "N")),
                        Column("Least ESS", engine, "number", "ess.bulk.least"),
                        Column("Pareto k\N{COMBINING CIRCUMFLEX ACCENT}", engine, "number", "pareto.k")]  # fmt: skip
        else:
            columns.append(Column("Iterations", engine, "number"))
    rows = []
    for one in found.fitted:
        cells = [Cell(one.label)]
        for engine, posterior in found.bayesian.items():
            fit = one.analyses[engine].first if engine in one.analyses else None
            cells += [NONE] * (4 if posterior else 2) if fit is None else _cells(one, engine, fit, posterior)
        rows.append(Row(tuple(cells)))
    notes = []
    if any(found.bayesian.values()):
        notes.append(
            "Checks met: criteria of the draws, judged by their worst value over all that is reported. Least ESS: "
            "smallest effective sample size of a contrast."
        )
    return Table("convergence", "Convergence of each fit", tuple(columns), tuple(rows), tuple(notes))


def _cells(one: OutcomeResult, engine: str, fit: Fit, posterior: bool) -> list[Cell]:
    outcome = fit.outcome
    state = "yes" if outcome.converged else "no"
    cells = [Cell(state + (", on its boundary" if outcome.singular else ""), outcome.converged)]
    if not posterior:
        return [*cells, _diagnostic(fit, "iterations")]
    met = sum(check.passed for check in outcome.checks)
    checks = Cell(f"{met} of {len(outcome.checks)}", (met, len(outcome.checks))) if outcome.checks else NONE
    table = one.tables.get(engine)
    least = NONE
    if table is not None and "ess_bulk" in table and table["ess_bulk"].notna().any():
        least = Cell(numbers.count(table["ess_bulk"].min()), float(table["ess_bulk"].min()))
    return [*cells, checks, least, _diagnostic(fit, "Pareto k-hat")]


def _diagnostic(fit: Fit, name: str) -> Cell:
    value = fit.outcome.diagnostics.get(name)
    if not isinstance(value, (int, float)):
        return NONE
    return Cell(str(value) if isinstance(value, int) else numbers.fixed(value, 2), value)


def _deviations(found: StudyResult) -> list[Block]:
    """Declared structures that were not used, and approximations."""
    told = []
    for one in found.fitted:
        for engine, analysis in one.analyses.items():
            tried = unused(analysis)
            if tried:
                reasons = "; ".join(f"{name}: {inside(reason)}" for name, reason in tried)
                told.append(f"{one.label} ({spoken(engine)}): {used(analysis)} in place of {reasons}.")
    if approximated := [one.label for one in found.fitted if one.approximated]:
        engines = {spoken(engine) for one in found.fitted for engine in one.approximated}
        told.append(
            f"Fitted by their declared approximation ({listed(sorted(engines))}): {listed(approximated)}; see "
            "[[table:outcomes]]."
        )
    if not told:
        return [Paragraph("Every outcome was fitted by the model that was declared first for it.")]
    return [Subheading("Fallbacks and approximations"), Bullets(tuple(told))]


def warned_of(found: StudyResult) -> list[Noted]:
    """What must be known of each fit's figures, for the ARD."""
    told = [
        note
        for one in found.outcomes
        for analysis in one.analyses.values()
        for note in warned(analysis, one.label)
    ]
    for one in found.outcomes:
        for engine in one.analyses:
            if isinstance(result := found.study.results[one.name][engine], Fitted):
                told += [Noted(one.label, engine, text) for text in result.warnings]
    return told


def noted_of(found: StudyResult) -> list[Noted]:
    """What each fit left out, noticed or warned of, for the ARD."""
    labels = {one.name: one.label for one in found.outcomes}
    table = found.study.notes
    return [
        Noted(labels[outcome], engine, str(note))
        for (outcome, engine), note in zip(table.index, table["note"], strict=True)
    ]


def _notes(found: StudyResult) -> list[str]:
    """Each note once, with the outcomes that it is of."""
    of: dict[str, list[str]] = {}
    for outcome, _, note in noted_of(found):
        of.setdefault(note, []).append(outcome)
    told = []
    for note, outcomes in of.items():
        names = list(dict.fromkeys(outcomes))
        if len(names) == len(found.fitted) > 1:
            told.append(f"All outcomes: {note}")
        elif len(names) > MOST_NAMED:
            told.append(f"{say.counted(len(names), 'outcome')}: {note}")
        else:
            told.append(f"{listed(names)}: {note}")
    return told
