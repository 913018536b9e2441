"""Adjusted p-values for a family of hypotheses."""

from __future__ import annotations

import numpy as np

from msclong.errors import HypothesisError, listing


def bonferroni(p: np.ndarray) -> np.ndarray:
    """m p_i, at most 1."""
    return np.minimum(1.0, p.size * p)


def holm(p: np.ndarray) -> np.ndarray:
    """Step-down Bonferroni (Holm 1979, Scandinavian Journal of Statistics 6:65)."""
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    return np.minimum(1.0, stepped)[np.argsort(order)]


def hochberg(p: np.ndarray) -> np.ndarray:
    """Step-up; for independent or positively dependent tests (Hochberg 1988, Biometrika 75:800)."""
    return _step_up(p, np.arange(1, p.size + 1))


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """False discovery rate (Benjamini and Hochberg 1995, JRSS B 57:289)."""
    return _step_up(p, p.size / np.arange(p.size, 0, -1))


def _step_up(p: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Running minimum of factor times p from the largest p down."""
    order = np.argsort(p)[::-1]
    return np.minimum(1.0, np.minimum.accumulate(p[order] * factors))[np.argsort(order)]


ADJUSTMENTS = {"bonferroni": bonferroni, "holm": holm, "hochberg": hochberg, "bh": benjamini_hochberg}


def adjusted_p_values(p: np.ndarray, method: str) -> np.ndarray:
    """p-values of one family, shape (m,), adjusted by `method`; raises HypothesisError for an unknown one."""
    if method not in ADJUSTMENTS:
        raise HypothesisError(f"Unknown adjustment {method!r}; known are {listing(ADJUSTMENTS)}, or None.")
    return ADJUSTMENTS[method](np.asarray(p, dtype=float))
