"""Hypotheses of the terms of the fixed part, type II and type III, whatever the coding of the factors."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from msclong.design.fixed_effects import FixedEffects
from msclong.errors import HypothesisError
from msclong.linear_hypothesis import LinearHypothesis

ROUNDING = 1e-10
"""Coefficients of a hypothesis below this share of the largest, before constraints, are what these leave of a zero."""


@dataclass(frozen=True)
class Term:
    """A term by its factors: all in patsy's order, those with levels, and the numeric ones."""

    name: str
    factors: tuple[Any, ...]
    levels: frozenset[Any]
    numeric: frozenset[Any]

    def contains(self, other: Term) -> bool:
        """As SAS: the same numeric factors, and those with levels are all of `other`'s and more."""
        return self.numeric == other.numeric and self.levels > other.levels


@dataclass(frozen=True, eq=False)
class Piece:
    """Columns of one term under one coding: products of the columns of `factors`, the first running fastest.

    factors : each with its contrast matrix (levels, columns), or for a numeric factor its number of columns.
    """

    term: Term
    columns: slice
    factors: tuple[tuple[Any, np.ndarray | int], ...]


def term_hypotheses(fixed: FixedEffects, kind: int = 3) -> dict[str, LinearHypothesis]:
    """The hypothesis of type `kind` (2 or 3) of every term but the intercept, by the term's name.

    The mean is a sum over products of numeric variables, each times a function of the factors' levels. Type III of a
    term takes the function that multiplies the term's numeric variables, averages it with equal weights over the
    factors that the term lacks, and says that its contrasts over the factors of the term vanish: the interaction
    contrast, and those of the margins that no smaller term stands for (a:b without b is b within the levels of a).
    Hence a factor crossed with a covariate is compared at covariate zero, a covariate crossed with a factor by its
    average slope. Type II says the same in the model without the terms that contain the term, when that model is fitted
    to X by least squares: SAS's and R lmerTest's definition (R car weighs by the covariance of beta instead).

    A design has no empty cell (it would be aliased, and refused), so these are SAS's estimable functions of both
    types, under any coding. Rows compare each level with the first, as in R lmerTest.

    Source: SAS/STAT User's Guide, The Four Types of Estimable Functions; Goodnight (1978), SAS Technical Report R-101.
    A term that a constraint makes zero, such as arm:age by arms equal at baseline, has no test and is left out; so is
    one of a factor with one level.
    Raises HypothesisError for another `kind`, or where there is no term to test.
    """
    if kind not in (2, 3):
        raise HypothesisError(f"Tests of terms are of type 2 or type 3; got type={kind!r}.")
    pieces = [piece for piece in _pieces(fixed) if piece.columns.stop > piece.columns.start]
    terms = list(dict.fromkeys(piece.term for piece in pieces))
    tested = [term for term in terms if term.factors]
    if not tested:
        raise HypothesisError(
            "The fixed part has an intercept only, or factors with one level; there is no term to test."
        )
    if kind == 2 and fixed.constraint is not None:
        raise HypothesisError(
            "Type 2 leaves terms out, and arms that are constrained to be equal at baseline tie terms together; "
            "use type 3."
        )
    n_columns = len(fixed.design_info.column_names)
    result = {}
    for term in tested:
        smaller = [other for other in terms if term.contains(other)]
        margins = [m for m in _subsets(term.levels) if not any(m <= other.levels for other in smaller)]
        kept = [piece for piece in pieces if kind == 3 or not piece.term.contains(term)]
        L = np.vstack([_contrasts(kept, margin, term, n_columns) for margin in margins])
        if not len(L):
            continue
        if fixed.constraint is not None:
            size, L = np.abs(L).max(), L @ fixed.constraint.reduction
            if np.abs(L).max() <= ROUNDING * size:
                continue
        elif len(kept) < len(pieces) or len(tested) == 1:
            L = _sequential(L, fixed.triangle, np.concatenate([np.r_[piece.columns] for piece in kept]))
        result[term.name] = LinearHypothesis(L, pd.RangeIndex(len(L), name="row"))
    return result


def _pieces(fixed: FixedEffects) -> Iterator[Piece]:
    infos = fixed.design_info.factor_infos
    start = 0
    for term, subterms in fixed.design_info.term_codings.items():
        numeric = frozenset(f for f in term.factors if infos[f].type == "numerical")
        described = Term(term.name(), tuple(term.factors), frozenset(term.factors) - numeric, numeric)
        for subterm in subterms:
            columns = slice(start, start + subterm.num_columns)
            factors = tuple(
                (f, infos[f].num_columns if f in numeric else subterm.contrast_matrices[f].matrix)
                for f in subterm.factors
            )
            yield Piece(described, columns, factors)
            start = columns.stop


def _subsets(factors: Collection[Any]) -> Iterator[frozenset[Any]]:
    for size in range(len(factors) + 1):
        yield from map(frozenset, combinations(factors, size))


def _contrasts(pieces: Collection[Piece], margin: frozenset[Any], term: Term, p: int) -> np.ndarray:
    """Contrasts over the factors of `margin`, averaged over all others, of what multiplies the term's numeric factors.

    (rows, p), one set of rows for each column of the product of the numeric factors (a spline has several).
    """
    found = []
    for piece in pieces:
        factors = dict(piece.factors)
        if piece.term.numeric != term.numeric or not margin <= set(factors):
            continue  # a function that does not depend on a factor of the margin has no contrast over it
        blocks = {}
        for factor, coding in factors.items():
            if isinstance(coding, int):
                blocks[factor] = np.eye(coding)
            elif factor in margin:
                blocks[factor] = coding[1:] - coding[0]
            else:
                blocks[factor] = coding.mean(axis=0, keepdims=True)
        found.append((piece.columns, _product(blocks, term.factors)))
    L = np.zeros((len(found[0][1]), p))
    for columns, rows in found:
        L[:, columns] = rows
    return L


def _product(blocks: dict[Any, np.ndarray], order: tuple[Any, ...]) -> np.ndarray:
    """Kronecker product: columns run as patsy's do, rows fastest over the first factor of `order`."""
    factors = list(blocks)
    product = np.ones(())
    for block in blocks.values():
        product = np.multiply.outer(product, block)
    rows = [2 * factors.index(factor) for factor in order if factor in blocks]
    others = [2 * i for i, factor in enumerate(factors) if factor not in order]  # of length one
    columns = [2 * i + 1 for i in range(len(factors))]
    size = np.prod(
        [block.shape for block in blocks.values()], axis=0, dtype=int
    )  # zeros for a factor of one level
    return product.transpose([*others, *rows[::-1], *columns[::-1]]).reshape(size)


def _sequential(L: np.ndarray, triangle: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """L (q, p) of the model that has only `columns`, as rows of the whole model, each adjusted for those after it.

    Satterthwaite's df of several rows depend on how they are written; these are the rows of the Doolittle
    factorisation of X'X, which R lmerTest takes: with U unit upper triangular in (L (X'X)^-1 L')^-1 = U' D U, U L.
    """
    part = triangle[:, columns]
    root = np.linalg.solve(np.linalg.qr(part, mode="r").T, L[:, columns].T)
    upper = np.linalg.cholesky(np.linalg.inv(root.T @ root)).T
    return (upper / np.diag(upper)[:, None]) @ L[:, columns] @ np.linalg.lstsq(part, triangle, rcond=None)[0]
