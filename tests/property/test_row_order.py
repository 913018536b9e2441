"""Nothing about a table of repeated measurements depends on the order of its rows."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from msclong.data import LongData, missing_patterns, visit_counts
from msclong.datasets import hamd17

TRIAL = hamd17()
ROLES = {"subject": "PATIENT", "outcome": "change", "visit": "week", "arm": "TRT"}


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_rows_does_not_matter(seed):
    sorted_data = LongData(TRIAL, **ROLES)
    shuffled = LongData(TRIAL.sample(frac=1, random_state=seed), **ROLES)
    assert shuffled.visits == sorted_data.visits
    assert shuffled.arms == sorted_data.arms
    pd.testing.assert_frame_equal(shuffled.frame.sort_index(), sorted_data.frame)
    pd.testing.assert_frame_equal(visit_counts(shuffled), visit_counts(sorted_data))
    pd.testing.assert_frame_equal(missing_patterns(shuffled), missing_patterns(sorted_data))
