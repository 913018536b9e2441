"""One criterion that a posterior's draws meet or miss, with advice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

COLUMNS = ("quantity", "value", "threshold", "passed", "advice")


@dataclass(frozen=True)
class Check:
    """The worst value of a criterion over everything that is reported.

    name : the criterion. value : its worst value, that of `quantity` (empty where it is of the draws as a whole).
    rule, threshold : met where `value rule threshold` holds; never by NaN. advice : what to do where it is missed.
    """

    name: str
    value: float
    rule: Literal["<", "<=", ">="]
    threshold: float
    advice: str
    quantity: str = ""

    @property
    def passed(self) -> bool:
        match self.rule:
            case "<":
                return self.value < self.threshold
            case "<=":
                return self.value <= self.threshold
            case ">=":
                return self.value >= self.threshold

    @property
    def finding(self) -> str:
        """The value and its limit, in words."""
        of = f" of {self.quantity}" if self.quantity else ""
        return f"{self.name}{of} is {self.value:.4g}, should be {self._limit()}"

    def row(self) -> dict[str, object]:
        """The check as a row of `Fit.checks()`."""
        advice = "" if self.passed else self.advice
        return dict(
            zip(COLUMNS, (self.quantity, self.value, self._limit(), self.passed, advice), strict=True)
        )

    def _limit(self) -> str:
        return f"{self.rule} {self.threshold:g}"


def check_table(checks: Sequence[Check]) -> pd.DataFrame:
    """One row for each check, indexed by its name: quantity, value, threshold, passed, advice."""
    index = pd.Index([check.name for check in checks], name="check")
    return pd.DataFrame([check.row() for check in checks], index=index, columns=list(COLUMNS))
