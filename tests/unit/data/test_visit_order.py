"""The order of the visits: five sources in turn, and never the alphabet."""

import numpy as np
import pandas as pd
import pytest

from msclong.data.visit_order import ordered_visits
from msclong.errors import DataError

LABELS = ["Week 2", "Baseline", "Week 10"]


def visits(labels=LABELS, **settings) -> pd.Series:
    return pd.Series(pd.Categorical(list(labels) * 2, **settings), name="AVISIT")


def time(*values) -> pd.Series:
    return pd.Series(values * 2, name="ADY", dtype=float)


def test_the_users_word_goes_first():
    ordered = visits(categories=LABELS, ordered=True)
    stated = ["Baseline", "Week 2", "Week 10"]
    assert ordered_visits(ordered, None, stated) == (stated, "visit_order")


@pytest.mark.parametrize(
    ("stated", "text"),
    [
        (["Baseline", "Week 2"], "leaves out 'Week 10'"),
        (["Baseline", "Week 2", "Week 10", "Week 20"], "names 'Week 20', of which there are no rows"),
        (["Baseline", "Week 2", "Week 10", "Week 2"], "names a visit twice"),
    ],
)
def test_a_stated_order_must_fit(stated, text):
    with pytest.raises(DataError, match=text):
        ordered_visits(visits(), None, stated)


def test_ordered_categories():
    order = ["Baseline", "Week 2", "Week 10"]
    assert ordered_visits(visits(categories=order, ordered=True), None, None)[0] == order


def test_numbers_and_labels_that_are_numbers():
    numbers = pd.Series([10, 2, 0, 10, 2, 0])
    assert ordered_visits(numbers, None, None)[0] == [0, 2, 10]
    assert ordered_visits(numbers.astype(str).astype("category"), None, None)[0] == ["0", "2", "10"]


def test_the_median_time():
    levels, source = ordered_visits(visits(), time(14, 1, 70), None)
    assert levels == ["Baseline", "Week 2", "Week 10"]
    assert source == "the median of 'ADY'"


def test_equal_or_missing_times_order_nothing():
    for useless in (time(14, 14, 70), time(14, np.nan, 70)):
        with pytest.raises(DataError, match="Nothing says"):
            ordered_visits(visits(), useless, None)


def test_categories_put_in_another_order_than_the_alphabets():
    order = ["Screening", "Baseline", "End"]
    assert ordered_visits(visits(order, categories=order), None, None)[0] == order


def test_the_alphabet_is_never_used():
    with pytest.raises(DataError) as error:
        ordered_visits(visits(), None, None)
    assert "Week 2, Baseline, Week 10" in str(error.value)
    assert "visit_order=[...]" in str(error.value)


def test_an_order_that_contradicts_the_time():
    order = visits(categories=LABELS, ordered=True)
    with pytest.raises(
        DataError, match=r"'Week 2' before 'Baseline', but the median of 'ADY' is 14 .* and 1 "
    ):
        ordered_visits(order, time(14, 1, 70), None)
