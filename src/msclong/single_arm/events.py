"""Exact limits for the share of patients with an event, none included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from msclong.errors import DataError, SpecError
from msclong.results.observed_responders import exact_limits


@dataclass(frozen=True)
class EventLimits:
    """Exact (Clopper-Pearson) limits for a proportion; shares, not per cent.

    lower, upper : of the two-sided interval.
    lower_one_sided, upper_one_sided : each by itself at that level.
    rule_of_three : 3 / n, the usual approximation of the one-sided 95 % upper limit; None unless there was no event
        and the level is 0.95.
    """

    events: int
    n: int
    level: float
    lower: float
    upper: float
    lower_one_sided: float
    upper_one_sided: float
    rule_of_three: float | None

    @property
    def proportion(self) -> float:
        return self.events / self.n

    def sentence(
        self, what: str = "an adverse event", figure: Callable[[str, float, str], str] | None = None
    ) -> str:
        """For a report: '0 of 24 patients had an adverse event, which is compatible with ... up to 14.2%'.

        figure : writes a figure, given as printed, its value and its name; as printed, where it is left out.
        """

        def count(value: int, name: str) -> str:
            return figure(str(value), value, name) if figure else str(value)

        def percent(value: float, name: str) -> str:
            return figure(_percent(value), value, name) if figure else _percent(value)

        level = f"{100 * self.level:g}%"
        if self.events == 0:
            rule = (
                f"; by the rule of three {percent(self.rule_of_three, 'rule.of.three')}"
                if self.rule_of_three
                else ""
            )
            return (
                f"No patient of {count(self.n, 'N')} had {what}; that is compatible with a true rate of up to "
                f"{percent(self.upper, 'conf.high')} (exact two-sided {level} interval from 0; one-sided upper limit "
                f"{percent(self.upper_one_sided, 'conf.high.one.sided')}{rule})."
            )
        return (
            f"{count(self.events, 'n')} of {count(self.n, 'N')} patients had {what}: {percent(self.proportion, 'p')} "
            f"(exact two-sided {level} interval {percent(self.lower, 'conf.low')} to "
            f"{percent(self.upper, 'conf.high')})."
        )

    def __str__(self) -> str:
        return self.sentence("an event")


def event_limits(events: int, n: int, level: float = 0.95) -> EventLimits:
    """Exact limits for the probability of an event that `events` of `n` independent patients had.

    Source: Clopper and Pearson (1934), Biometrika 26:404; rule of three: Hanley and Lippman-Hand (1983), JAMA
    249:1743. Raises DataError for counts that are impossible, SpecError for a level outside 0 to 1.

    Examples
    --------
    >>> from msclong import single_arm
    >>> limits = single_arm.event_limits(0, 24)
    >>> round(limits.upper, 3), limits.rule_of_three
    (0.142, 0.125)
    """
    for name, value in (("events", events), ("n", n)):
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise DataError(f"{name} must be a whole number of patients; got {value!r}.")
    events, n = int(events), int(n)
    if n < 1 or not 0 <= events <= n:
        raise DataError(f"Of n patients 0 to n have events, and n is at least 1; got {events} of {n}.")
    if (
        isinstance(level, bool)
        or not isinstance(level, (int, float, np.integer, np.floating))
        or not 0 < level < 1
    ):
        raise SpecError(f"level must lie between 0 and 1, such as 0.95; got {level!r}.")
    level = float(level)
    two_sided, one_sided = (exact_limits(events, n, coverage) for coverage in (level, 2 * level - 1))
    return EventLimits(
        events=events,
        n=n,
        level=level,
        lower=float(two_sided[0]),
        upper=float(two_sided[1]),
        lower_one_sided=float(one_sided[0]),
        upper_one_sided=float(one_sided[1]),
        rule_of_three=min(1.0, 3 / n) if events == 0 and level == 0.95 else None,
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"
