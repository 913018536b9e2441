"""What a reader must know of the plan, wherever the report leans on it."""

from __future__ import annotations

from typing import Literal

from msclong.reporting.record import Paragraph
from msclong.reporting.study.results import StudyResult


def plan_note(found: StudyResult, role: Literal["caution", "note"] = "note") -> list[Paragraph]:
    """The plan's own note as a paragraph; none where it has none."""
    return [Paragraph(found.study.plan.note, role)] if found.study.plan.note else []
