"""Results as text that fits a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

import pandas as pd

from msclong.data.marks import synthetic
from msclong.design.design import Design

WIDTH = 100
"""Columns of a terminal or a listing."""

LONG, GAP = 16, 4
"""A table of more rows than this stands in columns, so many blanks apart, where WIDTH has room for them."""


def model_facts(design: Design, engine: object) -> list[str]:
    """The model, the engine and the data, one fact a line."""
    spec, units = design.spec, int(design.unit.max()) + 1
    stated: dict[str, str | None] = {"baseline_as": spec.baseline_as, "weights": spec.weights}
    if spec.family != "gaussian" or spec.conditional:
        stated["family"] = f"{design.family.description}{', censored' if spec.censored else ''}"
    # Random effects may tie subjects together.
    tied = "" if units == design.n_subjects else f" in {units} independent unit{'s' if units > 1 else ''}"
    made_up = synthetic(design.data.frame)
    return [
        *([] if made_up is None else [made_up]),
        spec.formula,
        *(f"{name}: {value}" for name, value in stated.items() if value is not None),
        f"engine: {engine!r}",
        f"{design.n_obs} observations of {design.n_subjects} subjects{tied}",
    ]


def format_summary(title: str, facts: Sequence[str], tables: Mapping[str, pd.DataFrame]) -> str:
    """A title, facts one a line, and captioned tables; no line longer than WIDTH."""
    blocks = [title, "=" * len(title), *facts]
    for caption, table in tables.items():
        blocks += ["", caption, format_table(table)]
    return "\n".join(line for block in blocks for line in _wrapped(block))


def format_table(table: pd.DataFrame) -> str:
    """A results table with each column at its own precision; columns without any value are left out."""
    styles = {
        "p_value": _p_value,
        "p_adjusted": _p_value,
        "df": "{:.1f}".format,
        "rhat": "{:.3f}".format,
        "ess_bulk": "{:.0f}".format,
    }
    shown = table.dropna(axis="columns", how="all")
    styles |= {name: "{:.4f}".format for name in shown.columns.map(str) if name.startswith("prob_")}
    figures = shown.select_dtypes("number").columns
    formatters = {name: styles.get(name, "{:.5g}".format) for name in figures}
    text = shown.to_string(formatters=formatters, sparsify=False)
    width = max(map(len, text.split("\n")))
    columns = min(-(-len(shown) // LONG), (WIDTH + GAP) // (width + GAP))
    if columns < 2:
        return text
    height = -(-len(shown) // columns)
    parts = [shown.iloc[i : i + height] for i in range(0, len(shown), height)]
    return _side_by_side([part.to_string(formatters=formatters, sparsify=False) for part in parts])


def _side_by_side(texts: Sequence[str]) -> str:
    """Blocks of lines beside each other; the last may be shorter."""
    blocks = [text.split("\n") for text in texts]
    widths = [max(map(len, block)) for block in blocks]
    rows = zip_longest(*blocks, fillvalue="")
    gap = " " * GAP
    return "\n".join(
        gap.join(line.ljust(width) for line, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _wrapped(text: str) -> list[str]:
    lines = []
    for line in text.split("\n"):
        while len(line) > WIDTH:
            cut = line.rfind(" ", 1, WIDTH)
            cut = cut if cut > 0 else WIDTH
            lines.append(line[:cut])
            line = "    " + line[cut:].strip()
        lines.append(line)
    return lines


def _p_value(value: float) -> str:
    return "<0.0001" if value < 1e-4 else f"{value:.4f}"
