"""Student's t with any degrees of freedom, infinite ones (the normal distribution) included."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit


def t_quantile(df: np.ndarray | float, probability: np.ndarray | float) -> np.ndarray:
    """The value that t lies below with `probability`."""
    finite = np.isfinite(df)
    return np.where(finite, stdtrit(np.where(finite, df, 1.0), probability), ndtri(probability))


def t_tail(df: np.ndarray | float, value: np.ndarray | float) -> np.ndarray:
    """P(t > value), computed as a lower tail so that small ones keep their digits."""
    finite = np.isfinite(df)
    below = -np.asarray(value, dtype=float)
    return np.where(finite, stdtr(np.where(finite, df, 1.0), below), ndtr(below))
