from __future__ import annotations

from collections import defaultdict
from itertools import combinations_with_replacement
from statistics import stdev

import numpy as np
import pytest

from effort import lines_run
from msclong.errors import DataError, SpecError
from msclong.published import grim, grimmer
from msclong.published.integer_samples import example

FEW = 10_000
"""Lines; a search runs tens of millions, these are counted before one is begun."""

HALF = 0.005 + 1e-12
"""Half a unit of two digits after the point: closed, as msclong's intervals are, up to binary rounding."""


def every_sample(n, low, high):
    """(sum, sum of squares) of every multiset of n integers from low to high."""
    found = defaultdict(list)
    for values in combinations_with_replacement(range(low, high + 1), n):
        found[sum(values), sum(x * x for x in values)].append(values)
    return found


@pytest.mark.parametrize(("n", "low", "high"), [(2, 0, 6), (3, -2, 4), (4, 1, 7), (5, 0, 5), (7, 1, 4)])
def test_a_sample_is_found_exactly_where_one_exists(n, low, high):
    attained = every_sample(n, low, high)
    most = max(q for _, q in attained) + 4
    for total in range(n * low - 1, n * high + 2):
        for squares in range(most):
            found = example(n, total, squares, (low, high))
            assert (found is not None) == ((total, squares) in attained)
            if found is not None:
                assert tuple(sorted(found)) in attained[total, squares]


@pytest.mark.parametrize("n", [2, 3, 4])
def test_without_bounds_the_search_sees_every_integer(n):
    attained = every_sample(n, -8, 8)
    for total in range(-4, 5):
        for squares in range(40):
            assert (example(n, total, squares, None) is not None) == ((total, squares) in attained)


@pytest.mark.parametrize(("n", "low", "high"), [(3, 0, 5), (5, 1, 5), (8, 0, 3)])
def test_grimmer_lists_what_enumeration_lists(n, low, high):
    attained = every_sample(n, low, high)
    for mean in ("2.20", "2.25", "2.33", "2.38", "2.00"):
        for sd in ("0.00", "0.71", "0.84", "1.16", "1.30", "1.53", "1.99"):
            expected = {
                sums
                for sums, samples in attained.items()
                if abs(sums[0] / n - float(mean)) <= HALF and abs(stdev(samples[0]) - float(sd)) <= HALF
            }
            assert set(grimmer(mean, sd, n, bounds=(low, high)).pairs) == expected


def test_items_are_shares_of_a_value():
    """Means of 2 items from 1 to 3: halves from 1 to 3; twice the values are integers from 2 to 6."""
    attained = every_sample(4, 2, 6)
    expected = {
        sums
        for sums, samples in attained.items()
        if abs(sums[0] / 8 - 2.13) <= HALF and abs(stdev(samples[0]) / 2 - 0.48) <= HALF
    }
    assert expected
    assert set(grimmer("2.13", "0.48", 4, items=2, bounds=(1, 3)).pairs) == expected


def test_a_classic_impossible_mean():
    """Brown and Heathers (2017): 28 whole numbers cannot have the mean 5.19; with 2 items each they can have 5.20."""
    assert not grim("5.19", 28).consistent
    assert "cannot have the mean 5.19" in str(grim("5.19", 28))
    assert grim("5.18", 28).sums == (145,)
    assert grim("5.20", 28, items=2).sums == (291,)


def test_halves_may_be_rounded_either_way():
    assert grim("0.13", 8).sums == grim("0.12", 8).sums == (1,)


def test_an_impossible_sd_says_why():
    parity = grimmer("3.44", "2.47", 18)
    assert not parity.consistent
    assert "GRIMMER" in parity.reason
    assert "GRIM" in grimmer("5.19", "1.00", 28).reason
    beyond = grimmer("3.00", "2.83", 4, bounds=(1, 5))
    assert grimmer("3.00", "2.83", 4).consistent
    assert "within the bounds" in beyond.reason
    assert beyond.example(12, 60) is None


def test_too_many_patients_are_refused_before_a_search():
    assert len(grimmer("52.3", "18.7", 200, bounds=(0, 100)).sums) == 21
    for figures in (("52", "18", 5000), ("50.3", "28.9", 500)):

        def refused(figures=figures):
            with pytest.raises(DataError, match="tell nothing"):
                grimmer(*figures, bounds=(0, 100))

        assert lines_run(refused) < FEW


def test_figures_may_be_numpys_own():
    found = grimmer("5.63", "1.44", np.int64(24), np.int64(1), np.array([0, 21]))
    assert found == grimmer("5.63", "1.44", 24, bounds=(0, 21))
    assert grim("5.63", np.int32(24)) == grim("5.63", 24)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "said"),
    [
        ((5.63, 24), {}, DataError, "float"),
        (("5.63", 0), {}, DataError, "at least 1"),
        (("22.00", 24), {"bounds": (0, 21)}, DataError, "outside the scale"),
        (("5.63", 24), {"bounds": (21, 0)}, SpecError, "bounds"),
        (("5.63", 24), {"bounds": (0, 1.5)}, SpecError, "bounds"),
        (("5.63", 24), {"items": 0}, SpecError, "items"),
    ],
)
def test_bad_input(arguments, options, error, said):
    with pytest.raises(error, match=said):
        grim(*arguments, **options)


def test_a_negative_sd():
    with pytest.raises(DataError, match="not negative"):
        grimmer("5.63", "-1.44", 24)
    with pytest.raises(DataError, match="at least 2"):
        grimmer("5", "1", 1)
