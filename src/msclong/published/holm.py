"""Holm's adjustment of printed p-values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from msclong.contrasts.stepwise import holm as adjusted
from msclong.errors import DataError
from msclong.published.printed import p_value


def holm(printed: Iterable[str]) -> pd.DataFrame:
    """Family-wise p-values of a family that a paper printed without adjustment.

    printed : two-sided p-values as printed, one for each hypothesis of the family ('0.008', '<0.05'), in
        a list, an array or a Series, whose index the table then has.

    Returns a DataFrame, a row for each: printed; p_value (for '<' and '>' the bound itself); p_adjusted, and from
    p_low to p_high what it may be over the rounding of all of them. Holm's method rises with every p, so those are
    exact.

    Source: Holm (1979), Scandinavian Journal of Statistics 6:65. Raises DataError for anything that is no p-value.

    Examples
    --------
    >>> from msclong import published
    >>> published.holm(["0.008", "0.043", "0.016"])
      printed  p_value  p_adjusted   p_low  p_high
    0   0.008    0.008       0.024  0.0225  0.0255
    1   0.043    0.043       0.043  0.0425  0.0435
    2   0.016    0.016       0.032  0.0310  0.0330
    """
    listed = not isinstance(printed, (str, Mapping, pd.DataFrame)) and isinstance(printed, Iterable)
    texts = list(printed) if listed else []
    if not texts:
        raise DataError(f"Holm's method takes a list of printed p-values; got {printed!r}.")
    read = [p_value(p, f"p-value {i}") for i, p in enumerate(texts, start=1)]
    figures = {
        "p_value": np.array([p.value for p in read]),
        "p_low": np.array([p.low for p in read]),
        "p_high": np.array([p.high for p in read]),
    }
    return pd.DataFrame(
        {
            "printed": [p.text for p in read],
            "p_value": figures["p_value"],
            "p_adjusted": adjusted(figures["p_value"]),
            "p_low": adjusted(figures["p_low"]),
            "p_high": adjusted(figures["p_high"]),
        },
        index=printed.index if isinstance(printed, pd.Series) else None,
    )
