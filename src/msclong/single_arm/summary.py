"""Paired measurements, or what a paper prints of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from msclong.errors import DataError


@dataclass(frozen=True)
class PairedSummary:
    """All that a regression of one measurement on another needs of n patients.

    n : patients with both, at least 3.
    pre_mean, pre_sd, post_mean, post_sd : of the same patients, in the outcome's units; SDs divide by n - 1.
    r : correlation between the two; None where a paper prints none.

    Raises DataError for figures that no measurements have.

    Examples
    --------
    >>> from msclong import single_arm
    >>> single_arm.PairedSummary.of([6, 7, 5, 8], [4, 6, 5, 5]).post_mean
    5.0
    """

    n: int
    pre_mean: float
    pre_sd: float
    post_mean: float
    post_sd: float
    r: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.n, bool) or not isinstance(self.n, (int, np.integer)) or self.n < 3:
            raise DataError(f"n must be a whole number of patients, at least 3; got {self.n!r}.")
        object.__setattr__(self, "n", int(self.n))
        for name in ("pre_mean", "pre_sd", "post_mean", "post_sd", "r"):
            value = getattr(self, name)
            if name == "r" and value is None:
                continue
            if not _finite(value):
                raise DataError(f"{name} must be a finite number; got {value!r}.")
            if name.endswith("sd") and value <= 0:
                raise DataError(f"{name} must be above zero; got {value!r}.")
            # Arithmetic with a float32 would keep its 7 digits.
            object.__setattr__(self, name, float(value))
        if self.r is not None and not -1 <= self.r <= 1:
            raise DataError(f"r must lie between -1 and 1; got {self.r!r}.")

    @classmethod
    def of(cls, pre: ArrayLike, post: ArrayLike) -> PairedSummary:
        """Of paired measurements, (n,) each, in the same order of patients. NaN is refused: which pairs count is a
        decision about the data, not about this method."""
        x, y = _measurements(pre, "pre"), _measurements(post, "post")
        if x.shape != y.shape:
            raise DataError(
                f"pre and post are of the same patients in the same order; got {x.size} and {y.size}."
            )
        if x.size < 3:
            raise DataError(f"A regression needs at least 3 patients; got {x.size}.")
        for name, values in (("pre", x), ("post", y)):
            if np.ptp(values) == 0:
                raise DataError(f"All {values.size} values of {name} are {values[0]:g}; they must vary.")
        r = float(np.clip(np.corrcoef(x, y)[0, 1], -1, 1))
        return cls(x.size, float(x.mean()), float(x.std(ddof=1)), float(y.mean()), float(y.std(ddof=1)), r)


def _finite(value: object) -> bool:
    if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, bool):
        return False
    return bool(np.isfinite(float(value)))


def _measurements(values: ArrayLike, name: str) -> np.ndarray:
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise DataError(f"{name} must be numbers, one for each patient; got {values!r}.") from None
    if array.ndim != 1:
        raise DataError(f"{name} must be one number for each patient; got an array of shape {array.shape}.")
    if missing := np.flatnonzero(~np.isfinite(array)).tolist():
        raise DataError(
            f"{name} has {len(missing)} value(s) that are missing or infinite, the first at position {missing[0]}; "
            "keep the patients with both measurements, and say how many were left out."
        )
    return array
