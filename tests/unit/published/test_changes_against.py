from __future__ import annotations

import math

import numpy as np
import pytest

from msclong.published.changes_against import changes_against
from msclong.published.printed import deviation, number


def summary(values, digits):
    return number(f"{values.mean():.{digits}f}", "mean"), deviation(f"{values.std(ddof=1):.{digits}f}", "SD")


@pytest.mark.parametrize("digits", [0, 1, 3])
def test_no_sample_has_more_or_fewer(digits):
    rng = np.random.default_rng(digits)
    for _ in range(400):
        n = int(rng.integers(2, 12))
        x = rng.normal(0, rng.uniform(0.1, 3), n)
        y = x * rng.choice([-1, 0, 0.5, 1]) + rng.choice([0, 1, 5]) + rng.normal(0, rng.uniform(0, 1), n)
        d = np.round(y - x, 6)
        least, most = changes_against(n, summary(x, digits), summary(y, digits))
        if d.mean() != 0:
            assert least <= (np.sign(d) == -np.sign(d.mean())).sum()
            assert (np.sign(d) != np.sign(d.mean())).sum() <= most


@pytest.mark.parametrize(("n", "k"), [(5, 1), (8, 3), (11, 10)])
def test_the_most_is_attained(n, k):
    """k changes of zero, the others equal, and before and after apart by a perfect negative correlation."""
    d = np.array([0.0] * k + [6.0] * (n - k))
    centred = d - d.mean()
    x, y = -centred / 2, d + -centred / 2
    assert changes_against(n, summary(x, 9), summary(y, 9)) == (0, k)
    smaller = changes_against(n, summary(0.99 * x, 9), summary(d.mean() + 0.99 * (y - d.mean()), 9))
    assert smaller == (0, k - 1)


@pytest.mark.parametrize("n", [2, 5, 9])
def test_the_least_is_attained(n):
    """One change of all, before without spread: SD of the changes sqrt(n) times their mean."""
    d = np.array([0.0] * (n - 1) + [1.0])
    assert d.std(ddof=1) == pytest.approx(math.sqrt(n) * d.mean())
    for factor, least in ((0.999, 0), (1.001, 1)):
        after = number(f"{d.mean():.9f}", "mean"), number(f"{factor * d.std(ddof=1):.9f}", "SD")
        assert changes_against(n, summary(np.zeros(n), 9), after)[0] == least


def test_without_figures_there_is_no_limit():
    full = number("1.0", "mean"), number("0.5", "SD")
    assert changes_against(7, full, (full[0], None)) == (0, 7)
    assert changes_against(7, (None, None), full) == (0, 7)
    assert changes_against(7, full, full) == (0, 7)
