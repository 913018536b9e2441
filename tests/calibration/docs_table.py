"""Tables of docs/validation.md that are made from stored results: each follows a comment that names it."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs" / "validation.md"


def in_markdown(rows: list[list[str]]) -> str:
    """A table whose first row is its head."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def printed_table(name: str) -> str:
    """The table after the comment `name`."""
    return _around(name)[1]


def print_table(name: str, table: str) -> None:
    """Put `table` in the place of the one after the comment `name`."""
    before, _, after = _around(name)
    DOCS.write_text(before + table + after, encoding="utf-8")


def _around(name: str) -> tuple[str, str, str]:
    """The page before, in and after a table."""
    before, mark, rest = DOCS.read_text(encoding="utf-8").partition(f"<!-- {name} -->\n\n")
    table, end, after = rest.partition("\n\n")
    return before + mark, table, end + after
