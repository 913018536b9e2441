"""Linear hypotheses: named rows of coefficients that both engines test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from msclong.errors import HypothesisError, listing


def label(level: object) -> str:
    """A level as text: whole floats lose their decimal point, so that week 8.0 reads '8'."""
    if isinstance(level, (float, np.floating)) and float(level).is_integer():
        return str(int(level))
    return str(level)


def difference_label(level: object, reference: object) -> str:
    """The name of a difference, as emmeans writes it: 'level - reference'."""
    return f"{label(level)} - {label(reference)}"


@dataclass(frozen=True, eq=False)
class LinearHypothesis:
    """Linear functions L beta of the fixed effects, one named row each.

    Parameters
    ----------
    L : (m, p) array
        Coefficients; row i is one linear function of the p fixed effects, in the outcome's unit.
    rows : pandas.Index or MultiIndex of length m
        Names of the rows: one named level per factor (arm, visit, ...), unique.

    Every method returns a new hypothesis: differences and averages of rows are again linear in
    beta, so contrasts compose before any engine is asked.
    """

    L: np.ndarray
    rows: pd.Index

    def __post_init__(self) -> None:
        matrix = np.atleast_2d(np.asarray(self.L, dtype=float))
        if len(self.rows) != matrix.shape[0]:
            raise HypothesisError(
                f"A hypothesis of {matrix.shape[0]} rows has {len(self.rows)} names; give one name a row."
            )
        if not np.isfinite(matrix).all():
            raise HypothesisError("A hypothesis holds missing or infinite coefficients; give finite numbers.")
        matrix.setflags(write=False)
        object.__setattr__(self, "L", matrix)

    def __len__(self) -> int:
        return self.L.shape[0]

    def minus_reference(self, factor: str, reference: object) -> LinearHypothesis:
        """Every other level of `factor` minus `reference`, within each combination of the other factors.

        Raises HypothesisError when `factor` names no level of the rows, or when `reference` does not occur.
        """
        levels, others = self._split(factor)
        if reference not in set(levels):
            raise HypothesisError(
                f"{reference!r} is not a level of {factor!r}; its levels are {listing(dict.fromkeys(levels))}."
            )
        matrix, names = [], []
        for group in dict.fromkeys(others):
            position = {
                level: i
                for i, (level, other) in enumerate(zip(levels, others, strict=True))
                if other == group
            }
            if reference not in position:
                continue
            for level, i in position.items():
                if level != reference:
                    matrix.append(self.L[i] - self.L[position[reference]])
                    names.append((group, difference_label(level, reference)))
        return LinearHypothesis(np.array(matrix), self._join(factor, names))

    def average_over(self, factor: str, weights: dict[object, float] | None = None) -> LinearHypothesis:
        """Mean over the levels of `factor` (equal weights, or `weights` by level, scaled to sum to one)."""
        levels, others = self._split(factor)
        if weights is not None and (unknown := set(levels) - set(weights)):
            raise HypothesisError(f"No weight for level {listing(unknown)} of {factor!r}; give one for each.")
        matrix, names = [], []
        for group in dict.fromkeys(others):
            chosen = [i for i, other in enumerate(others) if other == group]
            w = np.array([1.0 if weights is None else weights[levels[i]] for i in chosen])
            if w.sum() <= 0 or (w < 0).any():
                raise HypothesisError(
                    f"The weights of {factor!r} must be positive or zero, and not all zero."
                )
            matrix.append(w @ self.L[chosen] / w.sum())
            names.append((group, None))
        return LinearHypothesis(np.array(matrix), self._join(factor, names))

    def stack(self, *others: LinearHypothesis) -> LinearHypothesis:
        """The rows of this hypothesis followed by those of `others` (same factors, same coefficients)."""
        parts = (self, *others)
        for other in others:
            if list(other.rows.names) != list(self.rows.names) or other.L.shape[1] != self.L.shape[1]:
                raise HypothesisError(
                    "Only hypotheses about the same factors and the same model can be stacked."
                )
        rows = parts[0].rows
        for other in others:
            rows = rows.append(other.rows)
        return LinearHypothesis(np.vstack([part.L for part in parts]), rows)

    def labelled(self) -> LinearHypothesis:
        """The same hypothesis with every name as text, so that levels and differences share one column."""
        frame = self.rows.to_frame(index=False).map(label)
        return LinearHypothesis(self.L, _index(frame))

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
        records = []
        for group, name in names:
            rest = iter(group)
            record = {column: name if column == factor else next(rest) for column in self.rows.names}
            records.append(record)
        frame = pd.DataFrame(records, columns=list(self.rows.names), dtype=object)
        if all(name is None for _, name in names):
            frame = frame.drop(columns=factor)
        return _index(frame)


def _index(frame: pd.DataFrame) -> pd.Index:
    if frame.shape[1] == 0:
        return pd.Index(["average"] * len(frame), name="row")
    if frame.shape[1] == 1:
        return pd.Index(frame.iloc[:, 0], name=frame.columns[0])
    return pd.MultiIndex.from_frame(frame)
