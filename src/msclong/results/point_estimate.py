"""A frequentist estimate of the fixed effects, and the tests that it supports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from scipy.special import fdtrc, gammaincc, ndtr, ndtri, stdtr, stdtrit

from msclong.errors import HypothesisError
from msclong.linear_hypothesis import LinearHypothesis


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

    def test(self, hypothesis: LinearHypothesis, level: float = 0.95) -> pd.DataFrame:
        """t tests and intervals, row by row; p-values are two-sided and come from the tail, not from 1 - cdf."""
        L = hypothesis.L
        estimate = L @ self.beta
        se = np.sqrt(np.einsum("ij,jk,ik->i", L, self.vcov, L))
        if not (se > 0).all():
            raise HypothesisError(
                f"Rows {list(hypothesis.rows[se <= 0])} are zero for every coefficient; nothing to test."
            )
        df = self.small_sample.df(L)
        statistic = estimate / se
        half = t_quantile(df, (1 + level) / 2) * se
        table = {
            "estimate": estimate,
            "se": se,
            "lower": estimate - half,
            "upper": estimate + half,
            "df": df,
            "statistic": statistic,
            "p_value": t_two_sided(df, statistic),
        }
        return pd.DataFrame(table, index=hypothesis.rows)

    def joint(self, hypothesis: LinearHypothesis) -> dict[str, float]:
        """F test that every row is zero; redundant rows count once."""
        test = self.small_sample.f_test(self.beta, independent_rows(hypothesis.L))
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


def t_quantile(df: np.ndarray, probability: float) -> np.ndarray:
    """Quantile of Student's t; infinite df give the normal's."""
    finite = np.isfinite(df)
    return np.where(finite, stdtrit(np.where(finite, df, 1.0), probability), ndtri(probability))


def t_two_sided(df: np.ndarray, statistic: np.ndarray) -> np.ndarray:
    """P(|t| > |statistic|) from the lower tail; infinite df give the normal's."""
    finite = np.isfinite(df)
    tail = -np.abs(statistic)
    return 2 * np.where(finite, stdtr(np.where(finite, df, 1.0), tail), ndtr(tail))
