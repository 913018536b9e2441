"""Blocks that become part of another report: their keys change, and whatever refers to them follows."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from matplotlib.figure import Figure as Drawing

from msclong.reporting.inline import said
from msclong.reporting.plate import plate
from msclong.reporting.record import (
    Bullets,
    Cell,
    Column,
    Definitions,
    Equation,
    FoldOut,
    Paragraph,
    Row,
    Subheading,
    Table,
)
from msclong.reporting.rekeyed import rekeyed

TO = "[[table:t]], [[figure:f]], [[section:own]] and [[table:elsewhere]]"
FOLLOWED = "[[table:t-x]], [[figure:f-x]], [[section:new]] and [[table:elsewhere]]"


def figure(key="f"):
    drawing = Drawing(figsize=(4, 2))
    drawing.subplots().plot([0, 1], [1, 0], "o-", clip_on=True)
    return plate(key, TO, "Words.", drawing, pd.DataFrame({"x": [0]}))


def table(**more):
    columns = (Column(TO, TO), Column("n", kind="number"))
    return Table("t", TO, columns, (Row((Cell(TO), Cell("2", 2)), TO),), (TO,), **more)


@pytest.fixture(scope="module")
def made():
    blocks = (
        Paragraph(TO, "note"), Subheading(TO), Bullets((TO,)), Definitions(((TO, TO),)), Equation("[i,t] = 1"),
        FoldOut(TO, (table(), figure())),
    )  # fmt: skip
    return rekeyed(blocks, "x", {"own": "new"})


def test_references_follow_wherever_they_stand(made):
    paragraph, heading, bullets, terms, equation, fold = made
    inner, drawn = fold.blocks
    texts = [paragraph.text, heading.text, *bullets.items, *terms.items[0], fold.summary, drawn.caption]
    texts += [inner.caption, inner.columns[0].label, inner.columns[0].span, inner.notes[0]]
    texts += [inner.rows[0].cells[0].text, inner.rows[0].group]
    assert set(texts) == {FOLLOWED}
    assert (paragraph.role, equation.text) == ("note", "[i,t] = 1")


def test_keys_have_the_suffix_and_the_ards_context_stays(made):
    inner, drawn = made[-1].blocks
    assert (inner.key, inner.context, drawn.key) == ("t-x", "t", "f-x")
    assert rekeyed([table(context="means")], "x", {})[0].context == "means"


def test_ids_in_a_drawing_have_it_too_and_point_nowhere_else(made):
    before, after = figure().svg, made[-1].blocks[1].svg
    own, others = (re.findall(r'\bid="([^"]+)"', svg) for svg in (after, before))
    assert others
    assert own == [text.replace("f-", "f-x-", 1) for text in others]
    used = re.findall(r'(?:href="|url\()#([^")]+)', after)
    assert used
    assert set(used) <= set(own)


def test_figures_in_texts_keep_their_values():
    text = f"It is {said('2.0', 2.04, 'estimate')} ([[table:t]])."
    (paragraph, _) = rekeyed([Paragraph(text), table()], "x", {})
    assert paragraph.text == text.replace("table:t", "table:t-x")


def test_the_given_blocks_are_not_changed():
    blocks = (table(), figure())
    rekeyed(blocks, "x", {})
    assert [block.key for block in blocks] == ["t", "f"]
