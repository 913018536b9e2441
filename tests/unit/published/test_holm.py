from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from msclong.errors import DataError
from msclong.published import holm


def test_bounds_and_rounded_values():
    table = holm(["<0.05", "0.010", ">0.2"])
    assert list(table["p_adjusted"]) == pytest.approx([0.1, 0.03, 0.2])
    assert list(table["p_low"]) == pytest.approx([0.0, 0.019, 0.2])
    assert list(table["p_high"]) == pytest.approx([0.1, 0.0315, 1.0])


def test_arrays_and_series():
    texts = ["<0.05", "0.010", ">0.2"]
    table = holm(texts)
    pd.testing.assert_frame_equal(holm(np.array(texts)), table)
    pd.testing.assert_frame_equal(
        holm(pd.Series(texts, index=list("abc"))), table.set_axis(list("abc"), axis=0)
    )


@pytest.mark.parametrize("wrong", [[], "0.05", [0.05], None, ["0.05", "ns"]])
def test_bad_input(wrong):
    with pytest.raises(DataError):
        holm(wrong)
