"""A table in a notebook."""

from __future__ import annotations

from msclong.printing.html_table import html_table
from msclong.printing.table import Cell, Column, Row, Table


def test_a_table_wider_than_the_page_is_reached_by_the_keyboard_under_its_name():
    columns = (Column(""), Column('p "adj."', kind="number"), Column("df", kind="number"))
    table = Table("", "", columns, (Row((Cell("1 - 0"), Cell("0.5"), Cell("3"))),))
    assert html_table(table).startswith(
        '<div class="msclong" role="group" aria-label="Table: p &quot;adj.&quot;, df" tabindex="0" style="'
    )
