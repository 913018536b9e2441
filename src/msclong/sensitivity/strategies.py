"""What is assumed of the mean after dropout: a strategy is one function, and its name in STRATEGIES."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from msclong.data.baseline import COLUMN
from msclong.errors import SpecError
from msclong.sensitivity.planned_visits import PlannedVisits


@dataclass(frozen=True, eq=False)
class AssumedMean:
    """The mean of every subject at every visit, mu = X beta + offset, from which outcomes after dropout are imputed.

    X : (n, T, p). offset : (n, T). group : (n,) the covariance group by which they are regressed on what was observed.
    """

    X: np.ndarray
    offset: np.ndarray
    group: np.ndarray

    def where(self, chosen: np.ndarray, other: AssumedMean) -> AssumedMean:
        """`other` for the chosen subjects (n,), this for the rest."""
        return AssumedMean(
            np.where(chosen[:, None, None], other.X, self.X),
            np.where(chosen[:, None], other.offset, self.offset),
            np.where(chosen, other.group, self.group),
        )


Strategy = Callable[[PlannedVisits, int], AssumedMean]
"""The planned visits and the position of the reference arm in, the assumed mean out."""


def missing_at_random(planned: PlannedVisits, reference: int) -> AssumedMean:
    """The subject's own arm: what the fitted model assumes."""
    return AssumedMean(planned.X, np.zeros(planned.y.shape), planned.group)


def jump_to_reference(planned: PlannedVisits, reference: int) -> AssumedMean:
    """The own arm up to dropout, the reference arm after it: the treatment's effect is lost at once."""
    return _after_dropout(planned, planned.in_arm(reference), _group_of_arm(planned, reference))


def copy_reference(planned: PlannedVisits, reference: int) -> AssumedMean:
    """The reference arm throughout: a benefit seen before dropout is a deviation from it, and fades."""
    moved = planned.in_arm(reference)
    return AssumedMean(moved, np.zeros(planned.y.shape), _group_of_arm(planned, reference))


def copy_increments_in_reference(planned: PlannedVisits, reference: int) -> AssumedMean:
    """The own arm's mean at dropout, then the changes of the reference arm: a benefit is kept, and grows no more."""
    moved, who = planned.in_arm(reference), np.arange(len(planned.y))
    increments = moved - moved[who, planned.last][:, None]
    later = planned.X[who, planned.last][:, None] + increments
    return _after_dropout(planned, later, _group_of_arm(planned, reference))


def return_to_baseline(planned: PlannedVisits, reference: int) -> AssumedMean:
    """The own arm up to dropout, the mean at baseline after it; of changes from baseline, zero.

    Where the baseline is a covariate, each subject's own baseline value.
    """
    spec, visits = planned.design.spec, planned.visits
    if spec.outcome_type == "change":
        later = np.zeros_like(planned.X)
    elif spec.baseline_as == "covariate":
        later = np.zeros_like(planned.X)
        values = planned.frame[COLUMN].to_numpy(dtype=float).reshape(planned.y.shape)
        found = _after_dropout(planned, later, planned.group)
        return AssumedMean(found.X, np.where(planned.after, values, 0.0), found.group)
    else:
        start = visits.index(planned.design.baseline)
        later = np.broadcast_to(planned.X[:, [start]], planned.X.shape)
    return _after_dropout(planned, later, planned.group)


def _after_dropout(planned: PlannedVisits, later: np.ndarray, group: np.ndarray) -> AssumedMean:
    X = np.where(planned.after[:, :, None], later, planned.X)
    return AssumedMean(X, np.zeros(planned.y.shape), group)


def _group_of_arm(planned: PlannedVisits, arm: int) -> np.ndarray:
    """(n,) the covariance group of the reference arm where arms have their own, else the subject's own."""
    if planned.design.covariance.group != planned.design.arm:
        return planned.group
    return np.full(len(planned.group), planned.group[planned.arm == arm][0])


STRATEGIES: dict[str, Strategy] = {
    "MAR": missing_at_random,
    "J2R": jump_to_reference,
    "CR": copy_reference,
    "CIR": copy_increments_in_reference,
    "RTB": return_to_baseline,
}
"""Strategies by the names that the field uses."""


def strategy_named(name: object) -> Strategy:
    """Raises SpecError for an unknown name."""
    if not isinstance(name, str) or name.upper() not in STRATEGIES:
        known = ", ".join(map(repr, STRATEGIES))
        raise SpecError(f"Unknown strategy {name!r}; known are {known}.")
    return STRATEGIES[name.upper()]
