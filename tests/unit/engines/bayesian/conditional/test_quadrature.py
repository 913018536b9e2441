"""Integrals over random effects against brute force: dense grids, and scipy's adaptive quadrature."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from msclong.engines.bayesian.conditional.quadrature import integrate
from msclong.engines.bayesian.conditional.subject_rows import SubjectRows
from msclong.families.arrays import NUMPY
from msclong.families.registry import family_of

# The default rule on subjects whose posterior is moderately skewed; Student-t outcomes make it heavy-tailed.
ONE, ONE_STUDENT = 2e-6, 1e-3
TWO, TWO_STUDENT = 1e-4, 2e-2
# What the engine promises of all subjects together when it has chosen its nodes, per subject.
DOUBLED = 1e-4
# Moments, in posterior SDs.
MOMENT = 1e-3
# Rounding.
EXACT = 1e-12

PHI = {
    "student": {"residual scale": [0.5], "degrees of freedom": [4.0]},
    "gamma": {"coefficient of variation": [0.5]},
    "hurdle_lognormal": {"residual sd": [0.5]},
    "hurdle_gamma": {"coefficient of variation": [0.5]},
    "beta": {"dispersion": [0.3]},
    "ordered_beta": {"dispersion": [0.3], "cutpoint": [-3.0, 3.0]},
    "bernoulli": {},
    "binomial": {},
    "poisson": {},
    "negative_binomial": {"coefficient of variation of the rate": [0.7]},
    "cumulative_logit": {"cutpoint": [-1.0, 0.5, 2.0]},
    "cumulative_probit": {"cutpoint": [-1.0, 0.5, 2.0]},
    "gaussian": {"residual sd": [0.5]},
    "lognormal": {"residual sd": [0.5]},
}
ONE_PREDICTOR = [name for name in PHI if not name.startswith("hurdle")]
Case = tuple[SubjectRows, tuple[np.ndarray, ...], dict[str, np.ndarray], np.ndarray]


def case(name: str, q: int, sd: float = 1.2, n: int = 6, t: int = 4, seed: int = 1) -> Case:
    """Simulated outcomes of n subjects at t times, and one draw of the parameters."""
    rng = np.random.default_rng(seed)
    family = family_of(name)
    m = len(family.predictors)
    subject = np.repeat(np.arange(n), t)
    time = np.tile(np.linspace(0, 1, t), n)
    Z = np.zeros((n * t, m, q))
    Z[:, 0, 0] = 1
    Z[:, -1, -1] = 1 if m == 2 or q == 1 else time
    root = sd * np.array([[1.0, 0.0], [0.4, 0.8]])[:q, :q]
    b = rng.standard_normal((n, q)) @ root.T
    eta = tuple(0.3 + 0.5 * time[None] for _ in range(m))
    phi = {key: np.array([value]) for key, value in PHI[name].items()}
    data = {"trials": np.full(n * t, 3.0 if name == "binomial" else 1.0)}
    whole = tuple(eta[k][0] + (Z[:, k] * b[subject]).sum(axis=1) for k in range(m))
    data["y"] = family.draw(whole, {key: value[0] for key, value in phi.items()}, data, rng)
    rows = SubjectRows(
        family, np.arange(n * t), subject, data, np.zeros(n * t), Z, np.zeros(n * t, dtype=int)
    )
    return rows, eta, phi, root[None]


def log_joint(rows: SubjectRows, eta, phi, root: np.ndarray, v: np.ndarray) -> np.ndarray:
    """log p(y_i | L v) + log Normal(v; 0, I) of each subject at points v (K, q), (K, n)."""
    b = v @ root[0].T
    moved = tuple(e + np.einsum("nq,kq->kn", rows.Z[:, m], b)[:, None] for m, e in enumerate(eta))
    density = rows.family.log_density(rows.data, moved, phi, NUMPY)
    total = np.stack([density[:, 0, rows.subject == i].sum(axis=1) for i in range(rows.n_subjects)], axis=1)
    return total + stats.norm.logpdf(v).sum(axis=1)[:, None]


def on_a_grid(rows: SubjectRows, eta, phi, root: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """log of the integral (n,), mean (n, q) and covariance (n, q, q) of b, by the trapezoidal rule on a fine grid."""
    q = root.shape[1]
    line = np.linspace(-9, 9, 8001 if q == 1 else 361)
    v = np.stack(np.meshgrid(*[line] * q), axis=-1).reshape(-1, q)
    values = log_joint(rows, eta, phi, root, v)
    most = values.max(axis=0)
    weight = np.exp(values - most)
    total = most + np.log(weight.sum(axis=0)) + q * np.log(line[1] - line[0])
    weight /= weight.sum(axis=0)
    b = v @ root[0].T
    mean = weight.T @ b
    return total, mean, np.einsum("kn,kq,kr->nqr", weight, b, b) - mean[:, :, None] * mean[:, None, :]


@pytest.mark.parametrize("name", ONE_PREDICTOR)
def test_one_random_effect(name):
    rows, eta, phi, root = case(name, 1)
    ours = integrate(rows, eta, phi, root).log_likelihood[0]
    for i in range(rows.n_subjects):
        own = rows.subject == i
        one = SubjectRows(
            rows.family,
            rows.order[own],
            np.zeros(own.sum(), dtype=int),
            {key: value[own] for key, value in rows.data.items()},
            rows.offset[own],
            rows.Z[own],
            rows.level[own],
        )
        part = tuple(e[:, own] for e in eta)
        shift = ours[i]  # so that what is integrated is about one

        def density(v, one=one, part=part, shift=shift):
            return float(np.exp(log_joint(one, part, phi, root, np.array([[v]]))[0, 0] - shift))

        total = quad(density, -9, 9, points=np.linspace(-4, 4, 9), epsabs=1e-11, epsrel=1e-11, limit=400)[0]
        assert np.log(total) == pytest.approx(0.0, abs=ONE_STUDENT if name == "student" else ONE)


@pytest.mark.parametrize("name", PHI)
def test_two_random_effects(name):
    rows, eta, phi, root = case(name, 2)
    ours = integrate(rows, eta, phi, root).log_likelihood[0]
    theirs = on_a_grid(rows, eta, phi, root)[0]
    np.testing.assert_allclose(ours, theirs, atol=TWO_STUDENT if name == "student" else TWO, rtol=0)


@pytest.mark.parametrize("q", [1, 2])
def test_moments_of_the_random_effects(q):
    rows, eta, phi, root = case("poisson", q)
    found = integrate(rows, eta, phi, root, n_nodes=13, moments=True)
    _, mean, covariance = on_a_grid(rows, eta, phi, root)
    sd = np.sqrt(np.einsum("nqq->nq", covariance))
    np.testing.assert_allclose(found.mean[0] / sd, mean / sd, atol=MOMENT)
    scale = sd[:, :, None] * sd[:, None, :]
    np.testing.assert_allclose(found.covariance[0] / scale, covariance / scale, atol=MOMENT)


def test_subjects_with_nothing_but_zeros_and_ones():
    """Separation: the likelihood of b has no maximum, and the posterior one steep and one long side."""
    rows, eta, phi, root = case("bernoulli", 1, sd=4.0, n=2, t=7)
    rows.data["y"][:] = rows.subject  # the first subject has zeros, the second ones
    errors = [
        np.abs(
            integrate(rows, eta, phi, root, n_nodes=k).log_likelihood[0] - on_a_grid(rows, eta, phi, root)[0]
        ).max()
        for k in (11, 25)
    ]
    assert errors[0] < 1e-3  # the linear rule of as many nodes has 1e-2
    assert errors[1] < 1e-5


@pytest.mark.parametrize("name", PHI)
def test_doubling_the_nodes_changes_nothing_over_a_posteriors_range(name):
    q = 2 if name.startswith("hurdle") else 1
    rows, eta, phi, root = case(name, q, sd=0.8, n=20, t=5)
    rng = np.random.default_rng(2)
    S = 30
    around = tuple(e + 0.3 * rng.standard_normal((S, 1)) for e in eta)
    roots = root * np.exp(0.4 * rng.standard_normal((S, 1, 1)))
    moved = {key: np.repeat(value, S, axis=0) for key, value in phi.items()}
    few, many = (integrate(rows, around, moved, roots, n_nodes=k).log_likelihood for k in (11, 22))
    assert np.abs((few - many).sum(axis=1)).max() < DOUBLED * rows.n_subjects


@pytest.mark.parametrize("q", [1, 2])
def test_draws_far_apart_do_not_disturb_each_other(q):
    """Nodes are placed from one central draw: those far from it must find their own."""
    rows, eta, phi, root = case("gamma", q)
    spread = np.array([0.02, 0.3, 1.0, 2.0])
    phi = {"coefficient of variation": np.array([[3.0], [1.0], [0.3], [0.5]])}
    shift = np.array([[3.0], [0.0], [-1.0], [0.5]])
    together = integrate(
        rows, (eta[0] + shift,), phi, root * spread[:, None, None], n_nodes=17
    ).log_likelihood
    for s in range(4):
        own = {key: value[s : s + 1] for key, value in phi.items()}
        alone = on_a_grid(rows, (eta[0] + shift[s],), own, root * spread[s])[0]
        np.testing.assert_allclose(together[s], alone, rtol=1e-5)


def test_without_variance_observations_are_independent():
    rows, eta, phi, root = case("poisson", 2)
    found = integrate(rows, eta, phi, 0 * root).log_likelihood[0]
    np.testing.assert_allclose(
        found, log_joint(rows, eta, phi, 0 * root, np.zeros((1, 2)))[0] + np.log(2 * np.pi), rtol=EXACT
    )


def test_a_dispersion_for_each_level():
    rows, eta, _, root = case("gamma", 1)
    rows.level[:] = np.arange(rows.n_obs) % 2
    two = {"coefficient of variation": np.array([[0.4, 0.8]])}
    by_row = {"coefficient of variation": two["coefficient of variation"][:, rows.level]}
    theirs = on_a_grid(rows, eta, by_row, root)[0]
    np.testing.assert_allclose(integrate(rows, eta, two, root).log_likelihood[0], theirs, atol=ONE)


def test_normal_outcomes_are_exact():
    """The rule is exact where the integrand is normal: the multivariate normal density."""
    rows, eta, phi, root = case("gaussian", 2)
    found = integrate(rows, eta, phi, root).log_likelihood[0]
    for i in range(rows.n_subjects):
        own = rows.subject == i
        Z = rows.Z[own, 0]
        V = Z @ root[0] @ root[0].T @ Z.T + phi["residual sd"][0, 0] ** 2 * np.eye(own.sum())
        theirs = stats.multivariate_normal.logpdf(rows.data["y"][own], eta[0][0, own], V)
        assert found[i] == pytest.approx(theirs, abs=1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_heavy_tails_about_a_scale_far_below_the_subjects_sd(seed):
    """Each outcome pulls at the random effect with a narrow peak of its own; a dense grid finds them all."""
    rows, eta, phi, root = case("student", 1, sd=2.0, seed=seed)
    narrow = {"residual scale": np.array([[0.02]]), "degrees of freedom": np.array([[12.0]])}
    rng = np.random.default_rng(seed)
    mean = np.repeat(2 * rng.standard_normal(rows.n_subjects), 4)
    outcome = eta[0][0] + mean + 0.02 * rng.standard_t(12, rows.n_obs)
    rows = replace(rows, data={**rows.data, "y": outcome})
    v = np.linspace(-6, 6, 60_001)[:, None]
    expected = np.log(np.exp(log_joint(rows, eta, narrow, root, v)).sum(axis=0) * (v[1, 0] - v[0, 0]))
    found = integrate(rows, eta, narrow, root).log_likelihood[0]
    np.testing.assert_allclose(found, expected, atol=ONE_STUDENT)
