"""Who leaves a trial, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from msclong.errors import SpecError, listing
from msclong.linear_hypothesis import label

CALIBRATION = 20_000
"""Made-up subjects by whom the rate of leaving at a given value is set, so that the planned shares leave."""


@dataclass(frozen=True)
class Dropout:
    """How subjects are lost; the first visit is always made.

    Parameters
    ----------
    lost
        The share that has left by the last visit, each visit after the first taking the same share of those who are
        left; or the cumulative shares at all T visits, the first of them 0; or either by arm, {arm: ...}.
    slope
        0: who leaves is chance (missing completely at random). Else the logarithm of the odds ratio of leaving before
        the next visit per SD that the subject's last observed value lies above its arm's mean at that visit (missing at
        random): 0.7 doubles the odds. The shares that leave stay as planned.
    intermittent : the probability that a subject who has not left misses a visit after the first, by chance.

    Raises SpecError for shares that are none.

    Examples
    --------
    >>> import msclong as ml
    >>> ml.Dropout(0.2, slope=0.7)
    Dropout(lost=0.2, slope=0.7, intermittent=0.0)
    """

    lost: Any = 0.0
    slope: float = 0.0
    intermittent: float = 0.0

    def __post_init__(self) -> None:
        for part in self.lost.values() if isinstance(self.lost, Mapping) else [self.lost]:
            shares = _numbers(part)
            if shares.ndim > 1 or not ((shares >= 0) & (shares < 1)).all():
                raise SpecError(
                    "Dropout is the share of subjects lost by the last visit, such as 0.2, or the cumulative shares "
                    f"at every visit, from 0 up to below 1; got {part!r}."
                )
            if shares.ndim and ((np.diff(shares) < 0).any() or shares[:1].any()):
                raise SpecError(
                    "Cumulative dropout begins with 0, for the first visit is made by all, and never falls; got "
                    f"{part!r}."
                )
        if _numbers(self.slope).ndim or not np.isfinite(self.slope):
            raise SpecError(f"slope is a log odds ratio, such as 0.7; got {self.slope!r}.")
        if _numbers(self.intermittent).ndim or not 0 <= self.intermittent < 1:
            raise SpecError(f"intermittent is a probability below 1; got {self.intermittent!r}.")

    def hazards(self, arms: tuple[Any, ...], visits: int) -> np.ndarray:
        """(A, T) share of those still in that leaves before each visit; raises SpecError for what does not fit."""
        by_arm = self.lost
        if isinstance(by_arm, Mapping):
            if set(by_arm) != set(arms):
                known = "no arms" if arms == ("",) else listing(arms)
                raise SpecError(f"dropout names the arms {listing(by_arm)}; the scenario has {known}.")
        else:
            by_arm = dict.fromkeys(arms, by_arm)
        return np.array([_hazard(_numbers(by_arm[arm]), visits) for arm in arms])

    @property
    def words(self) -> str:
        """A sentence or more that says it."""
        if not self:
            return "Nobody drops out."
        by_arm = self.lost.items() if isinstance(self.lost, Mapping) else [("", self.lost)]
        lost = [
            f"{f'{label(arm)}: ' if arm != '' else ''}"
            + ", ".join(f"{100 * share:g} %" for share in np.atleast_1d(_numbers(part)))
            + (" (by visit)" if np.ndim(part) else "")
            for arm, part in by_arm
        ]
        said = f"Lost by the last visit: {'; '.join(lost)}."
        if self.slope:
            said += f" Odds of leaving times {np.exp(self.slope):.3g} per SD of the last value observed."
        if self.intermittent:
            said += f" Other visits missed by chance: {100 * self.intermittent:g} %."
        return said

    def __bool__(self) -> bool:
        parts = self.lost.values() if isinstance(self.lost, Mapping) else [self.lost]
        return bool(self.intermittent) or any(_numbers(part).any() for part in parts)


def _numbers(given: Any) -> np.ndarray:
    try:
        return np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        raise SpecError(f"Dropout is told in numbers; got {given!r}.") from None


def _hazard(lost: np.ndarray, visits: int) -> np.ndarray:
    if not lost.ndim:
        return np.r_[0.0, np.full(visits - 1, 1 - (1 - float(lost)) ** (1 / (visits - 1)))]
    if len(lost) != visits:
        raise SpecError(f"Cumulative dropout needs {visits} shares, one a visit; got {len(lost)}.")
    left = 1 - lost
    return np.r_[0.0, 1 - left[1:] / left[:-1]]


@dataclass(frozen=True, eq=False)
class Losses:
    """Dropout as it applies to one scenario.

    mean, sd : (A, T) of its values. logit : (A, T) of leaving before a visit, at the mean of the last observed value.
    """

    mean: np.ndarray
    sd: np.ndarray
    logit: np.ndarray
    slope: float
    intermittent: float

    @classmethod
    def of(cls, dropout: Dropout, arms: tuple[Any, ...], mean: np.ndarray, sigma: np.ndarray) -> Losses:
        """Calibrated by subjects that are made up for it, the same ones at every call."""
        hazard = dropout.hazards(arms, mean.shape[1])
        sd = np.sqrt(np.einsum("att->at", sigma))
        with np.errstate(divide="ignore"):
            logit = np.log(hazard) - np.log1p(-hazard)
        losses = cls(mean, sd, logit, float(dropout.slope), float(dropout.intermittent))
        if not dropout.slope:
            return losses
        rng = np.random.default_rng(0)
        z, u, v = (
            rng.standard_normal((CALIBRATION, mean.shape[1])),
            *rng.random((2, CALIBRATION, mean.shape[1])),
        )
        for a, root in enumerate(np.linalg.cholesky(sigma)):
            arm = np.full(CALIBRATION, a)
            losses.seen(mean[a] + z @ root.T, arm, u, v, hazard[a])
        return losses

    def seen(
        self,
        values: np.ndarray,
        arm: np.ndarray,
        u: np.ndarray,
        v: np.ndarray,
        calibrate: np.ndarray | None = None,
    ) -> np.ndarray:
        """(..., n, T) whether a value (..., n, T) of a subject of an arm (n,) is observed.

        u, v : uniform numbers, of leaving before a visit and of missing it. calibrate : (T,) shares that are to leave,
        to which the logits of the arm are set on the way.
        """
        seen = v >= self.intermittent
        seen[..., 0] = True
        staying = np.ones(values.shape[:-1], dtype=bool)
        last = (values[..., 0] - self.mean[arm, 0]) / self.sd[arm, 0]
        for t in range(1, values.shape[-1]):
            if calibrate is not None and calibrate[t] > 0:
                self.logit[arm[0], t] = _intercept(self.slope * last[staying], float(calibrate[t]))
            leaves = u[..., t] < expit(self.logit[arm, t] + self.slope * last)
            staying &= ~leaves
            seen[..., t] &= staying
            now = (values[..., t] - self.mean[arm, t]) / self.sd[arm, t]
            last = np.where(seen[..., t], now, last)
        return seen


def _intercept(effect: np.ndarray, share: float) -> float:
    """a with mean(expit(a + effect)) = share."""
    centre = np.log(share / (1 - share))
    reach = np.abs(effect).max() + 1.0
    return float(brentq(lambda a: expit(a + effect).mean() - share, centre - reach, centre + reach))
