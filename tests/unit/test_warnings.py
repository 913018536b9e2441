"""A warning points at the analyst's line, not into msclong."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

import msclong as ml


def test_the_line_that_is_blamed_is_the_callers():
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"id": np.repeat(np.arange(8), 3), "t": np.tile(np.arange(3.0), 8)})
    table["k"], table["y"] = np.arange(24), rng.normal(size=24)
    table["z"] = table["y"] - table.groupby("id")["y"].transform("mean")
    for formula in ("z ~ t + (1 | id)", "y ~ t + cs(k | id)"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            ml.fit(formula, table)
        assert [w.filename for w in caught] == [__file__] * len(caught)
        assert caught
