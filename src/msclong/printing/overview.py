"""What results say of themselves when they are looked at: a title, facts, tables; as text and in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

from msclong.printing.html_table import html_table
from msclong.printing.table import Table
from msclong.printing.text_table import WIDTH, text_table
from msclong.printing.text_width import plain, width, wrapped


@dataclass(frozen=True)
class Overview:
    """title, stamp (that the data are synthetic, where they are), facts one a line, tables with captions.

    tables : in sight. more : folded away in a notebook. course : how it went, a line each, folded away too unless
    `warning` is set.
    """

    title: str
    facts: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    more: tuple[Table, ...] = ()
    course: tuple[str, ...] = ()
    warning: bool = False
    stamp: str = ""

    def text(self) -> str:
        """No line wider than the WIDTH columns of a listing."""
        title = wrapped(plain(self.title), WIDTH)
        lines = [*title, "=" * max(map(width, title))]
        for fact in filter(None, (self.stamp, *self.facts, *self.course)):
            lines += wrapped(plain(fact), WIDTH, "    ")
        for table in (*self.tables, *self.more):
            lines += ["", *wrapped(plain(table.caption), WIDTH, "    "), text_table(table)]
        return "\n".join(lines)

    def html(self) -> str:
        """For a notebook: no script, and no colours but its own."""
        course = _lines(self.course)
        if course and self.warning:
            course = f'<div role="note" style="border-left:3px solid;padding-left:.7em;margin:.5em 0">{course}</div>'
        elif course:
            course = _folded("How it went", course)
        parts = [
            f'<div style="font-size:115%;font-weight:bold;margin:.3em 0">{escape(self.title)}</div>',
            f"<b>{_lines([self.stamp])}</b>" if self.stamp else "",
            _lines(self.facts),
            course if self.warning else "",
            *map(html_table, self.tables),
            *(_folded(table.caption, html_table(replace(table, caption=""))) for table in self.more),
            "" if self.warning else course,
        ]
        return f'<div class="msclong">{"".join(parts)}</div>'


class Shown:
    """Results that show their overview: as text where they are printed, as HTML in a notebook."""

    def _overview(self) -> Overview:
        raise NotImplementedError(type(self).__name__)

    def __repr__(self) -> str:
        return self._overview().text()

    def _repr_html_(self) -> str:
        return self._overview().html()


def _lines(texts: Sequence[str]) -> str:
    return "".join(f'<div style="margin:.15em 0">{escape(text)}</div>' for text in texts)


def _folded(caption: str, inside: str) -> str:
    summary = f'<summary style="cursor:pointer">{escape(caption)}</summary>'
    return f'<details style="margin:.4em 0">{summary}{inside}</details>'
