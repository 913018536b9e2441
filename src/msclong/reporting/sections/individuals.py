"""Single participants: their courses with the model's, and their changes at the last visit in order of size."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.errors import MsclongError
from msclong.plots.subject_panels import chosen_subjects, subject_panels
from msclong.plots.waterfall import waterfall
from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.analysis import LEVEL, Analysis
from msclong.reporting.comparisons import baseline
from msclong.reporting.plate import plate
from msclong.reporting.record import Block, Paragraph, Section, Subheading
from msclong.reporting.sections.observed import trajectories
from msclong.reporting.wording import inside, spoken
from msclong.results.fit import Fit

ALL, SOME = 24, 12
"""Up to so many participants have a panel each; of more, so many are chosen."""

MOST_BARS = 1000
"""Changes are drawn for at most so many participants: beyond, bars are thinner than the print."""


def individuals(analysis: Analysis) -> Section | None:
    """Panels of participants with the first fit's courses, and the waterfall; None where there is neither."""
    if analysis.visit is None:
        return None
    observed = trajectories(analysis)
    blocks = [*_panels(analysis, observed), *_waterfall(analysis, observed)]
    return Section("individuals", "Individual courses and changes", tuple(blocks)) if blocks else None


def _panels(analysis: Analysis, observed: pd.DataFrame) -> list[Block]:
    if analysis.spec.trials:  # counts of successes, and courses of probabilities
        return []
    n = observed["subject"].nunique()
    chosen = chosen_subjects(observed, ALL if n <= ALL else SOME)
    name, fit = next(iter(analysis.fits.items()))
    try:
        fitted = _courses(analysis, fit, chosen)
    except (MsclongError, np.linalg.LinAlgError) as refusal:
        return [Paragraph(f"Courses of single participants by the model are not available. {refusal}")]
    grid = None if analysis.continuous_time else analysis.positions
    shown = observed[observed["subject"].isin(chosen)]
    kind = "credible" if analysis.bayesian(name) else "confidence"
    which = (
        "" if n == len(chosen)
        else f" {say.count(len(chosen), 'n.drawn')} of {say.counted(n, 'participant')}, evenly chosen by last value."
    )  # fmt: skip
    missed = "" if fitted["observed"].all() else ", missed visits included"
    caption = (
        f"Observed {inside(analysis.spec.outcome_label)}, as points, and each participant\u2019s own course by the "
        f"{spoken(name)} fit, with {LEVEL:.0%} {kind} limits{missed}.{which}"
    )
    through = analysis.spec.parsed.structure is not None and not analysis.design.linked
    if through and np.allclose(fitted.loc[fitted["observed"], "se"], 0, atol=1e-9):
        caption += (
            " This covariance has no residual of single measurements, so that courses run through what was "
            "observed."
        )
    alt = (
        f"Small multiples of {len(chosen)} participants: observed outcomes as points, the model's course as a line "
        "with a band."
    )
    drawing = subject_panels(
        shown, fitted, grid, analysis.spec.outcome_label, analysis.names.time_axis, len(chosen)
    )
    data = fitted.merge(
        shown[["subject", "position", "value"]], on=["subject", "position"], how="left", validate="m:m"
    )
    return [Subheading("Courses"), plate("subjects", caption, alt, drawing, data)]


def _courses(analysis: Analysis, fit: Fit, chosen: list[str]) -> pd.DataFrame:
    """subject, position, estimate, se, lower, upper, observed."""
    frame, subject = analysis.design.fixed.frame, analysis.subject
    texts = frame[subject].astype(str)
    wanted = frame.loc[texts.isin(chosen), subject].unique()
    table = fit.trajectories(LEVEL, subjects=list(wanted))
    visits = table.index.get_level_values(1)
    places = (
        pd.Index(visits).astype(float)
        if analysis.continuous_time
        else [analysis.positions[analysis.names.label(visit)] for visit in visits]
    )
    columns = ["estimate", "se", "lower", "upper", "observed"]
    return pd.DataFrame(table[columns]).assign(
        subject=table.index.get_level_values(0).astype(str), position=places
    ).reset_index(drop=True)  # fmt: skip


def _waterfall(analysis: Analysis, observed: pd.DataFrame) -> list[Block]:
    if analysis.of_probability or analysis.continuous_time or len(analysis.positions) < 2:
        return []
    changes = individual_changes(analysis, observed)
    if changes is None or len(changes) < 2 or len(changes) > MOST_BARS:
        return []
    spec, last = analysis.spec, analysis.names.visit(analysis.times[-1])
    unit = "%" if analysis.null else spec.unit or ""
    name = inside(analysis.names.outcome) if spec.outcome_type == "value" else analysis.names.outcome
    title = f"{f'Change in {name}' if spec.outcome_type == 'value' else name}{f' ({unit})' if unit else ''}"
    margin = spec.margin
    better = None if margin is None else "lower" if margin < analysis.null else "higher"
    if margin is not None and analysis.null:
        margin = 100 * (margin - 1)
    caption = (
        f"Each participant\u2019s observed change at {last}, from the largest to the smallest. Who was not seen "
        "then, or "
        "not at baseline, has no bar; the model\u2019s means count them too."
    )
    if margin is not None:
        size = f"{say.stated(margin, 'margin')}{f' {unit}' if unit else ''}"
        caption += f" Dashed: the relevant {analysis.effect} of means, {size}."
    values = changes["change"]
    alt = (
        f"Waterfall of {len(changes)} individual changes at {last}: from {numbers.significant(float(values.max()))} to "
        f"{numbers.significant(float(values.min()))}, median {numbers.significant(float(values.median()))}."
    )
    text = (
        f"Of {say.counted(len(changes), 'participant')} seen at {last}, the outcome of "
        f"{say.count(int((values < 0).sum()))} fell and that of {say.count(int((values > 0).sum()))} rose."
    )
    drawing = waterfall(changes, title, margin, better)
    return [
        Subheading("Changes at the last visit"),
        Paragraph(text),
        plate("waterfall", caption, alt, drawing, changes),
    ]


def individual_changes(analysis: Analysis, observed: pd.DataFrame) -> pd.DataFrame | None:
    """Columns arm, subject, change at the last visit, of those observed then and at baseline; of ratios in per cent.

    None where the data have no baseline to measure from.
    """
    labels = list(analysis.positions)
    at = observed.set_index("subject")
    last = at[at["position"] == analysis.positions[labels[-1]]]
    if not last.index.is_unique:
        return None
    if analysis.spec.outcome_type == "change":
        change = last["value"]
    else:
        start = _start(analysis, at)
        if start is None or not start.index.is_unique:
            return None
        start = start.reindex(last.index)
        if analysis.null:
            start = start.where(start > 0)
            change = 100 * (last["value"] / start - 1)
        else:
            change = last["value"] - start
    found = pd.DataFrame({"arm": last["arm"], "subject": last.index, "change": change.to_numpy()})
    return found.dropna(subset="change").reset_index(drop=True)


def _start(analysis: Analysis, at: pd.DataFrame) -> pd.Series | None:
    """The baseline value of each subject."""
    if analysis.spec.baseline_as == "covariate":
        frame = analysis.design.fixed.frame
        if "baseline" not in frame:
            return None
        return frame.groupby(frame[analysis.subject].astype(str))["baseline"].first()
    place = analysis.positions.get(analysis.names.label(baseline(analysis)))
    return None if place is None else at.loc[at["position"] == place, "value"]
