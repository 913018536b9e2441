"""Means over time: the caption says how visits are placed."""

from __future__ import annotations

import numpy as np
import pandas as pd

import msclong as ml
from msclong.reporting.analysis import analysis
from msclong.reporting.comparisons import contrasts
from msclong.reporting.inline import plain
from msclong.reporting.sections.effects import means_figure


def test_equal_spacing_is_told_for_the_model_not_for_the_data():
    rng = np.random.default_rng(5)
    table = pd.DataFrame({"id": np.repeat(range(12), 3), "week": np.tile([0, 2, 12], 12)})
    table["visit"] = pd.Categorical(table["week"].map("Week {}".format), [f"Week {w}" for w in (0, 2, 12)])
    table["y"] = rng.normal(size=12)[table["id"]] + rng.normal(size=36)

    def caption(**fields) -> str:
        given = analysis(ml.fit(ml.ModelSpec("y ~ visit + cs(visit | id)", **fields), table))
        return plain(means_figure(given, contrasts(given)).caption)

    assert caption().endswith("Visits are spaced equally, as their times are not in the model.")
    assert "equally" not in caption(time="week")
