"""Outcomes by name as long as they are few."""

from __future__ import annotations

from collections.abc import Sequence

from msclong.reporting import say
from msclong.reporting.wording import listed

MOST_NAMED = 8


def named(outcomes: Sequence[str], of: int) -> str:
    """'a and b'; more than `MOST_NAMED` of them are '12 of 20 outcomes'."""
    if len(outcomes) <= MOST_NAMED:
        return listed(outcomes)
    return f"{say.count(len(outcomes))} of {say.count(of, 'N')} outcomes"
