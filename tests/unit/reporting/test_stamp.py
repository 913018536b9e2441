"""The stamp on made-up data: in the record, hence in what every writer shows."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pandas as pd
import pytest

import msclong as ml
from msclong.reporting import html
from msclong.reporting.record import Column, Figure, FoldOut, Section, Table
from msclong.reporting.stamp import drawn_into, stamped

SVG = '<svg viewBox="0 0 100.5 50"><g></g></svg>'


def test_the_word_stands_on_a_strip_of_its_own_above_the_figure():
    drawn = ET.fromstring(drawn_into(SVG, "Synthetic & more"))
    assert drawn.get("viewBox") == "0 -12 100.5 62"
    assert drawn[-1].text == "Synthetic & more"
    assert float(drawn[-1].get("y")) < 0


def test_every_table_and_figure_is_stamped_but_one_with_a_stamp_of_its_own():
    plain, own = (
        Table(key, "", (Column(""),), (), stamp=stamp) for key, stamp in (("a", ""), ("b", "As published"))
    )
    figure = Figure("c", "", "", SVG, pd.DataFrame())
    (section,) = stamped([Section("s", "S", (plain, FoldOut("more", (own, figure))))], "Synthetic")
    first, folded = section.blocks
    assert [first.stamp, *(block.stamp for block in folded.blocks)] == [
        "Synthetic",
        "As published",
        "Synthetic",
    ]
    assert stamped([Section("s", "S", (plain,))], "")[0].blocks[0].stamp == ""


def test_a_figure_without_a_view_is_refused():
    with pytest.raises(ValueError, match="no viewBox"):
        drawn_into("<svg></svg>", "Synthetic")


def test_one_outcome_of_synthetic_data_is_stamped_too():
    table = ml.datasets.sleepstudy()
    plain = ml.report(ml.fit("Reaction ~ Days + (1 | Subject)", table))
    assert plain.stamp == ""
    assert 'class="stamp"' not in html.render(plain)
    table.attrs["synthetic"] = "Synthetic: for a test."
    report = ml.report(ml.fit("Reaction ~ Days + (1 | Subject)", table))
    assert report.stamp == "Synthetic: for a test."
    assert {block.stamp for block in (*report.tables, *report.figures)} == {"Synthetic"}
    assert html.render(report).count('<span class="stamp">') == len(report.tables) + len(report.figures)
