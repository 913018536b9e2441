"""Generalised least squares at a given theta: both engines stand on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
from scipy.linalg.lapack import dpotrf, dtrtri

from msclong.covariance.markov_chain import MarkovChain
from msclong.covariance.structure import CovarianceStructure
from msclong.design.cross_moments import PatternBlock
from msclong.design.crossed_moments import AnyMoments, CrossedMoments
from msclong.likelihood.crossed.gls import crossed_least_squares
from msclong.likelihood.grid import GridBlock, at_rows, sigma_of
from msclong.likelihood.markov import MarkovFit, runs_along, whitened

HALVED = 16
"""Observations beyond which triangles are inverted by halves."""


@dataclass(frozen=True, eq=False)
class BlockFit:
    """One block of patterns at theta.

    inverse_root : (P, t, t) lower triangular with M = inverse_root' inverse_root the inverse of Sigma, both zero where
    a pattern on a grid has no observation. white : (R, t, p) inverse_root X. residual : (R, t) inverse_root times
    y - X beta. C : (p, p) with C C' = Phi. What follows from them is computed when it is asked for.
    """

    block: PatternBlock
    inverse_root: np.ndarray
    white: np.ndarray
    residual: np.ndarray
    C: np.ndarray

    @cached_property
    def M(self) -> np.ndarray:
        """(P, t, t) inverse of Sigma."""
        return self.inverse_root.transpose(0, 2, 1) @ self.inverse_root

    @cached_property
    def Z(self) -> np.ndarray:
        """(R, t, p) rows of M X C."""
        return self._back @ (self.white @ self.C)

    @cached_property
    def e(self) -> np.ndarray:
        """(R, t) rows of M (y - X beta)."""
        back: np.ndarray = (self._back @ self.residual[:, :, None])[:, :, 0]
        return back

    @property
    def _back(self) -> np.ndarray:
        return at_rows(self.inverse_root, self.block.pattern).transpose(0, 2, 1)


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
    blocks: tuple[BlockFit | MarkovFit, ...]

    @property
    def phi(self) -> np.ndarray:
        """Phi = (X' V^-1 X)^-1, the model-based covariance of beta."""
        return self.C @ self.C.T

    def minus2(self, reml: bool) -> float:
        return self.minus2_reml if reml else self.minus2_ml


def generalised_least_squares(
    structure: CovarianceStructure, theta: np.ndarray, moments: AnyMoments
) -> GeneralisedLeastSquares | None:
    """Generalised least squares at theta; None where Sigma(theta) is not positive definite."""
    if isinstance(moments, CrossedMoments):  # the same but for its blocks, which nothing may ask it for
        return cast(GeneralisedLeastSquares | None, crossed_least_squares(moments, theta))
    p = moments.n_fixed
    gram = np.zeros((p + 1, p + 1))
    log_det = 0.0
    roots: list[np.ndarray | MarkovChain] = []
    whites: list[np.ndarray] = []
    for block in moments.blocks:
        found = _whitened(structure, theta, block)
        if found is None:
            return None
        root, white, log_sd = found
        flat = white.reshape(-1, p + 1)
        with np.errstate(over="ignore", invalid="ignore"):  # a Sigma that is all but singular: refused below
            gram += flat.T @ flat
        log_det += 2 * float(block.n @ log_sd)
        roots.append(root)
        whites.append(white)
    if not np.isfinite(gram).all():
        return None
    upper, failed = dpotrf(gram[:p, :p]) if p else (gram[:0, :0], 0)
    if failed:
        return None
    C = dtrtri(upper)[0] if p else upper
    projection = C.T @ gram[:p, p]
    beta = C @ projection
    fits: list[BlockFit | MarkovFit] = []
    rss = 0.0
    for block, root, white in zip(moments.blocks, roots, whites, strict=True):
        residual = white[..., p] - white[..., :p] @ beta
        rss += float(np.sum(residual**2))
        if isinstance(root, MarkovChain):
            to_columns = np.block([[C, -beta[:, None]], [np.zeros((1, p)), np.ones((1, 1))]])
            fits.append(MarkovFit(block, root, block.rows @ to_columns, white @ to_columns))
        else:
            fits.append(BlockFit(block, root, white[..., :p], residual, C))
    n = moments.n_obs
    minus2_ml = n * np.log(2 * np.pi) + log_det + rss
    log_det_information = 2 * float(np.sum(np.log(np.abs(np.diag(upper)))))
    minus2_reml = minus2_ml - p * np.log(2 * np.pi) + log_det_information
    return GeneralisedLeastSquares(theta, beta, C, minus2_ml, minus2_reml, tuple(fits))


def _whitened(
    structure: CovarianceStructure, theta: np.ndarray, block: PatternBlock
) -> tuple[np.ndarray | MarkovChain, np.ndarray, np.ndarray] | None:
    """A root of Sigma's inverse or what stands for it, rows (R, t, q) times it, and log det Sigma / 2, (P,)."""
    if runs_along(structure, block):
        with np.errstate(
            divide="ignore", over="ignore", invalid="ignore"
        ):  # as below, for a variance of zero
            chain = structure.chain(theta, block.coords)
            if not np.isfinite(chain.log_sd).all():
                return None
            return chain, whitened(chain, block.rows, block.pattern), chain.log_sd.sum(axis=1)
    sigma = sigma_of(structure, theta, block)
    if not np.isfinite(sigma).all():
        return None
    try:
        root = np.linalg.cholesky(sigma)
    except np.linalg.LinAlgError:
        return None
    inverse_root = _inverse_of_lower(root)
    if isinstance(block, GridBlock):
        inverse_root *= block.seen[:, :, None]
    white = at_rows(inverse_root, block.pattern) @ block.rows
    return inverse_root, white, np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)


def _inverse_of_lower(root: np.ndarray) -> np.ndarray:
    """Inverses of lower triangles (P, t, t): several large ones by halves, since most work is then in products."""
    t = root.shape[1]
    if t <= HALVED:
        inverse: np.ndarray = np.linalg.inv(root)
        return inverse
    h = t // 2
    result = np.zeros_like(root)
    if len(root) == 1:
        result[0] = dtrtri(root[0], lower=1)[0]
        return result
    first, last = _inverse_of_lower(root[:, :h, :h]), _inverse_of_lower(root[:, h:, h:])
    result[:, :h, :h], result[:, h:, h:] = first, last
    result[:, h:, :h] = -last @ (root[:, h:, :h] @ first)
    return result
