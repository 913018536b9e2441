"""Checks of outcomes that are proportions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.families.family import refuse_outcomes


def refuse_no_proportions(
    y: np.ndarray, outcome: str, rows: pd.Index, family: str, ends: bool = False
) -> None:
    """Raise DataError for values outside (0, 1); of [0, 1] where `ends` may occur."""
    wrong = (y < 0) | (y > 1) if ends else (y <= 0) | (y >= 1)
    needs = "proportions from 0 to 1" if ends else "proportions above 0 and below 1"
    if np.any(y > 1) and np.all((y >= 0) & (y <= 100)):
        needs += " (if these are percentages, or points from 0 to 100, divide the column by 100)"
    elif not ends and not np.any((y < 0) | (y > 1)):
        needs += " ('ordered_beta' takes 0 and 1 as well)"
    refuse_outcomes(wrong, outcome, rows, family, needs)
