"""The likelihood of censored, jointly normal outcomes, subject by subject, against scipy's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from censored_outcomes import design_of, table
from msclong.design.design import Design
from msclong.engines.bayesian.conditional.marginal_likelihood import (
    censored_likelihood,
    marginal_log_likelihood,
)

# 256 quasi-random points; scipy's own error of probabilities.
SAMPLED = 0.01
# Rounding.
EXACT = 1e-8
# Sets of points, whose estimates differ by at least this share, and errors of their mean.
REPLICATES, UNEVEN, MCSE = 2000, 1e-3, 4.0


def brute_force(design: Design, beta: np.ndarray, theta: np.ndarray, unit: int) -> float:
    """The density of the observed rows times the conditional probability of the others' box."""
    own = np.flatnonzero(design.unit == unit)
    V = design.structure.sigma(theta, design.coords[own][None])[0]
    e = design.measured[own] - design.fixed.X[own] @ beta
    code, upper = design.observation["censored"][own], design.observation["upper"][own]
    with np.errstate(divide="ignore"):
        top = design.family.transform(np.where(code == 2, upper, 1.0)) - design.fixed.X[own] @ beta
    o, c = np.flatnonzero(code == 0), np.flatnonzero(code != 0)
    value = design.family.log_jacobian(design.observation["y"][own][o]).sum()
    mean, S = np.zeros(len(c)), V[np.ix_(c, c)]
    if len(o):
        value += stats.multivariate_normal.logpdf(e[o], np.zeros(len(o)), V[np.ix_(o, o)])
        W = np.linalg.solve(V[np.ix_(o, o)], V[np.ix_(o, c)]).T
        mean, S = W @ e[o], S - W @ V[np.ix_(o, c)]
    if not len(c):
        return value
    low = np.where(code[c] < 0, -np.inf, e[c])
    high = np.where(code[c] < 0, e[c], np.where(code[c] == 1, np.inf, top[c]))
    box = stats.multivariate_normal.cdf(high, mean, S, lower_limit=low, abseps=1e-7, releps=1e-7)
    return value + np.log(box)


@pytest.mark.parametrize(
    ("terms", "theta"),
    [
        ("us(visit | id)", [1.0, 0.5, 1.5, 0.3, 0.6, 0.9, 0.2, 0.3, 0.1, 1.2]),
        ("ar1(visit | id)", [0.8, 0.6]),
        ("(1 | id) + ar1(visit | id)", [0.5, 0.4, 0.3]),
    ],
)
@pytest.mark.parametrize("family", ["gaussian", "lognormal"])
def test_every_subject_as_by_scipy(terms, theta, family):
    design = design_of(terms, table(log=family == "lognormal"), family)
    assert design.family.parameters == ()
    beta, theta = np.array([[0.4, 0.1], [0.2, 0.3]]), np.array([theta, 1.3 * np.array(theta)])
    theta[1, -1] = theta[0, -1]
    found = marginal_log_likelihood(design, beta, None, {}, theta)
    for s in range(2):
        theirs = [brute_force(design, beta[s], theta[s], i) for i in range(design.n_subjects)]
        np.testing.assert_allclose(found[s], theirs, atol=SAMPLED)


def test_a_single_censored_row_takes_no_points():
    data = table()
    data["c"] = np.where(data["visit"] == 2, data["c"], "none")
    design = design_of("us(visit | id)", data)
    theta, beta = np.array([[1.0, 0.5, 1.5, 0.3, 0.6, 0.9, 0.2, 0.3, 0.1, 1.2]]), np.array([[0.4, 0.1]])
    found = censored_likelihood(design).log_likelihood((beta,), {}, theta, 1)[0]
    theirs = [brute_force(design, beta[0], theta[0], i) for i in range(design.n_subjects)]
    np.testing.assert_allclose(found, theirs, atol=EXACT)


def test_subjects_of_a_site_are_one_unit():
    design = design_of("(1 | site) + ar1(visit | id)", table(6))
    theta, beta = np.array([[0.5, 0.4, 0.3]]), np.array([[0.4, 0.1]])
    found = marginal_log_likelihood(design, beta, None, {}, theta)[0]
    theirs = [brute_force(design, beta[0], theta[0], i) for i in range(4)]
    np.testing.assert_allclose(found, theirs, atol=5 * SAMPLED)


def test_random_points_are_unbiased_for_the_product_of_subjects():
    """Many sets of few points, all subjects together, against many points."""
    design = design_of("us(visit | id)", table())
    theta, beta = np.array([[1.0, 0.5, 1.5, 0.3, 0.6, 0.9, 0.2, 0.3, 0.1, 1.2]]), np.array([[0.4, 0.1]])
    smooth = censored_likelihood(design)
    exact = smooth.log_likelihood((beta,), {}, theta, 2**14).sum()
    many = np.repeat(beta, REPLICATES, axis=0), np.repeat(theta, REPLICATES, axis=0)
    noisy = replace(smooth, rng=np.random.default_rng(2))
    ratio = np.exp(noisy.log_likelihood((many[0],), {}, many[1], 2).sum(axis=1) - exact)
    assert ratio.std() > UNEVEN
    assert ratio.mean() == pytest.approx(1, abs=MCSE * ratio.std() / np.sqrt(REPLICATES))


def test_a_covariance_that_is_none_has_no_density():
    design = design_of("us(visit | id)", table())
    theta = np.array([[1.0, 2.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]])
    found = marginal_log_likelihood(design, np.array([[0.4, 0.1]]), None, {}, theta)[0]
    assert np.isneginf(found).any()
    assert not np.isnan(found).any()
