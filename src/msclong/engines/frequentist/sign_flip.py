"""Sign-flip permutation test of changes from baseline in one arm: no model, no normal distribution."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, get_args

import numpy as np
import pandas as pd

from msclong.data.baseline import COLUMN
from msclong.data.long_data import LongData
from msclong.engines.frequentist.arguments import is_count, random_generator
from msclong.errors import DataError, HypothesisError, SpecError, listing
from msclong.linear_hypothesis import difference_label, label
from msclong.results.fit import Fit
from msclong.results.stamp import stamp

MOST_EXACT = 24
"""Subjects up to whom all 2^n sign vectors are counted."""

TIE = 1e-10
"""Sums of differences that differ by less than this share of the sum of their sizes are equal."""

CHUNK = 4096
"""Sign vectors drawn at a time."""

Adjustment = Literal["maxt", "maxt-stepdown"]


def sign_flip_test(
    data: Fit | LongData,
    adjust: Adjustment | None = None,
    level: float = 0.95,
    draws: int = 99_999,
    seed: int | None = None,
) -> pd.DataFrame:
    """Each visit against baseline within subjects, by the distribution of the mean change under flips of its sign.

    Null hypothesis: a subject's changes from baseline are distributed symmetrically about zero, all visits together;
    each subject's whole vector of changes is then as likely with its signs reversed. Nothing is assumed of the shape of
    the distribution or of the covariance. The statistic of a visit is the mean change of the subjects seen at both
    visits (Student's t orders the sign vectors alike); zeros stay. Up to 24 subjects all 2^n sign vectors count,
    and the p-value is exact; beyond, `draws` random ones do.

    Parameters
    ----------
    data : a fit, of which the data, visits and baseline are used but not the model; or LongData.
    adjust
        'maxt': p-values adjusted for all visits, by the largest of the mean changes, each over the root of its sum of
        squares (its standard deviation under flips); 'maxt-stepdown': the same, step-down. Correlations between visits
        count.
    level : of the intervals.
    draws, seed : random sign vectors where there are more than 24 subjects; p = (b + 1) / (draws + 1).

    Returns
    -------
    DataFrame indexed by visit: n (subjects seen at both), estimate (mean change), lower and upper (the shifts of all
    subjects that the two-sided test does not reject, found from the means of subsets of the changes; infinite where
    so few subjects cannot reject any), p_value (two-sided), p_adjusted, and mcse, the Monte Carlo standard error of
    the p-value: zero where it is exact.

    Sources: Pitman (1937), JRSS Supplement 4:119; Hartigan (1969), JASA 64:1303 (intervals); Westfall and Young (1993),
    Resampling-Based Multiple Testing, algorithm 2.8 (step-down); Phipson and Smyth (2010) (p of random draws).
    Raises HypothesisError for several arms or no visits, DataError where nobody was seen at both visits, SpecError
    for an impossible argument.

    Examples
    --------
    >>> import msclong as ml
    >>> nights = ml.datasets.sleepstudy().query("Days in [0, 4, 9]")
    >>> fit = ml.fit("Reaction ~ C(Days) + us(Days | Subject)", nights)
    >>> ml.sign_flip_test(fit)["p_value"].round(6)
    Days
    4 - 0    0.001350
    9 - 0    0.000015
    Name: p_value, dtype: float64
    """
    if adjust is not None and adjust not in get_args(Adjustment):
        raise SpecError(f"adjust takes {listing(map(repr, get_args(Adjustment)))} or None; got {adjust!r}.")
    if not isinstance(level, (int, float)) or not 0 < level < 1:
        raise SpecError(f"level must lie between 0 and 1, such as 0.95; got {level!r}.")
    if not is_count(draws, 1):
        raise SpecError(f"draws is the number of random sign vectors, such as 99999; got {draws!r}.")
    rng = random_generator(seed)
    changes = _changes(data)
    D = changes.to_numpy()
    exact = len(D) <= MOST_EXACT
    sets: Iterable[np.ndarray]
    if exact:
        by_visit = [column[~np.isnan(column)] for column in D.T]
        p_value = np.array([_exact_p(d) for d in by_visit])
        limits = np.array([_exact_limits(d, 1 - level) for d in by_visit])
        sets = _all_sums(np.nan_to_num(D))
    else:
        sums, sizes = _random_sums(D, draws, rng)
        p_value = (1 + (np.abs(sums) >= _threshold(D)).sum(axis=0)) / (draws + 1)
        limits = _random_limits(D, sums, sizes, 1 - level)
        sets = [sums]
    table = pd.DataFrame(
        {
            "n": np.isfinite(D).sum(axis=0),
            "estimate": np.nanmean(D, axis=0),
            "lower": limits[:, 0],
            "upper": limits[:, 1],
            "p_value": p_value,
        },
        index=changes.columns,
    )
    if adjust is not None:
        table["p_adjusted"] = _adjusted(D, sets, exact, adjust == "maxt-stepdown")
    table["mcse"] = 0.0 if exact else np.sqrt(p_value * (1 - p_value) / (draws + 1))
    return stamp(table, data)


def _changes(data: Fit | LongData) -> pd.DataFrame:
    """Change from baseline, subjects x visits, not a number where either is missing."""
    if isinstance(data, Fit):
        design, spec = data.design, data.spec
        frame, roles, visit, arm = (
            design.fixed.frame,
            design.data,
            design.visit,
            design.arm or design.data.arm,
        )
        baseline, visits = (
            design.baseline,
            () if visit is None else design.data.visits or design.fixed.values(visit),
        )
        is_change, covariate = spec.outcome_type == "change", spec.baseline_as == "covariate"
    elif isinstance(data, LongData):
        frame, roles, visit, arm = data.frame[data.frame[data.outcome].notna()], data, data.visit, data.arm
        baseline, visits, is_change, covariate = data.baseline, data.visits, False, False
    else:
        raise HypothesisError(
            f"A sign-flip test takes a fit or ml.LongData(table, subject=..., outcome=..., visit=...); "
            f"got {type(data).__name__}."
        )
    if visit is None:
        raise HypothesisError(
            "Which column holds the visits? Name it: visit='...' in LongData or in ModelSpec."
        )
    if arm is not None and frame[arm].nunique() > 1:
        raise HypothesisError(
            f"Flipping signs tests the changes within one arm, and {arm!r} has {frame[arm].nunique()}: with several, "
            "the question is their difference, and what randomisation lets one permute is the arms' labels. Give one "
            "arm's rows, or use fit.contrasts()."
        )
    if frame.duplicated([roles.subject, visit]).any():
        raise DataError(
            f"A subject has several outcomes at one {visit!r}; a change from baseline needs one of each."
        )
    wide = frame.pivot(index=roles.subject, columns=visit, values=roles.outcome)
    if is_change:
        names = {level: label(level) for level in visits}
    elif covariate:
        wide = wide.sub(frame.groupby(roles.subject, observed=True)[COLUMN].first(), axis="index")
        names = {level: label(level) for level in visits}
    else:
        wide = wide.sub(wide[baseline], axis="index")
        names = {level: difference_label(level, baseline) for level in visits if level != baseline}
    changes = wide[list(names)].dropna(how="all")
    if unseen := [names[level] for level in names if changes[level].isna().all()]:
        raise DataError(f"No subject was seen at both visits of {listing(unseen)}; leave these visits out.")
    return changes.set_axis(pd.Index(names.values(), name=visit), axis="columns")


def _threshold(D: np.ndarray) -> np.ndarray:
    """What the size of a flipped sum must reach to be as large as the observed one, (V,)."""
    return np.abs(np.nansum(D, axis=0)) - TIE * np.nansum(np.abs(D), axis=0)


def _exact_p(d: np.ndarray) -> float:
    """Share of the 2^n sign vectors with a sum at least as large, either way, of the differences d (n,).

    Each is a sum over one half of the subjects plus one over the other: sort the one, count for each of the other.
    """
    left, right = _signed(d[: len(d) // 2]), np.sort(_signed(d[len(d) // 2 :]))
    threshold = float(_threshold(d[:, None])[0])
    if threshold <= 0:
        return 1.0
    above = len(right) * len(left) - np.searchsorted(right, threshold - left).sum()
    return 2 * float(above) / 2 ** len(d)


def _signed(d: np.ndarray) -> np.ndarray:
    """The sums over all sign vectors, (2^n, ...)."""
    sums = np.zeros((1, *d.shape[1:]))
    for x in d:
        sums = np.concatenate([sums - x, sums + x])
    return sums


def _subset_sums(d: np.ndarray) -> np.ndarray:
    return (_signed(d) + d.sum()) / 2


def _exact_limits(d: np.ndarray, alpha: float) -> tuple[float, float]:
    """The shifts that the two-sided test at level alpha does not reject.

    A shift c below the mean has p = 2 (1 + number of subsets whose mean is at most c) / 2^n: its limit is the
    floor(alpha 2^(n - 1))-th smallest of the 2^n - 1 subset means, found by bisection.
    """
    rank = int(np.floor(alpha * 2.0 ** (len(d) - 1)))
    if rank == 0:
        return -np.inf, np.inf
    return _subset_mean(d, rank), -_subset_mean(-d, rank)


def _subset_mean(d: np.ndarray, rank: int) -> float:
    """The `rank`-th smallest mean of a subset of d."""
    low, high = float(d.min()), float(d.max())
    half = len(d) // 2
    while True:
        middle = (low + high) / 2
        if not low < middle < high:
            return high
        left, right = _subset_sums(d[:half] - middle), np.sort(_subset_sums(d[half:] - middle))
        below = int(np.searchsorted(right, -left, side="right").sum()) - 1  # less the empty set
        low, high = (low, middle) if below >= rank else (middle, high)


def _all_sums(D: np.ndarray) -> Iterator[np.ndarray]:
    """Sums (., V) over every sign vector whose first sign is +: the others are their mirror images."""
    half = max(1, len(D) // 2)
    right = _signed(D[half:])
    for left in _signed(D[1:half]) + D[0]:
        yield left + right


def _random_sums(D: np.ndarray, draws: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sums of D (n, V) over random sign vectors, and of how many differences each flips, (draws, V) both."""
    values, seen = np.nan_to_num(D), np.isfinite(D).astype(float)
    sums, sizes = [], []
    for start in range(0, draws, CHUNK):
        signs = 2.0 * rng.integers(0, 2, size=(min(CHUNK, draws - start), len(D))) - 1
        sums.append(signs @ values)
        sizes.append((seen.sum(axis=0) - signs @ seen) / 2)
    return np.concatenate(sums), np.concatenate(sizes)


def _random_limits(D: np.ndarray, sums: np.ndarray, sizes: np.ndarray, alpha: float) -> np.ndarray:
    """As `_exact_limits`, from the means of the random subsets that were flipped, (V, 2)."""
    rank = int(np.floor(alpha * (len(sums) + 1) / 2))
    limits = np.tile([-np.inf, np.inf], (D.shape[1], 1))
    for v, total in enumerate(np.nansum(D, axis=0)):
        flipped = sizes[:, v] > 0
        means = np.sort((total - sums[flipped, v]) / 2 / sizes[flipped, v])
        if rank > 0:
            limits[v] = means[rank - 1], means[-rank]
    return limits


def _adjusted(D: np.ndarray, sets: Iterable[np.ndarray], exact: bool, step_down: bool) -> np.ndarray:
    """maxT-adjusted p-values over the visits, (V,)."""
    scale = np.sqrt(np.nansum(D**2, axis=0))
    scale[scale == 0] = 1.0
    threshold = _threshold(D) / scale
    order = np.argsort(-threshold, kind="stable")
    reached, total = np.zeros(len(order)), 0
    for sums in sets:
        # Each visit against the largest of those that are not more significant; single-step, of all.
        largest = np.maximum.accumulate(np.abs(sums[:, order[::-1]]) / scale[order[::-1]], axis=1)[:, ::-1]
        reached += ((largest if step_down else largest[:, :1]) >= threshold[order]).sum(axis=0)
        total += len(sums)
    p = reached / total if exact else (reached + 1) / (total + 1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate(p)
    return adjusted
