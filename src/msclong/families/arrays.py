"""The functions that a family's density is written with, for NumPy; the Bayesian engine has the same for PyTensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import gammaln, log_ndtr

Array = Any
"""A NumPy array, or a PyTensor tensor (which NumPy's types cannot express)."""

Function = Callable[..., Array]


class Arrays(NamedTuple):
    """Elementwise functions of one array library.

    may_exceed(x, limit): whether any x may lie above the limit; always True where x is not known yet.
    softplus(x) = log(1 + e^x); log1mexp(x) = log(1 - e^x) for x < 0; log_ndtr: log of the standard normal cdf.
    """

    exp: Function
    expm1: Function
    log: Function
    log1p: Function
    sqrt: Function
    minimum: Function
    maximum: Function
    where: Function
    gammaln: Function
    log_ndtr: Function
    softplus: Function
    may_exceed: Callable[[Array, float], bool]
    log1mexp: Function


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))  # half the time of logaddexp


def _log1mexp(x: np.ndarray) -> np.ndarray:
    """Maechler (2012), Accurately computing log(1 - exp(-|a|)), equation 7."""
    near = x > -np.log(2)
    # Each branch sees harmless values where the other is taken; at zero the logarithm is -inf, as it should be.
    with np.errstate(divide="ignore"):
        return np.where(
            near, np.log(-np.expm1(np.where(near, x, -1.0))), np.log1p(-np.exp(np.where(near, -1.0, x)))
        )


NUMPY = Arrays(
    exp=np.exp,
    expm1=np.expm1,
    log=np.log,
    log1p=np.log1p,
    sqrt=np.sqrt,
    minimum=np.minimum,
    maximum=np.maximum,
    where=np.where,
    gammaln=gammaln,
    log_ndtr=log_ndtr,
    softplus=_softplus,
    may_exceed=lambda x, limit: bool(np.any(x > limit)),
    log1mexp=_log1mexp,
)
