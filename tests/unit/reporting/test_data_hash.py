"""The fingerprint of the data: the same for the same values, however they are stored."""

from __future__ import annotations

import msclong as ml
from msclong.reporting.data_hash import analysed_columns, canonical_csv, data_hash

SPEC = "change ~ TRT * week + cs(week | PATIENT)"


def design(table):
    return ml.fit(SPEC, table).design


def test_row_order_column_order_types_and_other_columns_do_not_matter():
    table = ml.datasets.hamd17()
    expected = data_hash(design(table))
    shuffled = table.sample(frac=1, random_state=1)[list(reversed(table.columns))].reset_index(drop=True)
    assert data_hash(design(shuffled)) == expected
    retyped = table.assign(week=table["week"].astype(float), TRT=table["TRT"].astype(str))
    assert data_hash(design(retyped)) == expected
    assert data_hash(design(table.assign(shoe_size=42))) == expected


def test_one_changed_value_matters():
    table = ml.datasets.hamd17()
    expected = data_hash(design(table))
    table.loc[0, "change"] += 1e-9
    assert data_hash(design(table)) != expected


def test_what_is_covered():
    made = design(ml.datasets.hamd17())
    assert analysed_columns(made) == ["PATIENT", "TRT", "change", "week"]
    lines = canonical_csv(made).splitlines()
    assert lines[0] == "PATIENT,TRT,change,week"
    assert len(lines) == 832
    assert "1503,2,-11,1" in lines
