"""The columns of X as products: what patsy's coding makes of a cell, times functions of each row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from patsy import DesignInfo, EvalFactor, NAAction
from patsy.categorical import categorical_to_int
from patsy.design_info import FactorInfo, SubtermInfo

from msclong.design.expressions import columns_in

Columns = Mapping[str, Any]

Part = tuple[EvalFactor, int]
"""A column of a factor: the levels or numbers that its coding has, or those of a function of several columns."""


@dataclass(frozen=True, eq=False)
class Expansion:
    """The p columns of patsy's X, taken apart by what they read.

    in_cells : for each column its subterm, and the parts of it that follow from discrete columns alone.
    products : (m,) different products of parts that are read in each row; the first is that of none.
    product : (p,) the product that multiplies each column.
    """

    info: DesignInfo
    in_cells: tuple[tuple[SubtermInfo, tuple[Part, ...]], ...]
    products: tuple[tuple[Part, ...], ...]
    product: np.ndarray

    @property
    def of_rows(self) -> tuple[EvalFactor, ...]:
        """The factors that are read in each row."""
        return tuple(dict.fromkeys(factor for parts in self.products for factor, _ in parts))

    @property
    def levels_of_rows(self) -> tuple[str, ...]:
        """Those of them that make levels of what they read."""
        return tuple(f.name() for f in self.of_rows if self.info.factor_infos[f].type == "categorical")

    def cells(self, columns: Columns, n: int) -> np.ndarray:
        """(n, p): what n cells contribute to each column. columns : the discrete ones of these cells.

        Raises ValueError where a factor has another number of values.
        """
        values: dict[EvalFactor, np.ndarray] = {}
        for factor in dict.fromkeys(factor for _, parts in self.in_cells for factor, _ in parts):
            values[factor] = _evaluated(factor, self.info.factor_infos[factor], columns, n)
        found = np.ones((n, len(self.in_cells)))
        for j, (subterm, parts) in enumerate(self.in_cells):
            for factor, k in parts:
                contrast = subterm.contrast_matrices.get(factor)
                own = values[factor]
                found[:, j] *= (
                    own[:, k] if contrast is None else contrast.matrix[own[:, 0].astype(np.intp), k]
                )
        return found

    def table(self, cells: np.ndarray) -> np.ndarray:
        """T (K, m, p) of a `FactoredMatrix` whose cells contribute `cells` (K, p)."""
        found = np.zeros((len(cells), len(self.products), cells.shape[1]))
        found[:, self.product, np.arange(cells.shape[1])] = cells
        return found

    def covariates(self, columns: Columns, n: int) -> np.ndarray:
        """(n, m - 1) products of a `FactoredMatrix` of n rows. Raises as `cells`."""
        values = {f: _evaluated(f, self.info.factor_infos[f], columns, n) for f in self.of_rows}
        found = np.empty((len(self.products) - 1, n))
        for row, parts in zip(found, self.products[1:], strict=True):
            row[:] = np.prod([values[factor][:, k] for factor, k in parts], axis=0)
        return found.T


def expansion(info: DesignInfo, discrete: Collection[str], columns: Collection[str]) -> Expansion:
    """Take a design apart. discrete : those of `columns` whose combinations of levels are cells."""
    in_cells: list[tuple[SubtermInfo, tuple[Part, ...]]] = []
    products: dict[tuple[Part, ...], int] = {(): 0}
    of_cells = {f for f in info.factor_infos if set(columns_in(f.name(), columns)) <= set(discrete)}
    place = []
    for subterm in (subterm for subterms in info.term_codings.values() for subterm in subterms):
        contrasts = subterm.contrast_matrices
        widths = [
            contrasts[f].matrix.shape[1] if f in contrasts else info.factor_infos[f].num_columns
            for f in subterm.factors
        ]
        # The first factor's columns run fastest.
        for picked in product(*map(range, reversed(widths))):
            parts = list(zip(subterm.factors, reversed(picked), strict=True))
            in_cells.append((subterm, tuple(part for part in parts if part[0] in of_cells)))
            rest = tuple(part for part in parts if part[0] not in of_cells)
            place.append(products.setdefault(rest, len(products)))
    return Expansion(info, tuple(in_cells), tuple(products), np.array(place, dtype=np.intp))


def _evaluated(factor: EvalFactor, known: FactorInfo, columns: Columns, n: int) -> np.ndarray:
    """(n, k) values of a factor, or (n, 1) codes of its levels."""
    values = factor.eval(known.state, columns)
    if known.type == "categorical":
        values = categorical_to_int(values, known.categories, NAAction("raise"), factor)
    found = np.asarray(values, dtype=float)
    if found.shape[:1] != (n,):
        raise ValueError(f"{factor.name()} has {found.shape} values in {n} rows.")
    return found[:, None] if found.ndim == 1 else found
