"""Leave-one-subject-out, PIT, predictive checks and storage of conditional families."""

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base.array import array_stats
from scipy.integrate import quad
from scipy.stats import norm, poisson

import msclong as ml
from msclong.engines.bayesian.criticism.left_out import left_out
from msclong.engines.bayesian.criticism.loo import refit_without

ENGINE = ml.Bayesian(draws=500, seed=1, sampler="importance")

REWEIGHTED = 0.05
"""Log density: the Monte Carlo error of 2,000 draws reweighted with k-hat below 0.5, and of 2,000 draws of a refit."""

TAIL = 1e-3
"""Log density: ArviZ rounds the number of ratios in the tail down, not up."""

QUADRATURE = 1e-3
"""Log density of a subject: the quadrature is asked for 1e-3 in the sum over all of them."""


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"id": np.repeat(range(40), 3), "t": np.tile(range(3), 40)})
    table["y"] = rng.poisson(np.exp(0.5 + 0.2 * table["t"] + rng.normal(0, 0.7, 40)[table["id"]]))
    return table.drop(index=[4, 11, 62])


@pytest.fixture(scope="module")
def fit(counts):
    return ml.fit(ml.ModelSpec("y ~ t + (1 | id)", family="poisson"), counts, engine=ENGINE)


def test_densities_have_the_random_effect_integrated_out(fit, counts):
    found = left_out(fit.design, fit.estimate).without
    for draw, subject in [(0, 0), (7, 1), (100, 20)]:
        rows = counts[counts["id"] == subject]
        b0, b1 = fit.estimate.flat[draw]
        sd = np.sqrt(fit.estimate.flat_theta[draw, 0])

        def integrand(b, rows=rows, b0=b0, b1=b1, sd=sd):
            return poisson.pmf(rows["y"], np.exp(b0 + b1 * rows["t"] + b)).prod() * norm.pdf(b, 0, sd)

        value = np.log(quad(integrand, -8 * sd, 8 * sd, epsabs=0, epsrel=1e-10)[0])
        assert found[draw, subject] == pytest.approx(value, abs=QUADRATURE)


def test_reweighting_agrees_with_exact_refits(fit):
    result = ml.loo(fit)
    assert not result.table["refitted"].any()
    assert 1 < result.p_loo < 10
    for unit in (0, 20):
        density = left_out(fit.design, refit_without(fit, unit).estimate).without[:, unit]
        exact = np.logaddexp.reduce(density) - np.log(len(density))
        assert result.table["elpd"].iloc[unit] == pytest.approx(exact, abs=REWEIGHTED)


def test_weights_and_elpd_are_those_of_arviz(fit):
    density = left_out(fit.design, fit.estimate).without.T[:, None]  # (subjects, chain, draw)
    elpd, khat, p_loo = array_stats.loo(density, chain_axis=1, draw_axis=2)
    table = ml.loo(fit).table
    np.testing.assert_allclose(table["elpd"], elpd, atol=TAIL)
    np.testing.assert_allclose(table["p_loo"], p_loo, atol=TAIL)
    np.testing.assert_allclose(table["pareto_k"], khat, atol=0.1)


def test_pit_of_counts_is_uniform_where_the_model_holds(fit, counts):
    """The first count of each of 40 subjects; Kolmogorov's distance has its 0.1 % point at 1.95."""
    pit = ml.loo_pit(fit, seed=3)
    assert pit.index.equals(counts.index)
    assert pit.between(0, 1).all()
    first = np.sort(pit[~counts["id"].duplicated()])
    assert np.sqrt(40) * np.abs(first - (np.arange(40) + 0.5) / 40).max() < 1.95
    assert pit.equals(ml.loo_pit(fit, seed=3))
    assert not pit.equals(ml.loo_pit(fit, seed=4))


def test_too_many_zeros_show_in_a_predictive_check(counts):
    rng = np.random.default_rng(5)
    empty = counts.assign(y=np.where(rng.random(len(counts)) < 0.4, 0, counts["y"] + 4))
    wrong = ml.fit(ml.ModelSpec("y ~ t + (1 | id)", family="poisson"), empty, engine=ENGINE)
    check = ml.predictive_check(wrong, "zeros", by=[])
    assert check["predictive_p"].iloc[0] < 0.005


def test_zeros_of_a_model_that_holds_are_as_predicted(fit):
    assert ml.predictive_check(fit, "zeros", by=[])["predictive_p"].between(0.02, 0.98).all()


def test_grades_are_compared_as_they_are_named():
    """Grades 1 to 4: inside the family they count from zero."""
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"id": np.repeat(range(40), 3), "t": np.tile(range(3), 40)})
    latent = 0.3 * table["t"] + rng.normal(0, 1, 40)[table["id"]] + rng.logistic(size=120)
    table["y"] = 1 + np.searchsorted([-1, 0.5, 2], latent)
    fit = ml.fit(ml.ModelSpec("y ~ t + (1 | id)", family="cumulative_logit"), table, engine=ENGINE)
    check = ml.predictive_check(fit, "mean", by=[])
    assert check["observed"].iloc[0] == table["y"].mean()
    assert check["predictive_p"].between(0.05, 0.95).all()
    first = np.sort(ml.loo_pit(fit)[~table["id"].duplicated()])
    assert np.sqrt(40) * np.abs(first - (np.arange(40) + 0.5) / 40).max() < 1.95


def test_a_saved_fit_gives_the_same_answers(fit, tmp_path):
    ml.save(fit, tmp_path / "counts.zarr")
    again = ml.load(tmp_path / "counts.zarr")
    pd.testing.assert_frame_equal(again.contrasts(), fit.contrasts(), check_exact=True)
    assert again.summary() == fit.summary()
    assert ml.loo(again).elpd == ml.loo(fit).elpd
