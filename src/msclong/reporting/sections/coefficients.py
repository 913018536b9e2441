"""The terms and the coefficients of the fixed part."""

from __future__ import annotations

from msclong.design.fixed_effects import FixedEffects
from msclong.errors import HypothesisError
from msclong.printing import numbers
from msclong.reporting.analysis import LEVEL, Analysis
from msclong.reporting.record import Block, Cell, Column, FoldOut, Paragraph, Row, Section, Table
from msclong.reporting.sections.draws import errors_note
from msclong.reporting.tables import full_table, number_cell
from msclong.reporting.wording import listed, spoken
from msclong.results.fit import Fit


def coefficients(analysis: Analysis) -> Section:
    """F tests of the terms, and one table of coefficients for each engine, folded away on screen."""
    folds: list[Block] = []
    for number, (name, fit) in enumerate(analysis.fits.items(), start=1):
        table = fit.coefficients(LEVEL)
        labels = [str(term) for term in table.index]
        caption = f"Fixed effects, {spoken(name)} fit ({LEVEL:.0%} intervals)"
        full = full_table(
            table,
            labels,
            [""] * len(labels),
            f"coefficients-{number}",
            caption,
            "Coefficient",
            same_unit=False,
            notes=(*_scale(analysis), *errors_note(fit, number)),
            engine=name,
            context="coefficients",
        )
        if not analysis.bayesian(name):
            folds += _terms(fit, name, number)
        folds.append(FoldOut(f"Fixed effects, {spoken(name)} fit", (full,)))
    text = (
        "Names are patsy's: X[T.a] is level a of factor X against its reference level, A:B an interaction. "
        "In the presence of interactions a single coefficient rarely answers a question; the contrasts do. "
        "Tests and intervals here are not adjusted for multiplicity."
    )
    return Section("coefficients", "Terms and coefficients", (Paragraph(text), *folds))


RATIOS = {"log": "logarithms of ratios", "logit": "logarithms of odds ratios"}
"""What differences of linear predictors are, by link."""


def _scale(analysis: Analysis) -> tuple[str, ...]:
    """What coefficients are where they are not differences of outcomes."""
    family = analysis.design.family
    if family.link == "identity":
        return ()
    what = f": {RATIOS[family.link]}" if family.link in RATIOS else ""
    given = "" if analysis.spec.jointly_normal else " given the participant, not averaged over participants"
    notes = (f"Coefficients are {family.predictor_scale}{what}{given}.",)
    if analysis.design.zero is None:
        return notes
    return (
        *notes,
        "Rows \u201czero: \u2026\u201d are log odds of a zero and logarithms of their ratios; the others are of values "
        "above zero.",
    )


def _terms(fit: Fit, name: str, number: int) -> list[Block]:
    """The type III tests; nothing where the fixed part has no terms, or a test no degrees of freedom."""
    try:
        tests = fit.anova()
    except HypothesisError:
        return []
    columns = [
        Column("Term"),
        *(Column(label, kind="number", stat=stat, of=(("engine", name),)) for label, stat in F_TESTS),
    ]
    rows = []
    for term, figures in tests.iterrows():
        cells = [
            number_cell(figures["statistic"], lambda value: numbers.fixed(value, 2)),
            number_cell(figures["num_df"], numbers.count),
            number_cell(figures["den_df"], lambda value: numbers.fixed(value, 1)),
            number_cell(figures["p_value"], numbers.p_value),
        ]
        rows.append(Row((Cell(str(term)), *cells)))
    note = (
        "Each term given all others, a factor inside an interaction averaged over the other factors with "
        "equal weights. p: not adjusted for multiplicity."
    )
    at_zero = _at_zero(fit.design.fixed)
    title = f"Type III tests of the terms, {spoken(name)} fit"
    table = Table(f"terms-{number}", title, tuple(columns), tuple(rows), (note, *at_zero), context="terms")
    return [FoldOut(title, (table,))]


def _at_zero(fixed: FixedEffects) -> tuple[str, ...]:
    """Which terms are tested at covariates of zero: those that a larger term crosses with these."""
    infos = fixed.design_info.factor_infos
    crossed = []
    for term in fixed.design_info.terms:
        own = set(term.factors)
        others = [set(other.factors) - own for other in fixed.design_info.terms if own < set(other.factors)]
        zero = {f.name() for more in others for f in more if infos[f].type == "numerical"}
        if own and term.name() in fixed.terms and zero:
            crossed.append(
                f"{term.name()} where {listed(sorted(zero))} {'is' if len(zero) == 1 else 'are'} zero"
            )
    if not crossed:
        return ()
    return (f"A term that is crossed with a covariate is tested where that is zero: {listed(crossed)}.",)


F_TESTS = (("F", "statistic"), ("df", "df"), ("Denominator df", "df.error"), ("p", "p.value"))
"""Headings of F tests, and the ARD's names."""
