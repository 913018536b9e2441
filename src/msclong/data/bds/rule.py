"""What a rule of BDS data is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, SupportsIndex

import numpy as np
import pandas as pd

from msclong.data.bds.view import View, together


@dataclass(frozen=True, slots=True)
class Finding:
    """The positions of the rows that break a rule together, and what is wrong with them, in words."""

    rows: Iterable[SupportsIndex]
    problem: str


Find = Callable[[View], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what is looked for, and what it needs.

    find
        Gives what breaks the rule; the first line of its docstring is the rule in words.
    needs
        Variables without which the rule does not apply.
    severity
        'error': an analysis of the rows would be wrong or undefined. 'notice': the rows are left out of an analysis,
        or stay in it, for a reason that its reader should know.
    """

    find: Find
    needs: tuple[str, ...] = ()
    severity: Literal["error", "notice"] = "error"

    @property
    def words(self) -> str:
        return (self.find.__doc__ or "").strip().splitlines()[0]

    def __call__(self, view: View) -> Iterator[Finding]:
        if view.has(*self.needs):
            yield from self.find(view)


def one_to_one(view: View, left: str, right: str, within: str | None = None) -> Iterator[Finding]:
    """Where a value of `left` goes with several of `right` or the other way round: the rows of the rarer pair.

    Of two pairs that are equally frequent, both are found. A missing `right` is a value of its own for each `left`.
    """
    rows = np.flatnonzero(view.given(left) & (view.given(within) if within else True))
    groups = view.codes(within) if within else np.zeros(len(view), dtype=np.int64)
    triples = np.column_stack([groups, view.codes(left), view.codes(right)])[rows]
    pairs, first, pair_of, count = np.unique(
        triples, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    for pair in _in_conflict(pairs):
        same_group, same_left, same_right = (pairs == pairs[pair]).T
        rivals = np.flatnonzero(same_group & (same_left ^ (same_right & (pairs[:, 2] > 0))))
        rival = rivals[np.argmax(count[rivals])]
        if count[rival] >= count[pair]:
            ours, theirs = (
                f"{left} {_shown(view.text(left)[at])} with {right} {_shown(view.text(right)[at])}"
                for at in (rows[first[pair]], rows[first[rival]])
            )
            in_rows = "1 row" if count[rival] == 1 else f"{count[rival]} rows"
            yield Finding(rows[pair_of == pair], f"{ours}, but {theirs} in {in_rows}.")


def _in_conflict(pairs: np.ndarray) -> np.ndarray:
    """Which of the distinct (group, left, right) share their left, or their right unless it is 0, with another."""
    table = pd.DataFrame(pairs, columns=["group", "left", "right"])
    shares_left = table.duplicated(["group", "left"], keep=False)
    shares_right = table.duplicated(["group", "right"], keep=False) & (table["right"] > 0)
    return np.flatnonzero(shares_left | shares_right)


def rarer(
    view: View, name: str, within: np.ndarray, rows: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Groups in which the variable is not constant: the rows of all but its commonest value, and the whole group."""
    codes = view.codes(name)
    pairs = pd.DataFrame({"group": within[rows], "code": codes[rows]}).drop_duplicates()
    mixed = pairs.loc[pairs["group"].duplicated(), "group"].unique()
    for members in together(rows & np.isin(within, mixed), within):
        counts = np.bincount(codes[members])
        commonest = np.flatnonzero(counts == counts.max())
        minority = members[codes[members] != commonest[0]] if len(commonest) == 1 else members
        yield minority, members


def _shown(value: object) -> str:
    if isinstance(value, float):
        return "missing" if np.isnan(value) else f"{value:g}"
    return repr(value)
