"""What a table says of itself in `attrs` that a fit of it must not lose."""

from __future__ import annotations

from collections.abc import Hashable

import pandas as pd

SYNTHETIC = "synthetic"
"""`attrs["synthetic"]`, a sentence: the table holds made-up subjects, and how they were made."""

KEPT = (SYNTHETIC, "source")
"""Short ones alone: pandas copies all attrs, however deep, at each operation on a table and each look at a column."""


def marks(table: pd.DataFrame) -> dict[Hashable, str]:
    """The marks among a table's attrs."""
    return {name: str(table.attrs[name]) for name in KEPT if table.attrs.get(name)}


def marked(table: pd.DataFrame) -> pd.DataFrame:
    """A view of the table whose attrs are its marks alone."""
    view = table.copy(deep=False)
    view.attrs = marks(table)
    return view


def synthetic(table: pd.DataFrame) -> str | None:
    """What a table of synthetic data says of itself; None of any other."""
    return marks(table).get(SYNTHETIC)
