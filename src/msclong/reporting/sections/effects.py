"""Means over time, and contrasts against baseline and between arms, of all engines side by side."""

from __future__ import annotations

import pandas as pd

from msclong.plots.forest import forest, forest_rows
from msclong.plots.style import capitalised
from msclong.plots.trajectories import means_over_time
from msclong.printing import numbers
from msclong.reporting.analysis import LEVEL, Analysis
from msclong.reporting.comparisons import Comparison, Refusal, baseline
from msclong.reporting.held import held
from msclong.reporting.multiplicity import adjustment
from msclong.reporting.plate import plate
from msclong.reporting.record import Block, Figure, FoldOut, Paragraph, Section
from msclong.reporting.sections.draws import errors_note
from msclong.reporting.tables import (
    BY_VISIT,
    CONTRASTS,
    beyond_margin,
    effects_table,
    full_table,
    means_table,
)
from msclong.reporting.wording import inside, spoken

MOST_FOREST_ROWS = 40
"""With more rows than this the forest plot shows the last visit only."""


def means_section(analysis: Analysis, found: Comparison | Refusal) -> Section:
    """The marginal means of the first engine as a figure; all engines as a table, unless they are the contrasts."""
    title = f"Estimated {'probabilities' if analysis.of_probability else 'means'} over time"
    if isinstance(found, Refusal):
        return Section("means", title, (Paragraph(f"Means by visit are not available. {found.reason}"),))
    blocks: list[Block] = [*_over_subjects(analysis), means_figure(analysis, found)]
    if analysis.spec.outcome_type == "change":
        blocks.append(
            Paragraph(
                "The outcome is a change from baseline: these means are the contrasts against baseline, and "
                "their figures are in [[table:contrasts]]."
            )
        )
    else:
        caption = f"Marginal {_averages(analysis)}"
        blocks.append(means_table(analysis, found, "means", caption, _time_heading(analysis)))
    return Section("means", title, tuple(blocks))


def contrasts_section(analysis: Analysis, found: Comparison | Refusal) -> Section:
    """One table and one forest plot for all engines; standard errors and the like to fold out."""
    title = "Contrasts against baseline" + (" and between arms" if analysis.arm is not None else "")
    if analysis.spec.baseline_as == "covariate":
        title = "Contrasts between arms"
    if isinstance(found, Refusal):
        text = f"No contrast by visit could be formed for this model. {found.reason}"
        return Section(
            "contrasts",
            title,
            (Paragraph(text), Paragraph("The coefficients are in [[section:coefficients]].")),
        )
    blocks: list[Block] = [
        effects_table(
            analysis,
            found,
            "contrasts",
            contrasts_caption(analysis),
            _time_heading(analysis),
            _contrasts_notes(analysis, set(map(analysis.bayesian, analysis.fits))),
        ),
        _forest_figure(analysis, found),
    ]
    for number, (name, table) in enumerate(found.tables.items(), start=1):
        caption = f"{name} fit: contrasts with " + (
            "posterior standard deviations (SE), effective sample sizes and Monte Carlo errors"
            if analysis.bayesian(name)
            else "standard errors and degrees of freedom"
        )
        full = full_table(
            table,
            found.labels,
            found.groups,
            f"contrasts-{number}",
            caption,
            _time_heading(analysis),
            notes=(
                *_contrasts_notes(analysis, {analysis.bayesian(name)}),
                *errors_note(analysis.fits[name], number),
            ),
            headings={"p_margin": f"p({beyond_margin(analysis)})"},
            engine=name,
            axes=BY_VISIT,
            context=CONTRASTS,
        )
        blocks.append(FoldOut(f"All figures of the {spoken(name)} fit", (full,)))
    return Section("contrasts", title, tuple(blocks))


def _over_subjects(analysis: Analysis) -> list[Paragraph]:
    """Over whom means on the outcome's scale are taken; where the link makes a difference."""
    design = analysis.design
    if not design.linked:
        return []
    text = (
        f"These {analysis.averages} are on the outcome\u2019s own scale and averaged over participants, whose own "
        "effects are integrated out."
    )
    if design.zero is not None:
        text += " Zeros are part of them."
    if design.family.link == "log" and not design.family.transformed_gaussian:
        text += " Each is the posterior median, its SD half the width of the central 68% interval."
    if analysis.of_probability and not analysis.spec.trials:
        text += " The probability is that of 1 (yes)."
    if analysis.per_exposure:
        text += f" They are rates, per unit of exposure: the offset {analysis.spec.offset} is zero."
    elif analysis.spec.offset is not None:
        text += f" The offset {analysis.spec.offset} is zero."
    return [Paragraph(text)]


def _axis(analysis: Analysis) -> str:
    """The outcome as the axis of its means names it."""
    label = analysis.spec.outcome_label
    if analysis.of_probability:
        return f"Probability of {inside(label)}"
    return f"{label}{analysis.per_exposure}"


def _averages(analysis: Analysis) -> str:
    """'means of X', 'probabilities of X', 'means of X per unit of exposure'."""
    return f"{analysis.averages} of {inside(analysis.spec.outcome_label)}{analysis.per_exposure}"


def means_figure(analysis: Analysis, found: Comparison, key: str = "means") -> Figure:
    """The first engine's marginal means on the time axis."""
    engine, table = next(iter(found.tables.items()))
    data = pd.DataFrame({"arm": found.groups, "visit": found.labels}).join(
        table[["estimate", "lower", "upper", "se"]].reset_index(drop=True)
    )
    if analysis.counts is not None:
        data = data.merge(analysis.counts, "left", ["arm", "visit"])
    names, spec = analysis.names, analysis.spec
    figure = means_over_time(
        data,
        analysis.positions,
        _axis(analysis),
        names.time_axis,
        analysis.counts,
        spec.outcome_type == "change",
    )
    spacing = "" if analysis.true_time else " Visits are spaced equally, as their times are not in the model."
    grid = held(analysis)
    below = "" if analysis.counts is None else " Below: participants observed at each visit."
    caption = (
        f"Marginal (least-squares) {_averages(analysis)} with {LEVEL:.0%} "
        f"{'credible' if analysis.bayesian(engine) else 'confidence'} intervals, {spoken(engine)} "
        f"fit{grid and f', {grid}'}.{below}{spacing}"
    )
    return plate(key, caption, _means_alt(analysis, data, table), figure, data)


def _means_alt(analysis: Analysis, data: pd.DataFrame, table: pd.DataFrame) -> str:
    decimals = numbers.decimals_for(table["se"])
    parts = []
    for arm, rows in data.groupby("arm", sort=False):
        visits = rows["visit"].tolist()
        first, last = (numbers.fixed(rows["estimate"].iloc[i], decimals) for i in (0, -1))
        parts.append(f"{f'{arm!s}: ' if arm else ''}from {first} at {visits[0]} to {last} at {visits[-1]}")
    return f"Line plot of estimated {_averages(analysis)} by {analysis.visit}. " + "; ".join(parts) + "."


def _forest_figure(analysis: Analysis, found: Comparison) -> Figure:
    shown, only = found, ""
    if len(found.labels) > MOST_FOREST_ROWS:
        last = analysis.names.label(analysis.times[-1])
        shown = found.select([*found.rows(last, False), *found.rows(last, True)])
        only = f" Only {analysis.names.visit(analysis.times[-1])} is drawn."
    rows = forest_rows(shown.tables, shown.groups, [_row_label(analysis, label) for label in shown.labels])
    title = analysis.spec.outcome_label
    if analysis.spec.outcome_type == "value":
        title = f"{capitalised(analysis.effect)} {'of' if analysis.null else 'in'} {inside(_axis(analysis))}"
    figure = forest(rows, title, analysis.spec.margin, analysis.null)
    dashed = "" if analysis.spec.margin is None else f" Dashed: the relevant {analysis.effect}."
    single = "" if analysis.adjust is None else ", not adjusted"
    caption = f"The contrasts of [[table:contrasts]] with {LEVEL:.0%} intervals{single}.{dashed}{only}"
    engine, table = next(iter(shown.tables.items()))
    clear = int(((table["lower"] > analysis.null) | (table["upper"] < analysis.null)).sum())
    alt = (
        f"Forest plot of {len(table)} contrasts, by {' and '.join(shown.tables)}. In the {spoken(engine)} fit the "
        f"intervals of {clear} of {len(table)} exclude {analysis.null_word}. All figures are in the table before."
    )
    return plate("forest", caption, alt, figure, rows)


def _row_label(analysis: Analysis, label: str) -> str:
    """The visit as a sentence would name it; Names.visit takes levels, and a label is its own label."""
    return analysis.names.visit(label)


def contrasts_caption(analysis: Analysis) -> str:
    """What the contrasts are of, as the heading of their table."""
    outcome = inside(analysis.spec.outcome_label)
    if analysis.spec.outcome_type == "change":
        start = f"Mean {outcome} by visit"
    elif analysis.spec.baseline_as == "covariate":
        word = "of" if analysis.null else "in"
        return f"{capitalised(analysis.effect)}s between arms {word} {analysis.averaged(outcome)}, by visit"
    elif analysis.null:
        start = f"{capitalised(analysis.effect)} of {analysis.averaged(outcome)} to that at "
        start += analysis.names.visit(baseline(analysis))
    elif analysis.of_probability:
        start = f"Difference in {analysis.averaged(outcome)} from that at {analysis.names.visit(baseline(analysis))}"
    else:
        start = f"Change of mean {outcome} from {analysis.names.visit(baseline(analysis))}"
    return start + (f", and {analysis.effect}s between arms" if analysis.arm is not None else "")


def _contrasts_notes(analysis: Analysis, bayesian: set[bool]) -> tuple[str, ...]:
    """What p and P are, for frequentist fits (False), for Bayesian ones (True), or both."""
    notes = []
    if False in bayesian:
        notes.append("p: two-sided, of no difference, not adjusted for multiplicity.")
        if analysis.spec.margin:
            beyond = beyond_margin(analysis)
            article = f"{'an' if analysis.effect.startswith('o') else 'a'} {analysis.effect}"
            notes.append(f"p({beyond}): one-sided, of {article} {beyond}, not adjusted for multiplicity.")
        if (described := adjustment(analysis)) is not None:
            notes.append(described.text)
    if True in bayesian:
        notes.append("P(\N{HORIZONTAL ELLIPSIS}): posterior probability.")
    return tuple(notes)


def _time_heading(analysis: Analysis) -> str:
    return capitalised(str(analysis.visit))
