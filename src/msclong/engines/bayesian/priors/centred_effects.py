"""Random effects at the means of their covariates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from msclong.engines.bayesian.priors.centred_columns import CONSTANT

AT_ZERO = 1e-8
"""A covariate's mean below this share of its SD is zero but for rounding."""


def centred_effects(coords: np.ndarray, as_written: Sequence[bool]) -> tuple[np.ndarray, np.ndarray]:
    """The unit of each of q effects, (q,), and T (q, q): b = T b_c are the effects as written, b_c the centred ones.

    Z_c holds the covariates less their means over the rows, and Z b = Z_c b_c for Z_c = Z T: slopes stay, and the
    intercept of b_c is that at the covariates' means. A constant column takes up the means of those that vary; where
    there is none T is the identity. Units are the SDs of the covariates, of a constant column its size.

    coords : (N, m, q), Z of each of m linear predictors; an effect is of one of them, and its column zero in the
    others. as_written : (q,), whether a constant column is to leave the effects as they are.
    """
    Z, of = coords.sum(axis=1), np.abs(coords).max(axis=0).argmax(axis=0)
    spread, size, mean = Z.std(axis=0), np.abs(Z).max(axis=0), Z.mean(axis=0)
    constant = spread <= CONSTANT * size
    unit = np.where(constant, np.where(size > 0, size, 1.0), spread)
    shift = np.where(constant | (np.abs(mean) <= AT_ZERO * spread), 0.0, mean)
    T = np.eye(len(unit))
    for predictor in np.unique(of):
        own = of == predictor
        intercepts = np.flatnonzero(own & constant & (size > 0))
        if intercepts.size and not as_written[intercepts[0]]:
            T[intercepts[0]] -= own * shift / mean[intercepts[0]]
    return unit, T
