"""Residual scatter by pattern: what covariance structures take their start values from."""

from __future__ import annotations

import numpy as np

from msclong.covariance.structure import Scatter
from msclong.design.cross_moments import CrossMoments


def residual_scatter(moments: CrossMoments) -> list[Scatter]:
    """Scatter of the last column by pattern; in standardised moments, of ordinary-least-squares residuals."""
    result = []
    for block in moments.blocks:
        residual = block.rows[:, :, -1]
        products = np.zeros((len(block.n), block.t, block.t))
        np.add.at(products, block.pattern, residual[:, :, None] * residual[:, None, :])
        result.append(Scatter(block.coords, block.n, products))
    return result
