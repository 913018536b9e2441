"""Permutation test of arms: labels dealt anew among the subjects, the model fitted again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pandas as pd

from msclong.design.coordinates import keys
from msclong.design.design import Design
from msclong.engines.frequentist.arguments import check_flag, is_count, random_generator
from msclong.engines.frequentist.progress import Progress
from msclong.errors import DataError, HypothesisError, SpecError, listing
from msclong.linear_hypothesis import LinearHypothesis
from msclong.replication.bootstrap import frequentist
from msclong.replication.question import Question, row_names
from msclong.replication.refits import Refits, Refitter
from msclong.results.fit import Fit
from msclong.results.stamp import stamp

TIE = 1e-6
"""Statistics that differ by less than this share, or below one by less than this, are equal: the same deal, or one that
mirrors it. Two climbs to one maximum, by compiled code or by the ordinary engine, differ by 1e-8 or less."""

NOTHING = 1e-8
"""Share of a row's length that rounding leaves of zero."""

BATCH = 500
"""Deals that are fitted at a time; results do not depend on it."""


def permutation_test(
    fit: Fit,
    contrast: Any = None,
    n: int = 9999,
    strata: str | Sequence[str] | None = None,
    seed: int | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Differences between arms by the distribution of their t statistics when arms are dealt anew to the subjects.

    Null hypothesis: the arm makes no difference at all, to no visit, to no subject, and to nobody's staying in the
    trial. Then each subject's whole course, missed visits included, would have been seen under any arm, and every deal
    that the randomisation might have made is as likely. Nothing is assumed of distribution or covariance: the model
    only makes the statistic, t = estimate / se, in every refit anew. Covariates stay with their subjects.

    Parameters
    ----------
    fit : of ml.Frequentist(), Gaussian, with arms.
    contrast
        As `power` has it; rows must compare arms. None: those rows of Fit.contrasts() that do.
    n : deals at random; where there are no more than `n` deals in all, each counts once, and the p-value is exact.
    strata : columns within whose levels arms were randomised; labels are dealt within them.
    seed, progress : as elsewhere.

    Returns
    -------
    DataFrame by contrast: estimate, statistic (t); p_value, two-sided: the share of deals whose |t| is as large, of
    random ones (b + 1) / (n + 1); p_adjusted for all rows, by the largest |t| of each deal (the smallest of these is a
    joint test that no row differs); p_model, the fit's own; mcse, the Monte Carlo standard error of p_value, zero where
    it is exact; failed, deals without an estimate, which count as if their |t| were larger. Ties count: the deal of the
    data, and one that mirrors it, have its |t| up to where the optimiser ends, so that what falls short of |t| by less
    than a millionth of it, or of one, is as large.

    Sources: Pitman (1938), Biometrika 29:322; Westfall and Young (1993), Resampling-Based Multiple Testing, chapter 2;
    Phipson and Smyth (2010), Stat Appl Genet Mol Biol 9:39 (p of random deals).
    Raises HypothesisError without arms or for rows that do not compare arms (changes within a single arm:
    `sign_flip_test`), DataError for strata that vary within subjects, EngineError and SpecError as `bootstrap`.

    Examples
    --------
    >>> import msclong as ml
    >>> trial = ml.datasets.hamd17()
    >>> fit = ml.fit("change ~ basval + TRT * week + cs(week | PATIENT)", trial[trial["PATIENT"].astype(int) < 1600])
    >>> ml.permutation_test(fit, {"versus": "1", "factor": "TRT", "by": "week"}, n=99, seed=1).columns.tolist()
    ['estimate', 'statistic', 'p_value', 'p_adjusted', 'p_model', 'mcse', 'failed']
    """
    engine = frequentist(fit, "A permutation test")
    check_flag(progress, "progress")
    if not is_count(n, 19):
        raise SpecError(f"n is the number of deals, such as 9999; got {n!r}.")
    rng = random_generator(seed)
    design = fit.design
    labels = Labels.of(design, strata)
    hypothesis = _comparing(design, labels, contrast)
    exact = labels.deals <= n
    total = labels.deals if exact else n
    found, refitter = Refits.none(total, len(hypothesis), design), Refitter.of(design, engine, hypothesis)
    deals = labels.all() if exact else (labels.dealt(rng) for _ in range(n))
    with Progress("permutation test", total, progress) as bar:
        for start in range(0, total, BATCH):
            batch = np.array([next(deals) for _ in range(min(BATCH, total - start))])
            refitter.arms(labels, batch, found, start)
            bar.advance(len(batch))
    data = fit.estimate.test(hypothesis)
    t = np.abs((found.estimate - hypothesis.value) / found.se)
    t[np.isnan(t)] = np.inf
    statistic = ((data["estimate"] - hypothesis.value) / data["se"]).to_numpy()
    least = np.abs(statistic) - TIE * np.maximum(np.abs(statistic), 1)
    own = 0 if exact else 1
    p = (own + (t >= least).sum(axis=0)) / (total + own)
    table = pd.DataFrame(
        {
            "estimate": data["estimate"],
            "statistic": statistic,
            "p_value": p,
            "p_adjusted": (own + (t.max(axis=1)[:, None] >= least).sum(axis=0)) / (total + own),
            "p_model": data["p_value"],
            "mcse": 0.0 if exact else np.sqrt(p * (1 - p) / (total + 1)),
            "failed": int(found.failed.sum()),
        },
        index=hypothesis.rows,
    )
    table.attrs["deals"] = "all" if exact else f"{total} at random"
    return stamp(table, fit)


@dataclass(frozen=True, eq=False)
class Labels:
    """Arms and whom they can be dealt to.

    column : of the arm. levels : its A levels. arm, stratum : (n,) codes by subject.
    """

    column: str
    levels: tuple[Any, ...]
    arm: np.ndarray
    stratum: np.ndarray

    @classmethod
    def of(cls, design: Design, strata: str | Sequence[str] | None) -> Labels:
        """Raises HypothesisError where there are no arms, DataError where arms or strata vary within subjects."""
        column, frame, subject = design.arm, design.fixed.frame, design.subject
        if column is None or frame[column].nunique() < 2:
            raise HypothesisError(
                "There are no arms to be dealt anew; name them: ModelSpec(..., arm='...'). Changes from baseline "
                "within a single arm are tested by ml.sign_flip_test(fit)."
            )
        if design.unit.max() + 1 < design.n_subjects:
            raise HypothesisError(
                "Random effects tie several subjects together, so that single subjects cannot change their arm."
            )
        names = [strata] if isinstance(strata, str) else list(strata or [])
        if unknown := [name for name in names if name not in frame.columns]:
            raise DataError(f"The data have no column {listing(map(repr, unknown))} for strata.")
        first = np.unique(subject, return_index=True)[1]
        codes = []
        for columns in ([column], names):
            found = pd.factorize(pd.Series(keys(frame, tuple(columns))))[0] if columns else 0 * subject
            if (found != found[first][subject]).any():
                raise DataError(f"{listing(map(repr, columns))} must be the same in all rows of a subject.")
            codes.append(found[first])
        levels = tuple(
            frame[column].iloc[first[np.flatnonzero(codes[0] == a)[0]]] for a in range(codes[0].max() + 1)
        )
        return cls(column, levels, codes[0], codes[1])

    @property
    def deals(self) -> int:
        """Different deals with the numbers of each arm in each stratum as they are."""
        total = 1
        for s in np.unique(self.stratum):
            counts = np.bincount(self.arm[self.stratum == s])
            for i in range(len(counts)):
                total *= comb(int(counts[i:].sum()), int(counts[i]))
        return total

    def dealt(self, rng: np.random.Generator) -> np.ndarray:
        """(n,) arms of one random deal."""
        arm = self.arm.copy()
        for s in np.unique(self.stratum):
            members = np.flatnonzero(self.stratum == s)
            arm[members] = rng.permutation(arm[members])
        return arm

    def all(self) -> Iterator[np.ndarray]:
        """Every deal once."""
        yield from self._extended(np.full(len(self.arm), -1), list(np.unique(self.stratum)), 0)

    def _extended(self, arm: np.ndarray, strata: list[int], level: int) -> Iterator[np.ndarray]:
        """The deals that `arm` begins: -1 where nobody has one yet, in the first of the strata from this level on."""
        if not strata:
            yield arm.copy()
            return
        members = np.flatnonzero(self.stratum == strata[0])
        free = members[arm[members] < 0]
        if level == len(self.levels) - 1:
            arm[free] = level
            yield from self._extended(arm, strata[1:], 0)
            arm[free] = -1
            return
        for chosen in combinations(free, int((self.arm[members] == level).sum())):
            arm[list(chosen)] = level
            yield from self._extended(arm, strata, level + 1)
            arm[list(chosen)] = -1

    def relabelled(self, design: Design, arm: np.ndarray) -> Design:
        """The design with these arms (n,), what the covariance reads included."""
        frame = design.fixed.frame.copy()
        column = frame[self.column]
        values = pd.Series([self.levels[a] for a in arm[design.subject]], index=frame.index)
        frame[self.column] = values.astype(column.dtype)
        return replace(design, fixed=design.fixed.on(frame), coords=design.covariance.coords(frame))


def _comparing(design: Design, labels: Labels, contrast: Any) -> LinearHypothesis:
    """The rows asked for; raises HypothesisError where one is not zero whenever the arms do not differ."""
    found = Question.of(contrast, design).hypothesis(design)
    every = [
        labels.relabelled(design, np.full(len(labels.arm), a)).fixed.X for a in range(len(labels.levels))
    ]
    differences = np.vstack([X - every[0] for X in every[1:]])
    _, values, directions = np.linalg.svd(differences, full_matrices=True)
    rank = int((values > NOTHING * max(values.max(initial=0.0), 1e-300)).sum())
    free = directions[rank:]  # coefficients by which no arm differs from another
    size = np.linalg.norm(found.L, axis=1)
    compares = np.linalg.norm(found.L @ free.T, axis=1) <= NOTHING * np.where(size > 0, size, 1.0)
    if contrast is not None and not compares.all():
        names = [name for name, ok in zip(row_names(found.rows), compares, strict=True) if not ok]
        raise HypothesisError(
            f"Permuting arms tests differences between arms, and {listing(map(repr, names))} is none."
        )
    if not compares.any():
        raise HypothesisError(
            "None of these contrasts compares arms; name one that does, such as contrast={'versus': control, "
            f"'factor': {labels.column!r}, 'by': visit}}."
        )
    return LinearHypothesis(found.L[compares], found.rows[compares], found.value[compares])
