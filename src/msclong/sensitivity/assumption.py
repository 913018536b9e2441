"""One assumption about missing outcomes: the mean after dropout, and what is added to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from msclong.sensitivity.planned_visits import PlannedVisits
from msclong.sensitivity.strategies import AssumedMean


@dataclass(frozen=True, eq=False)
class Assumption:
    """What is assumed of missing outcomes.

    planned : the visits. mean : from which those after dropout are imputed; earlier gaps are missing at random.
    shifts : (n, T, m), zero where an outcome was observed; an imputed outcome is moved by shifts @ d for m shifts d,
    after the imputation, so that what is added at one visit moves no other.
    """

    planned: PlannedVisits
    mean: AssumedMean
    shifts: np.ndarray

    @cached_property
    def patterns(self) -> tuple[Pattern, ...]:
        """Subjects who share what was observed and by which covariances they are imputed."""
        planned = self.planned
        keys = np.column_stack([planned.observed, planned.group, self.mean.group])
        distinct, member = np.unique(keys, axis=0, return_inverse=True)
        member = member.reshape(-1)
        T = planned.y.shape[1]
        return tuple(
            Pattern(np.flatnonzero(member == i), key[:T].astype(bool), int(key[T]), int(key[T + 1]))
            for i, key in enumerate(distinct)
        )

    def departures(self, beta: np.ndarray) -> np.ndarray:
        """(n, T) the assumed mean minus that of the subject's own arm."""
        return (self.mean.X - self.planned.X) @ beta + self.mean.offset


@dataclass(frozen=True, eq=False)
class Pattern:
    """members : subjects. observed : (T,). group, later_group : covariances before and after dropout."""

    members: np.ndarray
    observed: np.ndarray
    group: int
    later_group: int

    @cached_property
    def seen(self) -> np.ndarray:
        return np.flatnonzero(self.observed)

    @cached_property
    def before(self) -> np.ndarray:
        """Visits up to the last one observed."""
        return np.arange(self.seen[-1] + 1)

    @cached_property
    def gaps(self) -> np.ndarray:
        """Missed visits between those observed, or before the first."""
        return np.setdiff1d(self.before, self.seen)

    @cached_property
    def after(self) -> np.ndarray:
        return np.arange(self.seen[-1] + 1, len(self.observed))
