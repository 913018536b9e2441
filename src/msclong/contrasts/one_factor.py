"""Correlation matrices of one common factor, as of comparisons with one control: exact quadrature."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtri, gammaincinv, ndtr, stdtr, stdtrit

PRODUCT_TOLERANCE = 1e-9
"""How far a correlation may lie from the product of its loadings."""

LARGEST_LOADING = 0.995
"""Beyond it the integrand is too steep for the grid; the general method takes over."""

NEGLIGIBLE = 1e-17
"""Share of a tail that the grid may leave out."""


def loadings(R: np.ndarray) -> np.ndarray | None:
    """lambda (m,) with R[i, j] = lambda_i lambda_j for i != j; None where there is none of moderate size."""
    off = R - np.diag(np.diag(R))
    a, b = np.unravel_index(np.abs(off).argmax(), off.shape)
    result = np.zeros(len(R))
    if abs(off[a, b]) > PRODUCT_TOLERANCE:
        third = np.abs(off[a] * off[b])
        k = int(third.argmax())
        square = off[a, b] * off[a, k] / off[b, k] if third[k] > PRODUCT_TOLERANCE**2 else abs(off[a, b])
        if not 0 < square <= 1:
            return None
        result = off[a] / np.sqrt(square)
        result[a] = np.sqrt(square)
    product = np.outer(result, result)
    np.fill_diagonal(product, 0.0)
    fits = np.abs(product - off).max() <= PRODUCT_TOLERANCE and np.abs(result).max() <= LARGEST_LOADING
    return result if fits else None


def exceedance(bound: float, loading: np.ndarray, df: float, two_sided: bool) -> float:
    """P(some T_j >= bound), or some |T_j|, for a multivariate t with R = one factor of `loading`.

    Given the factor u and the scale s the T_j are independent (Dunnett 1955, JASA 50:1096):

        1 - E prod_j { Phi((bound s - lambda_j u) / sigma_j) - Phi((-bound s - lambda_j u) / sigma_j) },

    with sigma_j^2 = 1 - lambda_j^2, by the trapezoidal rule in u and log s, which converges exponentially for
    these analytic integrands. The complement of the product is formed without cancellation, so tails keep their digits.
    """
    sigma = np.sqrt(1 - loading**2)
    steep = (np.abs(loading) / sigma).max()
    step = 0.2 / max(1.0, steep)
    limit = min(38.0, abs(bound) + 10)
    u = np.arange(-limit, limit + step, step)
    factor_weights = np.exp(-(u**2) / 2) * step / np.sqrt(2 * np.pi)
    s, scale_weights = _scale_grid(bound, df)
    log_inside = np.zeros((len(s), len(u)))
    with np.errstate(divide="ignore"):  # log(0) where the bound is exceeded for certain
        for weight, deviation in zip(loading, sigma, strict=True):
            centre, edge = weight * u / deviation, bound * s[:, None] / deviation
            outside = ndtr(centre - edge) + (ndtr(-centre - edge) if two_sided else 0.0)
            log_inside += np.log1p(-np.minimum(outside, 1.0))
    return float(scale_weights @ -np.expm1(log_inside) @ factor_weights)


def _scale_grid(bound: float, df: float) -> tuple[np.ndarray, np.ndarray]:
    """Points s = sqrt(chi2_df / df) and their weights, wide enough for the tail beyond `bound`."""
    if np.isinf(df):
        return np.ones(1), np.ones(1)
    tail = stdtr(df, -abs(bound))
    farthest = -stdtrit(df, max(tail * NEGLIGIBLE, 1e-300))
    smallest = 2 * gammaincinv((df + 1) / 2, NEGLIGIBLE)
    low = 0.5 * np.log(smallest / (df + farthest**2))
    high = 0.5 * np.log(chdtri(df, NEGLIGIBLE) / df)
    step = 0.2 / np.sqrt(2 * df + 2)
    x = np.arange(low, high + step, step)
    # The density of log s up to a constant: the weights sum to one, as the grid covers the distribution.
    weights = np.exp(df * (x - np.expm1(2 * x) / 2))
    return np.exp(x), weights / weights.sum()
