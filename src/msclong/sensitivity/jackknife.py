"""Jackknife standard errors of what is computed from completed data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.results.fit import Fit
from msclong.results.point_estimate import FTest, PointEstimate, SmallSample
from msclong.results.wald import wald_statistic
from msclong.sensitivity.assumption import Assumption
from msclong.sensitivity.conditional_mean import completed_coefficients
from msclong.sensitivity.left_out import left_out


@dataclass(frozen=True, eq=False)
class Jackknife:
    """Errors from the jackknife, degrees of freedom from the fitted model's own tests of the same contrasts.

    vcov : (p, p). own : the fit's method; with ml.Frequentist(ddf="asymptotic") tests are normal, as R rbmi's.
    """

    vcov: np.ndarray
    own: SmallSample

    def df(self, L: np.ndarray) -> np.ndarray:
        return self.own.df(L)

    def f_test(self, beta: np.ndarray, L: np.ndarray) -> FTest:
        return FTest(wald_statistic(beta, self.vcov, L), len(L), self.own.f_test(beta, L).den_df)


@dataclass(frozen=True, eq=False)
class ShiftedEstimates:
    """The fixed effects of completed data as functions of m shifts d.

    coefficients : (p, 1 + m); beta at d is coefficients @ [1, d]. errors : (p, 1 + m, n) with
    errors_a errors_b' the jackknife covariance of columns a and b: that at d is exact for every d.
    """

    names: tuple[str, ...]
    coefficients: np.ndarray
    errors: np.ndarray
    own: SmallSample

    def at(self, shift: np.ndarray) -> PointEstimate:
        """The estimate where missing outcomes are moved by `shift`, (m,)."""
        weights = np.r_[1.0, shift]
        errors = np.einsum("pan,a->pn", self.errors, weights)
        return PointEstimate(self.names, self.coefficients @ weights, Jackknife(errors @ errors.T, self.own))


def jackknifed(fit: Fit, assumption: Assumption) -> ShiftedEstimates:
    """Conditional mean imputation with the jackknife of Wolbers et al. (2022), Pharm Stat 21:1246.

    Each subject is left out, the model fitted again, the others imputed from that fit and analysed:
    V = (n - 1) / n sum (b_(-i) - mean)(b_(-i) - mean)'. Nothing is random, and as the imputation is linear in the
    shifts so is each replicate.
    """
    n = len(assumption.planned.y)
    without = left_out(fit)
    assert isinstance(fit.estimate, PointEstimate)  # left_out refuses posteriors
    replicates = np.stack(
        [
            completed_coefficients(assumption, beta, theta, i)
            for i, (beta, theta) in enumerate(zip(without.beta, without.theta, strict=True))
        ],
        axis=2,
    )
    spread = replicates - replicates.mean(axis=2, keepdims=True)
    estimate = completed_coefficients(assumption, fit.estimate.beta, fit.covariance.theta)
    return ShiftedEstimates(
        fit.estimate.names,
        estimate,
        spread * np.sqrt((n - 1) / n),
        fit.estimate.small_sample,
    )
