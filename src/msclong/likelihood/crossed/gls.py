"""Generalised least squares where random effects tie many rows together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, solve_triangular

from msclong.design.crossed_moments import CrossedMoments
from msclong.likelihood.crossed.factor import Factor, factorised


@dataclass(frozen=True, eq=False)
class CrossedLeastSquares:
    """beta given theta, and minus twice the log-likelihood: as GeneralisedLeastSquares, by penalised least squares.

    factor : of V / sigma^2. sigma2 : the residual variance. With w = [X C, y - X beta], weighted:
    scores : Z'V^-1 w, (L, r, p + 1) of the first grouping and (n, p + 1) of the others.
    own : (p + 1, p + 1), w'V^-1 R V^-1 w with R = dV / dsigma^2. rss : (y - X beta)'V^-1 (y - X beta).
    There are no blocks: no patterns of subjects.
    """

    moments: CrossedMoments
    theta: np.ndarray
    beta: np.ndarray
    C: np.ndarray
    minus2_ml: float
    minus2_reml: float
    factor: Factor
    sigma2: float
    scores: tuple[np.ndarray, np.ndarray]
    own: np.ndarray
    rss: float

    @property
    def phi(self) -> np.ndarray:
        """Phi = (X' V^-1 X)^-1, the model-based covariance of beta."""
        return self.C @ self.C.T

    def minus2(self, reml: bool) -> float:
        return self.minus2_reml if reml else self.minus2_ml


def crossed_least_squares(moments: CrossedMoments, theta: np.ndarray) -> CrossedLeastSquares | None:
    """Generalised least squares at theta; None where Sigma(theta) is not positive definite."""
    products, p = moments.products, moments.n_fixed
    sigma2 = float(theta[products.effects.residual])
    if not (np.isfinite(theta).all() and sigma2 > 0):
        return None
    order = (products.first, *products.others)
    with np.errstate(over="ignore"):
        factor = factorised(products, [one.covariance(theta) / sigma2 for one in order])
    if factor is None:
        return None
    first, rest = moments.crossed
    b_first, b_rest, penalty = factor.solve(first, rest)
    left = moments.weighted - products.spread(b_first, b_rest)
    # The least value of |w - Z b|^2 + b'D^-1 b: errors in b enter by their squares, nothing cancels.
    gram = (left.T @ left + penalty) / sigma2
    if not np.isfinite(gram).all():
        return None
    try:
        upper, _ = cho_factor(gram[:p, :p])
    except np.linalg.LinAlgError:
        return None
    C = solve_triangular(upper, np.eye(p))
    beta = C @ (C.T @ gram[:p, p])
    turn = np.eye(p + 1)
    turn[:p, :p], turn[:p, p] = C, -beta
    back_first, back_rest = products.product(b_first, b_rest)
    scores = (first - back_first) @ turn / sigma2, (rest - back_rest) @ turn / sigma2
    turned = left @ turn / sigma2
    rss = float(turn[:, p] @ gram @ turn[:, p])
    n, root = moments.n_obs, moments.effects.root_weight
    log_det = n * np.log(sigma2) + factor.log_det
    if root is not None:
        log_det -= 2 * float(np.log(root).sum())
    minus2_ml = n * np.log(2 * np.pi) + log_det + rss
    minus2_reml = minus2_ml - p * np.log(2 * np.pi) + 2 * float(np.log(np.abs(np.diag(upper))).sum())
    return CrossedLeastSquares(
        moments, theta, beta, C, minus2_ml, minus2_reml, factor, sigma2, scores, turned.T @ turned, rss
    )
