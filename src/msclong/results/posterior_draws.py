"""Posterior draws of the fixed effects, and what they say of a hypothesis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from msclong.contrasts.margins import Alternative
from msclong.errors import SpecError
from msclong.linear_hypothesis import LinearHypothesis
from msclong.results.posterior_table import (
    COLUMNS,
    Convergence,
    HeavyTailedMarginals,
    IntervalKind,
    Marginals,
    SampledMarginals,
    posterior_table,
)


@dataclass(frozen=True, eq=False)
class PosteriorDraws:
    """Draws of beta, (chains, draws, p); `convergence` computes chain diagnostics (the Bayesian engine's).

    theta : (chains, draws, k) draws of the covariance parameters on the natural scale, where the engine keeps them.
    sample_stats : figures of the sampler's steps by name, (chains, draws) each; none of an importance sample.
    """

    names: tuple[str, ...]
    draws: np.ndarray
    convergence: Convergence
    theta: np.ndarray | None = None
    theta_names: tuple[str, ...] = ()
    sample_stats: Mapping[str, np.ndarray] = field(default_factory=dict)

    columns = COLUMNS

    @property
    def flat(self) -> np.ndarray:
        """Draws of beta, chains one after the other, (chains * draws, p)."""
        return self.draws.reshape(-1, self.draws.shape[2])

    @property
    def flat_theta(self) -> np.ndarray:
        """The draws of theta that belong to `flat`, (chains * draws, k); raises SpecError where they were not kept."""
        if self.theta is None:
            raise SpecError(
                "This posterior keeps no draws of the covariance parameters, which are needed here."
            )
        return self.theta.reshape(-1, self.theta.shape[2])

    @property
    def beta(self) -> np.ndarray:
        """Posterior mean of beta, (p,)."""
        return self.flat.mean(axis=0)

    @property
    def vcov(self) -> np.ndarray:
        """Posterior covariance of beta, (p, p)."""
        return np.cov(self.flat, rowvar=False).reshape(2 * [self.draws.shape[2]])

    def of(self, hypothesis: LinearHypothesis) -> np.ndarray:
        """Draws of L beta, (chains, draws, m)."""
        return self.draws @ hypothesis.L.T

    def marginals(self, hypothesis: LinearHypothesis) -> Marginals:
        """The distribution of each row of L beta; a posterior that knows more than its draws overrides this."""
        return SampledMarginals(self.of(hypothesis), self.convergence)

    def test(
        self,
        hypothesis: LinearHypothesis,
        level: float = 0.95,
        margin: float | None = None,
        against: Alternative | None = None,
        rope: tuple[float, float] | None = None,
        interval: IntervalKind = "equal-tailed",
    ) -> pd.DataFrame:
        """Estimate, its spread and a `level` interval of L beta; probabilities of delta = L beta - value.

        prob_negative: delta < 0. prob_beyond_margin: delta beyond the signed margin, below -3 for margin=-3, above 3
        for margin=3; without one the column is empty. prob_improved (with a margin): delta in its direction. Where
        `against` is of non-inferiority or equivalence: prob_non_inferior or prob_equivalent. With a `rope`, a region of
        practical equivalence: prob_in_rope, the probability that delta lies between its limits.
        """
        marginals = self.marginals(hypothesis)
        return posterior_table(
            marginals, hypothesis.rows, hypothesis.value, level, margin, against, rope, interval
        )

    def joint(self, hypothesis: LinearHypothesis) -> dict[str, float]:
        """How far the hypothesised values (zeros) lie out in the joint posterior of the rows.

        contour_probability is the posterior mass of values at least as far from the posterior mean as they are, in
        Mahalanobis distance: the normal-contour form of Held (2004), JCGS 13:20. It is a statement about
        the posterior, not a p-value.
        """
        draws = self.of(hypothesis)
        flat = draws.reshape(-1, draws.shape[2])
        mean = flat.mean(axis=0) - hypothesis.value
        centred = flat - flat.mean(axis=0)
        precision = np.linalg.pinv(np.atleast_2d(np.cov(flat, rowvar=False)), hermitian=True)
        distance = np.einsum("ij,jk,ik->i", centred, precision, centred)
        return {
            "rows": flat.shape[1],
            "contour_probability": float((distance >= mean @ precision @ mean).mean()),
        }


@dataclass(frozen=True, eq=False)
class HeavyTailedDraws(PosteriorDraws):
    """Draws of quantities that may have no posterior mean: tables have medians."""

    def marginals(self, hypothesis: LinearHypothesis) -> Marginals:
        return HeavyTailedMarginals(self.of(hypothesis), self.convergence)
