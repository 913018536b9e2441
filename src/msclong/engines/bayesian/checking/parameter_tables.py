"""Tables of covariance parameters, from chains or from weighted draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from msclong.engines.bayesian.checking.convergence import convergence, weighted_convergence


def weighted_table(theta: np.ndarray, weights: np.ndarray, names: tuple[str, ...]) -> pd.DataFrame:
    """Posterior mean, SD, equal-tailed 95 % interval, ESS and MCSE of theta (S, k) with weights (S,)."""
    mean = weights @ theta
    lower, upper = weighted_quantile(theta, weights, [0.025, 0.975])
    sd = np.sqrt(weights @ (theta - mean) ** 2)
    return _table(names, mean, sd, lower, upper, weighted_convergence(theta, weights, tail=False))


def chain_table(theta: np.ndarray, names: tuple[str, ...]) -> pd.DataFrame:
    """The same of chains (chains, draws, k), with R-hat."""
    flat = theta.reshape(-1, theta.shape[2])
    lower, upper = np.quantile(flat, [0.025, 0.975], axis=0)
    return _table(names, flat.mean(axis=0), flat.std(axis=0, ddof=1), lower, upper, convergence(theta))


def _table(
    names: tuple[str, ...],
    mean: np.ndarray,
    sd: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    figures: dict[str, np.ndarray],
) -> pd.DataFrame:
    table = {"estimate": mean, "se": sd, "lower": lower, "upper": upper}
    table |= {name: figures[name] for name in ("ess_bulk", "rhat", "mcse")}
    return pd.DataFrame(table, index=pd.Index(names, name="parameter"))


def weighted_quantile(values: np.ndarray, weights: np.ndarray, share: float | Sequence[float]) -> np.ndarray:
    """Quantiles (..., m) of weighted draws (S, m): where the weights below, half a draw's own too, reach `share`."""
    found = []
    for x in np.ascontiguousarray(values.T):
        order = np.argsort(x)
        w = weights[order]
        found.append(np.interp(share, np.cumsum(w) - w / 2, x[order]))
    return np.stack(found, axis=-1)
