"""Which column of a table plays which part."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

import pandas as pd

from msclong.errors import DataError, listing


def check_roles(frame: pd.DataFrame, roles: Mapping[str, str | None]) -> None:
    """Every named column exists, has rows, and plays one part only (visit and time may be one column).

    Parameters
    ----------
    roles
        Role ("subject", "outcome", ...) to column name, None where the role is not filled.

    Raises
    ------
    DataError
    """
    named = {role: column for role, column in roles.items() if column is not None}
    for role, column in named.items():
        if column not in frame.columns:
            raise DataError(f"There is no column {column!r} for {role}=. {where_it_may_be(frame, column)}")
    first_role: dict[str, str] = {}
    for role, column in named.items():
        other = first_role.setdefault(column, role)
        if other != role and {other, role} != {"visit", "time"}:
            raise DataError(
                f"The column {column!r} is given as both {other} and {role}. Name one column for each."
            )
    if frame.empty:
        raise DataError("The table has no rows. Check the filter that made it.")


def where_it_may_be(frame: pd.DataFrame, column: str) -> str:
    """What a message says of a column that `frame` does not have: the index, near names, and the columns there are."""
    if column in frame.index.names:
        return "It is in the index: pass table.reset_index()."
    names = [str(name) for name in frame.columns]
    folded = {name.casefold(): name for name in reversed(names)}
    close = [folded[match] for match in get_close_matches(column.casefold(), folded, n=3)]
    near = f"Did you mean {' or '.join(map(repr, close))}? " if close else ""
    return f"{near}The table has {listing(names, most=20)}."
