"""The analysis of many simulated trials, one by one as an analyst would."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from msclong.api import fit
from msclong.contrasts.margins import Alternative
from msclong.contrasts.student_t import t_tail
from msclong.engines.frequentist.engine import Frequentist
from msclong.errors import MsclongError, MsclongWarning
from msclong.replication.plan import Plan
from msclong.replication.question import row_names


@dataclass(frozen=True, eq=False)
class Analyses:
    """What R trials gave for c rows.

    estimate, se, df : (R, c), not a number where there is no answer. fallback : (R,) whether a declared fallback was
    used. boundary : (R,) whether the covariance lies on its boundary. reasons : why trials have no answer.
    """

    estimate: np.ndarray
    se: np.ndarray
    df: np.ndarray
    fallback: np.ndarray
    boundary: np.ndarray
    reasons: tuple[str, ...] = field(default=())

    @classmethod
    def none(cls, trials: int, rows: int) -> Analyses:
        """Of trials that are still to be analysed."""
        estimate, se, df = np.full((3, trials, rows), np.nan)
        fallback, boundary = np.zeros((2, trials), dtype=bool)
        return cls(estimate, se, df, fallback, boundary)

    @classmethod
    def joined(cls, parts: Sequence[Analyses]) -> Analyses:
        """Those of several batches."""
        return cls(
            estimate=np.concatenate([part.estimate for part in parts]),
            se=np.concatenate([part.se for part in parts]),
            df=np.concatenate([part.df for part in parts]),
            fallback=np.concatenate([part.fallback for part in parts]),
            boundary=np.concatenate([part.boundary for part in parts]),
            reasons=tuple(dict.fromkeys(reason for part in parts for reason in part.reasons)),
        )

    def p_values(self, against: Alternative, value: np.ndarray) -> np.ndarray:
        """(R, c) of the alternative, for the hypothesised values (c,); not a number where there is no answer."""
        t = [(self.estimate - value - bound) / self.se for bound, _ in against.bounds]
        directions = [direction for _, direction in against.bounds]
        # All bounds must be passed: the least evidence decides, as in PointEstimate.
        evidence = [np.abs(s) if d == 0 else d * s for s, d in zip(t, directions, strict=True)]
        p = t_tail(self.df, np.min(evidence, axis=0)) * (2 if against.name == "two-sided" else 1)
        return np.where(np.isnan(self.estimate), np.nan, p)


def one_by_one(
    plan: Plan,
    engine: Frequentist,
    rows: Sequence[str],
    values: np.ndarray,
    arm: np.ndarray,
    into: Analyses | None = None,
    which: Sequence[int] | None = None,
) -> Analyses:
    """Fit each trial of `values` (R, n, T) as `ml.fit` fits a table, fallbacks included.

    into, which : analyses whose trials at these positions are to be filled in; None: all of new ones. Warnings of
    single trials are not issued: what they are of is counted.
    """
    found = into or Analyses.none(len(values), len(rows))
    reasons: dict[str, None] = dict.fromkeys(found.reasons)
    place = {name: i for i, name in enumerate(rows)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MsclongWarning)
        for r in range(len(values)) if which is None else which:
            frame = plan.frame(values[r], arm)
            frame = frame[frame[plan.columns.outcome].notna()]
            try:
                fitted = fit(plan.spec, frame, engine)
                hypothesis = plan.question.hypothesis(fitted.design)
                table = fitted.estimate.test(hypothesis)
            except (MsclongError, np.linalg.LinAlgError) as error:
                reasons.setdefault(str(error))
                continue
            at = [place[name] for name in row_names(hypothesis.rows)]
            for name in ("estimate", "se", "df"):
                getattr(found, name)[r, at] = table[name].to_numpy()
            found.fallback[r] = bool(fitted.outcome.fallback)
            found.boundary[r] = fitted.outcome.singular
    return Analyses(found.estimate, found.se, found.df, found.fallback, found.boundary, tuple(reasons))
