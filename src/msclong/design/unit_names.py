"""What the independent units of a design are called."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.design.coordinates import keys
from msclong.design.design import Design
from msclong.linear_hypothesis import label


def unit_names(design: Design) -> pd.Index:
    """A name for each code of `design.unit`: the subject, or the larger group that random effects tie together.

    Numbers, where several groupings do so at once.
    """
    for grouping in design.spec.parsed.groupings:
        codes, levels = pd.factorize(pd.Series(keys(design.fixed.frame, grouping)))
        if np.array_equal(codes, design.unit):  # both number by first appearance
            return pd.Index(level_names(levels), name=":".join(grouping))
    return pd.RangeIndex(design.unit.max() + 1, name="unit")


def level_names(levels: pd.Index) -> list[object]:
    """Keys of one column as they are; of several, joined by colons."""
    return [key[0] if len(key) == 1 else ":".join(map(label, key)) for key in levels]
