"""Adjusted p-values that need nothing but the p-values."""

from __future__ import annotations

import numpy as np


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


def fixed_sequence(p: np.ndarray) -> np.ndarray:
    """Rows tested in order, each only if all before it were rejected (Maurer, Hothorn and Lehmacher 1995)."""
    return np.maximum.accumulate(p)


def _step_up(p: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Running minimum of factor times p from the largest p down."""
    order = np.argsort(p)[::-1]
    return np.minimum(1.0, np.minimum.accumulate(p[order] * factors))[np.argsort(order)]
