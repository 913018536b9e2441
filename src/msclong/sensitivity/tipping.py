"""The tipping point: how much worse missing outcomes must be for the conclusion to change."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from msclong.contrasts.student_t import t_quantile, t_tail
from msclong.data.marks import synthetic
from msclong.engines.frequentist.arguments import check_flag
from msclong.errors import HypothesisError, SpecError, listing
from msclong.linear_hypothesis import LinearHypothesis, label
from msclong.printing import numbers
from msclong.printing.overview import Overview, Shown
from msclong.results.fit import Fit
from msclong.results.hypothesis_table import check_level, hypothesis_table
from msclong.results.stamp import stamp
from msclong.results.summary import summary_table
from msclong.sensitivity.analyses import NOTHING, planned_for
from msclong.sensitivity.assumption import Assumption
from msclong.sensitivity.jackknife import ShiftedEstimates, jackknifed
from msclong.sensitivity.planned_visits import PlannedVisits
from msclong.sensitivity.shifts import by_position, chosen_arms, moved_visits, number
from msclong.sensitivity.strategies import missing_at_random

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_STEPS = 12
"""Steps of a grid that is chosen here."""

REACH = 1.6
"""How far such a grid goes at least, in multiples of the tipping point."""

ROUNDING = 1e-10
"""Below it a shift moves nothing, per unit of the shift and of the contrast's coefficients."""

BY_JACKKNIFE = "Standard errors are by the jackknife, at every shift."
"""What is said of intervals and p-values."""


@dataclass(frozen=True, eq=False)
class Line:
    """One contrast as a function of m shifts d: estimate w'e and variance w'Q w, with w = [1, d].

    e : (1 + m,). Q : (1 + m, 1 + m). df : of its t tests.
    """

    e: np.ndarray
    Q: np.ndarray
    df: float

    def table(self, shifts: np.ndarray, level: float, null: float) -> pd.DataFrame:
        """A row for each of the shifts (S, m)."""
        w = np.column_stack([np.ones(len(shifts)), shifts])
        estimate, se = w @ self.e, np.sqrt(np.einsum("sa,ab,sb->s", w, self.Q, w))
        df = np.full(len(w), self.df)
        half = t_quantile(df, (1 + level) / 2) * se
        statistic = (estimate - null) / se
        return pd.DataFrame(
            {
                "estimate": estimate,
                "se": se,
                "lower": estimate - half,
                "upper": estimate + half,
                "df": df,
                "statistic": statistic,
                "p_value": 2 * t_tail(df, np.abs(statistic)),
            }
        )

    def crossings(self, start: np.ndarray, way: np.ndarray, level: float, null: float) -> np.ndarray:
        """All s, ascending, at which a limit of the interval is `null` at shifts start + s way; both (m,).

        (estimate - null)^2 = t^2 variance is a quadratic equation in s.
        """
        a, b = np.r_[1.0, start], np.r_[0.0, way]
        c2 = float(t_quantile(np.array([self.df]), (1 + level) / 2)[0]) ** 2
        distance, slope = float(a @ self.e) - null, float(b @ self.e)
        roots = np.roots(
            [
                slope**2 - c2 * float(b @ self.Q @ b),
                2 * (distance * slope - c2 * float(a @ self.Q @ b)),
                distance**2 - c2 * float(a @ self.Q @ a),
            ]
        )
        return np.sort(roots[np.isreal(roots)].real)


@dataclass(frozen=True, eq=False, repr=False)
class TippingPoint(Shown):
    """One contrast over shifts of the outcomes that are missing.

    row : the contrast, as its table names it. arms : those whose outcomes are shifted, in words; each an axis.
    table : by shift `delta` (of two arms, one index level each): estimate, se, lower, upper, df, statistic, p_value;
    by the jackknife. unshifted : its row without a shift. own : the fit's own, with its p-value of `null`.
    reversal : the shift at which the estimate is `null`; None where no shift moves it. changes : all shifts, ascending,
    at which the conclusion changes, that is a limit of the interval is `null`; of two arms none. tipping : the one
    nearest to zero, or None; of two arms a Series, the second arm's shift for each of the first's. significant :
    whether null lies outside the jackknife's interval without a shift. note : what else there is to know.
    """

    row: str
    arms: tuple[str, ...]
    table: pd.DataFrame
    own: pd.Series
    unshifted: pd.Series
    changes: tuple[float, ...]
    tipping: float | None | pd.Series
    reversal: float | None
    significant: bool
    level: float
    null: float
    outcome: str
    note: str = ""

    def figure(self) -> Figure:
        """The estimate and its interval over the shifts; of two arms the p-value over both, with the tipping line."""
        from msclong.plots.tipping_point import tipping_curve, tipping_map

        if isinstance(self.tipping, pd.Series):
            return tipping_map(self.table.reset_index(), self.tipping, 1 - self.level, self.row, self.axes)
        return tipping_curve(self.table.reset_index(), self.changes, self.null, self.row, self.axes[0])

    @cached_property
    def axes(self) -> tuple[str, ...]:
        """What the axes of the figure read."""
        unit = f" ({self.outcome})" if self.outcome else ""
        return tuple(f"Shift of outcomes after dropout{arm and ' in '}{arm}{unit}" for arm in self.arms)

    @property
    def agrees(self) -> bool:
        """Whether the fit's own interval without a shift comes to the jackknife's conclusion."""
        return bool(self.own["p_value"] < 1 - self.level) == self.significant

    @property
    def sides(self) -> tuple[float, ...]:
        """The changes nearest to zero below and above it, the nearer first."""
        below, above = [d for d in self.changes if d < 0], [d for d in self.changes if d >= 0]
        return tuple(sorted((*below[-1:], *above[:1]), key=abs))

    def _repr_html_(self) -> str:
        from msclong.plots.svg import to_svg

        name = f"tipping-{zlib.crc32(self.table.to_numpy().tobytes()):08x}"
        return f"<div>{super()._repr_html_()}{to_svg(self.figure(), name)}</div>"

    def _overview(self) -> Overview:
        return Overview(
            title=f"Tipping point: {self.row}",
            facts=tuple(filter(None, (self.sentence, self.note))),
            tables=(summary_table(self.table, "By shift of missing outcomes"),),
            stamp=synthetic(self.table) or "",
        )

    @property
    def sentence(self) -> str:
        """The tipping point in words."""
        if isinstance(self.tipping, pd.Series):
            return "The line of tipping points is in .tipping."
        if not self.changes:
            return "No shift, in either direction, changes the conclusion."
        verb = "is lost" if self.significant else "would be reached"
        text = f"Significance {verb} at a shift of {' or of '.join(f'{shift:.4g}' for shift in self.sides)}"
        # Both on one side of zero: past the second the first conclusion holds again.
        beyond = max(self.changes, key=abs)
        if not self.significant and beyond not in self.sides:
            text += f", and lost again at {beyond:.4g}"
        return f"{text}."


def tipping_point(
    fit: Fit,
    deltas: Sequence[float] | Mapping[Any, Sequence[float]] | None = None,
    *,
    arms: Any = None,
    contrast: Any = None,
    visits: Sequence[Any] | None = None,
    cumulative: bool = False,
    intermittent: bool = False,
    null: float = 0.0,
    level: float = 0.95,
) -> TippingPoint:
    """By how much outcomes after dropout must be moved for the conclusion on one contrast to change.

    Parameters
    ----------
    deltas : shifts to tabulate; None: a grid that reaches beyond the tipping point
        {arm: shifts} of two arms makes them move separately.
    arms : those that share one shift; None: all but the control (without arms: everybody)
    contrast : a row of `fit.contrasts()` by its name, such as ('B - A', '8'), or a LinearHypothesis of one row
        None: the last one, as a rule the arms' difference, or the change from baseline, at the last visit.
    visits, cumulative, intermittent : as `delta`
    null, level : the conclusion is whether the `level` interval excludes `null`, such as a margin of non-inferiority

    The imputation is linear in the shift, in every replicate of the jackknife as well: estimate and variance are exact
    functions of it, and the tipping point is the root of a quadratic equation, not read off the grid, sought in both
    directions. The conclusion is that of the jackknife's interval, which without a shift need not be the fit's own:
    `.own` has that, and `.note` says where the two disagree.

    Yan, Lee and Li (2009), J Biopharm Stat 19:1085. Raises as `delta`; HypothesisError for an unknown contrast.

    Examples
    --------
    >>> import msclong as ml
    >>> formula = "change ~ basval * week + TRT * week + us(week | PATIENT)"
    >>> fit = ml.fit(ml.ModelSpec(formula, arm="TRT", outcome_type="change"), ml.datasets.hamd17())
    >>> found = ml.sensitivity.tipping_point(fit)
    >>> found.sentence
    'Significance is lost at a shift of 0.772.'
    >>> found.table[["estimate", "p_value"]].round(3).head(2)
           estimate  p_value
    delta
    0.0      -2.418    0.030
    1.0      -2.117    0.058
    """
    planned = planned_for(fit)
    check_level(level)
    null = number(null, "null")
    check_flag(cumulative, "cumulative")
    check_flag(intermittent, "intermittent")
    groups, grids = _axes(planned, deltas, arms)
    where = moved_visits(planned, visits, cumulative, intermittent)
    shifts = np.stack([where * np.isin(planned.arm, group)[:, None] for group in groups], axis=2)
    hypothesis, row = _one_row(fit, contrast)
    estimates = jackknifed(fit, Assumption(planned, missing_at_random(planned, 0), shifts))
    line = _line(estimates, hypothesis, fit, planned)
    names = tuple(
        ""
        if not planned.arms
        else " and ".join(f"{planned.design.arm} {label(planned.arms[i])}" for i in group)
        for group in groups
    )
    base = line.table(np.zeros((1, len(groups))), level, null).iloc[0]
    significant = bool(base["p_value"] < 1 - level)
    at_null = LinearHypothesis(hypothesis.L, hypothesis.rows, np.array([null]))
    own_table = hypothesis_table(fit.estimate, at_null, level)
    own = own_table.iloc[0]
    note = NOTHING if planned.observed.all() else _disagreement(own, base, level, null)
    reversal = None
    changes: tuple[float, ...] = ()
    reversal = None
    tipping: float | None | pd.Series
    if len(groups) == 1:
        slope = float(line.e[1])
        if slope:
            reversal = (null - float(line.e[0])) / slope
        if line.Q[1, 1] or slope:
            changes = tuple(line.crossings(np.zeros(1), np.ones(1), level, null).tolist())
        tipping = min(changes, key=abs, default=None)
        grid = grids[0] if grids else _grid(planned, changes, reversal)
        index = pd.Index(grid, name="delta")
        table = line.table(grid[:, None], level, null).set_index(index)
    else:
        first, second = grids
        pairs = np.array([(a, b) for a in first for b in second])
        table = line.table(pairs, level, null).set_index(
            pd.MultiIndex.from_arrays(list(pairs.T), names=[f"delta of {name}" for name in names])
        )
        tipping = _boundary(line, first, names, level, null)
    table.attrs["interval"] = own_table.attrs["interval"]
    return TippingPoint(
        row, names, stamp(table, fit), own, base, changes, tipping, reversal, significant, level, null,
        fit.spec.unit or "", note,
    )  # fmt: skip


def _axes(planned: PlannedVisits, deltas: Any, arms: Any) -> tuple[list[list[int]], list[np.ndarray]]:
    """The arms of each axis, and its shifts where they are given."""
    if isinstance(deltas, Mapping):
        if arms is not None:
            raise SpecError("deltas={arm: shifts} names its arms; leave arms= out.")
        if not 1 <= len(deltas) <= 2:
            raise SpecError(f"deltas names one arm or two, an axis each; got {len(deltas)}.")
        named = by_position(planned, deltas, "deltas")
        return [[position] for position in named], [_shifts(values) for values in named.values()]
    return [chosen_arms(planned, arms)], [] if deltas is None else [_shifts(deltas)]


def _shifts(values: Any) -> np.ndarray:
    if isinstance(values, str) or not np.iterable(values) or not len(list(values)):
        raise SpecError(f"deltas takes a list of shifts in the outcome's unit; got {values!r}.")
    return np.array(sorted({number(value, "deltas") for value in values}))


def _one_row(fit: Fit, contrast: Any) -> tuple[LinearHypothesis, str]:
    if isinstance(contrast, LinearHypothesis):
        if len(contrast) != 1:
            raise HypothesisError(f"A tipping point is that of one row; this hypothesis has {len(contrast)}.")
        if contrast.value.any():
            raise HypothesisError(
                f"This hypothesis compares its row with {contrast.value[0]:g}; a tipping point takes that value as "
                "null=."
            )
        return contrast, _named(contrast.rows[0])
    every = fit.hypothesis()
    rows = [_named(row) for row in every.rows]
    asked = rows[-1] if contrast is None else _named(contrast)
    if asked not in rows:
        raise HypothesisError(
            f"{contrast!r} is not a row of fit.contrasts(); its rows are {listing(map(repr, every.rows), 20)}."
        )
    i = rows.index(asked)
    return LinearHypothesis(every.L[[i]], every.rows[[i]], every.value[[i]]), asked


def _named(row: Any) -> str:
    return ", ".join(map(label, row)) if isinstance(row, tuple) else label(row)


def _line(
    estimates: ShiftedEstimates, hypothesis: LinearHypothesis, fit: Fit, planned: PlannedVisits
) -> Line:
    L = hypothesis.L[0]
    rows = np.einsum("p,pan->an", L, estimates.errors)
    e = L @ estimates.coefficients
    least = ROUNDING * np.abs(L).sum()
    still = (np.abs(e) < least) & (np.linalg.norm(rows, axis=1) < least)
    still[0] = False
    e[still], rows[still] = 0.0, 0.0
    Q = rows @ rows.T
    if planned.observed.all():  # nothing is imputed: the fit's own standard error
        Q[0, 0] = float(L @ fit.estimate.vcov @ L)
    return Line(e, Q, float(estimates.own.df(hypothesis.L)[0]))


def _disagreement(own: pd.Series, base: pd.Series, level: float, null: float) -> str:
    """What is said of the two intervals at no shift."""
    excludes = [bool(row["p_value"] < 1 - level) for row in (own, base)]
    if excludes[0] == excludes[1]:
        return BY_JACKKNIFE
    what = numbers.stated(null)
    ends = [f"{row['lower']:.4g} to {row['upper']:.4g} (p = {row['p_value']:.3g})" for row in (own, base)]
    verbs = [f"{'excludes' if one else 'includes'} {what}" for one in excludes]
    return (
        f"{BY_JACKKNIFE} Without a shift they do not come to the fit's own conclusion: its interval, {ends[0]}, "
        f"{verbs[0]}; the jackknife's, {ends[1]}, {verbs[1]}."
    )


def _grid(planned: PlannedVisits, changes: Sequence[float], reversal: float | None) -> np.ndarray:
    """Round shifts from zero to beyond the tipping point, and at least an SD of the outcomes at the last visit; to
    other changes and the reversal, where these are not farther than two."""
    sd = float(np.nanstd(planned.y[:, -1]))
    tipping = min(changes, key=abs, default=None)
    towards = tipping if tipping is not None else reversal if reversal is not None else 1.0
    ends = [0.0, float(np.copysign(max(sd, REACH * abs(tipping or 0.0)), towards))]
    ends += [REACH * end for end in changes if abs(end) <= 2 * sd]
    if reversal is not None and abs(reversal) <= 2 * sd:
        ends.append(reversal)
    low, high = min(ends), max(ends)
    power = 10.0 ** np.floor(np.log10((high - low) / MOST_STEPS))
    step = next(factor * power for factor in (1, 2, 5, 10) if (high - low) / (factor * power) <= MOST_STEPS)
    steps = np.arange(int(np.floor(low / step)), int(np.ceil(high / step)) + 1)
    return np.array([float(f"{value:.10g}") for value in step * steps])


def _boundary(line: Line, first: np.ndarray, names: tuple[str, ...], level: float, null: float) -> pd.Series:
    """For each shift of the first arm, that of the second nearest to zero at which the conclusion changes, or NaN."""
    found = []
    for value in first:
        ends = line.crossings(np.array([value, 0.0]), np.array([0.0, 1.0]), level, null)
        found.append(float(ends[np.argmin(np.abs(ends))]) if ends.size else np.nan)
    return pd.Series(found, index=pd.Index(first, name=f"delta of {names[0]}"), name=f"delta of {names[1]}")
