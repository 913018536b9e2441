from __future__ import annotations

from math import comb

import pytest
from scipy import stats

from msclong.published.exact_tests import sign_tests, smallest_p

EXACT = 1e-12  # scipy's own incomplete beta function


def test_sign_tests_by_scipy():
    for m, found in enumerate(sign_tests(24), start=1):
        every = [stats.binomtest(k, m).pvalue for k in range(m // 2 + 1)]
        assert list(found) == pytest.approx(every, rel=EXACT)
        assert found[0] == smallest_p(m) == 2.0 ** (1 - m)


def test_binary_fractions_are_exact():
    *_, found = sign_tests(50)
    tail = 0
    for k, p in enumerate(found):
        tail += comb(50, k)
        assert p == min(1.0, 2 * tail / 2**50)
