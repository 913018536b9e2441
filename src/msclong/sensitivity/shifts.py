"""By how much imputed outcomes are moved: which arms, which visits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from msclong.errors import SpecError, listing
from msclong.linear_hypothesis import label
from msclong.sensitivity.planned_visits import PlannedVisits


def chosen_arms(planned: PlannedVisits, arms: Any, every: bool = False) -> list[int]:
    """Positions of the arms asked for; None: all where `every`, else all but the control (without arms: everybody)."""
    if arms is None:
        n = max(len(planned.arms), 1)
        return list(range(0 if every or n == 1 else 1, n))
    given = [arms] if isinstance(arms, str) or not np.iterable(arms) else list(arms)
    return list(by_position(planned, dict.fromkeys(given), "arms"))


def by_position[Value](planned: PlannedVisits, given: Mapping[Any, Value], argument: str) -> dict[int, Value]:
    """What is given by arm, by the arms' positions; raises SpecError where it names no arm, or one twice (2, '2')."""
    if not given:
        raise SpecError(f"{argument} names no arm; leave it out, or name one.")
    found: dict[int, Value] = {}
    for arm, value in given.items():
        position = planned.arm_position(arm, argument)
        if position in found:
            raise SpecError(f"{argument} names the arm {label(arm)} twice.")
        found[position] = value
    return found


def shift_of_arms(planned: PlannedVisits, delta: Any, arms: Any) -> np.ndarray:
    """(arms,) the shift of each arm, one number without arms. Raises SpecError."""
    result = np.zeros(max(len(planned.arms), 1))
    if isinstance(delta, Mapping):
        if arms is not None:
            raise SpecError("delta={arm: number} names its arms; leave arms= out.")
        for position, value in by_position(planned, delta, "delta").items():
            result[position] = number(value, "delta")
        return result
    result[chosen_arms(planned, arms)] = number(delta, "delta")
    return result


def number(value: Any, argument: str) -> float:
    """Raises SpecError for what is no finite number."""
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not real or not np.isfinite(value):
        raise SpecError(f"{argument} takes finite numbers in the outcome's unit; got {value!r}.")
    return float(value)


def moved_visits(
    planned: PlannedVisits, visits: Sequence[Any] | None, cumulative: bool, intermittent: bool
) -> np.ndarray:
    """(n, T) how many times delta is added to each outcome: zero where it was observed."""
    after = planned.after
    times = np.where(after, np.cumsum(after, axis=1) if cumulative else 1, 0).astype(float)
    if intermittent:
        times[~planned.observed & ~after] = 1.0
    times[:, ~chosen_visits(planned, visits)] = 0.0
    return times


def chosen_visits(planned: PlannedVisits, visits: Any) -> np.ndarray:
    """(T,) whether a visit is asked for; None: all. Raises SpecError."""
    known = [label(visit) for visit in planned.visits]
    if visits is None:
        return np.ones(len(known), dtype=bool)
    given = [visits] if isinstance(visits, str) or not np.iterable(visits) else list(visits)
    if not given:
        raise SpecError("visits=[] names no visit; leave it out, or name one.")
    if unknown := [visit for visit in given if label(visit) not in known]:
        raise SpecError(
            f"visits: {listing(map(repr, unknown))} is not a visit; the visits are {listing(known, 20)}."
        )
    return np.isin(known, [label(visit) for visit in given])
