"""Multiplicity across families: special cases, the test itself at every level, and the errors that it makes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msclong.contrasts import stepwise
from msclong.contrasts.gatekeeping import graph_over_families, serial_gatekeeping
from msclong.contrasts.graphical import GraphicalProcedure
from msclong.errors import HypothesisError

ROUNDING = 1e-12
"""p / w and m p differ by it."""

GRID = np.linspace(0, 1, 2001)[1:-1]
"""Levels at which the test is carried out literally: inside (0, 1), for an adjusted p-value of 1 is one of never."""

LABELS = ("ssdai", "saliva", "igg", "pain")


def test_by_level(p, procedure, alpha):
    """Which rows are rejected at `alpha`: reject rows, pass weights on, until nothing changes. Literally."""
    labels = list(p)
    w = dict(procedure.weights)
    g = {i: {j: procedure.transitions.get(i, {}).get(j, 0.0) for j in labels} for i in labels}
    active, rejected = set(labels), {i: np.zeros(len(p[i]), dtype=bool) for i in labels}
    while True:
        for i in active:
            rejected[i] |= (p[i] <= w[i] * alpha) & (w[i] > 0)
        done = next((i for i in labels if i in active and rejected[i].all()), None)
        if done is None:
            return rejected
        active.discard(done)
        for j in active:
            w[j] += w[done] * g[done][j]
        old = {i: dict(g[i]) for i in labels}
        for i in active:
            for j in active - {i}:
                back = 1 - old[i][done] * old[done][i]
                g[i][j] = (old[i][j] + old[i][done] * old[done][j]) / back if back > 1e-9 else 0.0


test_by_level.__test__ = False


def graphs(labels):
    rng = np.random.default_rng(4)
    free = {
        i: dict(zip([j for j in labels if j != i], rng.dirichlet(np.ones(len(labels) - 1)), strict=True))
        for i in labels
    }
    leaky = {i: {j: 0.7 * share for j, share in row.items()} for i, row in free.items()}
    start = dict(zip(labels, rng.dirichlet(np.ones(len(labels))), strict=True))
    return {
        "holm": GraphicalProcedure.holm(labels),
        "bonferroni": GraphicalProcedure.bonferroni(labels),
        "fixed-sequence": GraphicalProcedure.fixed_sequence(labels),
        "any": GraphicalProcedure(start, free),
        "leaky": GraphicalProcedure(start, leaky),
    }


@pytest.mark.parametrize("name", graphs(LABELS))
def test_one_row_each_is_the_graphical_procedure(name):
    graph, rng = graphs(LABELS)[name], np.random.default_rng(1)
    for _ in range(50):
        p = rng.random(4) ** rng.integers(1, 6)
        found = graph_over_families({i: np.array([x]) for i, x in zip(LABELS, p, strict=True)}, graph)
        np.testing.assert_array_equal(
            np.concatenate(list(found.values())), graph.adjusted(p, pd.Index(LABELS))
        )


def test_the_named_graphs_are_the_procedures_of_p_values():
    rng = np.random.default_rng(2)
    rows = pd.Index(LABELS)
    for _ in range(100):
        p = rng.random(4) ** rng.integers(1, 6)
        for name, known in (
            ("holm", stepwise.holm),
            ("bonferroni", stepwise.bonferroni),
            ("fixed_sequence", stepwise.fixed_sequence),
        ):
            graph = getattr(GraphicalProcedure, name)(LABELS)
            np.testing.assert_allclose(graph.adjusted(p, rows), known(p), rtol=ROUNDING)


def test_one_label_alone_has_all_of_alpha():
    for name in ("holm", "bonferroni", "fixed_sequence"):
        graph = getattr(GraphicalProcedure, name)(["only"])
        np.testing.assert_array_equal(graph.adjusted(np.array([0.3]), pd.Index(["only"])), [0.3])


@pytest.mark.parametrize("name", graphs(LABELS))
def test_against_the_test_itself_at_every_level(name):
    """A row is rejected at exactly those levels that its adjusted p-value does not exceed."""
    graph, rng = graphs(LABELS)[name], np.random.default_rng(3)
    for _ in range(4):
        p = {i: rng.random(rng.integers(1, 5)) ** 4 for i in LABELS}
        adjusted = graph_over_families(p, graph)
        for alpha in GRID:
            for i, rejected in test_by_level(p, graph, alpha).items():
                np.testing.assert_array_equal(rejected, adjusted[i] <= alpha, err_msg=f"{i} at {alpha}")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_larger_p_values_never_help(seed):
    rng = np.random.default_rng(seed)
    p = {i: rng.random(3) ** 3 for i in LABELS}
    worse = {i: np.minimum(1.0, values * rng.choice([1.0, 1.5], 3)) for i, values in p.items()}
    for graph in graphs(LABELS).values():
        before, after = graph_over_families(p, graph), graph_over_families(worse, graph)
        for i in LABELS:
            assert (after[i] >= before[i] * (1 - ROUNDING)).all()
            assert (before[i] >= p[i] * (1 - ROUNDING)).all()
            assert (before[i] <= 1).all()


def test_serial_gatekeeping_is_a_fixed_sequence_of_families():
    rng = np.random.default_rng(6)
    for _ in range(50):
        p = {f"family {k}": rng.random(3) ** 4 for k in range(3)}
        passed = serial_gatekeeping([{i: values} for i, values in p.items()])
        graph = graph_over_families(p, GraphicalProcedure.fixed_sequence(list(p)))
        for family in passed:
            for i, values in family.items():
                np.testing.assert_array_equal(values, graph[i])


def test_a_secondary_outcome_waits_for_all_primary_ones():
    primary = {"a": np.array([0.01, 0.04]), "b": np.array([0.02])}
    first, second, third = serial_gatekeeping([primary, {"c": np.array([0.001, 0.5])}, {}])
    assert third == {}
    np.testing.assert_array_equal(first["a"], primary["a"])
    np.testing.assert_array_equal(second["c"], [0.04, 0.5])


def normal_p(z):
    """Two-sided p of a bivariate z, and Bonferroni's within: (n, 2)."""
    from scipy.special import ndtr

    return np.minimum(1.0, 2 * 2 * ndtr(-np.abs(z)))


def test_familywise_error_with_true_and_false_hypotheses():
    """3 correlated outcomes of 2 rows; the first is false, of the second one row, the third is true."""
    rng, n, alpha = np.random.default_rng(8), 4000, 0.05
    shift = np.array([[6.0, 6.0], [6.0, 0.0], [0.0, 0.0]])
    true = shift == 0
    for rho in (0.0, 0.8):
        common = rng.standard_normal((n, 1, 1))
        z = np.sqrt(rho) * common + np.sqrt(1 - rho) * rng.standard_normal((n, 3, 2)) + shift
        p = normal_p(z)
        errors = 0
        graph = GraphicalProcedure.holm(["x", "y", "z"])
        for one in p:
            found = np.array(list(graph_over_families(dict(zip("xyz", one, strict=True)), graph).values()))
            errors += bool((found[true] <= alpha).any())
        # Five standard errors of a share of 0.05 above it; never rejecting would be wrong too.
        assert 0.01 < errors / n < alpha + 5 * np.sqrt(alpha * (1 - alpha) / n)


@pytest.mark.parametrize(
    ("p", "message"),
    [
        ({"a": np.array([0.1]), "b": np.array([])}, "'b' needs p-values"),
        ({"a": np.array([0.1]), "b": np.array([np.nan])}, "could not be tested counts as 1"),
        ({"a": np.array([0.1]), "b": np.array([1.2])}, "'b' needs p-values"),
        ({"a": np.array([0.1])}, "must be the same"),
        ({"a": np.array([0.1]), "c": np.array([0.1])}, "must be the same"),
    ],
)
def test_what_is_refused(p, message):
    with pytest.raises(HypothesisError, match=message):
        graph_over_families(p, GraphicalProcedure.holm(["a", "b"]))


@pytest.mark.parametrize("labels", ["abc", [], ["a", "a"], 3])
@pytest.mark.parametrize("name", ["holm", "bonferroni", "fixed_sequence"])
def test_labels_are_a_list(name, labels):
    with pytest.raises(HypothesisError, match="A procedure"):
        getattr(GraphicalProcedure, name)(labels)
