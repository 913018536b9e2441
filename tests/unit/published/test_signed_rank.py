from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from msclong.published.printed import p_value
from msclong.published.signed_rank import smallest_normal_p, special_admits, tied, untied, untied_admits

EXACT = 1e-12  # sums of a few thousand binary fractions; normal tails

# R 4.2: wilcox.test(x, exact = FALSE, correct = FALSE)$p.value, and with the correction that is its default.
IN_R = {
    (1, 2, 3, 4, 5): (0.04311445, 0.05905823),
    (1, 1, 2, 2, 3): (0.04122683, 0.05675945),
    (1, 1, 1, 1, 1): (0.02534732, 0.03688843),
    (3, -1, -3, 4, 2, 2, -5, 8): (0.44008562, 0.48276498),
}
R_DIGITS = 1e-6  # of the figures above


def signed_ranks(sizes, zeros=0):
    """Of every choice of signs: the ranks, and W as fraction of patients' choices (2^m, m)."""
    ranks = zeros + stats.rankdata(sizes)
    return ranks, np.array(list(product((0, 1), repeat=len(ranks)))) @ ranks


def both_p(ranks, w):
    """Exact p by counting, and normal p without and with correction, of each w."""
    exact = np.array([min(1.0, 2 * min((w <= x).mean(), (w >= x).mean())) for x in w])
    m, (_, t) = len(ranks), np.unique(ranks, return_counts=True)
    zeros = round(ranks.sum() / m - (m + 1) / 2)
    n = m + zeros
    if zeros == 0:
        variance = m * (m + 1) * (2 * m + 1) / 24 - (t**3 - t).sum() / 48
    else:  # Pratt's, as scipy and Stata have it
        variance = (n * (n + 1) * (2 * n + 1) - zeros * (zeros + 1) * (2 * zeros + 1)) / 24 - (
            t**3 - t
        ).sum() / 48
    off = np.abs(w - ranks.sum() / 2)
    normal = [2 * stats.norm.sf(np.maximum(off - c, 0) / np.sqrt(variance)) for c in (0, 0.5)]
    return exact, np.array(normal)


@pytest.mark.parametrize("m", range(1, 9))
def test_untied_by_scipy_over_every_choice_of_signs(m):
    ranks = np.arange(1, m + 1.0)
    every = {stats.wilcoxon(ranks * signs, method="exact").pvalue for signs in product((-1, 1), repeat=m)}
    assert list(untied(m).exact) == pytest.approx(sorted(every), rel=EXACT)


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("zeros", [0, 2])
def test_ties_by_counting_signs(m, zeros):
    """Every pattern of ties: all samples of m sizes from 1 to m, every choice of signs."""
    exact, normal = set(), set()
    for sizes in product(range(m), repeat=m):
        of_counts, of_normal = both_p(*signed_ranks(sizes, zeros))
        exact |= set(of_counts)
        normal |= set(np.round(of_normal, 12).ravel())
    found = tied(m, zeros)
    assert np.unique(found.exact) == pytest.approx(sorted(exact), rel=EXACT)
    assert np.unique(np.round(found.normal, 12)) == pytest.approx(sorted(normal), rel=1e-9)


@pytest.mark.parametrize("m", [11, 12])
def test_ties_of_many_changes_give_every_multiple(m):
    assert len(np.unique(tied(m).exact)) == 2 ** (m - 1)


@pytest.mark.parametrize(("changes", "expected"), IN_R.items())
def test_normal_approximation_of_r(changes, expected):
    ranks = stats.rankdata(np.abs(changes))
    w = np.array([ranks[np.array(changes) > 0].sum()])
    assert both_p(ranks, w)[1][:, 0] == pytest.approx(expected, rel=R_DIGITS)
    for p in expected:
        printed = p_value(f"{p:.4f}")
        found = tied(len(changes)).admitted(printed, "normal", 0, len(changes))
        assert found
        assert special_admits(printed, "normal", len(changes), (0, len(changes)))


def test_changes_against_are_the_fewest_that_reach_the_sum():
    for m in (3, 6, 9):
        ranks, found = np.arange(1, m + 1), untied(m)
        signs = np.array(list(product((0, 1), repeat=m)))
        w, k = signs @ ranks, signs.sum(axis=1)
        assert list(found.against) == [k[w == x].min() for x in range(len(found.against))]


@pytest.mark.parametrize("m", [13, 16, 30])
@pytest.mark.parametrize("zeros", [0, 1, 4])
def test_no_honest_p_of_many_changes_is_ruled_out(m, zeros):
    """Random ties, zeros before or after ranking, and the number of changes against that the sample has."""
    rng, n = np.random.default_rng(m + zeros), m + zeros
    for _ in range(40):
        sizes = rng.integers(1, rng.integers(2, 2 * m), m)
        against = int(rng.integers(0, m // 2))
        for before in {0, zeros}:
            ranks = before + stats.rankdata(sizes)
            w = ranks[rng.choice(m, against, replace=False)].sum()
            doubled = np.round(2 * ranks).astype(int)
            ways = np.zeros(doubled.sum() + 1)
            ways[0] = 1
            for rank in doubled:
                ways[rank:] = ways[rank:] + ways[: ways.size - rank]
            tail = min(ways[: round(2 * w) + 1].sum(), ways[round(2 * w) :].sum())
            exact = min(1.0, 2 * tail / 2.0**m)
            off, root = abs(ranks.sum() / 2 - w), np.sqrt((ranks**2).sum()) / 2
            allowed = (min(1, against), against + zeros)
            for p, method in [(exact, "exact")] + [
                (2 * stats.norm.sf(max(off - c, 0) / root), "normal") for c in (0, 0.5)
            ]:
                for digits in (2, 4, 7):
                    assert special_admits(p_value(f"{p:.{digits}f}"), method, n, allowed)


def test_the_smallest_by_approximation():
    assert smallest_normal_p(5) == pytest.approx((0.02534732, 0.04311445), rel=R_DIGITS)
    for m in (2, 5, 9):
        found = smallest_normal_p(m)
        assert tied(m).normal.min() == pytest.approx(found[0], rel=EXACT)
        assert untied(m).normal.min() == pytest.approx(found[1], rel=EXACT)


def test_more_changes_than_are_listed():
    assert untied_admits(p_value("0.0412"), "exact", 5000, (0, 5000))
    assert not untied_admits(p_value("0.0412"), "exact", 5000, (0, 1))
    assert not untied_admits(p_value("0.0412"), "normal", 5000, (0, 1))


def test_zeros_dropped_after_ranking():
    """Five changes, some tied, and a zero: Pratt's test has p-values that none has whose zeros are dropped before."""
    others = 0
    for sizes, signs in product(
        [(1, 1, 2, 2, 3), (1, 2, 2, 2, 3), (1, 1, 1, 2, 2)], product((-1, 1), repeat=5)
    ):
        d = np.array([0, *np.multiply(sizes, signs)])
        p = stats.wilcoxon(d, zero_method="pratt", correction=False, method="asymptotic").pvalue
        printed = p_value(f"{p:.6f}")
        assert special_admits(printed, "normal", 6, (0, 6))
        others += not any(tied(m).admitted(printed, "normal", 0, m) for m in range(1, 7))
    assert others > 0
