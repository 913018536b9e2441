"""Pareto-smoothed importance weights and their diagnostic, k-hat."""

from __future__ import annotations

import numpy as np

LEAST_TAIL = 5
"""Ratios that a tail needs for a Pareto distribution to be fitted to it."""


def pareto_smooth(log_ratios: np.ndarray) -> tuple[np.ndarray, float]:
    """Normalised log weights (S,) and k-hat from log importance ratios (S,), log target - log proposal.

    The M = min(S / 5, 3 sqrt(S)) largest ratios are replaced by the expected order statistics of a generalised Pareto
    distribution fitted to them, and cut at the largest ratio. k-hat is its shape: the ratios have
    about 1 / k-hat finite moments. Below 0.5 averages converge as usual; up to 0.7 they can be relied on; above, not.
    Vehtari, Simpson, Gelman, Yao and Gabry (2024), JMLR 25:72. A tail without variation has k-hat 0; fewer than
    LEAST_TAIL ratios in the tail, or ratios of zero, leave k-hat infinite and the weights as they are.
    """
    log_weights = log_ratios - log_ratios.max()
    S = len(log_weights)
    M = int(np.ceil(min(S / 5, 3 * np.sqrt(S))))
    order = np.argsort(log_weights)
    tail = order[S - M :]
    cutoff = log_weights[order[S - M - 1]]
    khat = np.inf
    if M >= LEAST_TAIL and np.isfinite(cutoff):
        excess = np.exp(log_weights[tail]) - np.exp(cutoff)
        # In units of the largest: a fit does not depend on them, its rounding errors do.
        size = excess[-1]
        if size <= np.finfo(float).eps or excess[M // 4] <= 1e-12 * size:
            khat = 0.0 if size <= np.finfo(float).eps else np.inf
        else:
            khat, scale = fit_generalised_pareto(excess / size)
            quantiles = size * generalised_pareto_quantiles((np.arange(M) + 0.5) / M, khat, scale)
            log_weights[tail] = np.minimum(np.log(quantiles + np.exp(cutoff)), 0.0)
    return log_weights - np.logaddexp.reduce(log_weights), khat


def fit_generalised_pareto(x: np.ndarray) -> tuple[float, float]:
    """Shape k and scale of a generalised Pareto distribution from n ascending excesses x (n,), not all near zero.

    Zhang and Stephens (2009), Technometrics 51:316: the posterior mean of b = -k / scale over a grid; k is then drawn
    towards 0.5 with the weight of 10 excesses (Vehtari et al. 2024, appendix C). k > 0 is a heavy tail.
    """
    n = len(x)
    m = 30 + int(np.sqrt(n))
    quartile = x[int(n / 4 + 0.5) - 1]
    b = 1 / x[-1] + (1 - np.sqrt(m / (np.arange(m) + 0.5))) / (3 * max(quartile, 1e-12 * x[-1]))
    k = np.log1p(-b[:, None] * x).mean(axis=1)
    profile = n * (np.log(-b / k) - k - 1)
    weight = np.exp(profile - profile.max())
    b_mean = float(b @ weight / weight.sum())
    shape = float(np.log1p(-b_mean * x).mean())
    return (shape * n + 0.5 * 10) / (n + 10), -shape / b_mean


def generalised_pareto_quantiles(share: np.ndarray, k: float, scale: float) -> np.ndarray:
    """Quantiles of the excess at probabilities `share`."""
    if abs(k) < 1e-12:
        return -scale * np.log1p(-share)
    return scale * np.expm1(-k * np.log1p(-share)) / k
