"""What was asked: intervals are those that the report prints."""

from __future__ import annotations

import pytest

import msclong as ml
from msclong.reporting.analysis import analysis
from msclong.reporting.record import Definitions
from msclong.reporting.sections.question import question


@pytest.mark.parametrize("adjust", [None, "holm", "mvt-stepdown", "mvt", "bonferroni"])
def test_intervals_are_those_of_the_table_of_contrasts(hamd17, adjust):
    section = question(analysis(hamd17[0], adjust=adjust))
    [items] = [block.items for block in section.blocks if isinstance(block, Definitions)]
    told = dict(items)["Intervals"]
    assert told.startswith("95%, two-sided, one row at a time (no adjustment for multiplicity).")
    assert ("Adjusted p-values" in told) == (adjust is not None)
    tables = ml.report(hamd17[0], adjust=adjust).tables
    table = next(table for table in tables if table.key == "contrasts")
    simultaneous = any("Simultaneous" in column.label for column in table.columns)
    assert ("simultaneous intervals, which hold together with probability 95%," in told) == simultaneous
