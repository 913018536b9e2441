"""Residual scatter by pattern: what covariance structures take their start values from."""

from __future__ import annotations

from msclong.covariance.structure import Scatter
from msclong.design.crossed_moments import AnyMoments, CrossedMoments
from msclong.likelihood.grid import by_pattern, without_grids


def residual_scatter(moments: AnyMoments) -> list[Scatter]:
    """Scatter of the last column by pattern; in standardised moments, of ordinary-least-squares residuals."""
    if isinstance(moments, CrossedMoments):
        return moments.scatter()
    result = []
    for block in without_grids(moments).blocks:
        residual = block.rows[:, :, -1]
        products = by_pattern(residual[:, :, None] * residual[:, None, :], block)
        result.append(Scatter(block.coords, block.n, products))
    return result
