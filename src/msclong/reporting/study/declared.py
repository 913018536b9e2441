"""The outcomes as they were declared: role, direction, margin, and the model that each engine fits."""

from __future__ import annotations

from collections.abc import Sequence

from msclong.families.registry import family_of
from msclong.printing import numbers
from msclong.reporting.cautions import structure_name
from msclong.reporting.covariance_words import covariance_in_words
from msclong.reporting.record import (
    Block,
    Cell,
    Code,
    Column,
    Definitions,
    Equation,
    FoldOut,
    Paragraph,
    Row,
    Section,
    Table,
)
from msclong.reporting.study.plan_note import plan_note
from msclong.reporting.study.results import OutcomeResult, StudyResult
from msclong.reporting.study.tables import family_name
from msclong.reporting.wording import listed, sentence, spoken
from msclong.spec.model_spec import ModelSpec


def declared(found: StudyResult) -> Section:
    """A table with a row for each outcome."""
    fitted = [
        engine for engine in found.bayesian if any(engine in one.approximated for one in found.outcomes)
    ]
    columns = (
        Column("Outcome", kind="prose"), Column("Role"), Column("Better"), Column("Margin", kind="number"),
        Column("MID", kind="number"), Column("n", kind="number"), Column("Visits", kind="number", stat="n.visits"),
        Column("Model", kind="prose"),
        *(Column(f"Approximation ({spoken(engine)})", kind="prose") for engine in fitted),
    )  # fmt: skip
    rows = tuple(_row(one, fitted) for one in found.outcomes)
    notes = [
        "Better: the direction of benefit. Margin: the relevant change of the mean, a ratio where the model has "
        "ratios. MID: the minimal important difference of one patient. n: patients with the outcome. Models in full: "
        "[[section:model]]."
    ]
    if fitted:
        notes.append(
            "Approximation: what the plan declares for engines that do not have the outcome\u2019s own family."
        )
    if any(one.endpoint.sign is None for one in found.outcomes):
        notes.append("Of outcomes without a direction nothing is said to have improved.")
    table = Table("outcomes", "The outcomes in the analysis plan", columns, rows, tuple(notes))
    return Section("outcomes", "The outcomes", (*plan_note(found), table))


def models(found: StudyResult) -> FoldOut:
    """Every model in an equation and in words."""
    blocks = tuple(block for one in found.fitted for block in _model(one))
    return FoldOut("Every model: formula, equation, covariance", blocks)


def _row(one: OutcomeResult, fitted: Sequence[str]) -> Row:
    spec, first = one.endpoint.spec, one.first
    cells = [
        Cell(one.title),
        Cell(one.endpoint.role),
        Cell(one.endpoint.better or "not declared"),
        *(
            Cell(numbers.DASH) if value is None else Cell(numbers.stated(value), value)
            for value in (spec.margin, one.endpoint.mid)
        ),
        Cell("0", 0)
        if first is None
        else Cell(numbers.count(first.first.n_subjects), first.first.n_subjects),
        Cell(numbers.DASH) if first is None else Cell(str(len(first.times)), len(first.times)),
    ]
    cells.append(Cell(_words(spec) if one.analyses else f"{_words(spec)} (failed)"))
    cells += [
        Cell(_words(one.analyses[engine].spec) if engine in one.approximated else numbers.DASH)
        for engine in fitted
    ]
    return Row(tuple(cells))


def _words(spec: ModelSpec) -> str:
    """'Lognormal, censored; unstructured (us)'."""
    name = family_name(spec.family)
    text = f"{name[:1].upper()}{name[1:]}{', censored' if spec.censored else ''}"
    parts = [structure_name(str(spec.parsed.structure))] if spec.parsed.structure is not None else []
    parts += [f"random effects {term}" for term in spec.parsed.random]
    return "; ".join([text, *parts])


def _model(one: OutcomeResult) -> list[Block]:
    """Each model of the outcome once, with the engines that fitted it."""
    blocks: list[Block] = [Paragraph(one.title)]
    by_formula: dict[tuple[str, str], list[str]] = {}
    for engine, analysis in one.analyses.items():
        by_formula.setdefault((analysis.spec.formula, analysis.spec.family), []).append(engine)
    for (formula, family), engines in by_formula.items():
        analysis = one.analyses[engines[0]]
        text = f"{listed([spoken(name) for name in engines])}: {family_of(family).description}."
        terms = [("Family", text), ("Covariance", covariance_in_words(analysis.design).text)]
        terms += _censoring(one, engines)
        blocks += [Code(formula, "formula"), Equation(analysis.spec.equation()), Definitions(tuple(terms))]
    return blocks


def _censoring(one: OutcomeResult, engines: Sequence[str]) -> list[tuple[str, str]]:
    """What each engine makes of censored outcomes, of which the equation says nothing."""
    if one.endpoint.spec.censored is None:
        return []
    told: dict[str, list[str]] = {}
    for engine in engines:
        column = one.analyses[engine].spec.censored
        how = (
            "the limit is taken for the value, as if it had been measured"
            if column is None
            else f"outcomes marked in {column} lie beyond the limit that is recorded, and enter the likelihood as that"
        )
        told.setdefault(how, []).append(spoken(engine))
    return [("Censoring", sentence("; ".join(f"{listed(names)}: {how}" for how, names in told.items())))]
