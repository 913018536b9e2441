"""Leave-one-subject-out, against dense matrices, numerical integration and exact refits."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal, norm, t

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.bayesian.criticism.loo import refit_without
from msclong.engines.bayesian.criticism.loo_compare import stacking_weights
from msclong.engines.bayesian.criticism.unit_predictive import UnitPredictive
from msclong.engines.bayesian.priors.model_priors import model_priors
from msclong.errors import ConvergenceWarning, EngineError, HypothesisError, SpecError

EXACT = 1e-7
"""Two closed forms of one density, by inverses of different matrices."""

GRID = 0.02
"""Log density: the Monte Carlo error of 20,000 draws reweighted with k-hat up to 0.7; the grid's is below 0.001."""

REWEIGHTED = 0.08
"""Log density: the Monte Carlo error of 4,000 draws reweighted with k-hat up to 0.7, seen over seeds."""

ENGINE = ml.Bayesian(seed=7, sampler="importance")
SLOPES = "Reaction ~ Days + (1 + Days | Subject)"


@pytest.fixture(scope="module")
def fit():
    return ml.fit(SLOPES, ml.datasets.sleepstudy(), engine=ENGINE)


@pytest.fixture(scope="module")
def left_out(fit):
    return ml.loo(fit)


def dense_density(design, priors, theta, kept):
    """log p(y[kept] | theta), beta integrated out, from the joint covariance of all outcomes."""
    V = np.zeros((design.n_obs, design.n_obs))
    for unit in np.unique(design.unit):
        rows = np.flatnonzero(design.unit == unit)
        V[np.ix_(rows, rows)] = design.structure.sigma(theta, design.coords[None, rows])[0]
    X, values = design.fixed.X, []
    for log_weight, prior in priors.components:
        back = np.linalg.inv(prior.K)
        mean, cov = X @ back @ prior.location, V + X @ (back * prior.sd**2) @ back.T @ X.T
        density = multivariate_normal(mean[kept], cov[np.ix_(kept, kept)]).logpdf(design.y[kept])
        values.append(log_weight + density)
    return np.logaddexp.reduce(values)


@pytest.mark.parametrize(
    "priors",
    [
        ml.Priors(),
        ml.Priors(coefficients={"Days": ml.Mixture([(0.6, ml.Normal(10, 1)), (0.4, ml.Normal(0, 20))])}),
    ],
    ids=["one normal", "a mixture"],
)
def test_a_subject_given_the_others_is_the_ratio_of_joint_densities(priors):
    spec = ml.ModelSpec(SLOPES, priors=priors)
    gone = ml.datasets.sleepstudy().drop(index=[3, 4, 5, 20, 177])
    design = build_design(spec, long_data(spec, gone))
    theta = np.array([[600.0, 10.0, 35.0, 650.0], [300.0, -60.0, 40.0, 800.0]])
    without, within = UnitPredictive(design).log_density(theta)
    everything, priors = np.ones(design.n_obs, dtype=bool), model_priors(design)
    for s, unit in [(0, 0), (1, 0), (0, 17), (1, 5)]:
        others = design.unit != unit
        parts = [dense_density(design, priors, theta[s], kept) for kept in (everything, others)]
        ratio = parts[0] - parts[1]
        assert without[s, unit] == pytest.approx(ratio, abs=EXACT * abs(ratio))
        assert within[s, unit] > without[s, unit]


def test_elpd_is_that_of_numerical_integration():
    """A random intercept has two covariance parameters: p(y) and p(y without i) are integrals over a plane."""
    rng = np.random.default_rng(5)
    n = 8
    table = pd.DataFrame({"id": np.repeat(np.arange(n), 3), "time": np.tile(np.arange(3.0), n)})
    table["y"] = 2 + table["time"] + rng.normal(0, 1, n)[table["id"]] + rng.normal(0, 0.7, len(table))
    table = table.drop(index=[4, 23])
    spec = ml.ModelSpec("y ~ time + (1 | id)", priors=ml.Priors(outcome_scale=1.5))
    fit = ml.fit(spec, table, engine=replace(ENGINE, draws=5000))
    design, logs = fit.design, np.linspace(-3.5, 2.5, 50)  # of an sd
    grid = np.array([(a, b) for a in logs for b in logs])
    everything, priors = np.ones(design.n_obs, dtype=bool), model_priors(design)
    prior = (t(3, scale=1.5).logpdf(np.exp(grid)) + grid).sum(axis=1)
    theta = np.exp(2 * grid)
    joint = prior + [dense_density(design, priors, one, everything) for one in theta]
    log_joint = np.vstack(
        [joint, joint - UnitPredictive(design).log_density(theta)[0].T]
    )  # all; without each
    total = np.logaddexp.reduce(log_joint, axis=1)
    found = ml.loo(fit).table
    assert found["pareto_k"].max() < 0.7
    np.testing.assert_allclose(found["elpd"], total[0] - total[1:], atol=GRID)


def test_reweighting_agrees_with_exact_refits_for_every_subject(fit, left_out):
    """And not more than one subject of sleepstudy needs one."""
    design, table = fit.design, left_out.table
    assert (table["pareto_k"] > 0.7).sum() <= 1
    assert table["refitted"].tolist() == (table["pareto_k"] > 0.7).tolist()
    exact = []
    for unit in range(18):
        density = UnitPredictive(design).log_density(refit_without(fit, unit).estimate.flat_theta, unit)[0]
        exact.append(np.logaddexp.reduce(density[:, unit]) - np.log(len(density)))
    np.testing.assert_allclose(table["elpd"], exact, atol=REWEIGHTED)
    assert left_out.elpd == pytest.approx(np.sum(exact), abs=3 * REWEIGHTED)


def test_the_result_is_by_subject_and_adds_up(left_out):
    table = left_out.table
    assert list(table.columns) == ["n_obs", "elpd", "p_loo", "pareto_k", "refitted"]
    assert table.index.name == "Subject"
    assert set(table.index) == set(ml.datasets.sleepstudy()["Subject"])
    assert left_out.elpd == pytest.approx(table["elpd"].sum())
    assert left_out.se == pytest.approx(np.sqrt(18 * table["elpd"].var()))
    assert 4 < left_out.p_loo < 18
    assert "1 refitted" in repr(left_out)


def test_without_refits_the_subject_is_named_in_a_warning(fit):
    with pytest.warns(ConvergenceWarning, match=r"Leaving out 332 .*refit=True"):
        found = ml.loo(fit, refit=False)
    assert found.unreliable == ["332"] or found.unreliable == [332]


def test_sites_that_random_effects_tie_together_are_left_out_whole(sites):
    fit = ml.fit("y ~ arm * visit + (1 | site / id)", sites, engine=ENGINE)
    table = ml.loo(fit).table
    assert (table.index.name, len(table)) == ("site", 8)
    assert table["n_obs"].sum() == fit.n_obs


def test_the_better_model_wins_and_differences_are_paired(fit, left_out):
    intercept = ml.fit("Reaction ~ Days + (1 | Subject)", ml.datasets.sleepstudy(), engine=ENGINE)
    table = ml.loo_compare(slope=left_out, intercept=intercept)
    assert list(table.index) == ["slope", "intercept"]
    other = ml.loo(intercept)
    by_subject = other.table["elpd"] - left_out.table["elpd"]
    assert table.loc["intercept", "difference"] == pytest.approx(by_subject.sum())
    assert table.loc["intercept", "se_difference"] == pytest.approx(np.sqrt(18) * by_subject.std())
    assert table["weight"].sum() == pytest.approx(1)
    assert table.loc["slope", ["difference", "se_difference"]].tolist() == [0, 0]


def test_a_model_of_the_logarithm_competes_on_the_outcomes_own_scale(fit, left_out):
    lognormal = ml.ModelSpec(SLOPES, family="lognormal")
    logs = ml.loo(ml.fit(lognormal, ml.datasets.sleepstudy(), engine=ENGINE))
    plain = ml.loo(
        ml.fit(SLOPES.replace("Reaction", "np.log(Reaction)"), ml.datasets.sleepstudy(), engine=ENGINE)
    )
    y = ml.datasets.sleepstudy()["Reaction"]
    assert logs.elpd == pytest.approx(plain.elpd - np.log(y).sum(), rel=1e-9)
    table = ml.loo_compare(left_out, logs)
    assert list(table.index) == ["model 2", "model 1"]
    with pytest.raises(HypothesisError, match="family='lognormal'"):
        ml.loo_compare(left_out, plain)


def test_models_that_leave_out_other_units_do_not_compare(sites):
    fits = [
        ml.fit(f"y ~ arm * visit + (1 | {groups})", sites, engine=ENGINE) for groups in ("id", "site / id")
    ]
    with pytest.raises(HypothesisError, match="leave out different units"):
        ml.loo_compare(*fits)


def test_models_of_other_rows_do_not_compare(left_out):
    shorter = ml.fit(SLOPES, ml.datasets.sleepstudy().iloc[:-1], engine=ENGINE)
    with pytest.raises(HypothesisError, match="180 and 179"):
        ml.loo_compare(a=left_out, b=shorter)


def test_wrong_arguments_are_refused(fit):
    frequentist = ml.fit(SLOPES, ml.datasets.sleepstudy())
    with pytest.raises(EngineError, match="Frequentist"):
        ml.loo(frequentist)
    with pytest.raises(SpecError, match="must be a fit"):
        ml.loo("fit")
    with pytest.raises(SpecError, match="two or more"):
        ml.loo_compare(fit)


def test_everything_tied_together_cannot_be_left_out():
    rng = np.random.default_rng(1)
    crossed = pd.DataFrame(
        {"id": np.repeat(range(6), 4), "item": np.tile(range(4), 6), "x": rng.normal(size=24)}
    )
    crossed["y"] = rng.normal(size=24)
    fit = ml.fit("y ~ x + (1 | id) + (1 | item)", crossed, engine=ENGINE)
    with pytest.raises(SpecError, match="no leave-one-subject-out"):
        ml.loo(fit)


def test_stacking_weights_maximise_their_score():
    rng = np.random.default_rng(1)
    elpd = rng.normal(size=(3, 50))
    weights = stacking_weights(elpd)
    assert weights.sum() == pytest.approx(1)

    def score(w):
        return np.log(w @ np.exp(elpd)).sum()

    for other in rng.dirichlet(np.ones(3), 200):
        assert score(weights) >= score(other)


def test_a_model_that_is_always_better_has_all_the_weight():
    elpd = np.random.default_rng(2).normal(size=(1, 30)) + np.array([[0.0], [-3.0]])
    assert stacking_weights(elpd) == pytest.approx([1, 0], abs=1e-6)


def simulated(n, seed):
    """Random intercepts and slopes at four visits, with dropout."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"id": np.repeat(np.arange(n), 4), "time": np.tile(np.arange(4.0), n)})
    effects = rng.normal(size=(n, 2)) * [2.0, 0.5]
    table["y"] = 5 + effects[table["id"], 0] + (1 + effects[table["id"], 1]) * table["time"]
    table["y"] += rng.normal(size=len(table))
    return table[(rng.random(len(table)) > 0.1 * table["time"]).to_numpy()]


def test_pit_is_the_conditional_normal_distribution_at_a_known_theta(fit):
    """With all weight on one draw of theta it is the normal cdf given all other subjects."""
    design = fit.design
    theta = np.array([[600.0, 10.0, 35.0, 650.0]])
    found = UnitPredictive(design).probability(theta, np.ones((1, 18)))
    V = np.zeros((180, 180))
    for unit in range(18):
        rows = np.flatnonzero(design.unit == unit)
        V[np.ix_(rows, rows)] = design.structure.sigma(theta[0], design.coords[None, rows])[0]
    prior = model_priors(design).coefficients
    back, X = np.linalg.inv(prior.K), design.fixed.X
    mean, cov = X @ back @ prior.location, V + X @ (back * prior.sd**2) @ back.T @ X.T
    for unit in (0, 9):
        i, o = np.flatnonzero(design.unit == unit), np.flatnonzero(design.unit != unit)
        gain = cov[np.ix_(i, o)] @ np.linalg.inv(cov[np.ix_(o, o)])
        expected = mean[i] + gain @ (design.y[o] - mean[o])
        variance = np.diag(cov[np.ix_(i, i)] - gain @ cov[np.ix_(o, i)])
        assert found[i] == pytest.approx(norm.cdf(design.y[i], expected, np.sqrt(variance)), abs=1e-6)


def test_pit_is_uniform_where_the_model_holds_and_not_where_it_fails():
    """One outcome of each subject, so that they are independent; Kolmogorov's distance has its 0.1 % point at 1.95."""
    spec = ml.ModelSpec("y ~ time + (1 + time | id)")

    def distance(table):
        pit = ml.loo_pit(ml.fit(spec, table, engine=ENGINE))
        assert pit.index.equals(table.index)
        first = np.sort(pit[~table["id"].duplicated()])
        return np.sqrt(len(first)) * np.abs(first - (np.arange(len(first)) + 0.5) / len(first)).max()

    table = simulated(200, 1)
    assert distance(table) < 1.95
    assert distance(table.assign(y=np.exp(table["y"] / 3))) > 1.95


def test_pit_needs_a_posterior():
    with pytest.raises(EngineError, match="Frequentist"):
        ml.loo_pit(ml.fit(SLOPES, ml.datasets.sleepstudy()))


def test_a_design_with_a_row_less_has_all_its_parts_shorter(fit):
    from msclong.design.restricted import restricted

    kept = np.arange(180) != 7
    less = restricted(fit.design, kept)
    assert (less.n_obs, len(less.coords), len(less.observation["y"]), len(less.offset)) == (179,) * 4
    assert less.n_subjects == 18
    assert replace(less, y=less.y).moments.n_obs == 179
