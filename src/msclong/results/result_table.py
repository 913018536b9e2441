"""Tables of results: pandas DataFrames that a notebook shows as a journal would print them."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from itertools import chain
from typing import Any

import pandas as pd

from msclong.data.marks import synthetic
from msclong.printing.html_table import html_table
from msclong.printing.journal import HEADINGS, SAME_UNIT, interval_label, journal_table
from msclong.printing.journal import INTERVALS as PAIRS
from msclong.printing.table import Table

MOST_COLUMNS = 20
"""Columns that a notebook shows where pandas sets no limit."""

INTERVALS = {
    "CI": "CI: confidence interval.",
    "CrI": "CrI: equal-tailed credible interval.",
    "HDI": "HDI: highest-density interval.",
}


class ResultTable(pd.DataFrame):
    """A DataFrame with all figures at full precision; what is derived from it is a plain DataFrame.

    In a notebook it prints itself in the style of journals: decimals by the standard error, p-values, intervals in one
    cell, and a footnote of `facts`: 'model', 'df' and 'missing' in words.
    """

    _metadata = ["facts"]
    facts: Mapping[str, str]

    @classmethod
    def of(cls, table: pd.DataFrame, facts: Mapping[str, str]) -> ResultTable:
        """The table with the same values, index and attrs; facts : see above, empty where nothing is known."""
        result = cls(table)
        result.attrs = table.attrs
        result.facts = dict(facts)
        return result

    @property
    def _constructor(self) -> Any:
        return pd.DataFrame

    def _repr_html_(self) -> str | None:
        """HTML for a notebook; long tables folded as `pandas.options.display` says.

        Without columns that journals have a form for, it is pandas' own.
        """
        if not pd.get_option("display.notebook_repr_html"):
            return None
        facts = getattr(self, "facts", {})
        if not _has_form(self):
            stamp = f"<b>{escape(marked)}</b>" if (marked := synthetic(self)) else ""
            return f"{stamp}{super()._repr_html_()}"  # type: ignore[misc]  # pandas has it for IPython, its stubs do not
        return html_table(
            printed(
                self,
                facts,
                most_rows=pd.get_option("display.max_rows") or len(self),
                folded_rows=pd.get_option("display.min_rows"),
                most_columns=pd.get_option("display.max_columns") or MOST_COLUMNS,
            )
        )


def _has_form(table: pd.DataFrame) -> bool:
    """Whether a table has columns of results, each once, and figures in those whose decimals it shares out."""
    figures = {*SAME_UNIT, *chain.from_iterable(PAIRS)} & set(table.columns)
    return (
        table.columns.is_unique
        and not set(HEADINGS).isdisjoint(table.columns)
        and all(pd.api.types.is_numeric_dtype(table[name].dtype) for name in figures)
    )


def printed(table: pd.DataFrame, facts: Mapping[str, str], caption: str = "", **options: Any) -> Table:
    """A results table as it is printed, with the notes that belong below it."""
    return journal_table(table, caption, footnotes(table, facts), synthetic(table) or "", **options)


def footnotes(table: pd.DataFrame, facts: Mapping[str, str]) -> list[str]:
    """Model, intervals, df, adjustment and the rule for missing outcomes, as far as they are known and bear on it."""
    notes = [facts["model"]] if "model" in facts and table.index.name != "model" else []
    if "lower" in table and (kind := interval_label(table)[1]) in INTERVALS:
        notes.append(INTERVALS[kind])
    if "df" in facts and ({"se", "df"} <= set(table) or "den_df" in table):
        notes.append(facts["df"])
    if "p_adjusted" in table and "adjust" in table.attrs:
        notes.append(f"p, adj.: adjusted for multiplicity by {table.attrs['adjust']}.")
    if "missing" in facts and not {"estimate", "statistic", "contour_probability"}.isdisjoint(table):
        notes.append(facts["missing"])
    return notes
