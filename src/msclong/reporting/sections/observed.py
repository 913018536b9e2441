"""The observed data: every participant's course."""

from __future__ import annotations

import pandas as pd

from msclong.plots.trajectories import individual_trajectories
from msclong.reporting import say
from msclong.reporting.analysis import Analysis
from msclong.reporting.plate import plate
from msclong.reporting.record import Paragraph, Section
from msclong.reporting.wording import counted, inside

MOST_DRAWN = 100
"""Participants drawn in each arm."""


def observed(analysis: Analysis) -> Section:
    """Individual trajectories by arm with the observed means."""
    title = "Observed courses"
    if analysis.visit is None:
        text = (
            "No variable of the model holds the visits or times, so that courses over time cannot be drawn."
        )
        return Section("observed", title, (Paragraph(text),))
    data = trajectories(analysis)
    grid = None if analysis.continuous_time else analysis.positions
    drawn = individual_trajectories(
        data, grid, analysis.spec.outcome_label, analysis.names.time_axis, MOST_DRAWN
    )
    if grid is not None:
        data["mean"] = data.groupby(["arm", "position"])["value"].transform("mean")
    largest = int(data.groupby("arm")["subject"].nunique().max())
    caption = f"Observed {inside(analysis.spec.outcome_label)}: one line for each participant"
    if largest > MOST_DRAWN:
        caption += f" (at most {say.count(MOST_DRAWN, 'n.drawn')} in each arm, evenly chosen)"
    if grid is None:
        caption += "."
    else:
        caption += (
            "; thick, the mean of those observed at each visit. Where participants drop out, these means are "
            "of different people at different visits and need not agree with the model's."
        )
    if analysis.per_exposure:
        caption += (
            " The outcomes drawn are those observed, whatever the exposure; the model\u2019s means are rates."
        )
    elif analysis.spec.trials:
        caption += " The outcomes drawn are numbers of successes; the model\u2019s means are probabilities."
    arms = data["arm"].nunique()
    alt = (
        f"Lines of individual outcomes over time of {counted(analysis.first.n_subjects, 'participant')}"
        + (f", in {arms} panels, one for each arm" if arms > 1 else "")
        + (", with the mean at each visit." if grid is not None else ".")
    )
    return Section("observed", title, (plate("observed", caption, alt, drawn, data),))


def trajectories(analysis: Analysis) -> pd.DataFrame:
    """What is drawn: arm, subject, position on the time axis, value in the outcome's unit."""
    design, names = analysis.design, analysis.names
    frame = design.fixed.frame
    visits = frame[analysis.visit]
    if analysis.continuous_time:
        position = visits.astype(float)
    else:
        position = visits.map(names.label).astype(object).map(analysis.positions).astype(float)
    arm = "" if analysis.arm is None else frame[analysis.arm].map(names.arm).astype(object)
    data = pd.DataFrame(
        {
            "arm": arm,
            "subject": frame[analysis.subject].astype(str),
            "position": position,
            "value": design.observation["y"] if design.family.transformed_gaussian else design.y,
        }
    )
    # Arms in their order: the first panel is the control.
    order = {names.arm(level): i for i, level in enumerate(analysis.arms)} or {"": 0}
    return data.sort_values("arm", key=lambda column: column.map(order), kind="stable", ignore_index=True)
