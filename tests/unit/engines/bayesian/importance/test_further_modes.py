"""Modes that the climb from one start misses."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import gammaln

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.bayesian.gaussian.gaussian_posterior import gaussian_posterior
from msclong.engines.bayesian.importance.fitted_proposal import around
from msclong.engines.bayesian.importance.further_modes import (
    ALONG,
    SCOUTS,
    SUSPECTS,
    WAY,
    further_modes,
    is_new,
)
from msclong.engines.bayesian.importance.importance_sampling import importance_sample
from msclong.engines.bayesian.importance.posterior_mode import find_mode

# Monte Carlo errors that the estimates may be off by.
ERRORS = 4.5
MODE = 0.05


def two_normals(apart, share=0.5, narrower=1.0):
    """Standard normals, the second `apart` (k,) from the first with `share` of the mass, and its own SD."""
    k = len(apart)

    def log_density(u):
        second = -0.5 * (((u - apart) / narrower) ** 2).sum(axis=1) - k * np.log(narrower)
        return np.logaddexp(np.log1p(-share) - 0.5 * (u**2).sum(axis=1), np.log(share) + second)

    return log_density


def searched(log_density, start, seed=1):
    rng = np.random.default_rng(seed)
    asked = []

    def counted(u):
        asked.append(len(u))
        return log_density(u)

    mode = find_mode(log_density, np.asarray(start, float), rng)
    proposal = around(log_density, [mode], [])
    return mode, further_modes(counted, [mode], proposal, rng), asked


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("k", [1, 2, 4, 8])
@pytest.mark.parametrize("apart", [5.0, 9.0])
def test_a_mode_that_differs_in_one_coordinate_has_its_mass(k, apart, seed):
    away = np.zeros(k)
    away[k // 2] = apart
    found = importance_sample(
        two_normals(away, 0.4, 0.7), np.zeros(k), draws=4000, rng=np.random.default_rng(seed)
    )
    second = (found.u[:, k // 2] > apart / 2).astype(float)
    error = np.sqrt(found.weights**2 @ (second - 0.4) ** 2)
    assert abs(found.weights @ second - 0.4) < ERRORS * error
    assert error < 0.03
    assert any("several modes (2 were found)" in note for note in found.notes)


def test_the_mode_is_the_known_ones_neighbour_and_not_itself():
    away = np.array([5.0, -2.0])
    mode, found, _ = searched(two_normals(away), [0.0, 0.0])
    np.testing.assert_allclose([one.u for one in found], [away], atol=MODE)
    assert is_new(found[0], [mode])
    assert not is_new(found[0], [mode, found[0]])


def test_a_mode_of_hardly_any_mass_does_not_count():
    assert searched(two_normals(np.array([6.0, 0.0]), 1e-6), [0.0, 0.0])[1] == []


TAILS = {
    "normal": lambda u: -0.5 * (u**2).sum(axis=1),
    "t, 2 degrees of freedom": lambda u: -2.5 * np.log1p((u**2).sum(axis=1) / 2),
    "log of a gamma variable": lambda u: (0.6 * u - np.exp(u)).sum(axis=1) - 3 * gammaln(0.6),
    "log of a half-normal variable": lambda u: (u - np.exp(2 * u) / 2).sum(axis=1),
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", TAILS)
def test_tails_are_no_modes_and_cost_no_climb(name, seed):
    _, found, asked = searched(TAILS[name], np.zeros(3), seed)
    assert found == []
    assert len(asked) <= 2
    assert sum(asked) <= 1 + 3 * 2 * len(ALONG) + SCOUTS + SUSPECTS * len(WAY)


def few_subjects(n, t, seed):
    """n subjects, autocorrelation 0.75."""
    rng = np.random.default_rng(seed)
    sigma = 0.75 ** np.abs(np.subtract.outer(np.arange(t), np.arange(t)))
    y = rng.normal(size=(n, t)) @ np.linalg.cholesky(sigma).T
    frame = {"id": np.repeat(np.arange(n), t), "visit": np.tile(np.arange(t), n), "y": y.ravel()}
    return pd.DataFrame(frame)


def test_two_modes_of_a_posterior_from_five_subjects():
    """Variance between subjects, or autocorrelation: both explain them. One start has the answer of both modes."""
    spec = ml.ModelSpec("y ~ visit + (1 | id) + ar1h(visit | id)")
    posterior = gaussian_posterior(build_design(spec, long_data(spec, few_subjects(5, 6, 3))))
    rng = np.random.default_rng(1)
    first = find_mode(posterior.log_density, posterior.start, rng)
    ends = [
        find_mode(posterior.log_density, first.u + 1.5 * step, rng)
        for step in rng.standard_normal((10, len(first.u)))
    ]
    second = next(end for end in ends if is_new(end, [first]))
    assert second.mass > first.mass - 2
    one, both = (
        importance_sample(posterior.log_density, start, draws=8000, rng=rng, at_once=posterior.at_once)
        for start in (posterior.start, np.stack([first.u, second.u]))
    )
    for j in range(len(first.u)):
        means = [found.weights @ found.u[:, j] for found in (one, both)]
        errors = [
            found.weights**2 @ (found.u[:, j] - mean) ** 2
            for found, mean in zip((one, both), means, strict=True)
        ]
        assert abs(means[0] - means[1]) < ERRORS * np.sqrt(sum(errors))
