"""The contrasts at the last visit under assumptions about missing outcomes: computed, and told in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from msclong import sensitivity as analyses
from msclong.engines.frequentist.engine import Frequentist
from msclong.errors import SpecError
from msclong.reporting import say
from msclong.reporting.analysis import LEVEL, Analysis
from msclong.reporting.comparisons import Comparison
from msclong.reporting.wording import inside, listed, spoken
from msclong.results.fit import Fit
from msclong.sensitivity.imputed import Imputed
from msclong.sensitivity.planned_visits import PlannedVisits, planned_visits
from msclong.sensitivity.tipping import TippingPoint

STRATEGIES = {
    "J2R": "Jump to the mean of {control}",
    "CR": "As in {control} all along (copy reference)",
    "CIR": "Change as {control} does (copy increments)",
}


@dataclass(frozen=True, eq=False)
class Case:
    """The fit that is examined, its planned visits, and the rows of its contrasts at the last visit.

    name : the fit's among those of the report; None where none of them can be examined, and `fit` is made for this.
    """

    given: Analysis
    fit: Fit
    name: str | None
    planned: PlannedVisits
    rows: list[int]
    groups: tuple[str, ...]

    @property
    def between(self) -> bool:
        """Whether the rows compare arms."""
        return self.given.spec.baseline_as == "covariate" or len(self.planned.arms) > 1

    def of(self, fit: Fit | Imputed) -> pd.DataFrame:
        return self.chosen(fit.contrasts(at=self.given.at, level=LEVEL))

    def chosen(self, table: pd.DataFrame) -> pd.DataFrame:
        return table.iloc[self.rows]


def case_of(given: Analysis, found: Comparison) -> Case:
    """Raises MsclongError where outcomes cannot be imputed, or nobody said which visits were planned."""
    if given.data.visit is None:
        raise SpecError(
            "The model names no planned visits, so that nothing tells who dropped out; name the column with "
            "ModelSpec(..., visit=...) where visits were planned."
        )
    planned = planned_visits(given.design)
    name = next((name for name, fit in given.fits.items() if isinstance(fit.engine, Frequentist)), None)
    fit = Frequentist().fit(given.design) if name is None else given.fits[name]
    last = given.names.label(given.times[-1])
    rows = found.rows(last, True) or found.rows(last, False)
    return Case(given, fit, name, planned, rows, tuple(found.groups[i] for i in rows))


def complete(given: Analysis, planned: PlannedVisits) -> str:
    """That nothing is missing."""
    n, visits = planned.y.shape
    return (
        f"All {say.count(n, 'N')} participants were observed at all {say.count(visits, 'n.visits')} visits: no outcome "
        "is missing, and no assumption about missing outcomes enters the answer."
    )


def at_random(case: Case) -> Iterator[tuple[str, pd.DataFrame]]:
    """The fit's own contrasts, and the same with the jackknife's standard errors."""
    if case.name is None:
        yield "The same model by REML (frequentist)", case.of(case.fit)
    else:
        several = f" ({spoken(case.name)})" if len(case.given.fits) > 1 else ""
        yield f"The model itself{several}", case.of(case.fit)
    yield "The same, jackknife standard errors", case.of(analyses.delta(case.fit, 0.0))


def under_assumptions(case: Case) -> Iterator[tuple[str, pd.DataFrame]]:
    """Name and contrasts of each assumption about outcomes after dropout."""
    if case.between:
        control = case.given.names.arm(case.planned.arms[0])
        for key, words in STRATEGIES.items():
            imputed = analyses.reference_based(case.fit, key)
            yield words.format(control=control), case.of(imputed)
    back = analyses.return_to_baseline(case.fit)
    yield "Return to the mean at baseline" + (", all arms" if case.between else ""), case.of(back)


def tipping_points(case: Case) -> Iterator[TippingPoint]:
    """Of each contrast, over shifts in its own arm alone; none of ratios."""
    if case.given.null:
        return
    rows = case.fit.hypothesis(at=case.given.at).rows
    for i, row in enumerate(case.rows):
        arms = [case.planned.arms[i + 1]] if case.between else None
        yield analyses.tipping_point(case.fit, arms=arms, contrast=rows[row], level=LEVEL)


def assumed(case: Case) -> str:
    """What the model takes missing outcomes to be, and how many there are."""
    names, planned = case.given.names, case.planned
    gone = planned.after[:, -1]
    last = names.visit(case.given.times[-1])
    counts = [
        f"{say.count(int(gone[planned.arm == i].sum()), 'n.dropout')} of "
        f"{say.count(int((planned.arm == i).sum()), 'N')}"
        + (f" in {names.arm(arm)}" if arm is not None else "")
        for i, arm in enumerate(planned.arms or (None,))
    ]
    who = "participants of the same arm" if len(planned.arms) > 1 else "the participants"
    return (
        "The model takes missing outcomes as missing at random: it expects of those who dropped out what was seen, "
        f"given their earlier outcomes, in {who} who stayed. No data can tell whether it is so. "
        f"This section shows what the answer at {last} would be if it is not; by then {listed(counts)} had dropped out."
    )


def stand_in(case: Case) -> str | None:
    """That the figures are of a fit made for them, and why; None where a fit of the report is examined."""
    if case.name is not None:
        return None
    engines = listed([spoken(name) for name in case.given.fits])
    return (
        f"The jackknife refits the model by maximum likelihood, which no engine of this report ({engines}) does. All "
        "figures on missing outcomes are therefore of a frequentist fit of the same model to the same data, made for "
        "them alone (REML, Kenward\u2013Roger): its estimate under missing at random is not the one reported "
        "elsewhere, and its intervals are confidence intervals."
    )


def told(case: Case, tables: list[tuple[str, pd.DataFrame]], decimals: int) -> str:
    """The first contrast under missing at random, and under the first other assumption."""
    given, names = case.given, case.given.names
    own, group = case.of(case.fit).iloc[0], case.groups[0]
    last = names.visit(given.times[-1])
    what = (
        f"the {given.effect} {group}"
        if case.between
        else f"the estimated change{f' in {group}' if group else ''}"
    )
    if not case.between and given.spec.outcome_type == "change":
        what = f"the mean {inside(names.outcome)}{f' in {group}' if group else ''}"
    text = f"Under missing at random {what} at {last} was {_figures(case, own, decimals)}."
    first = tables[0][1].iloc[0]
    if case.between:
        control = names.arm(case.planned.arms[0])
        return (
            f"{text} If participants of the other arm{'s' if len(case.rows) > 1 else ''} who dropped out had from then "
            f"on followed the mean of {control}, it would be {_figures(case, first, decimals)}."
        )
    after = _figures(case, first, decimals)
    return f"{text} If those who dropped out had returned to the mean at baseline, it would be {after}."


def _figures(case: Case, row: pd.Series, decimals: int) -> str:
    unit = "" if case.given.null else case.given.names.unit.replace(" ", say.NBSP)
    return (
        f"{say.fixed(row['estimate'], decimals)}{unit} ({LEVEL:.0%} confidence interval "
        f"{say.interval(row['lower'], row['upper'], decimals)}; p{say.NBSP}{say.p_value(row['p_value'])})"
    )


def tips(case: Case, tipping: TippingPoint, i: int, drawn: bool) -> str:
    """The tipping point in sentences. drawn : whether there is a figure of it to refer to."""
    figure = f" ([[figure:{key_of(case, i)}]])" if drawn else ""
    unit = case.given.names.unit.replace(" ", say.NBSP)
    who = f" in {case.given.names.arm(case.planned.arms[i + 1])}" if case.between else ""
    of = f" ({case.groups[i]})" if len(case.rows) > 1 else ""
    start = "" if tipping.agrees else f"{_borderline(tipping, of)} "
    moved = case.planned.after[case.planned.arm == i + 1] if case.between else case.planned.after
    if not moved.any():
        return f"{start}Nobody{who} dropped out: there is no outcome to shift, and no tipping point{of}."
    if not tipping.changes:
        verb = "stays outside zero" if tipping.significant else "keeps zero inside"
        return f"{start}However outcomes after dropout{who} are shifted, up or down, the jackknife interval{of} {verb}."
    near, *far = (
        f"{say.significant(abs(shift), 2, 'tipping.point')}{unit} {'higher' if shift > 0 else 'lower'}"
        for shift in (tipping.sides if tipping.significant else sorted(tipping.changes, key=abs))
    )
    if tipping.significant:
        text = (
            f"Tipping point{of}: the jackknife interval reaches zero once outcomes after dropout{who} are "
            f"{' or '.join((near, *far))} than missing at random has them"
        )
        if tipping.reversal is not None:
            side = "higher" if tipping.reversal > 0 else "lower"
            text += f"; the estimate itself is zero at {say.significant(abs(tipping.reversal), 2, 'reversal.point')}"
            text += f"{unit} {side}"
        return f"{start}{text}{figure}. Whether so much is plausible is a clinical judgement."
    where = f"once outcomes after dropout{who} were {' or '.join((near, *far))}"
    if len(tipping.sides) < len(tipping.changes):  # both on one side: past the second it includes zero again
        where = f"only while outcomes after dropout{who} were between {near} and {far[0]}"
    if not start:
        start = f"Under missing at random the jackknife interval{of} includes zero; it"
    else:
        start += "The jackknife\u2019s"
    return f"{start} would exclude zero {where} than missing at random has them{figure}."


def _borderline(tipping: TippingPoint, of: str) -> str:
    """That the model's own interval and the jackknife's lie on two sides of the border, without any shift."""
    unshifted = tipping.unshifted
    ends = [
        f"{say.significant(row['lower'], 3, 'conf.low')}{say.NBSP}to{say.NBSP}"
        f"{say.significant(row['upper'], 3, 'conf.high')} (p{say.NBSP}={say.NBSP}"
        f"{say.significant(row['p_value'], 3, 'p.value')})"
        for row in (tipping.own, unshifted)
    ]
    own, jackknife = ("includes", "excludes") if tipping.significant else ("excludes", "includes")
    return (
        f"Without any shift the conclusion{of} already depends on the standard error: the fit\u2019s own interval, "
        f"{ends[0]}, {own} zero, and that of the jackknife, {ends[1]}, by which tipping points are found, {jackknife} "
        "it."
    )


def key_of(case: Case, i: int) -> str:
    """The key of the figure of a contrast's tipping point."""
    return "tipping-point" if len(case.rows) == 1 else f"tipping-point-{i + 1}"
