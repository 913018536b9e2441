"""When the visits took place, as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from msclong.design.design import Design


def visit_times(design: Design, factor: str, levels: Sequence[object]) -> np.ndarray | None:
    """Times of the levels of `factor`, in the unit of the data; None where nothing tells them.

    For the visit, the median of the time column where the spec or the data name one (medians: actual times scatter
    around the plan). Else the levels themselves, where all of them are numbers.
    """
    time = design.data.time
    if factor == design.visit and time is not None and time != factor:
        return design.median_times(factor, levels)
    numbers = pd.to_numeric(pd.Series(list(levels), dtype=object), errors="coerce")
    return None if numbers.isna().any() else numbers.to_numpy(dtype=float)
