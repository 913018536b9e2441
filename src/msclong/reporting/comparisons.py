"""Means and contrasts of every engine, row by row, with the names that readers need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from msclong.errors import HypothesisError
from msclong.linear_hypothesis import SIGNS, difference_label, label
from msclong.reporting.analysis import LEVEL, Analysis
from msclong.results.fit import Fit


@dataclass(frozen=True, eq=False)
class Comparison:
    """Tables of all engines with the same m rows.

    tables : by engine name. groups : (m,) the arm or the difference of arms; '' without arms. labels : (m,) the
    visit. between : (m,) whether the row compares arms.
    """

    tables: Mapping[str, pd.DataFrame]
    groups: tuple[str, ...]
    labels: tuple[str, ...]
    between: tuple[bool, ...]

    def rows(self, label: str, between: bool) -> list[int]:
        """Positions of the rows of one visit, comparing arms or not."""
        return [i for i, name in enumerate(self.labels) if name == label and self.between[i] == between]

    def select(self, rows: list[int]) -> Comparison:
        """Some of the rows."""
        return Comparison(
            {name: table.iloc[rows] for name, table in self.tables.items()},
            tuple(self.groups[i] for i in rows),
            tuple(self.labels[i] for i in rows),
            tuple(self.between[i] for i in rows),
        )


@dataclass(frozen=True)
class Refusal:
    """Why there is no table: the library's own message."""

    reason: str


def means(analysis: Analysis) -> Comparison | Refusal:
    """Marginal means by arm and visit."""
    return _comparison(analysis, lambda fit: fit.means(at=analysis.at, level=LEVEL))


def contrasts(analysis: Analysis) -> Comparison | Refusal:
    """Each visit against baseline by arm, and the arms' differences (`Fit.contrasts` without arguments).

    Frequentist tables have p_margin, the one-sided test that the difference exceeds the spec's margin, where there is
    a margin; and p_adjusted, lower_adjusted and upper_adjusted, where an adjustment was asked for and has them.
    Raises HypothesisError for an adjustment that is unknown.
    """
    found = _comparison(analysis, lambda fit: fit.contrasts(at=analysis.at, level=LEVEL))
    if isinstance(found, Refusal):
        return found
    tables = {name: _with_tests(analysis, name, table) for name, table in found.tables.items()}
    return replace(found, tables=tables)


def _with_tests(analysis: Analysis, name: str, table: pd.DataFrame) -> pd.DataFrame:
    fit = analysis.fits[name]
    if analysis.bayesian(name):
        return table
    if analysis.spec.margin:
        against = fit.contrasts(at=analysis.at, level=LEVEL, test="superiority")
        table = table.assign(p_margin=against["p_value"])
    if analysis.adjust is not None:
        adjusted = fit.contrasts(at=analysis.at, level=LEVEL, adjust=analysis.adjust, family=analysis.family)
        table = table.join(adjusted[[column for column in adjusted if column not in table]])
    return table


def baseline(analysis: Analysis) -> object:
    """The visit that changes are measured from."""
    chosen = analysis.design.baseline
    return chosen if analysis.spec.baseline is not None or chosen in analysis.times else analysis.times[0]


def _comparison(analysis: Analysis, table_of: Callable[[Fit], pd.DataFrame]) -> Comparison | Refusal:
    if analysis.visit is None:
        return Refusal(
            "The formula names no variable that holds the visits; the analyst can name it with "
            "ModelSpec(..., visit=...)."
        )
    try:
        tables = {name: table_of(fit) for name, fit in analysis.fits.items()}
    except HypothesisError as refusal:
        return Refusal(str(refusal))
    return Comparison(tables, *named_rows(analysis, next(iter(tables.values())).index))


def named_rows(
    analysis: Analysis, index: pd.Index
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[bool, ...]]:
    """Groups, labels and whether arms are compared (see `Comparison`), of the rows of a table of means or contrasts."""
    visits = tuple(_visit_label(analysis, level) for level in index.get_level_values(str(analysis.visit)))
    if analysis.arm is None or analysis.arm not in index.names:
        return ("",) * len(visits), visits, (False,) * len(visits)
    arms = [analysis.names.label(level) for level in index.get_level_values(analysis.arm)]
    own = {analysis.names.label(level) for level in analysis.arms}
    groups = tuple(analysis.names.of_differences(name, analysis.arms, analysis.arms[0]) for name in arms)
    return groups, visits, tuple(name not in own for name in arms)


def _visit_label(analysis: Analysis, level: object) -> str:
    """The visit alone, also where the row is its difference from baseline: every row has the same one."""
    text, first = label(level), baseline(analysis)
    visits = {difference_label(time, first, sign): label(time) for time in analysis.times for sign in SIGNS}
    return (visits | {label(time): label(time) for time in analysis.times}).get(text, text)
