"""Graphical multiple test procedures."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from msclong.errors import HypothesisError, listing

TOLERANCE = 1e-9
"""How far weights may exceed a sum of one by rounding."""


@dataclass(frozen=True, eq=False)
class GraphicalProcedure:
    """A sequentially rejective weighted Bonferroni procedure drawn as a graph.

    Parameters
    ----------
    weights : mapping {label: weight}
        Share of alpha of each hypothesis at the start; at least 0, sum at most 1. A label is the name of a row of
        the table: text, or a tuple where rows have several levels, such as ('B - A', '8 - 0').
    transitions : mapping {label: {label: share}}
        Where the weight of a rejected hypothesis goes; shares at least 0, sum of each at most 1. Labels left out
        pass nothing on.

    Strongly controls the familywise error rate for any dependence (Bretz, Maurer, Brannath and Posch 2009, Statistics
    in Medicine 28:586). Holm, fixed sequence, fallback and gatekeeping are special cases.
    Raises HypothesisError for weights that break these rules.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import msclong as ml
    >>> passes_on = {"week 8": {"week 4": 1}, "week 4": {"week 8": 1}}
    >>> graph = ml.GraphicalProcedure({"week 8": 0.8, "week 4": 0.2}, passes_on)
    >>> graph.adjusted(np.array([0.01, 0.03]), pd.Index(["week 8", "week 4"]))
    array([0.0125, 0.03  ])
    """

    weights: Mapping[Hashable, float]
    transitions: Mapping[Hashable, Mapping[Hashable, float]]

    def __post_init__(self) -> None:
        for what, given in (("weights", self.weights), ("transitions", self.transitions)):
            if not isinstance(given, Mapping):
                raise HypothesisError(f"The {what} of a graph are a mapping by label; got {given!r}.")
        if wrong := [row for row in self.transitions.values() if not isinstance(row, Mapping)]:
            raise HypothesisError(
                f"Transitions are {{label: {{label: share}}}}; got {wrong[0]!r} for a label."
            )
        labels = list(self.weights)
        named = {to for row in self.transitions.values() for to in row} | set(self.transitions)
        if unknown := named - set(labels):
            raise HypothesisError(
                f"The transitions name {listing(map(repr, unknown))}, which have no weight; give each label one, "
                "zero if it starts without."
            )
        w, G = self._arrays(labels)
        if not _shares(w):
            raise HypothesisError(f"The weights must be at least 0 and sum to at most 1; got {self.weights}.")
        for label, row, own in zip(labels, G, np.diag(G), strict=True):
            if not _shares(row) or own != 0:
                raise HypothesisError(
                    f"The transitions of {label!r} must be at least 0, sum to at most 1 and not lead back to itself; "
                    f"got {dict(self.transitions[label])}."
                )

    @classmethod
    def fixed_sequence(cls, labels: Sequence[Hashable]) -> GraphicalProcedure:
        """Hypotheses tested in this order, each at full alpha, until one is not rejected."""
        labels = _distinct(labels)
        weights = {label: float(i == 0) for i, label in enumerate(labels)}
        return cls(weights, {label: {after: 1.0} for label, after in zip(labels, labels[1:], strict=False)})

    @classmethod
    def bonferroni(cls, labels: Sequence[Hashable]) -> GraphicalProcedure:
        """Hypotheses tested at equal shares of alpha, which are not passed on."""
        labels = _distinct(labels)
        return cls(dict.fromkeys(labels, 1 / len(labels)), {})

    @classmethod
    def holm(cls, labels: Sequence[Hashable]) -> GraphicalProcedure:
        """Equal shares of alpha; each that is rejected passes its share on to the others alike (Holm 1979)."""
        labels = _distinct(labels)
        others = {one: [label for label in labels if label != one] for one in labels}
        return cls(
            dict.fromkeys(labels, 1 / len(labels)),
            {one: dict.fromkeys(rest, 1 / len(rest)) for one, rest in others.items() if rest},
        )

    def adjusted(self, p: np.ndarray, rows: pd.Index) -> np.ndarray:
        """Adjusted p-values of `rows`, (m,), by algorithm 2 of Bretz et al. (2009).

        Raises HypothesisError unless the labels are exactly the rows.
        """
        labels = list(rows)
        missing = [label for label in labels if label not in self.weights]
        extra = [label for label in self.weights if label not in labels]
        if missing or extra:
            parts = [f"has no {listing(map(repr, missing))}" if missing else ""]
            parts += [f"names {listing(map(repr, extra))}, which are no rows" if extra else ""]
            raise HypothesisError(
                f"The graph {' and '.join(filter(None, parts))}; its labels must be the rows of the table: "
                f"{listing(map(repr, labels), 20)}."
            )
        adjusted = np.ones(len(p))
        for level, w in self.stages(p, labels):
            # Of the stages the last that a row takes part in counts: there p / w and the level are least together.
            adjusted = np.minimum(adjusted, rejected_at(p, w, level))
        return adjusted

    def stages(self, p: np.ndarray, labels: Sequence[Any]) -> Iterator[tuple[float, np.ndarray]]:
        """The steps of algorithm 2 of Bretz et al. (2009) for p-values (m,) of `labels`.

        Yields the level alpha from which on a step is reached, and its weights (m,), zero for what was rejected before.
        """
        w, G = self._arrays(labels)
        left = np.ones(len(p), dtype=bool)
        level = 0.0
        while True:
            yield level, w
            alone = rejected_at(p, w)
            j = int(alone.argmin())
            if not np.isfinite(alone[j]):
                return
            level = max(level, min(1.0, float(alone[j])))
            left[j] = False
            w, G = _without(j, w, G, left)

    def _arrays(self, labels: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
        w = [self.weights[label] for label in labels]
        G = [[self.transitions.get(one, {}).get(other, 0.0) for other in labels] for one in labels]
        try:
            return np.array(w, dtype=float), np.array(G, dtype=float).reshape(len(labels), len(labels))
        except (TypeError, ValueError):
            raise HypothesisError(
                f"Weights and shares are numbers; got {dict(self.weights)} and {dict(self.transitions)}."
            ) from None


def _without(j: int, w: np.ndarray, G: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights and transitions after hypothesis j was rejected; `left` are the others still untested."""
    passed_on = np.where(left, w + w[j] * G[j], 0.0)
    through = G + np.outer(G[:, j], G[j])
    back = 1 - G[:, j] * G[j]
    updated = np.zeros_like(G)
    np.divide(through, back[:, None], out=updated, where=back[:, None] > TOLERANCE)
    np.fill_diagonal(updated, 0.0)
    updated[~left] = 0.0
    updated[:, ~left] = 0.0
    return passed_on, updated


def rejected_at(p: np.ndarray, w: np.ndarray | float, level: float = 0.0) -> np.ndarray:
    """The least alpha from `level` on at which p <= w alpha; infinite where the weight is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(w > 0, np.maximum(level, p / w), np.inf)


def _distinct(labels: Sequence[Hashable]) -> list[Hashable]:
    if isinstance(labels, str) or not np.iterable(labels) or not len(labels):
        raise HypothesisError(f"A procedure takes a list of labels; got {labels!r}.")
    labels = list(labels)
    if len(set(labels)) < len(labels):
        raise HypothesisError(f"A procedure names each label once; got {labels!r}.")
    return labels


def _shares(weights: np.ndarray) -> bool:
    return bool(np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() <= 1 + TOLERANCE)
