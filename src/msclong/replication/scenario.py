"""What is assumed to be true of the next trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from msclong.errors import SpecError, listing
from msclong.linear_hypothesis import label
from msclong.printing.overview import Overview, Shown
from msclong.replication.pilot import pilot
from msclong.results.fit import Fit
from msclong.results.summary import summary_table

SYMMETRY = 1e-8
"""Asymmetry of a covariance, as a share of its largest variance, that rounding explains."""

Correlation = Literal["cs", "ar1"]


@dataclass(frozen=True, eq=False, repr=False)
class Scenario(Shown):
    """What is assumed to be true of the next trial: means, covariance, arms.

    Parameters
    ----------
    visits : T labels in order of time, the first of them the baseline where the analysis knows one.
    means : T means of a single arm, or {arm: T means}; the first arm is the one that others are compared with.
    covariance : (T, T) of a subject's values, in squared units; or {arm: (T, T)}.
    sd, correlation, structure
        Instead of `covariance`: one SD or T of them, and one correlation between any two visits (structure 'cs'), or
        between neighbouring visits, its kth power k visits apart ('ar1'); or a (T, T) matrix of correlations.
        `Scenario.random_effects` gives the covariance of random intercepts and slopes.
    times : T numeric times, where the formula reads them and the labels are no numbers.
    allocation : {arm: ratio}; None: equal.
    baseline : str, optional
        A column of the formula that holds the value of the first visit, which then is no outcome. Where the spec's
        outcome_type is 'change' the outcomes are the changes from it. (A spec with baseline_as needs no such column.)
    changes : bool
        The values are changes from baseline already: the outcome of a spec with outcome_type 'change' that has neither
        `baseline` nor baseline_as.
    source : where the numbers are from, in words; printed with every result.

    The values are normal, and are the outcome as the formula has it: where that is a logarithm, logarithms.
    Raises SpecError for numbers that do not fit together.

    Examples
    --------
    >>> import msclong as ml
    >>> means = {"placebo": [20, 19, 18], "drug": [20, 17, 14]}
    >>> scenario = ml.Scenario(["base", "3", "6"], means, sd=5, correlation=0.6)
    >>> scenario.with_effect(0.5).table.loc["6"].tolist()
    [18.0, 16.0]
    """

    visits: Sequence[Any]
    means: Any
    covariance: Any = None
    sd: InitVar[float | Sequence[float] | None] = None
    correlation: InitVar[Any] = None
    structure: InitVar[Correlation] = "cs"
    times: Sequence[float] | None = None
    allocation: Mapping[Any, float] | None = None
    baseline: str | None = None
    changes: bool = False
    source: str = ""

    def __post_init__(self, sd: Any, correlation: Any, structure: Correlation) -> None:
        keep = object.__setattr__
        visits = () if isinstance(self.visits, str) or not np.iterable(self.visits) else tuple(self.visits)
        if len(visits) < 2:
            raise SpecError(f"visits lists two or more visits in order of time; got {self.visits!r}.")
        keep(self, "visits", tuple(v.item() if isinstance(v, np.generic) else v for v in visits))
        if len(set(self.visits)) < len(self.visits):
            raise SpecError(f"Each visit is listed once; got {listing(self.visits)}.")
        T = len(self.visits)
        arms = isinstance(self.means, Mapping)
        means = {
            arm: _numbers(row, (T,), f"means{f' of arm {arm!r}' if arms else ''}")
            for arm, row in (self.means.items() if arms else [("", self.means)])
        }
        if not means or (arms and any(arm == "" for arm in means)):
            raise SpecError(
                f"means takes T means, or a mapping from named arms to T means; got {self.means!r}."
            )
        keep(self, "means", means if arms else means[""])
        if self.covariance is None:
            given = _from_sd(sd, correlation, structure, T)
        elif sd is not None or correlation is not None:
            raise SpecError("Give either covariance, or sd and correlation.")
        else:
            given = self.covariance
        if isinstance(given, Mapping):
            if not arms or set(given) != set(means):
                raise SpecError(
                    f"covariance by arm names the arms {listing(given)}; means {listing(means) or 'no arms'}."
                )
            keep(self, "covariance", {arm: _covariance(given[arm], T, f" of arm {arm!r}") for arm in means})
        else:
            keep(self, "covariance", _covariance(given, T, ""))
        if self.times is not None:
            times = _numbers(self.times, (T,), "times")
            if (np.diff(times) <= 0).any():
                raise SpecError(f"times must increase from visit to visit; got {listing(self.times)}.")
            keep(self, "times", tuple(times.tolist()))
        keep(self, "allocation", self._allocation())
        if not isinstance(self.changes, (bool, np.bool_)) or (self.changes and self.baseline is not None):
            raise SpecError(
                f"changes is True or False, and False where baseline names a column; got {self.changes!r}."
            )
        for name in ("baseline", "source"):
            if not isinstance(getattr(self, name), (str, type(None))):
                raise SpecError(f"{name} must be text; got {getattr(self, name)!r}.")

    def _allocation(self) -> dict[Any, float]:
        if self.allocation is None:
            return dict.fromkeys(self.arms, 1.0)
        ratio = dict(self.allocation) if isinstance(self.allocation, Mapping) else {}
        numbers = all(isinstance(r, (int, float, np.number)) and 0 < r < np.inf for r in ratio.values())
        if set(ratio) != set(self.arms) or not numbers:
            raise SpecError(
                f"allocation gives each of the arms {listing(map(repr, self.arms))} a positive ratio, such as "
                f"{{arm: 2, ...}}; got {self.allocation!r}."
            )
        return {arm: float(ratio[arm]) for arm in self.arms}

    @property
    def arms(self) -> tuple[Any, ...]:
        """The arms' names; ('',) of a single arm without a name."""
        return tuple(self.means) if isinstance(self.means, Mapping) else ("",)

    @property
    def mean(self) -> np.ndarray:
        """(A, T) means by arm."""
        return np.array(list(self.means.values())) if isinstance(self.means, Mapping) else self.means[None]

    @property
    def sigma(self) -> np.ndarray:
        """(A, T, T) covariances by arm."""
        if isinstance(self.covariance, Mapping):
            return np.array(list(self.covariance.values()))
        return np.broadcast_to(self.covariance, (len(self.arms), *self.covariance.shape))

    @property
    def table(self) -> pd.DataFrame:
        """Means, visits x arms."""
        columns = list(self.arms) if isinstance(self.means, Mapping) else ["mean"]
        return pd.DataFrame(self.mean.T, index=pd.Index(self.visits, name="visit"), columns=columns)

    @property
    def numeric_times(self) -> np.ndarray | None:
        """(T,) times; the labels where these are numbers; None where nothing says."""
        if self.times is not None:
            return np.array(self.times)
        plain = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in self.visits)
        return np.array(self.visits, dtype=float) if plain else None

    def allocated(self, n: int) -> np.ndarray:
        """(n,) arm codes of n subjects in their order of entry, as near to the ratio as can be at every step."""
        share = np.array(list(self.allocation.values())) if self.allocation else np.ones(1)
        share = share / share.sum()
        arm, count = np.empty(n, dtype=np.intp), np.zeros(len(share))
        for i in range(n):
            arm[i] = np.argmax(np.round((i + 1) * share - count, 9))
            count[arm[i]] += 1
        return arm

    def replace(self, **changes: Any) -> Scenario:
        """A copy with some fields changed."""
        if {"sd", "correlation"} & set(changes):
            changes.setdefault("covariance", None)
        return replace(self, **changes)

    def with_effect(self, share: float) -> Scenario:
        """The same scenario with `share` of its effect: 1 leaves it, 0 is the null hypothesis.

        The effect of a single arm is its change from the first visit (where values are `changes`, these); of several,
        each arm's change less that of the first arm.
        """
        if not isinstance(share, (int, float, np.number)) or not np.isfinite(share):
            raise SpecError(f"share is a number such as 0.5; got {share!r}.")
        start = 0.0 if self.changes else self.mean[:, :1]
        change = self.mean - start
        reference = change[:1] if len(change) > 1 else 0.0
        rows = start + reference + float(share) * (change - reference)
        scaled = dict(zip(self.arms, rows, strict=True)) if isinstance(self.means, Mapping) else rows[0]
        return replace(self, means=scaled, source=self.source and f"{self.source} Effects times {share:g}.")

    @staticmethod
    def random_effects(
        times: Sequence[float],
        intercept_sd: float,
        residual_sd: float,
        slope_sd: float = 0.0,
        correlation: float = 0.0,
    ) -> np.ndarray:
        """(T, T) covariance of values with a random intercept and slope on `times`, and independent residuals.

        correlation : of intercept and slope. Raises SpecError for impossible numbers.
        """
        sds = _numbers([intercept_sd, slope_sd, residual_sd], (3,), "The SDs of random effects and residual")
        if (sds < 0).any() or sds[2] == 0 or not -1 <= correlation <= 1:
            raise SpecError(
                "SDs must not be negative, that of the residual positive; a correlation within -1 and 1."
            )
        t = _numbers(times, (len(tuple(times)),), "times")
        Z = np.column_stack([np.ones_like(t), t])
        cross = correlation * sds[0] * sds[1]
        G = np.array([[sds[0] ** 2, cross], [cross, sds[1] ** 2]])
        return Z @ G @ Z.T + sds[2] ** 2 * np.eye(len(t))

    @classmethod
    def from_fit(cls, fit: Fit) -> Scenario:
        """The estimates of a fitted pilot: its means by arm and visit, and its covariance between visits.

        They are estimates, those of a small pilot poor ones, and of a pilot that is followed up because it looked
        promising too good: try smaller effects too (`with_effect`), and larger SDs.

        The fit must have the visits as outcomes, the baseline one included, and no covariates (a fit of changes: the
        changes); else SpecError says so. HypothesisError where the times are irregular.
        """
        return cls(**pilot(fit))

    def _overview(self) -> Overview:
        sd = np.sqrt(np.einsum("att->at", self.sigma))
        R = self.sigma / (sd[:, :, None] * sd[:, None, :])
        apart = R[:, *np.triu_indices(len(self.visits), 1)]
        low, high = apart.min(), apart.max()
        between = f"{low:.2f}" if high - low < 0.005 else f"{low:.2f} to {high:.2f}"
        ratio = " : ".join(f"{r:g}" for r in (self.allocation or {}).values())
        facts = [
            self.source,
            f"Correlations between visits: {between}.",
            f"Allocation {ratio} ({', '.join(map(label, self.arms))})." if len(self.arms) > 1 else "",
        ]
        table = self.table
        for arm, row in zip(self.arms, sd, strict=True):
            name = f"SD, {label(arm)}" if isinstance(self.covariance, Mapping) else "SD"
            table[name] = row
        return Overview(
            title="Scenario of a trial",
            facts=tuple(filter(None, facts)),
            tables=(summary_table(table, "Means and standard deviations"),),
        )


def _numbers(given: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """`given` as finite numbers, read only; raises SpecError for anything else."""
    wanted = (
        f"{' x '.join(map(str, shape))} finite numbers, one a visit, are" if shape else "one finite number is"
    )
    try:
        found = np.array(given, dtype=float)
    except (TypeError, ValueError):
        found = np.full(1, np.nan)
    if found.shape != shape or not np.isfinite(found).all():
        raise SpecError(f"{what}: {wanted} needed; got {given!r}.")
    found.setflags(write=False)
    return found


def _from_sd(sd: Any, correlation: Any, structure: Correlation, T: int) -> np.ndarray:
    if sd is None or correlation is None:
        raise SpecError("How do a subject's values vary? Give covariance, or sd and correlation.")
    if structure not in get_args(Correlation):
        raise SpecError(
            f"structure takes {listing(map(repr, get_args(Correlation)))}; got {structure!r}. For any other, give "
            "correlation or covariance as a matrix."
        )
    sds = _numbers(np.broadcast_to(sd, (T,)) if np.ndim(sd) == 0 else sd, (T,), "sd")
    if (sds <= 0).any():
        raise SpecError(f"SDs must be positive; got {sd!r}.")
    if np.ndim(correlation) == 0:
        rho = float(_numbers(correlation, (), "correlation"))
        lag = np.abs(np.subtract.outer(np.arange(T), np.arange(T)))
        R = rho ** (lag if structure == "ar1" else lag > 0)
    else:
        R = _numbers(correlation, (T, T), "correlation")
        if np.abs(np.diag(R) - 1).max() > SYMMETRY:
            raise SpecError("The diagonal of a matrix of correlations is one.")
    return R * np.outer(sds, sds)


def _covariance(given: Any, T: int, whose: str) -> np.ndarray:
    found = _numbers(given, (T, T), f"covariance{whose}")
    if np.abs(found - found.T).max() > SYMMETRY * np.abs(found).max():
        raise SpecError(f"The covariance{whose} is not symmetric.")
    if np.diag(found).min() <= 0:
        raise SpecError(f"The covariance{whose} has variances that are not positive.")
    sd = np.sqrt(np.diag(found))
    if np.linalg.eigvalsh(found / np.outer(sd, sd))[0] < SYMMETRY:
        raise SpecError(
            f"The covariance{whose} is not positive definite: some correlations contradict each other, or are one."
        )
    symmetric = (found + found.T) / 2
    symmetric.setflags(write=False)
    return symmetric
