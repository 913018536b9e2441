"""A table as a piece of HTML for a notebook: its look inline, its colours the notebook's own."""

from __future__ import annotations

from html import escape

from msclong.printing.narrow_table import LONG, narrowed
from msclong.printing.table import Column, Table
from msclong.printing.table_layout import heading_spans, pads, row_groups

RULE = "1px solid currentColor"
HAIRLINE = "1px solid color-mix(in srgb, currentColor 25%, transparent)"
CELL = "padding:.2em .7em;border:0;vertical-align:top;background:none;white-space:"

ALIGN = {"text": "left", "prose": "left", "number": "right", "interval": "center", "mark": "center"}


def html_table(table: Table) -> str:
    """Caption, headings, rows under their groups' headings, notes.

    Wider than the page it scrolls by itself, by the keyboard too: a named group, as a landmark (role region) for every
    table would bury a notebook's own.
    """
    table = narrowed(table)
    heads = ", ".join(column.label for column in table.columns if column.label)
    name = escape(f"Table: {table.caption or heads}", quote=True)
    stamp = f"<b>{escape(table.stamp)}</b> " if table.stamp else ""
    caption = (
        f'<caption style="caption-side:top;text-align:left;padding:.2em 0;color:inherit">{stamp}'
        f"{escape(table.caption)}</caption>"
        if stamp or table.caption
        else ""
    )
    notes = " ".join(map(escape, table.notes))
    below = f'<p style="margin:.3em 0 0;max-width:50em;font-size:85%;opacity:.8">{notes}</p>' if notes else ""
    return (
        f'<div class="msclong" role="group" aria-label="{name}" tabindex="0" '
        'style="overflow-x:auto;max-width:100%;margin:.5em 0">'
        '<table style="border-collapse:collapse;width:auto;margin:0;border:0;font-variant-numeric:tabular-nums;'
        f'border-top:{RULE};border-bottom:{RULE}">{caption}{_head(table)}{_body(table)}</table>{below}</div>'
    )


def _head(table: Table) -> str:
    rows = ""
    if any(column.span for column in table.columns):
        spans = "".join(
            f'<th colspan="{wide}" scope="colgroup" style="{CELL}nowrap;text-align:center">{escape(text)}</th>'
            for text, wide in heading_spans(table)
        )
        rows = f"<tr>{spans}</tr>"
    cells = "".join(
        f'<th scope="col" style="{_style(column, i)};border-bottom:{RULE}">{escape(column.label)}</th>'
        for i, column in enumerate(table.columns)
    )
    return f"<thead>{rows}<tr>{cells}</tr></thead>"


def _body(table: Table) -> str:
    padding = iter(pads(table))
    parts = []
    for group, rows in row_groups(table):
        lines = []
        if group:
            lines.append(
                f'<tr><th colspan="{len(table.columns)}" scope="rowgroup" style="{CELL}normal;text-align:left;'
                f'border-top:{HAIRLINE}">{escape(group)}</th></tr>'
            )
        for row in rows:
            cells = [
                _cell(column, i, cell.text, pad, bool(group))
                for i, (column, cell, pad) in enumerate(
                    zip(table.columns, row.cells, next(padding), strict=True)
                )
            ]
            lines.append(f"<tr>{''.join(cells)}</tr>")
        parts.append(f"<tbody>{''.join(lines)}</tbody>")
    return "".join(parts)


def _cell(column: Column, place: int, text: str, pad: str, indented: bool) -> str:
    style = _style(column, place) + (";padding-left:1.7em" if indented and place == 0 else "")
    if len(text) > LONG and column.kind == "prose":
        style += ";min-width:16em"
    if place == 0:
        return f'<th scope="row" style="{style};font-weight:normal">{escape(text)}</th>'
    hidden = f'<span aria-hidden="true" style="visibility:hidden">{pad}</span>' if pad else ""
    return f'<td style="{style}">{escape(text)}{hidden}</td>'


def _style(column: Column, place: int) -> str:
    if place == 0 or column.kind == "prose":
        return f"{CELL}normal;text-align:left"
    return f"{CELL}nowrap;text-align:{ALIGN[column.kind]}"
