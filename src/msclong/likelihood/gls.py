"""Generalised least squares at a given theta: both engines stand on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, solve_triangular

from msclong.covariance.structure import CovarianceStructure
from msclong.design.cross_moments import CrossMoments, PatternBlock


@dataclass(frozen=True, eq=False)
class BlockFit:
    """One block of patterns at theta.

    M : (P, t, t) inverse of Sigma. Z : (R, t, p) rows of M X C, with C C' = Phi. e : (R, t) rows of M (y - X beta).
    """

    block: PatternBlock
    M: np.ndarray
    Z: np.ndarray
    e: np.ndarray


@dataclass(frozen=True, eq=False)
class GeneralisedLeastSquares:
    """beta given theta, and minus twice the log-likelihood.

    beta : (p,). C : (p, p) upper triangular with C C' = Phi = (X' V^-1 X)^-1.
    minus2_ml, minus2_reml : minus twice the log-likelihood, all constants included; REML as in
    Harville (1977), without the term log |X'X| that some programs add.
    """

    theta: np.ndarray
    beta: np.ndarray
    C: np.ndarray
    minus2_ml: float
    minus2_reml: float
    blocks: tuple[BlockFit, ...]

    @property
    def phi(self) -> np.ndarray:
        """Phi = (X' V^-1 X)^-1, the model-based covariance of beta."""
        return self.C @ self.C.T

    def minus2(self, reml: bool) -> float:
        return self.minus2_reml if reml else self.minus2_ml


def generalised_least_squares(
    structure: CovarianceStructure, theta: np.ndarray, moments: CrossMoments
) -> GeneralisedLeastSquares | None:
    """Generalised least squares at theta; None where Sigma(theta) is not positive definite."""
    p = moments.n_fixed
    gram = np.zeros((p + 1, p + 1))
    log_det = 0.0
    inverses, whitened = [], []
    for block in moments.blocks:
        sigma = structure.sigma(theta, block.coords)
        if not np.isfinite(sigma).all():
            return None
        try:
            root = np.linalg.cholesky(sigma)
        except np.linalg.LinAlgError:
            return None
        inverse_root = np.linalg.inv(root)
        white = inverse_root[block.pattern] @ block.rows
        flat = white.reshape(-1, p + 1)
        with np.errstate(over="ignore", invalid="ignore"):  # a Sigma that is all but singular: refused below
            gram += flat.T @ flat
        log_det += 2 * float(block.n @ np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1))
        inverses.append(inverse_root)
        whitened.append(white)
    if not np.isfinite(gram).all():
        return None
    try:
        upper, _ = cho_factor(gram[:p, :p])
    except np.linalg.LinAlgError:
        return None
    C = solve_triangular(upper, np.eye(p))
    projection = C.T @ gram[:p, p]
    beta = C @ projection
    fits = []
    rss = 0.0
    for block, inverse_root, white in zip(moments.blocks, inverses, whitened, strict=True):
        back = inverse_root.transpose(0, 2, 1)
        residual = white[..., p] - white[..., :p] @ beta
        rss += float(np.sum(residual**2))
        fits.append(
            BlockFit(
                block=block,
                M=back @ inverse_root,
                Z=back[block.pattern] @ (white[..., :p] @ C),
                e=np.einsum("rab,rb->ra", back[block.pattern], residual),
            )
        )
    n = moments.n_obs
    minus2_ml = n * np.log(2 * np.pi) + log_det + rss
    log_det_information = 2 * float(np.sum(np.log(np.abs(np.diag(upper)))))
    minus2_reml = minus2_ml - p * np.log(2 * np.pi) + log_det_information
    return GeneralisedLeastSquares(theta, beta, C, minus2_ml, minus2_reml, tuple(fits))
