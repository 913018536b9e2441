"""The one square root that follows from inner products alone: it holds nothing else of the rows that it came from."""

from __future__ import annotations

import numpy as np

from msclong.design.triangle import triangle

DEPENDENT = 1e-12
"""Share of a column's length below which what lies outside the columns before it is rounding."""


def echelon(rows: np.ndarray) -> np.ndarray:
    """R (r, c) with R'R = rows' rows, rows (m, c) of rank r.

    Row i of R is zero before the i-th column that does not depend on earlier ones, and positive there: such an R is
    the only one, whatever rows have these inner products. It is R of the QR decomposition where columns do not depend
    on each other. Gram-Schmidt, twice: squares are not formed.
    """
    left = triangle(rows) if len(rows) > rows.shape[1] else rows
    basis = np.zeros((len(left), 0))
    pivots = []
    for j, column in enumerate(left.T):
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)
        size = np.linalg.norm(rest)
        if size > DEPENDENT * np.linalg.norm(column):
            basis = np.column_stack([basis, rest / size])
            pivots.append(j)
        if len(pivots) == len(left):
            break
    root = basis.T @ left
    for i, pivot in enumerate(pivots):
        root[i, :pivot] = 0.0
    return root
