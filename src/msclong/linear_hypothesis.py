"""Linear hypotheses: named rows of coefficients that both engines test."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from msclong.errors import HypothesisError, listing

Sign = Literal["-", "/"]
"""What stands between two levels that are compared: of logarithms, '/'."""

SIGNS: tuple[Sign, ...] = get_args(Sign)


def label(level: object) -> str:
    """A level as text: whole floats lose their decimal point, so that week 8.0 reads '8'."""
    if isinstance(level, (float, np.floating)) and float(level).is_integer():
        return str(int(level))
    return str(level)


def difference_label(level: object, reference: object, sign: Sign = "-") -> str:
    """The name of a difference or a ratio, as emmeans writes it: 'level - reference', 'level / reference'."""
    return f"{label(level)} {sign} {label(reference)}"


def unknown_names(unknown: Sequence[str], coefficients: Sequence[str]) -> str:
    """The message about names that are not coefficients, with the nearest that are."""
    near = dict.fromkeys(
        match for name in unknown for match in get_close_matches(str(name), coefficients, n=4, cutoff=0.5)
    )
    hint = f"near names are {listing(near)}" if near else f"the names are {listing(coefficients, 20)}"
    return f"{listing(map(repr, unknown))} is not a coefficient of the fixed part; {hint}."


def numbers(given: Any) -> np.ndarray:
    """`given` as an array of floats; raises HypothesisError for text and the like."""
    try:
        return np.array(given, dtype=float)
    except (TypeError, ValueError):
        raise HypothesisError(
            f"The coefficients and values of a hypothesis are numbers, as many in each row; got {given!r}."
        ) from None


ZEROS: Any = None
"""The value of a hypothesis that states none: zeros, as many as its matrix has rows; arrays from then on."""


@dataclass(frozen=True, eq=False)
class LinearHypothesis:
    """Linear functions of the fixed effects, L beta = value, one named row each.

    Parameters
    ----------
    L : (m, p) array
        Coefficients; row i is one linear function of the p fixed effects, in the outcome's unit.
    rows : pandas.Index or MultiIndex of length m, or a list of names
        Names of the rows: one named level per factor (arm, visit, ...), unique.
    value : (m,) array, optional
        The hypothesised values that tests compare L beta with; zero where nothing else is said.

    Every method returns a new hypothesis: differences and averages of rows are again linear in
    beta, so contrasts compose before any engine is asked. Raises HypothesisError for what is not of this form.

    Examples
    --------
    >>> import msclong as ml
    >>> fit = ml.fit("change ~ basval + TRT * week + us(week | PATIENT)", ml.datasets.hamd17())
    >>> arms = fit.hypothesis(versus="1", factor="TRT", by="week")
    >>> fit.contrasts(hypothesis=arms.average_over("week"))[["estimate", "p_value"]].round(3)
           estimate  p_value
    TRT
    2 - 1    -1.418    0.066
    """

    L: np.ndarray
    rows: pd.Index
    value: np.ndarray = ZEROS

    def __post_init__(self) -> None:
        matrix = np.atleast_2d(numbers(self.L))
        value = np.zeros(len(matrix)) if self.value is ZEROS else np.atleast_1d(numbers(self.value))
        if matrix.ndim > 2 or not matrix.size:
            raise HypothesisError(
                f"A hypothesis is a matrix with a row for each linear function; got one of shape {matrix.shape}."
            )
        names: Any = self.rows
        if not isinstance(names, pd.Index):
            if isinstance(names, str) or not np.iterable(names):
                raise HypothesisError(f"The rows of a hypothesis need a list of names; got {names!r}.")
            names = pd.Index(list(names), name="hypothesis", tupleize_cols=False)
            object.__setattr__(self, "rows", names)
        if len(self.rows) != matrix.shape[0]:
            raise HypothesisError(
                f"A hypothesis of {matrix.shape[0]} rows has {len(self.rows)} names; give one name a row."
            )
        if not self.rows.is_unique:
            twice = self.rows[self.rows.duplicated()].unique()
            raise HypothesisError(
                f"Several rows are named {listing(map(repr, twice))}; give each a name of its own."
            )
        if value.shape != (len(matrix),):
            raise HypothesisError(
                f"A hypothesis of {len(matrix)} rows has {value.size} values; give one value a row."
            )
        if not (np.isfinite(matrix).all() and np.isfinite(value).all()):
            raise HypothesisError(
                "A hypothesis holds missing or infinite coefficients or values; give finite numbers."
            )
        matrix.setflags(write=False)
        value.setflags(write=False)
        object.__setattr__(self, "L", matrix)
        object.__setattr__(self, "value", value)

    @classmethod
    def by_names(
        cls, weights: Mapping[object, Mapping[str, float]], coefficients: Sequence[str]
    ) -> LinearHypothesis:
        """Rows {name of the row: {coefficient: weight}}; coefficients that a row leaves out weigh nothing.

        coefficients : the names of all p fixed effects in order, such as fit.vcov.columns.
        Raises HypothesisError for a coefficient that is not among them.
        """
        if unknown := [name for row in weights.values() for name in row if name not in coefficients]:
            raise HypothesisError(unknown_names(unknown, coefficients))
        L = numbers([[row.get(name, 0.0) for name in coefficients] for row in weights.values()])
        return cls(L, pd.Index(list(weights), name="hypothesis", tupleize_cols=False))

    def __len__(self) -> int:
        return self.L.shape[0]

    def minus_reference(self, factor: str, reference: object, sign: Sign = "-") -> LinearHypothesis:
        """Every other level of `factor` minus `reference`, within each combination of the other factors.

        sign : how the rows' names are written, see `difference_label`.
        Raises HypothesisError when `factor` names no level of the rows, or when `reference` does not occur.
        """
        levels = self._split(factor)[0]
        if not isinstance(reference, Hashable) or reference not in set(levels):
            raise HypothesisError(
                f"{reference!r} is not a level of {factor!r}; its levels are {listing(dict.fromkeys(levels))}."
            )

        def differences(present: list[object]) -> dict[str | None, np.ndarray]:
            if reference not in present:
                return {}
            base = np.equal(np.arange(len(present)), present.index(reference)).astype(float)
            return {
                difference_label(level, reference, sign): np.eye(len(present))[i] - base
                for i, level in enumerate(present)
                if level != reference
            }

        return self.combine(factor, differences)

    def average_over(self, factor: str, weights: dict[object, float] | None = None) -> LinearHypothesis:
        """Mean over the levels of `factor` (equal weights, or `weights` by level, scaled to sum to one)."""
        levels = self._split(factor)[0]
        if weights is not None and (unknown := set(levels) - set(weights)):
            raise HypothesisError(f"No weight for level {listing(unknown)} of {factor!r}; give one for each.")

        def average(present: list[object]) -> dict[str | None, np.ndarray]:
            w = np.array([1.0 if weights is None else weights[level] for level in present])
            if w.sum() <= 0 or (w < 0).any():
                raise HypothesisError(
                    f"The weights of {factor!r} must be positive or zero, and not all zero."
                )
            return {None: w / w.sum()}

        return self.combine(factor, average)

    def combine(
        self, factor: str, combinations: Callable[[list[object]], Mapping[str | None, np.ndarray]]
    ) -> LinearHypothesis:
        """New rows from the levels of `factor`, within each combination of the other factors, sorted as these rows are.

        combinations : the k levels present -> {name of a new row: its (k,) weights}. The name None drops the factor.
        Raises HypothesisError when no row is left.
        """
        levels, others = self._split(factor)
        place = list(self.rows.names).index(factor)
        matrix, value, names = [], [], []
        for group in dict.fromkeys(others):
            chosen = [i for i, other in enumerate(others) if other == group]
            for name, weights in combinations([levels[i] for i in chosen]).items():
                matrix.append(weights @ self.L[chosen])
                value.append(weights @ self.value[chosen])
                names.append((group, name))
        if not names:
            raise HypothesisError(f"{factor!r} has too few levels here to compare: {listing(set(levels))}.")
        before = {start: i for i, start in enumerate(dict.fromkeys(group[:place] for group, _ in names))}
        new = {name: i for i, name in enumerate(dict.fromkeys(name for _, name in names))}
        order = sorted(range(len(names)), key=lambda i: (before[names[i][0][:place]], new[names[i][1]]))
        rows = self._join(factor, [names[i] for i in order])
        return LinearHypothesis(np.array(matrix)[order], rows, np.array(value)[order])

    def stack(self, *others: LinearHypothesis) -> LinearHypothesis:
        """The rows of this hypothesis followed by those of `others` (same factors, same coefficients)."""
        parts = (self, *others)
        for other in others:
            if not isinstance(other, LinearHypothesis):
                raise HypothesisError(f"Only linear hypotheses can be stacked; got {other!r}.")
            if list(other.rows.names) != list(self.rows.names) or other.L.shape[1] != self.L.shape[1]:
                raise HypothesisError(
                    "Only hypotheses about the same factors and the same model can be stacked."
                )
        rows = parts[0].rows
        for other in others:
            rows = rows.append(other.rows)
        return LinearHypothesis(
            np.vstack([part.L for part in parts]), rows, np.concatenate([part.value for part in parts])
        )

    def labelled(self) -> LinearHypothesis:
        """The same hypothesis with every name as text, so that levels and differences share one column."""
        columns = [list(map(label, self.rows.get_level_values(i))) for i in range(self.rows.nlevels)]
        return LinearHypothesis(self.L, row_names(columns, self.rows.names, "str"), self.value)

    def _split(self, factor: str) -> tuple[list[object], list[tuple[object, ...]]]:
        if factor not in self.rows.names:
            raise HypothesisError(
                f"{factor!r} is not a factor of this hypothesis; its factors are {listing(self.rows.names)}."
            )
        levels = list(self.rows.get_level_values(factor))
        rest = [self.rows.get_level_values(str(name)) for name in self.rows.names if name != factor]
        others: list[tuple[object, ...]] = list(zip(*rest, strict=True)) if rest else [()] * len(levels)
        return levels, others

    def _join(self, factor: str, names: Sequence[tuple[tuple[object, ...], str | None]]) -> pd.Index:
        """Row names from (levels of the other factors, new name of `factor` or None to drop it)."""
        rest = zip(*(group for group, _ in names), strict=True)
        columns = {
            column: [name for _, name in names] if column == factor else list(next(rest))
            for column in self.rows.names
        }
        if all(name is None for _, name in names):
            del columns[factor]
        if not columns:
            return pd.Index(["average"] * len(names), name="row")
        return row_names(list(columns.values()), list(columns))


def row_names(
    columns: Sequence[Sequence[object]], names: Sequence[Hashable], dtype: Any = object
) -> pd.Index:
    """An index with a level for each column, as pandas makes it of a table, but without making one."""
    if len(columns) == 1:
        return pd.Index(columns[0], dtype=dtype, name=names[0], tupleize_cols=False)
    levels, codes = [], []
    for column in columns:
        present = list(dict.fromkeys(column))
        with suppress(TypeError):  # as pandas: levels that cannot be compared stay in order of appearance
            present.sort()  # type: ignore[call-overload]
        place = {level: i for i, level in enumerate(present)}
        levels.append(pd.Index(present, dtype=dtype, tupleize_cols=False))
        codes.append([place[level] for level in column])
    return pd.MultiIndex(levels, codes, names=list(names), verify_integrity=False)
