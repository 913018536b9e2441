"""A subject seen at every planned visit, as the covariance reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from msclong.data.codes import coded
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
    at = coded(frame[visit])
    cell, levels = at.codes, pd.Index([None])
    if covariance.group is not None:
        group = coded(frame[covariance.group])
        cell, levels = group.codes * np.int64(len(at)) + cell, group.levels
    cells = [(level, one) for level in levels for one in at.levels]
    example = np.full((len(cells), plain.shape[1]), np.nan)
    example[cell] = plain
    if (example[cell] != plain).any():
        return None
    nowhere = np.full(plain.shape[1], np.nan)
    known = dict(zip(cells, example, strict=True))
    found = {
        "" if level is None else label(level): np.stack([known.get((level, one), nowhere) for one in visits])
        for level in covariance.group_levels or (None,)
    }
    return None if any(np.isnan(grid).any() for grid in found.values()) else VisitGrid(visits, found)
