"""Which numbers set a few patients of a group apart."""

from collections import Counter

import pytest

from msclong.design.streamed.small_groups import Members


@pytest.mark.parametrize(
    ("others", "telling"),
    [
        ([1, 1, 1, 1], True),  # a sum over these four
        ([1, 1, 1, 1, 1], False),  # five patients: as many as are asked for
        ([1, 6], True),  # of three values: one patient has one of them
    ],
)
def test_values_beside_that_of_most_patients(others: list[int], telling: bool) -> None:
    counts = Counter({0.0: 26} | {float(i + 1): n for i, n in enumerate(others)})
    members = Members(counts.total(), [None, counts])
    assert members.telling(minimum_count=5) == (1 if telling else None)


def test_a_value_of_less_than_half_a_group_sets_nobody_apart() -> None:
    counts = Counter({0.0: 3, 1.0: 2, 2.0: 2, 3.0: 2})
    assert Members(9, [counts]).telling(minimum_count=7) is None


def test_the_same_value_for_all_tells_nothing_of_one() -> None:
    assert Members(9, [Counter({0.0: 9})]).telling(minimum_count=5) is None
