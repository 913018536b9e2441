"""How much larger the coefficients of a logit or probit model are than those of its mean over subjects.

With a linear predictor eta + d, d ~ Normal(0, v), the mean over d of the inverse link is nearly the inverse link of
eta / s, s = sqrt(1 + c v), c = 1 of a probit (exact) and (16 sqrt(3) / (15 pi))^2 of a logit (Zeger, Liang and Albert
1988, Biometrics 44:1049). Data tell eta / s well and v poorly: in these coordinates the two have little to do with
each other, where eta itself grows with v without a bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.covariance.batch import batched_sigma
from msclong.covariance.structure import CovarianceStructure
from msclong.engines.bayesian.conditional.subject_rows import SubjectRows

PER_VARIANCE = {"logit": (16 * np.sqrt(3) / (15 * np.pi)) ** 2, "probit": 1.0}
"""c, by link."""

MOST_PLACES = 20
"""Distinct variances that are told apart; where rows have more, all count as having the mean one."""


@dataclass(frozen=True, eq=False)
class Attenuation:
    """s of each of P places, at which rows have one v, and what it makes of coefficients.

    places : (P, d) coordinates of the structure, (Q, d) where only their mean counts. counts : rows at each. parts :
    (P, p, p), the regression on X of X at one place: they sum to the identity, and those of one place, or of all
    places with one s, multiply coefficients by s.
    """

    structure: CovarianceStructure
    per_variance: float
    places: np.ndarray
    counts: np.ndarray
    parts: np.ndarray

    def factors(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of theta (S, k): the matrices that multiply coefficients, (S, p, p), and the mean s, (S,)."""
        sigma = batched_sigma(self.structure, theta.T, self.places[:, None])
        v = sigma[:, 0, 0].T.clip(0, None)
        if len(self.parts) == 1:
            v = (v @ self.counts / self.counts.sum())[:, None]
        s = np.sqrt(1 + self.per_variance * v)
        mean = s[:, 0] if len(self.parts) == 1 else s @ self.counts / self.counts.sum()
        return np.einsum("sk,kij->sij", s, self.parts), mean


def attenuation(
    rows: SubjectRows, X: tuple[np.ndarray, ...], structure: CovarianceStructure
) -> Attenuation | None:
    """Of a likelihood's rows; None where the link is not bounded, or a subject has several predictors."""
    if rows.family.transformed_gaussian or rows.family.link not in PER_VARIANCE or len(X) > 1:
        return None
    places, at = np.unique(rows.Z[:, 0], axis=0, return_inverse=True)
    counts = np.bincount(at)
    inverse = np.linalg.pinv(X[0])
    groups = np.zeros_like(at) if len(places) > MOST_PLACES else at
    parts = np.stack([inverse[:, groups == k] @ X[0][groups == k] for k in range(int(groups.max()) + 1)])
    return Attenuation(structure, PER_VARIANCE[rows.family.link], places, counts, parts)
