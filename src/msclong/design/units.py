"""Independent units: the smallest sets of rows that no covariance term connects with others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from msclong.errors import DesignError

MOST_IN_UNIT = 5000
"""Observations of one unit: their covariance is one dense matrix."""


def independent_units(groupings: Sequence[np.ndarray]) -> np.ndarray:
    """(N,) codes, in order of appearance, of the connected components of rows that share a level of any grouping.

    groupings : (N,) level codes of each grouping. Subjects, where that is all; sites, where subjects are nested in
    sites with a random effect; everything, where two factors are crossed.
    """
    component = groupings[0] if len(groupings) == 1 else _connected(groupings)
    _, first, code = np.unique(component, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[code]


def _connected(groupings: Sequence[np.ndarray]) -> np.ndarray:
    """(N,) which connected component each row is in."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(groupings[0])
    nodes = n
    rows, columns = [], []
    for codes in groupings:
        rows.append(np.arange(n))
        columns.append(nodes + codes)
        nodes += int(codes.max()) + 1
    graph = coo_array(
        (np.ones(n * len(groupings)), (np.concatenate(rows), np.concatenate(columns))), shape=(nodes, nodes)
    )
    return connected_components(graph, directed=False)[1][:n]


def has_large_units(unit: np.ndarray) -> bool:
    """Whether some unit (N,) has more observations than one covariance matrix should hold."""
    return int(np.bincount(unit).max()) > MOST_IN_UNIT


def refuse_large_units(unit: np.ndarray, largest: int | None = None) -> None:
    """Raise DesignError for a unit (N,) of more than MOST_IN_UNIT observations, which one matrix had to hold."""
    largest = int(np.bincount(unit).max()) if largest is None else largest
    if largest > MOST_IN_UNIT:
        raise DesignError(
            f"The random effects tie {largest} observations together, by crossed or large groups; up to {MOST_IN_UNIT} "
            "fit in the covariance matrix that this needs. Of Gaussian outcomes with random effects and "
            "independent residuals alone, ml.Frequentist() has coefficients, contrasts, tests, random effects and "
            "predictions at any size. Else use a fixed effect for the grouping with few levels, or fewer groupings."
        )


def ranks_within(unit: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Codes counted from zero within each unit, so that units that look alike have equal codes."""
    order = np.lexsort((codes, unit))
    new_unit = np.diff(unit[order], prepend=-1) != 0
    step = (np.diff(codes[order], prepend=np.nan) != 0) & ~new_unit
    total = np.cumsum(step)
    start = total[np.flatnonzero(new_unit)]
    result = np.empty(len(codes))
    result[order] = total - np.repeat(start, np.diff(np.append(np.flatnonzero(new_unit), len(codes))))
    return result
