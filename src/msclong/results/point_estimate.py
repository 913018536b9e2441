"""A frequentist estimate of the fixed effects, and the tests that it supports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from scipy.special import fdtrc, gammaincc

from msclong.contrasts.margins import Alternative, alternative
from msclong.contrasts.row_tests import RowTests
from msclong.contrasts.student_t import t_quantile, t_tail
from msclong.errors import HypothesisError
from msclong.linear_hypothesis import LinearHypothesis

NO_ANSWER = (
    "no positive variance or degrees of freedom by this method: too few subjects for it. Use another, such as "
    "ml.Frequentist(ddf='kenward-roger'), or a model with fewer parameters."
)


@dataclass(frozen=True)
class FTest:
    """A joint test: statistic ~ F(num_df, den_df) under the hypothesis L beta = 0."""

    statistic: float
    num_df: int
    den_df: float


class SmallSample(Protocol):
    """A method for standard errors and degrees of freedom."""

    @property
    def vcov(self) -> np.ndarray:
        """(p, p) covariance of beta that the standard errors use."""
        ...

    def df(self, L: np.ndarray) -> np.ndarray:
        """Degrees of freedom of each row of L (m, p) taken by itself, (m,)."""
        ...

    def f_test(self, beta: np.ndarray, L: np.ndarray) -> FTest:
        """Joint test of L beta = 0 for L (q, p) of full row rank."""
        ...


@dataclass(frozen=True, eq=False)
class PointEstimate:
    """beta (p,) with a small-sample method; names are patsy's."""

    names: tuple[str, ...]
    beta: np.ndarray
    small_sample: SmallSample

    columns = ("estimate", "se", "lower", "upper", "df", "statistic", "p_value")

    @property
    def vcov(self) -> np.ndarray:
        return self.small_sample.vcov

    def test(
        self, hypothesis: LinearHypothesis, level: float = 0.95, against: Alternative | None = None
    ) -> pd.DataFrame:
        """t tests of L beta = value and two-sided `level` intervals of L beta, row by row.

        p-values are of the alternative `against` (None: two-sided). They come from the tail, not from 1 - cdf.
        """
        return self._tested(hypothesis, level, against or alternative(None))[0]

    def row_tests(self, hypothesis: LinearHypothesis, against: Alternative) -> RowTests:
        """The same tests for multiplicity procedures, with the correlation of the rows."""
        table, evidence = self._tested(hypothesis, 0.95, against)
        scaled = hypothesis.L / table["se"].to_numpy()[:, None]
        return RowTests(
            rows=hypothesis.rows,
            p_value=table["p_value"].to_numpy(),
            evidence=evidence,
            df=table["df"].to_numpy(),
            correlation=scaled @ self.vcov @ scaled.T,
            alternative=against,
        )

    def _tested(
        self, hypothesis: LinearHypothesis, level: float, against: Alternative
    ) -> tuple[pd.DataFrame, np.ndarray]:
        """The table, and each statistic turned so that large ones speak for the alternative."""
        L = hypothesis.L
        estimate = L @ self.beta
        variance = np.einsum("ij,jk,ik->i", L, self.vcov, L)
        if not L.any(axis=1).all():
            raise HypothesisError(
                f"Rows {list(hypothesis.rows[~L.any(axis=1)])} are zero for every coefficient; nothing to test. "
                "Leave them out, as with at={...}: the levels that remain."
            )
        df = self.small_sample.df(L)
        answered = (variance > 0) & (df > 0)
        if not answered.all():
            raise HypothesisError(f"Rows {list(hypothesis.rows[~answered])} have {NO_ANSWER}")
        se = np.sqrt(variance)
        half = t_quantile(df, (1 + level) / 2) * se
        statistics, evidence = [], []
        for bound, direction in against.bounds:
            t = (estimate - hypothesis.value - bound) / se
            statistics.append(t)
            evidence.append(np.abs(t) if direction == 0 else direction * t)
        # All bounds must be passed: the least evidence decides (for one bound, there is no choice).
        least = np.argmin(evidence, axis=0), np.arange(len(L))
        chosen = np.array(evidence)[least]
        table = {
            "estimate": estimate,
            "se": se,
            "lower": estimate - half,
            "upper": estimate + half,
            "df": df,
            "statistic": np.array(statistics)[least],
            "p_value": t_tail(df, chosen) * (2 if against.name == "two-sided" else 1),
        }
        return pd.DataFrame(table, index=hypothesis.rows), chosen

    def joint(self, hypothesis: LinearHypothesis) -> dict[str, float]:
        """F test that every row has its hypothesised value; redundant rows count once."""
        # L (beta - origin) = 0 is the same hypothesis for any origin that fulfils it.
        origin = np.linalg.lstsq(hypothesis.L, hypothesis.value, rcond=None)[0]
        gap = hypothesis.L @ origin - hypothesis.value
        if np.abs(gap).max() > 1e-8 * max(1.0, np.abs(hypothesis.value).max()):
            raise HypothesisError(
                "The rows contradict each other: no coefficients have all these values at once."
            )
        test = self.small_sample.f_test(self.beta - origin, independent_rows(hypothesis.L))
        if not test.den_df > 0:
            raise HypothesisError(f"This joint test has {NO_ANSWER}")
        if np.isinf(test.den_df):
            p_value = float(gammaincc(test.num_df / 2, test.num_df * test.statistic / 2))
        else:
            p_value = float(fdtrc(test.num_df, test.den_df, test.statistic))
        return {"num_df": test.num_df, "den_df": test.den_df, "statistic": test.statistic, "p_value": p_value}


def independent_rows(L: np.ndarray) -> np.ndarray:
    """Rows that span the row space of L: L itself when it has full rank."""
    _, values, vectors = np.linalg.svd(L, full_matrices=False)
    rank = int((values > 1e-10 * values[0]).sum()) if values.size else 0
    if rank == 0:
        raise HypothesisError(
            "A joint test of nothing but zero rows was asked; name at least one coefficient."
        )
    return L if rank == L.shape[0] else vectors[:rank]
