"""What a study would fit, without fitting it: its data against its plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from msclong.api import long_data
from msclong.design.design import Design, build_design
from msclong.errors import MsclongError
from msclong.linear_hypothesis import label
from msclong.study.jobs import Job


def plan_check(jobs: Sequence[Job]) -> pd.DataFrame:
    """One row for each outcome and engine, so far as designs can tell: an engine may still refuse, or not converge.

    Columns: model, the formula; subjects, observations; visits; arms, see `arms_of`; missing, the share of subjects'
    visits without an outcome (0 to 100), NaN without visits; problem, what stands in the way, empty where nothing does.
    """
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for job in jobs:
        row: dict[str, Any] = {"model": job.spec.formula}
        try:
            if isinstance(job.table, MsclongError):
                raise job.table
            design = build_design(job.spec, long_data(job.spec, job.table.frame))
            visits = () if design.continuous_time else design.data.visits
            planned = len(visits) * design.n_subjects
            row |= {
                "subjects": design.n_subjects,
                "observations": design.n_obs,
                "visits": ", ".join(map(label, visits)),
                "arms": arms_of(design),
                "missing": 100 * (1 - design.n_obs / planned) if planned else float("nan"),
                "problem": "",
            }
        except MsclongError as error:
            row |= {
                "subjects": 0,
                "observations": 0,
                "visits": "",
                "arms": "",
                "missing": float("nan"),
                "problem": str(error),
            }
        rows[job.outcome, job.engine_name] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["outcome", "engine"])


def arms_of(design: Design) -> str:
    """The arms, their subjects, and which is the reference of contrasts: 'TRT: 1 (100, reference), 2 (100)'."""
    if design.arm is None:
        return ""
    frame = design.fixed.frame
    sizes = frame.groupby(design.arm, observed=False)[design.data.subject].nunique()
    levels = design.fixed.values(design.arm)
    said = [
        f"{label(level)} ({sizes.get(level, 0):,}{', reference' * (not i)})" for i, level in enumerate(levels)
    ]
    return f"{design.arm}: {', '.join(said)}"
