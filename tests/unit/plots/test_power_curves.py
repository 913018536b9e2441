"""Lines, limits and names of a power curve."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.plots.power import _apart, power_curves


def test_each_contrast_has_its_line_its_limits_and_its_name():
    table = pd.DataFrame(
        {
            "contrast": ["a", "b"] * 2,
            "power": [0.5, 0.6, 0.8, 0.81],
            "lower": [0.4, 0.5, 0.7, 0.71],
            "upper": [0.6, 0.7, 0.9, 0.91],
        },
        index=pd.Index([10, 10, 20, 20], name="n"),
    )
    axes = power_curves(table, 0.8, 100).axes[0]
    assert [line.get_ydata().tolist() for line in axes.lines[:2]] == [[0.5, 0.8], [0.6, 0.81]]
    assert [text.get_text() for text in axes.texts] == ["a", "b"]
    assert len(axes.collections) == 2
    assert 0.8 in axes.get_yticks()
    assert len(power_curves(table, None, 100).axes[0].lines) == 2


def test_names_do_not_meet_and_keep_their_order():
    heights = np.full(5, 0.05)
    wanted = np.array([0.99, 1.0, 0.5, 0.98, 0.0])
    found = _apart(wanted, heights)
    assert (np.argsort(found) == np.argsort(wanted)).all()
    assert np.diff(np.sort(found)).min() > 0.05 - 1e-12
    assert found.max() <= 1.02 - 0.025 + 1e-12
    assert found.min() >= 0.025 - 1e-12
