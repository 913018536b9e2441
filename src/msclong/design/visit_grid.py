"""A subject seen at every planned visit, as the covariance reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from msclong.design.coordinates import GroupCode, InverseRootWeight
from msclong.design.covariance_design import CovarianceDesign
from msclong.linear_hypothesis import label

MOST_VISITS = 50
"""More distinct times than this are no grid."""


@dataclass(frozen=True, eq=False)
class VisitGrid:
    """visits : T labels. coords : by covariance group ('' where there is one covariance for all), (T, d)."""

    visits: tuple[object, ...]
    coords: Mapping[str, np.ndarray]


def visit_grid(
    covariance: CovarianceDesign,
    coords: np.ndarray,
    frame: pd.DataFrame,
    visit: str,
    visits: tuple[object, ...],
) -> VisitGrid | None:
    """Coordinates of one subject at each visit, of weight one; None where rows of one visit differ in them."""
    if not 1 < len(visits) <= MOST_VISITS:
        return None
    plain = coords.copy()
    plain[:, covariance.columns(GroupCode)] = 0.0
    plain[:, covariance.columns(InverseRootWeight)] = 1.0
    at = frame[visit].to_numpy()
    group = None if covariance.group is None else frame[covariance.group].to_numpy()
    found: dict[str, np.ndarray] = {}
    for level in covariance.group_levels or (None,):
        grid = []
        for one in visits:
            chosen = plain[(at == one) if level is None else (at == one) & (group == level)]
            if not len(chosen) or np.ptp(chosen, axis=0).any():
                return None
            grid.append(chosen[0])
        found["" if level is None else label(level)] = np.stack(grid)
    return VisitGrid(visits, found)
