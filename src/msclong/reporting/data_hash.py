"""A fingerprint of the analysed data, which does not depend on the order of rows or on how the table was stored."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable
from typing import Any

import pandas as pd

from msclong.data.baseline import COLUMN as BASELINE
from msclong.design.design import Design
from msclong.linear_hypothesis import label


def analysed_columns(design: Design) -> list[str]:
    """Columns that have a role or that the formula names, sorted."""
    spec, frame = design.spec, design.data.frame
    roles = {spec.parsed.outcome, spec.visit_column, spec.time, spec.weights, design.arm}
    roles |= {column for grouping in spec.parsed.groupings for column in grouping}
    if spec.baseline_as in ("covariate", "change"):
        roles.add(BASELINE)  # all that is left of the rows of the baseline visit
    named = {
        name for name in frame.columns if re.search(rf"(?<!\w){re.escape(str(name))}(?!\w)", spec.formula)
    }
    return sorted(str(name) for name in named | (roles & set(frame.columns)))


def canonical_csv(design: Design) -> str:
    """The analysed columns of all rows with an observed outcome, as sorted CSV lines below a header.

    Numbers are written in the shortest form that reads back to the same double, whole ones without a point, so that
    8 and 8.0 are one value; fields are quoted where CSV needs it; lines end in a newline.
    """
    columns = analysed_columns(design)
    frame = design.fixed.frame[columns]
    texts = pd.DataFrame({name: frame[name].astype(object).map(_text) for name in columns})
    lines = sorted(_line(row) for row in texts.itertuples(index=False))
    return "".join([_line(columns), *lines])


def data_hash(design: Design) -> str:
    """SHA-256 of `canonical_csv` in UTF-8, as hexadecimal digits."""
    return hashlib.sha256(canonical_csv(design).encode()).hexdigest()


def _text(value: Any) -> str:
    return "" if pd.isna(value) else label(value)


def _line(values: Iterable[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(values)
    return buffer.getvalue()
