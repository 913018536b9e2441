"""The functions that a family's density is written with, for PyTensor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt

from msclong.families.arrays import Arrays


def _log_ndtr(x: Any) -> Any:
    """Each branch sees values where its gradient is finite."""
    low = x < -1
    tail, rest = pt.where(low, x, -1.0), pt.where(low, 0.0, x)
    return pt.where(
        low,
        pt.log(0.5 * pt.erfcx(-tail / np.sqrt(2))) - 0.5 * tail**2,
        pt.log1p(-0.5 * pt.erfc(rest / np.sqrt(2))),
    )


TENSORS = Arrays(
    exp=pt.exp,
    expm1=pt.expm1,
    log=pt.log,
    log1p=pt.log1p,
    sqrt=pt.sqrt,
    minimum=pt.minimum,
    maximum=pt.maximum,
    where=pt.where,
    gammaln=pt.gammaln,
    log_ndtr=_log_ndtr,
    softplus=pt.softplus,
    may_exceed=lambda x, limit: True,
    log1mexp=pt.log1mexp,
)
