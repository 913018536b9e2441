"""A posterior known as a mixture of normals: its tables against draws from it, and its Monte Carlo errors."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr
from scipy.stats import norm

from msclong.contrasts.margins import alternative
from msclong.linear_hypothesis import LinearHypothesis
from msclong.results.mixture import mixture_cdf, mixture_quantile, shortest_interval
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.posterior_mixture import PosteriorMixture

# Of 400,000 draws, in SDs: five Monte Carlo errors of a mean or probability, more of a quantile in a tail.
DRAWS = 400_000
MEAN = 5 / np.sqrt(DRAWS)
QUANTILE = 4 * MEAN
# Quantiles are searched to 1e-10 of an SD.
PRECISE = 1e-8

S, C, P = 60, 2, 3


def mixture(S=S, C=C, seed=1):
    rng = np.random.default_rng(seed)
    roots = rng.normal(0, 0.5, (S, C, P, P))
    return PosteriorMixture(
        names=("a", "b", "c"),
        draws=np.empty((1, 0, P)),
        convergence=lambda draws: {},
        weights=rng.dirichlet(np.ones(S)),
        shares=rng.dirichlet(np.ones(C), S),
        means=rng.normal(0, 1, (S, C, P)) + [0.0, 1.0, 5.0],
        roots=roots,
    )


def drawn(posterior, rng):
    """Draws of beta: theta by weight, the component by share, then the normal."""
    s = rng.choice(len(posterior.weights), DRAWS, p=posterior.weights)
    c = (rng.random(DRAWS)[:, None] > np.cumsum(posterior.shares[s], axis=1)[:, :-1]).sum(axis=1)
    return posterior.means[s, c] + np.einsum(
        "nij,nj->ni", posterior.roots[s, c], rng.standard_normal((DRAWS, P))
    )


@pytest.fixture(scope="module")
def both():
    posterior = mixture()
    draws = drawn(posterior, np.random.default_rng(2))
    missing = {name: np.full(2, np.nan) for name in ("ess_bulk", "rhat", "mcse")}
    return posterior, PosteriorDraws(posterior.names, draws[None], lambda d: missing)


HYPOTHESIS = LinearHypothesis(np.array([[1.0, -1, 0], [0, 0.5, 1]]), pd.Index(["a - b", "c + b / 2"]))


@pytest.mark.parametrize("interval", ["equal-tailed", "hdi"])
def test_tables_are_those_of_many_draws(both, interval):
    exact, sampled = (
        posterior.test(HYPOTHESIS, 0.9, 0.5, alternative("equivalence", 0.5), interval=interval)
        for posterior in both
    )
    assert list(exact.columns) == list(sampled.columns)
    sd = sampled["se"]
    assert ((exact["estimate"] - sampled["estimate"]).abs() < MEAN * sd).all()
    np.testing.assert_allclose(exact["se"], sd, rtol=2 * MEAN)
    for column in ("lower", "upper"):
        # A shortest interval of draws has ends that wander along where the density is equal.
        assert ((exact[column] - sampled[column]).abs() < (QUANTILE if interval != "hdi" else 0.1) * sd).all()
    for column in ("prob_negative", "prob_improved", "prob_beyond_margin", "prob_equivalent"):
        assert ((exact[column] - sampled[column]).abs() < MEAN).all()


def test_mean_and_covariance_of_beta(both):
    exact, sampled = both
    sd = np.sqrt(np.diag(sampled.vcov))
    assert (np.abs(exact.beta - sampled.beta) < MEAN * sd).all()
    assert (np.abs(exact.vcov - sampled.vcov) < 3 * MEAN * np.outer(sd, sd)).all()


def test_a_single_normal_is_itself():
    one = mixture(S=1, C=1)
    table = one.test(HYPOTHESIS, 0.95)
    L = HYPOTHESIS.L
    mean, sd = L @ one.means[0, 0], np.sqrt(np.diag(L @ one.roots[0, 0] @ one.roots[0, 0].T @ L.T))
    np.testing.assert_allclose(table["estimate"], mean, rtol=PRECISE)
    np.testing.assert_allclose(table["lower"], norm.ppf(0.025, mean, sd), rtol=PRECISE)
    np.testing.assert_allclose(table["upper"], norm.ppf(0.975, mean, sd), rtol=PRECISE)
    np.testing.assert_allclose(table["prob_negative"], norm.cdf(0, mean, sd), rtol=PRECISE)
    low, high = one.marginals(HYPOTHESIS).shortest(0.8)
    np.testing.assert_allclose(low, norm.ppf(0.1, mean, sd), rtol=0, atol=0.05)
    np.testing.assert_allclose(norm.cdf(high, mean, sd) - norm.cdf(low, mean, sd), 0.8, rtol=PRECISE)


def test_monte_carlo_errors_are_those_of_repeated_samples():
    """theta ~ N(0, 1) by importance sampling from N(0, 1.5^2); the mean of beta given theta is theta."""
    hypothesis = LinearHypothesis(np.eye(1), pd.Index(["beta"]))
    rng = np.random.default_rng(1)
    estimates, errors = [], []
    for _ in range(400):
        theta = 1.5 * rng.standard_normal(500)
        weights = np.exp(-(theta**2) / 2 + theta**2 / 4.5)
        posterior = PosteriorMixture(
            names=("beta",),
            draws=np.empty((1, 0, 1)),
            convergence=lambda draws: {},
            weights=weights / weights.sum(),
            shares=np.ones((500, 1)),
            means=theta[:, None, None],
            roots=np.full((500, 1, 1, 1), 2.0),
        )
        table = posterior.test(hypothesis)
        estimates.append(table["estimate"].iloc[0])
        errors.append(table["mcse"].iloc[0])
    assert np.std(estimates) == pytest.approx(np.mean(errors), rel=0.15)
    row = table.iloc[0]
    assert row["ess_bulk"] == pytest.approx(min((row["se"] / row["mcse"]) ** 2, 500))
    assert np.isnan(row["rhat"])


def test_a_quantity_without_variation_has_no_effective_draws():
    table = mixture().test(LinearHypothesis(np.zeros((1, P)), pd.Index(["nothing"])))
    assert table["se"].iloc[0] == table["mcse"].iloc[0] == table["lower"].iloc[0] == 0
    assert np.isnan(table["ess_bulk"].iloc[0])


@pytest.mark.parametrize("share", [1e-6, 0.025, 0.5, 0.975, 1 - 1e-6])
def test_quantiles_invert_the_distribution_function(share):
    rng = np.random.default_rng(3)
    mean, sd = rng.normal(0, 3, (40, 5)), rng.exponential(1.0, (40, 5))
    sd[:20, 0] = 1e-9  # nearly steps
    weights = rng.dirichlet(np.ones(40))
    x = mixture_quantile(mean, sd, weights, share)
    np.testing.assert_allclose(mixture_cdf(x, mean, sd, weights)[1:], share, rtol=1e-6)
    below, above = (mixture_cdf(x[:1] + step, mean[:, :1], sd[:, :1], weights) for step in (-1e-7, 1e-7))
    assert below <= share <= above


def test_the_shortest_interval_of_a_skewed_mixture():
    mean = np.log(np.arange(1, 200.0))[:, None]
    sd, weights = np.full((199, 1), 0.05), np.full(199, 1 / 199)
    low, high = shortest_interval(mean, sd, weights, 0.9)
    tails = [mixture_quantile(mean, sd, weights, s)[0] for s in (0.05, 0.95)]
    assert high[0] - low[0] < 0.9 * (tails[1] - tails[0])
    inside = mixture_cdf(high, mean, sd, weights) - mixture_cdf(low, mean, sd, weights)
    np.testing.assert_allclose(inside, 0.9, rtol=PRECISE)


def test_multiples_of_one_quantity_are_each_what_they_are_alone():
    """As the contrasts of a trend in time: negative, equal and zero multiples among them."""
    L = np.array([[0, 1.0, 0], [0, 2.0, 0], [1, 1, -1], [0, -0.3, 0], [0, 0, 0], [-3, -3, 3], [0, 1, 1e-6]])
    rows = pd.Index([f"row {i}" for i in range(len(L))])
    value = np.array([0.0, 0.5, 1, 0, 0, 0, -1])
    posterior = mixture()
    assert posterior.marginals(LinearHypothesis(L, rows)).means.shape[2] == 4
    options = {"margin": -0.4, "rope": (-0.7, 0.2)}
    for interval in ("equal-tailed", "hdi"):
        together = posterior.test(LinearHypothesis(L, rows, value), **options, interval=interval)
        alone = pd.concat(
            [
                posterior.test(LinearHypothesis(L[[i]], rows[[i]], value[[i]]), **options, interval=interval)
                for i in range(len(L))
            ]
        )
        # A skewed quantity's shortest interval is looked for on a grid from its lower end.
        rtol = PRECISE if interval == "equal-tailed" else 0.05
        ends = ["lower", "upper"]
        np.testing.assert_allclose(together[ends], alone[ends], rtol=rtol, atol=rtol)
        np.testing.assert_allclose(together.drop(columns=ends), alone.drop(columns=ends), atol=PRECISE)


@pytest.mark.parametrize(("spread", "most"), [(0.1, 3), (1.5, 14)], ids=["components alike", "of all widths"])
def test_a_quantile_of_a_smooth_mixture_needs_few_evaluations(monkeypatch, spread, most):
    """Each evaluates every component: they are what a table of contrasts costs."""
    rng = np.random.default_rng(1)
    calls = []
    monkeypatch.setattr("msclong.results.mixture.ndtr", lambda z: calls.append(1) or ndtr(z))
    mean, sd = rng.normal(size=(500, 4)), np.exp(spread * rng.normal(size=(500, 4)))
    weights = rng.dirichlet(np.ones(500))
    x = mixture_quantile(mean, sd, weights, 0.025)
    assert len(calls) <= most
    np.testing.assert_allclose(mixture_cdf(x, mean, sd, weights), 0.025, rtol=PRECISE)
