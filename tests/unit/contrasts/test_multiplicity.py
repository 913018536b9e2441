"""Adjusted p-values: published examples, exact distributions, brute force, and what must hold of any family."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_t, studentized_range

import msclong as ml
from msclong.contrasts import multivariate_t as joint
from msclong.contrasts import one_factor, stepwise
from msclong.contrasts.graphical import GraphicalProcedure
from msclong.contrasts.margins import alternative
from msclong.contrasts.max_t import critical_values, single_step, step_down
from msclong.contrasts.multivariate_t import MaxT
from msclong.contrasts.row_tests import RowTests
from msclong.errors import HypothesisError
from parity import reference

EXACT = 1e-9
"""Quadrature against quadrature (the reference's own error is about 1e-10)."""

SIMULATED = 1e-4
"""Quasi-Monte Carlo: five standard errors near a probability of 0.05, two at the worst."""


def family_of(t, df, R, test: str | None = None) -> RowTests:
    against = alternative(test)
    t, R = np.asarray(t, dtype=float), np.asarray(R, dtype=float)
    evidence = np.abs(t) if against.direction == 0 else against.direction * t
    df = np.broadcast_to(np.asarray(df, dtype=float), t.shape)
    p = joint.t_tail(df, evidence) * (2 if against.direction == 0 else 1)
    return RowTests(pd.RangeIndex(len(t)), p, evidence, df, R, against)


def equicorrelated(m: int, rho: float) -> np.ndarray:
    return np.full((m, m), rho) + (1 - rho) * np.eye(m)


def pairs(k: int) -> np.ndarray:
    C = np.array([np.eye(k)[i] - np.eye(k)[j] for i, j in combinations(range(k), 2)]) / np.sqrt(2)
    return C @ C.T


def test_procedures_of_p_values():
    # R: p.adjust(c(.01, .02, .03, .04, .5), method) for bonferroni, holm, hochberg, BH.
    p = np.array([0.03, 0.01, 0.5, 0.02, 0.04])
    for procedure, expected in (
        (stepwise.bonferroni, [0.15, 0.05, 1, 0.1, 0.2]),
        (stepwise.holm, [0.09, 0.05, 0.5, 0.08, 0.09]),
        (stepwise.hochberg, [0.08, 0.05, 0.5, 0.08, 0.08]),
        (stepwise.benjamini_hochberg, [0.05, 0.05, 0.5, 0.05, 0.05]),
        (stepwise.fixed_sequence, [0.03, 0.03, 0.5, 0.5, 0.5]),
    ):
        np.testing.assert_allclose(procedure(p), expected, rtol=1e-12)


def test_dunnett_exactly():
    """Nine days against day 0: the reference's quadrature, and its simultaneous intervals."""
    exact = reference.load("sleepstudy")["fits"]["factor_intercept_reml"]["emmeans"]["dunnett_exact"]
    tests = family_of(exact["t"], exact["df"], equicorrelated(9, 0.5))
    # The reference takes p from 1 - cdf, which leaves 1e-14 of noise: its last figure is 0, ours 8e-15.
    np.testing.assert_allclose(single_step(tests), exact["p_adj"], rtol=EXACT, atol=1e-13)
    np.testing.assert_allclose(critical_values(tests, 0.05), exact["crit95"], rtol=EXACT)


def test_dunnett_from_a_fit():
    exact = reference.load("sleepstudy")["fits"]["factor_intercept_reml"]["emmeans"]["dunnett_exact"]
    spec = ml.ModelSpec("Reaction ~ DaysF + (1 | Subject)", visit="DaysF")
    fit = ml.fit(spec, reference.frame("sleepstudy"), engine=ml.Frequentist(information="expected"))
    table = fit.contrasts(adjust="mvt")
    assert list(table.columns[-3:]) == ["p_adjusted", "lower_adjusted", "upper_adjusted"]
    np.testing.assert_allclose(table["p_adjusted"], exact["p_adj"], rtol=1e-5, atol=1e-13)
    np.testing.assert_allclose(table["lower_adjusted"], exact["lower"], rtol=1e-5)
    np.testing.assert_allclose(table["upper_adjusted"], exact["upper"], rtol=1e-5)


def test_dunnett_constants():
    # R mvtnorm 1.1-3, qmvt, whose root finder stops at about 1e-4.
    for m, df, two_sided, constant in (
        (2, 10, True, 2.568587),
        (5, 20, True, 2.7345849),
        (3, 12, False, 2.2874843),
    ):
        assert MaxT(equicorrelated(m, 0.5), two_sided).critical(0.05, df) == pytest.approx(constant, abs=4e-4)


@pytest.mark.parametrize("two_sided", [True, False])
@pytest.mark.parametrize("df", [3.0, 20.5, np.inf])
def test_one_factor_against_scipy(two_sided, df):
    loading = np.array([0.9, -0.4, 0.0, 0.6])
    R = np.outer(loading, loading)
    np.fill_diagonal(R, 1.0)
    np.testing.assert_allclose(one_factor.loadings(R) ** 2, loading**2, rtol=1e-9, atol=1e-15)
    law = multivariate_t(shape=R, df=df, seed=1)
    points = {} if np.isinf(df) else {"maxpts": 200_000}
    for bound in (0.3, 1.5, 2.5):
        low = np.full(4, -bound if two_sided else -np.inf)
        cdf = law.cdf(np.full(4, bound), lower_limit=low, **points)
        assert MaxT(R, two_sided).exceedance(bound, df) == pytest.approx(1 - cdf, abs=SIMULATED)


def test_tails_keep_their_digits():
    """Far out the largest exceeds when one does: Bonferroni, to relative accuracy."""
    R = equicorrelated(5, 0.3)
    for df, bound in ((4.0, 1e4), (30.0, 40.0), (np.inf, 20.0)):
        one = 2 * float(joint.t_tail(df, bound))
        assert 0 < one < 1e-14
        assert one < MaxT(R).exceedance(bound, df) <= 5 * one
    assert MaxT(R).exceedance(20.0, np.inf) == pytest.approx(10 * float(joint.t_tail(np.inf, 20.0)), rel=1e-6)


@pytest.fixture(scope="module")
def ten_means() -> MaxT:
    return MaxT(pairs(10))


def test_all_pairs_are_tukeys(ten_means):
    """45 comparisons of rank 9: a singular correlation without a common factor."""
    assert one_factor.loadings(ten_means.R) is None
    for bound in (2.0, 3.2, 3.6, 5.0):
        tukey = studentized_range.sf(bound * np.sqrt(2), 10, 20)
        assert ten_means.exceedance(bound, 20.0) == pytest.approx(tukey, rel=SIMULATED * 10, abs=SIMULATED)
    assert ten_means.critical(0.05, 20.0) == pytest.approx(
        studentized_range.isf(0.05, 10, 20) / np.sqrt(2), rel=SIMULATED * 2
    )


def test_general_integration_agrees_with_quadrature(monkeypatch):
    exact = MaxT(equicorrelated(6, 0.5), two_sided=False)
    p = [exact.exceedance(bound, 15.0) for bound in (-0.5, 1.0, 2.3, 3.0)]
    monkeypatch.setattr(one_factor, "loadings", lambda R: None)
    simulated = MaxT(equicorrelated(6, 0.5), two_sided=False)
    np.testing.assert_allclose(
        [simulated.exceedance(bound, 15.0) for bound in (-0.5, 1.0, 2.3, 3.0)], p, atol=SIMULATED
    )


def test_against_multcomp():
    """Months against month 2 in each arm, random intercept, z tests."""
    theirs = reference.load("contrasts")["btheb"]
    spec = ml.ModelSpec(
        "bdi ~ bdi_pre + drug + length + treatment * visit + (1 | subject)", visit="visit", arm="treatment"
    )
    fit = ml.fit(spec, reference.frame("btheb"), engine=ml.Frequentist(ddf="asymptotic"))
    for adjust, test, figures in (
        ("mvt", None, "single_step"),
        ("mvt-stepdown", None, "free"),
        ("mvt", "less", "single_step_less"),
    ):
        table = fit.contrasts(versus="2", adjust=adjust, test=test)
        np.testing.assert_allclose(table["p_adjusted"], theirs[figures], atol=SIMULATED)
        if adjust == "mvt":
            # Simultaneous limits exclude zero exactly where the adjusted p-value is below the error they leave.
            error = 0.05 if test is None else 0.025
            outside = (table["upper_adjusted"] < 0) | (table["lower_adjusted"] > 0)
            assert (outside == (table["p_adjusted"] < error)).all()
            assert (table["lower_adjusted"] == -np.inf).all() == (test == "less")


@settings(max_examples=40, deadline=None)
@given(
    t=st.lists(st.floats(-6, 6), min_size=2, max_size=6),
    rho=st.floats(0, 0.95),
    df=st.lists(st.floats(2, 200), min_size=6, max_size=6),
    test=st.sampled_from([None, "less", "greater"]),
)
def test_what_holds_of_every_family(t, rho, df, test):
    tests = family_of(t, df[: len(t)], equicorrelated(len(t), rho), test)
    single, down = single_step(tests), step_down(tests)
    slack = 1 + 1e-9
    assert (single >= tests.p_value / slack).all()
    assert (single <= np.minimum(1, len(t) * tests.p_value) * slack).all()
    assert (down <= single * slack).all() or len(set(df)) > 1
    order = np.argsort(tests.p_value)
    assert (np.diff(down[order]) >= 0).all()
    assert (down <= stepwise.holm(tests.p_value) * slack).all()
    alone = single_step(tests.subset(order[:1]))
    np.testing.assert_allclose(alone, tests.p_value[order[:1]], rtol=1e-12)


def test_step_down_is_closed_testing():
    """The shortcut against all 2^m - 1 intersections, each tested by its largest statistic."""
    t, R = np.array([2.1, -0.4, 2.9, 1.7]), equicorrelated(4, 0.4)
    tests = family_of(t, 25.0, R)
    closed = np.zeros(4)
    for size in range(1, 5):
        for members in combinations(range(4), size):
            subset = np.array(members)
            p = MaxT(R[np.ix_(subset, subset)]).exceedance(np.abs(t[subset]).max(), 25.0)
            closed[subset] = np.maximum(closed[subset], p)
    np.testing.assert_allclose(step_down(tests), closed, rtol=EXACT)


@pytest.mark.parametrize("test", [None, "less"])
def test_multiples_of_one_row_are_one_test(test):
    tests = family_of([2.2, 2.2, 2.2], 12.0, np.ones((3, 3)), test)
    np.testing.assert_allclose(single_step(tests), tests.p_value, rtol=EXACT)
    np.testing.assert_allclose(step_down(tests), tests.p_value, rtol=EXACT)
    level = 0.05 if test is None else 0.025
    np.testing.assert_allclose(critical_values(tests, level), joint.t_quantile(12.0, 0.975), rtol=EXACT)


def test_opposite_rows_one_sided_are_a_two_sided_test():
    signs = np.outer([1, -1, 1], [1, -1, 1])
    for bound in (2.2, 0.3, -0.3):
        expected = MaxT(np.ones((1, 1))).exceedance(bound, 12.0)
        assert MaxT(signs, two_sided=False).exceedance(bound, 12.0) == pytest.approx(expected, rel=EXACT)


def test_critical_values_interpolate_between_df():
    df = np.array([7.3, 8.1, 11.0, 16.2, 40.0, 250.0, np.inf])
    tests = family_of(np.ones(7), df, equicorrelated(7, 0.5))
    exact = [MaxT(equicorrelated(7, 0.5)).critical(0.05, each) for each in df]
    np.testing.assert_allclose(critical_values(tests, 0.05), exact, rtol=1e-5)


# Graphical procedures ------------------------------------------------------------------------------------------------


def graph(weights, transitions) -> GraphicalProcedure:
    labels = [f"H{i + 1}" for i in range(len(weights))]
    rows = [dict(zip(labels, row, strict=True)) for row in transitions]
    return GraphicalProcedure(dict(zip(labels, weights, strict=True)), dict(zip(labels, rows, strict=True)))


GATEKEEPER = graph([0.5, 0.5, 0, 0], [[0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0]])
"""Two doses by two endpoints, secondary after primary of the same dose: Bretz et al. (2009), successive procedure."""


def adjusted(procedure: GraphicalProcedure, p) -> np.ndarray:
    return procedure.adjusted(np.asarray(p, dtype=float), pd.Index(procedure.weights))


@pytest.mark.parametrize(
    ("p", "by_hand"),
    [
        # p-values of the documented examples of R lrstat (fadjpbon) and graphicalMCP for this graph.
        ([0.01, 0.005, 0.015, 0.022], [0.02, 0.01, 0.03, 0.03]),
        ([0.018, 0.01, 0.105, 0.006], [0.02, 0.02, 0.105, 0.02]),
    ],
)
def test_gatekeeping_by_hand(p, by_hand):
    np.testing.assert_allclose(adjusted(GATEKEEPER, p), by_hand, rtol=1e-12)


def closed_weighted_bonferroni(weights, transitions, p) -> np.ndarray:
    """Adjusted p-values from every intersection hypothesis; weights by removing the others one after another."""
    m = len(p)
    result = np.zeros(m)
    for size in range(1, m + 1):
        for members in combinations(range(m), size):
            w, G = np.array(weights, dtype=float), np.array(transitions, dtype=float)
            for j in reversed([i for i in range(m) if i not in members]):
                new_w, new_G = w + w[j] * G[j], np.zeros_like(G)
                for a in range(m):
                    for b in range(m):
                        if a != b and G[a, j] * G[j, a] < 1 and j not in (a, b):
                            new_G[a, b] = (G[a, b] + G[a, j] * G[j, b]) / (1 - G[a, j] * G[j, a])
                new_w[j] = 0
                w, G = new_w, new_G
            scaled = [p[i] / w[i] if w[i] > 0 else np.inf for i in members]
            result[list(members)] = np.maximum(result[list(members)], min(1.0, *scaled, 1.0))
    return result


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_graphs_are_closed_tests(seed):
    rng = np.random.default_rng(seed)
    m = int(rng.integers(2, 6))
    weights = rng.dirichlet(np.ones(m)) * rng.choice([0, 1], m, p=[0.2, 0.8])
    G = rng.random((m, m)) * rng.choice([0, 1], (m, m))
    np.fill_diagonal(G, 0)
    G = G / np.maximum(1, G.sum(axis=1, keepdims=True))
    p = rng.random(m) ** 2
    np.testing.assert_allclose(
        adjusted(graph(weights, G), p), closed_weighted_bonferroni(weights, G, p), rtol=1e-9
    )


def test_holm_and_sequences_are_graphs():
    p = np.array([0.03, 0.01, 0.5, 0.02, 0.04])
    holm = graph(np.full(5, 0.2), (1 - np.eye(5)) / 4)
    np.testing.assert_allclose(adjusted(holm, p), stepwise.holm(p), rtol=1e-12)
    sequence = GraphicalProcedure.fixed_sequence(["H1", "H2", "H3", "H4", "H5"])
    np.testing.assert_allclose(adjusted(sequence, p), stepwise.fixed_sequence(p), rtol=1e-12)


def test_graphs_that_are_none():
    with pytest.raises(HypothesisError, match="sum to at most 1"):
        graph([0.6, 0.6], [[0, 1], [1, 0]])
    with pytest.raises(HypothesisError, match="not lead back to itself"):
        graph([0.5, 0.5], [[0.5, 0.5], [1, 0]])
    with pytest.raises(HypothesisError, match="name 'H3', which have no weight"):
        GraphicalProcedure({"H1": 1.0}, {"H1": {"H3": 1.0}})
    for weights, transitions, message in (
        ([1], {}, r"weights of a graph are a mapping by label; got \[1\]"),
        ({"a": 1}, None, "transitions of a graph are a mapping"),
        ({"a": 1}, {"a": 3}, "got 3 for a label"),
        ({"a": "x"}, {}, "Weights and shares are numbers"),
        ({"a": 1}, {"a": {"a": "x"}}, "Weights and shares are numbers"),
    ):
        with pytest.raises(HypothesisError, match=message):
            GraphicalProcedure(weights, transitions)
    for labels, message in (
        (3, "list of labels"),
        ("abc", "list of labels"),
        (["a", "a"], "each label once"),
    ):
        with pytest.raises(HypothesisError, match=message):
            GraphicalProcedure.fixed_sequence(labels)
    with pytest.raises(
        HypothesisError, match=r"has no 'week 4' and names 'H2', 'H3', 'H4', which are no rows"
    ):
        GATEKEEPER.adjusted(np.array([0.1, 0.2]), pd.Index(["H1", "week 4"]))
