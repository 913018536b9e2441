"""A model matrix in few numbers: what discrete variables make of it, times the covariates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.design.triangle import triangle


@dataclass(frozen=True, eq=False)
class FactoredMatrix:
    """X (N, p) with rows x_i = z_i' T[cell_i]: few cells, so that sums over rows need few products.

    table : T (K, m, p), one (m, p) for each cell: each combination of levels of the discrete variables that occurs.
    cell : (N,) codes of the cells. covariates : (N, m - 1) products of the continuous variables that any column of X
    has; z_i is 1 and these.
    """

    table: np.ndarray
    cell: np.ndarray
    covariates: np.ndarray

    @classmethod
    def of(cls, X: np.ndarray) -> FactoredMatrix:
        """Any X (N, p): one cell, whose covariates are its columns."""
        table = np.eye(X.shape[1] + 1)[None, :, 1:]
        return cls(table, np.zeros(len(X), dtype=np.intp), X)

    def __len__(self) -> int:
        return len(self.cell)

    @property
    def n_columns(self) -> int:
        return self.table.shape[2]

    def dense(self) -> np.ndarray:
        """X (N, p)."""
        if len(self.table) == 1 and np.array_equal(self.table[0], np.eye(self.table.shape[1])[:, 1:]):
            return self.covariates
        X = self.table[:, 0][self.cell]
        for k, covariate in enumerate(self.covariates.T, start=1):
            (columns,) = np.nonzero(self.table[:, k].any(axis=0))
            X[:, columns] += self.table[:, k, columns][self.cell] * covariate[:, None]
        return X

    def column(self, j: int) -> np.ndarray:
        """(N,) one column of X."""
        x = self.table[:, 0, j][self.cell]
        for k, covariate in enumerate(self.covariates.T, start=1):
            if self.table[:, k, j].any():
                x += self.table[:, k, j][self.cell] * covariate
        return x

    def __getitem__(self, rows: np.ndarray | slice) -> FactoredMatrix:
        """Some of the rows."""
        return FactoredMatrix(self.table, self.cell[rows], self.covariates[rows])

    def __matmul__(self, reduction: np.ndarray) -> FactoredMatrix:
        """X @ reduction, for a (p, r) matrix."""
        return FactoredMatrix(self.table @ reduction, self.cell, self.covariates)

    def is_finite(self) -> bool:
        """Whether no number of X is infinite or missing; False also where some are all but too large."""
        sizes = [1.0, *(max(-row.min(), row.max()) for row in self.covariates.T if len(row))]
        largest = np.abs(self.table).max(axis=(0, 2), initial=0.0)[: len(sizes)]
        return bool(np.isfinite(np.array(sizes) @ largest))

    def largest(self) -> np.ndarray:
        """(p,) the largest absolute value of each column."""
        there = self.table != 0
        if (there.sum(axis=1) > 1).any() or len(self.table) == 1:
            return np.asarray(np.abs(self.dense()).max(axis=0))
        sizes = np.zeros(self.table.shape[:2])
        sizes[self.cell, 0] = 1
        for k, covariate in enumerate(self.covariates.T, start=1):
            np.maximum.at(sizes[:, k], self.cell, np.abs(covariate))
        return np.asarray((np.abs(self.table) * sizes[:, :, None]).max(axis=(0, 1)))

    def varying(self, order: np.ndarray | None, same: np.ndarray) -> np.ndarray:
        """(m,) whether each number of z differs between rows of one unit.

        order : (N,) the rows unit by unit; None where they stand so. same : (N - 1,) whether the next row's unit is the
        same.
        """
        result = np.zeros(self.table.shape[1], dtype=bool)
        for k, covariate in enumerate(self.covariates.T, start=1):
            values = covariate if order is None else covariate[order]
            result[k] = (same & (values[1:] != values[:-1])).any()
        return result

    def triangle(self) -> np.ndarray:
        """R with R'R = X'X, in at most K m rows where that is fewer than N."""
        K, m, p = self.table.shape
        if K == 1 or K * m >= len(self):
            return triangle(self.dense())
        roots = _roots(self.covariates, self.cell, K)
        return np.linalg.qr((roots @ self.table).reshape(K * m, p), mode="r")


def _roots(covariates: np.ndarray, cell: np.ndarray, n_cells: int) -> np.ndarray:
    """For each cell a triangular R (m, m) with R'R = sum of z z' over its rows, z = [1, covariates].

    Modified Gram-Schmidt in all cells at once: squares of the columns themselves are never formed, and R is as exact
    as Householder's (Bjoerck 1967, BIT 7:1).
    """
    n = np.bincount(cell, minlength=n_cells)
    rows = np.maximum(n, 1)
    m = covariates.shape[1] + 1
    left = list(covariates.T)
    roots = np.zeros((n_cells, m, m))
    roots[:, 0, 0] = np.sqrt(n)
    anchor = np.zeros(n_cells, dtype=np.intp)
    anchor[cell[::-1]] = np.arange(len(cell))[::-1]
    for k, column in enumerate(left):
        # A long sum of large numbers that hardly differ has few digits; that of their differences has all.
        origin = column[anchor]
        near = column - origin[cell]
        mean = np.bincount(cell, weights=near, minlength=n_cells) / rows
        roots[:, 0, k + 1] = (origin + mean) * np.sqrt(n)
        left[k] = near - mean[cell]
    for j, column in enumerate(left):
        size = np.sqrt(np.bincount(cell, weights=column**2, minlength=n_cells))
        roots[:, j + 1, j + 1] = size
        unit = column / np.where(size == 0, 1, size)[cell] if j + 2 < m else column
        for k in range(j + 1, m - 1):
            along = np.bincount(cell, weights=unit * left[k], minlength=n_cells)
            roots[:, j + 1, k + 1] = along
            left[k] = left[k] - unit * along[cell]
    return roots
