"""Means, contrasts and probabilities on the outcome's own scale, against integrals done by brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import expit, logit
from scipy.stats import norm

import msclong as ml
from handmade_posteriors import posterior, table
from msclong.engines.bayesian.checking.convergence import Resampled
from msclong.errors import EngineError, HypothesisError, SpecError
from msclong.results.latent_average import latent_average
from msclong.results.outcome_means import OutcomeScale
from msclong.results.posterior_table import HeavyTailedMarginals

INTEGRAL = 2e-7
"""What the trapezoidal rule may miss of a bounded function: the tails and its step are chosen for 1e-7."""

EXACT = 1e-10
"""Closed forms, up to rounding."""

N = 60
RNG = np.random.default_rng(3)
OUTCOMES = {
    "bernoulli": RNG.integers(0, 2, N),
    "poisson": RNG.poisson(2, N),
    "negative_binomial": RNG.poisson(2, N),
    "gamma": RNG.gamma(2, 1, N),
    "beta": RNG.beta(2, 2, N),
    "ordered_beta": np.clip(RNG.normal(0.5, 0.5, N), 0, 1),
    "cumulative_logit": RNG.integers(1, 5, N),
    "cumulative_probit": RNG.integers(0, 4, N),
    "student": RNG.normal(size=N),
    "hurdle_gamma": RNG.gamma(2, 1, N) * RNG.integers(0, 2, N),
    "hurdle_lognormal": RNG.gamma(2, 1, N) * RNG.integers(0, 2, N),
}


@pytest.fixture(scope="module", params=OUTCOMES)
def fit(request):
    return posterior(request.param, OUTCOMES[request.param].astype(float))


def cells_of(fit, draw: int):
    """(eta, theta, phi, zero) of one draw at each arm and visit, x at its mean, by hand."""
    frame = fit.design.fixed.frame
    grid = pd.MultiIndex.from_product([["a", "b"], [0, 1, 2]], names=["arm", "visit"]).to_frame(index=False)
    grid["x"] = frame["x"].mean()
    estimate = fit.estimate
    eta = [fit.design.fixed.matrix(grid) @ estimate.flat[draw]]
    if estimate.zero is not None:
        eta.append(fit.design.zero.matrix(grid) @ estimate.flat_zero[draw])
    return grid, eta, estimate.flat_theta[draw], {k: v[draw] for k, v in estimate.flat_phi.items()}


def by_quadrature(function, eta: float, sd: float) -> float:
    return quad(lambda u: function(eta + sd * u) * norm.pdf(u), -12, 12, epsabs=1e-12, limit=200)[0]


def by_two_dimensions(function, eta, covariance) -> float:
    """A plain sum over a fine grid of both effects."""
    root = np.linalg.cholesky(covariance + 1e-14 * np.eye(2))
    z = np.linspace(-9, 9, 361)
    a, b = np.meshgrid(z, z, indexing="ij")
    weight = norm.pdf(a) * norm.pdf(b) * (z[1] - z[0]) ** 2
    return float((weight * function(eta[0] + root[0, 0] * a, eta[1] + root[1, 0] * a + root[1, 1] * b)).sum())


def brute_means(fit, draw: int) -> np.ndarray:
    """Marginal means of the six cells at one draw."""
    _, eta, theta, phi = cells_of(fit, draw)
    family = fit.design.family
    if len(eta) == 2:
        G = np.array([[theta[0], theta[1]], [theta[1], theta[2]]])
        return np.array(
            [
                by_two_dimensions(lambda x, z: family.mean((x, z), phi, {}), e, G)
                for e in zip(*eta, strict=True)
            ]
        )
    sd = np.sqrt(theta[0])
    return np.array(
        [
            by_quadrature(lambda x: float(np.squeeze(family.mean((np.array([x]),), phi, {}))), e, sd)
            for e in eta[0]
        ]
    )


def test_means_integrate_over_subjects(fit):
    means = OutcomeScale(fit.design, fit.estimate).means(fit._means(None, None, "equal"))
    flat = means.reshape(-1, 6)
    for draw in (0, 7, 31):
        np.testing.assert_allclose(flat[draw], brute_means(fit, draw), rtol=INTEGRAL)
    table = fit.means()
    centre = np.median if fit.design.family.link == "log" else np.mean
    np.testing.assert_allclose(table["estimate"], centre(flat, axis=0), rtol=EXACT)
    assert table.attrs["estimate"] == f"posterior {centre.__name__}"
    np.testing.assert_allclose(table["lower"], np.quantile(flat, 0.025, axis=0), rtol=EXACT)
    assert table.attrs["interval"] == "95 % equal-tailed"
    assert {"ess_bulk", "rhat", "mcse"} <= set(table.columns)


def test_they_are_no_plug_in_means(fit):
    if fit.design.family.link == "identity":
        pytest.skip("the mean of an identity link is the plug-in mean")
    _, eta, _, phi = cells_of(fit, 0)
    plugged = fit.design.family.mean(tuple(eta), phi, {})
    means = OutcomeScale(fit.design, fit.estimate).means(fit._means(None, None, "equal"))[0, 0]
    assert np.abs(means / plugged - 1).max() > 1e4 * INTEGRAL


@pytest.mark.parametrize("effect", ["difference", "ratio", "odds-ratio"])
def test_contrasts_compare_the_means(fit, effect):
    if effect not in fit.design.family.effects:
        with pytest.raises(HypothesisError, match="is not one of family"):
            fit.contrasts(effect=effect)
        return
    g = {"difference": lambda m: m, "ratio": np.log, "odds-ratio": logit}[effect]
    means = g(OutcomeScale(fit.design, fit.estimate).means(fit._means(None, None, "equal")).reshape(-1, 6))
    expected = np.column_stack([means[:, 1] - means[:, 0], means[:, 5] - means[:, 3]])
    expected = np.column_stack([expected, expected[:, 1] - (means[:, 2] - means[:, 0])])
    sign = "-" if effect == "difference" else "/"
    rows = [("a", f"1 {sign} 0"), ("b", f"2 {sign} 0"), (f"b {sign} a", f"2 {sign} 0")]
    found = fit.contrasts(effect=effect).loc[rows]
    back = np.exp if effect != "difference" else (lambda x: x)
    heavy = fit.design.family.link == "log" and effect == "difference"
    centre = np.median(expected, axis=0) if heavy else expected.mean(axis=0)
    np.testing.assert_allclose(found["estimate"], back(centre), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found["upper"], back(np.quantile(expected, 0.975, axis=0)), rtol=1e-9)
    negative = "prob_negative" if effect == "difference" else "prob_below_1"
    np.testing.assert_allclose(found[negative], (expected < 0).mean(axis=0))
    size = 1 if effect == "difference" else found["estimate"]
    spread = expected.std(axis=0, ddof=1)
    if heavy:
        spread = np.diff(np.quantile(expected, norm.cdf([-1, 1]), axis=0), axis=0)[0] / 2
    np.testing.assert_allclose(found["se"], size * spread, rtol=1e-9)
    assert fit.contrasts(effect=effect).attrs["effect"] == effect


def test_the_link_scale_is_that_of_the_coefficients(fit):
    found = fit.contrasts(effect="link")
    L = fit.hypothesis().L
    np.testing.assert_allclose(found["estimate"], L @ fit.estimate.beta, atol=1e-12)
    np.testing.assert_allclose(fit.means(scale="link")["estimate"].iloc[0], cell_link(fit), rtol=1e-9)
    first = fit.estimate.names[0]
    pd.testing.assert_series_equal(
        fit.contrasts(hypothesis=f"{first} = 0").iloc[0], fit.coefficients().iloc[0], check_names=False
    )


def cell_link(fit) -> float:
    return float(np.mean([cells_of(fit, draw)[1][0][0] for draw in range(len(fit.estimate.flat))]))


def test_counterfactual_means_average_over_the_subjects_own_covariates(fit):
    """Standardisation by hand: every subject at every visit in the second arm, with its own x."""
    if fit.design.zero is not None:
        pytest.skip("two predictors are covered above")
    means = OutcomeScale(fit.design, fit.estimate).means(fit._means("arm", None, "counterfactual"))
    family, subjects = fit.design.family, fit.design.fixed.frame.drop_duplicates("id")["x"].to_numpy()
    rows = pd.DataFrame({"arm": "b", "visit": visit, "x": x} for visit in (0, 1, 2) for x in subjects)
    u = np.linspace(-9, 9, 181)
    weight = norm.pdf(u) / norm.pdf(u).sum()
    for draw in (0, 13):
        eta = fit.design.fixed.matrix(rows) @ fit.estimate.flat[draw]
        sd = np.sqrt(fit.estimate.flat_theta[draw, 0])
        phi = {name: values[draw] for name, values in fit.estimate.flat_phi.items()}
        values = [w * family.mean((eta + sd * x,), phi, {}) for x, w in zip(u, weight, strict=True)]
        np.testing.assert_allclose(means[0, draw, 1], np.sum(values, axis=0).mean(), rtol=INTEGRAL)


def test_a_random_slope_gives_each_visit_its_own_variance():
    """Effects read the week, which the mean does not: its value at each visit is looked up."""
    fit = posterior("bernoulli", OUTCOMES["bernoulli"], "y ~ arm * C(visit) + (1 + week | id)")
    means = OutcomeScale(fit.design, fit.estimate).means(fit._means(None, None, "equal"))[0, 0]
    beta, theta = fit.estimate.flat[0], fit.estimate.flat_theta[0]
    for i, (arm, visit, week) in enumerate(
        (arm, visit, week) for arm in "ab" for visit, week in zip((0, 1, 2), (0, 2, 8), strict=True)
    ):
        eta = float(fit.design.fixed.matrix(pd.DataFrame({"arm": [arm], "visit": [visit]}))[0] @ beta)
        sd = np.sqrt(theta[0] + 2 * week * theta[1] + week**2 * theta[2])
        np.testing.assert_allclose(means[i], by_quadrature(expit, eta, sd), rtol=INTEGRAL)


def test_a_visit_structure_on_the_latent_scale():
    fit = posterior("poisson", OUTCOMES["poisson"], "y ~ arm * C(visit) + us(visit | id)")
    means = OutcomeScale(fit.design, fit.estimate).means(fit._means(None, None, "equal"))
    sigma = fit.design.structure.sigma(fit.estimate.flat_theta[3], np.arange(3.0)[None, :, None])[0]
    grid = pd.DataFrame({"arm": "b", "visit": [0, 1, 2]})
    expected = np.exp(fit.design.fixed.matrix(grid) @ fit.estimate.flat[3] + np.diag(sigma) / 2)
    np.testing.assert_allclose(means.reshape(-1, 6)[3, 3:], expected, rtol=EXACT)


@pytest.mark.parametrize("sd", [0.0, 0.1, 1.0, 3.0, 10.0])
@pytest.mark.parametrize("function", [expit, norm.cdf, lambda x: np.exp(-np.exp(x))])
def test_the_rule_is_exact_whatever_the_spread(sd, function):
    found = latent_average(
        lambda eta, _: function(eta[0]), (np.array([[0.3, -2.0]]),), np.full((1, 2, 1, 1), sd**2), False
    )
    expected = [by_quadrature(function, eta, sd) for eta in (0.3, -2.0)]
    np.testing.assert_allclose(found[0], expected, atol=INTEGRAL)


# Means that have no posterior mean.

SEEDS = 0.15
"""Between medians of different importance samples of one small trial; their means differ by factors."""

SPACINGS = 0.3
"""The error of a median is the width of 141 of 20,000 draws here, itself known to 1 / sqrt(141) = 8 %: 3.5 SDs."""


def test_means_of_counts_in_a_small_trial_do_not_hang_on_the_draws():
    """exp(x'beta + sigma^2 / 2) is infinite on average: 12 patients leave sigma a heavy tail."""
    rng = np.random.default_rng(7)
    patient = np.repeat(np.arange(12), 4)
    frame = pd.DataFrame(
        {"patient": patient, "arm": np.where(patient % 2, "b", "a"), "month": np.tile([0, 3, 6, 9], 12)}
    )
    frame["attacks"] = rng.poisson(np.exp(1.5 + 1.5 * rng.normal(size=12)[patient]))
    spec = ml.ModelSpec("attacks ~ arm * C(month) + (1 | patient)", visit="month", family="poisson")
    found = {name: [] for name in ("means", "differences")}
    for seed in (1, 2, 3):
        fit = ml.fit(spec, frame, engine=ml.Bayesian(seed=seed, sampler="importance"))
        found["means"].append(means := fit.means())
        found["differences"].append(fit.contrasts(versus="a", factor="arm", by="month", effect="difference"))
        draws = OutcomeScale(fit.design, fit.estimate).means(fit._means(None, None, "equal")).reshape(-1, 8)
        np.testing.assert_allclose(means["estimate"], np.median(draws, axis=0), rtol=EXACT)
        for one in (means, found["differences"][-1]):
            assert one.attrs["estimate"] == "posterior median"
            width = one["upper"] - one["lower"]
            # Of a normal distribution 1 / 3.92; of a skewed one less.
            assert ((one["se"] > width / 20) & (one["se"] < width / 3.5)).all()
            assert (one["mcse"] < 0.2 * one["se"]).all()
        assert fit.contrasts().attrs["estimate"] == "posterior mean, transformed back"
    for tables in found.values():
        each = np.array([one["estimate"] for one in tables])
        # Differences are near zero: in units of the typical size of a mean.
        size = np.abs(each) if tables is found["means"] else np.median(found["means"][0]["estimate"])
        assert (np.ptp(each, axis=0) < SEEDS * np.max(size, axis=0)).all()


def test_the_error_of_a_median_is_that_of_its_share_of_draws():
    """Of independent normal draws sqrt(pi / 2 / n); tails, however far, do not move it."""
    x = np.random.default_rng(4).normal(size=(1, 20_000, 1))
    x = np.where(x > 2, np.exp(x**4), x)
    found = HeavyTailedMarginals(x, Resampled(np.arange(20_000)))
    checks = found.checks()
    np.testing.assert_allclose(checks["mcse"], np.sqrt(np.pi / 2 / 20_000), rtol=SPACINGS)
    np.testing.assert_allclose(checks["ess_bulk"], 20_000, rtol=1e-3)
    np.testing.assert_allclose(found.se, 1, rtol=0.02)
    assert HeavyTailedMarginals(np.ones((1, 9, 1)), Resampled(np.arange(9))).checks()["mcse"] == 0


# Probabilities of outcomes.


@pytest.mark.parametrize("family", ["bernoulli", "poisson", "cumulative_logit", "cumulative_probit"])
def test_probabilities_of_grades_and_counts(family):
    fit = posterior(family, OUTCOMES[family])
    at_least = fit.probabilities(by="arm", at_least=True)["estimate"]
    outcomes = fit.design.family.points(fit.design.observation["y"])
    each = fit.probabilities(by="arm", outcomes=outcomes)["estimate"].unstack("outcome")
    expected = each.iloc[:, ::-1].cumsum(axis=1).iloc[:, ::-1]
    if family != "poisson":
        np.testing.assert_allclose(each.sum(axis=1), 1, rtol=1e-9)
        np.testing.assert_allclose(at_least.unstack("at_least"), expected.iloc[:, 1:], rtol=1e-9)
    # The expected outcome is the sum of P(y >= k).
    if family in ("bernoulli", "cumulative_probit"):
        np.testing.assert_allclose(
            at_least.unstack("at_least").sum(axis=1), fit.means(by="arm")["estimate"], rtol=1e-7
        )
    second = outcomes[1]
    odds = fit.contrasts(at_least=second, effect="odds-ratio", versus="a", factor="arm", by="visit")
    draws = OutcomeScale(fit.design, fit.estimate)
    assert odds.attrs["effect"] == "odds-ratio"
    zero = fit.contrasts(outcome=outcomes[0], effect="odds-ratio", versus="a", factor="arm", by="visit")
    np.testing.assert_allclose(odds["estimate"] * zero["estimate"], 1, rtol=1e-9)
    assert draws.design is fit.design


def test_the_probability_of_zero_of_a_hurdle():
    fit = posterior("hurdle_gamma", OUTCOMES["hurdle_gamma"])
    found = fit.probabilities()
    _, eta, theta, _ = cells_of(fit, 0)
    means = OutcomeScale(fit.design, fit.estimate)
    draws = means.means(fit._means(None, None, "equal"), lambda eta, phi: expit(eta[1]))[0, 0]
    np.testing.assert_allclose(
        draws, [by_quadrature(expit, e, np.sqrt(theta[2])) for e in eta[1]], rtol=INTEGRAL
    )
    assert list(found.index.get_level_values("outcome").unique()) == [0.0]
    with pytest.raises(HypothesisError, match="lie between"):
        fit.probabilities(at_least=True)
    with pytest.raises(HypothesisError, match="no probability of its own"):
        fit.probabilities(outcomes=[3])


def test_families_without_points_say_so():
    with pytest.raises(EngineError, match="no outcomes with a probability"):
        posterior("gamma", OUTCOMES["gamma"]).probabilities()


# Medians of transformed Gaussian outcomes, by either engine.


@pytest.mark.parametrize(
    ("family", "g", "inverse"), [("lognormal", np.log, np.exp), ("logitnormal", logit, expit)]
)
def test_frequentist_medians_are_those_of_the_gaussian_model(family, g, inverse):
    rng = np.random.default_rng(5)
    frame = table()
    frame["z"] = rng.normal(size=20)[frame["id"]] + 0.3 * frame["visit"] + rng.normal(size=N)
    frame["y"] = inverse(frame["z"])
    fit = ml.fit(ml.ModelSpec("y ~ arm * C(visit) + us(visit | id)", family=family), frame)
    same = ml.fit("z ~ arm * C(visit) + us(visit | id)", frame)
    means, expected = fit.means(), same.means()
    for name in ("estimate", "lower", "upper"):
        np.testing.assert_allclose(means[name], inverse(expected[name]), rtol=1e-8)
    slope = inverse(expected["estimate"] + 1e-6) / 2e-6 - inverse(expected["estimate"] - 1e-6) / 2e-6
    np.testing.assert_allclose(means["se"], slope * expected["se"], rtol=1e-6)
    assert "p_value" not in means
    found, theirs = fit.contrasts(adjust="mvt"), same.contrasts(adjust="mvt")
    link = fit.contrasts(effect="link")
    np.testing.assert_allclose(link["estimate"], theirs["estimate"], rtol=1e-8, atol=1e-10)
    theirs = theirs.set_axis(found.index)  # "2 / 0" for "2 - 0"
    for name in ("estimate", "lower", "upper", "lower_adjusted", "upper_adjusted"):
        np.testing.assert_allclose(found[name], np.exp(theirs[name]), rtol=1e-6)
    np.testing.assert_allclose(found["se"], np.exp(theirs["estimate"]) * theirs["se"], rtol=1e-8)
    columns = ["df", "statistic", "p_value", "p_adjusted"]
    np.testing.assert_allclose(found[columns], theirs[columns], rtol=1e-6)
    assert found.attrs == {
        "effect": "ratio" if family == "lognormal" else "odds-ratio",
        "interval": "95 % confidence",
        "adjust": "single-step max-t",
    }
    with pytest.raises(HypothesisError, match="engine=ml.Bayesian"):
        fit.contrasts(effect="difference")
    with pytest.raises(HypothesisError, match="engine=ml.Bayesian"):
        fit.means(scale="mean")
    equivalence = fit.contrasts(test="equivalence", margin=0.5, level=0.9)
    theirs = same.contrasts(test="equivalence", margin=np.log(2), level=0.9)
    np.testing.assert_allclose(equivalence["p_value"], theirs["p_value"], rtol=1e-6)


def test_arithmetic_means_of_lognormal_outcomes_take_in_all_of_sigma():
    fit = posterior("lognormal", np.exp(RNG.normal(size=N)), "y ~ arm * C(visit) + (1 | id)")
    found = fit.means(scale="mean")
    grid = pd.DataFrame({"arm": "a", "visit": [0, 1, 2]})
    eta = fit.estimate.flat @ fit.design.fixed.matrix(grid).T
    draws = np.exp(eta + fit.estimate.flat_theta.sum(axis=1, keepdims=True) / 2)
    np.testing.assert_allclose(found.loc["a", "estimate"], np.median(draws, axis=0), rtol=EXACT)
    np.testing.assert_allclose(
        fit.contrasts(effect="difference").loc[("a", "1 - 0"), "estimate"],
        np.median(draws[:, 1] - draws[:, 0]),
        rtol=EXACT,
    )
    np.testing.assert_allclose(fit.means().loc["a", "estimate"], np.exp(eta.mean(axis=0)), rtol=EXACT)


def test_means_of_logitnormal_outcomes_are_integrals():
    fit = posterior("logitnormal", expit(RNG.normal(size=N)), "y ~ arm * C(visit) + (1 | id)")
    draws = OutcomeScale(fit.design, fit.estimate).means(fit._means(None, None, "equal"))[0, 0]
    grid = pd.DataFrame({"arm": "a", "visit": [0, 1, 2]})
    eta, sd = fit.design.fixed.matrix(grid) @ fit.estimate.flat[0], np.sqrt(fit.estimate.flat_theta[0].sum())
    np.testing.assert_allclose(draws[:3], [by_quadrature(expit, e, sd) for e in eta], rtol=INTEGRAL)


def test_censored_lognormal_outcomes_have_a_residual_in_phi():
    y = np.exp(RNG.normal(size=N))
    censored = {"cens": np.where(np.arange(N) % 5 == 0, "left", "none")}
    fit = posterior("lognormal", y, "y ~ arm * C(visit) + (1 | id)", censored, censored="cens")
    draws = OutcomeScale(fit.design, fit.estimate).means(fit._means(None, None, "equal"))[0, 0]
    grid = pd.DataFrame({"arm": "a", "visit": [0, 1, 2]})
    eta = fit.design.fixed.matrix(grid) @ fit.estimate.flat[0]
    variance = fit.estimate.flat_theta[0, 0] + fit.estimate.flat_phi["residual sd"][0, 0] ** 2
    np.testing.assert_allclose(draws[:3], np.exp(eta + variance / 2), rtol=EXACT)
    ratio = fit.contrasts()
    np.testing.assert_allclose(ratio["estimate"], np.exp(fit.hypothesis().L @ fit.estimate.beta), rtol=EXACT)


# Probabilities of statements, regions, intervals, and what is refused.


def test_margins_and_regions_of_ratios_are_ratios():
    fit = posterior("gamma", OUTCOMES["gamma"])
    draws = np.log(OutcomeScale(fit.design, fit.estimate).means(fit._means(None, None, "equal"))).reshape(
        -1, 6
    )
    change = draws[:, 1] - draws[:, 0]
    row = fit.contrasts(margin=0.8, rope=(0.9, 1.2), test="non-inferiority").loc[("a", "1 / 0")]
    assert row["prob_beyond_margin"] == np.mean(change < np.log(0.8))
    assert row["prob_improved"] == row["prob_below_1"] == np.mean(change < 0)
    assert row["prob_in_rope"] == np.mean((change > np.log(0.9)) & (change < np.log(1.2)))
    assert row["prob_non_inferior"] == np.mean(change < -np.log(0.8))
    upwards = fit.contrasts(margin=1.25).loc[("a", "1 / 0")]
    assert upwards["prob_improved"] == np.mean(change > 0)
    with pytest.raises(SpecError, match="above zero, such as 0.8"):
        fit.contrasts(margin=-3)
    with pytest.raises(SpecError, match="lower one first"):
        fit.contrasts(rope=(1.2, 0.9))
    with pytest.raises(SpecError, match="two limits of a region"):
        fit.contrasts(rope=1.2)
    with pytest.raises(SpecError, match="limit of a ratio is a number above zero.*got -0.1"):
        fit.contrasts(effect="ratio", rope=(-0.1, 0.1))


def test_the_spec_margin_is_one_of_the_familys_own_effect():
    fit = posterior("gamma", OUTCOMES["gamma"], margin=0.8)
    assert fit.contrasts()["prob_beyond_margin"].notna().all()
    assert fit.contrasts(effect="difference")["prob_beyond_margin"].isna().all()
    assert fit.contrasts(effect="link")["prob_beyond_margin"].isna().all()


def test_highest_density_intervals_are_the_shortest():
    fit = posterior("student", OUTCOMES["student"])
    found, tails = fit.contrasts(interval="hdi", level=0.8), fit.contrasts(level=0.8)
    assert found.attrs["interval"] == "80 % highest-density"
    draws = np.sort(fit.estimate.flat @ fit.hypothesis().L[0])
    width = min(draws[i + 31] - draws[i] for i in range(len(draws) - 31))
    np.testing.assert_allclose(found["upper"].iloc[0] - found["lower"].iloc[0], width)
    assert (found["upper"] - found["lower"] <= tails["upper"] - tails["lower"] + 1e-9).mean() > 0.5
    with pytest.raises(SpecError, match="'equal-tailed' or 'hdi'"):
        fit.means(interval="89")


def test_what_is_no_comparison_has_no_ratio():
    fit = posterior("poisson", OUTCOMES["poisson"], "y ~ arm * C(visit) + (1 | id)")
    with pytest.raises(HypothesisError, match="do not compare means"):
        fit.contrasts(kind="auc")
    assert len(fit.contrasts(kind="auc", effect="difference"))
    assert len(fit.contrasts(kind="incremental-auc"))


def test_a_gaussian_fit_is_what_it_was():
    fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy())
    plain, named = fit.contrasts(), fit.contrasts(effect="difference")
    pd.testing.assert_frame_equal(plain, named, check_frame_type=False)
    pd.testing.assert_frame_equal(plain, fit.contrasts(effect="link"), check_frame_type=False)
    with pytest.raises(HypothesisError, match="is not one of family"):
        fit.contrasts(effect="ratio")
    with pytest.raises(HypothesisError, match="scale takes"):
        fit.means(scale="log")
    with pytest.raises(HypothesisError, match="asked of a posterior"):
        fit.contrasts(rope=(-1, 1))
    with pytest.raises(HypothesisError, match="asked of a posterior"):
        fit.means(interval="hdi")
    with pytest.raises(EngineError, match="no outcomes with a probability"):
        fit.contrasts(outcome=1)
    with pytest.raises(EngineError, match="no parameters here"):
        fit.family_parameters()


def test_a_column_that_the_cells_leave_open_is_named():
    frame_time = "y ~ arm + (1 + x | id)"
    fit = posterior("bernoulli", OUTCOMES["bernoulli"], frame_time)
    with pytest.raises(HypothesisError, match="need a value of 'x'"):
        fit.means(by="arm")
    assert len(fit.means(by="arm", scale="link"))


@pytest.mark.parametrize("family", ["bernoulli", "beta", "cumulative_logit"])
def test_odds_ratios_for_one_subject_are_exp_of_link_contrasts(family):
    fit = posterior(family, OUTCOMES[family])
    asked = {"versus": "a", "factor": "arm", "by": "visit"}
    found, link = (
        fit.contrasts(**asked, effect="conditional-odds-ratio"),
        fit.contrasts(**asked, effect="link"),
    )
    for name in ("estimate", "lower", "upper"):
        np.testing.assert_allclose(found[name], np.exp(link[name]))
    np.testing.assert_array_equal(found["prob_below_1"], link["prob_negative"])
    assert found.attrs["effect"] == "conditional-odds-ratio"
    assert found.index.get_level_values("arm")[0] == "b / a"
    one = fit.contrasts(hypothesis="arm[T.b]", effect="conditional-odds-ratio")
    assert one["estimate"].item() == pytest.approx(np.exp(fit.coefficients().loc["arm[T.b]", "estimate"]))
    with pytest.raises(HypothesisError, match="is not one of family"):
        posterior("poisson", OUTCOMES["poisson"]).contrasts(effect="conditional-odds-ratio")


# Family parameters and coefficients.


def test_tables_of_the_family_and_of_the_hurdle():
    fit = posterior("hurdle_gamma", OUTCOMES["hurdle_gamma"], dispersion_by="visit")
    found = fit.family_parameters()
    assert list(found.index) == [f"coefficient of variation({visit})" for visit in (0, 1, 2)]
    draws = fit.estimate.flat_phi["coefficient of variation"]
    np.testing.assert_allclose(found["estimate"], draws.mean(axis=0))
    assert list(found.columns) == ["estimate", "se", "lower", "upper", "ess_bulk", "rhat", "mcse"]
    coefficients = fit.coefficients()
    zero = [name for name in coefficients.index if name.startswith("zero: ")]
    np.testing.assert_allclose(coefficients.loc[zero, "estimate"], fit.estimate.flat_zero.mean(axis=0))
    grades = posterior("cumulative_logit", OUTCOMES["cumulative_logit"])
    low = grades.design.family.lowest
    assert grades.family_parameters().index[0] == f"cutpoint {low}|{low + 1}"
    ends = posterior("ordered_beta", OUTCOMES["ordered_beta"]).family_parameters().index
    assert list(ends) == ["dispersion", "cutpoint 0|between", "cutpoint between|1"]
    assert "Fixed effects (log link, zero: logit of a zero, 95 % equal-tailed intervals)" in fit.summary()
    assert "The outcome's own distribution where it is above zero" in fit.summary()
    assert "coefficient of variation(1)" in fit.summary()
    assert "family: zero with a probability of its own" in fit.summary()
    assert "95 % equal-tailed" in fit.summary()


def test_a_dispersion_by_visit_moves_the_means_that_depend_on_it():
    fit = posterior("hurdle_lognormal", OUTCOMES["hurdle_lognormal"], dispersion_by="visit")
    means = OutcomeScale(fit.design, fit.estimate).means(fit._means(None, None, "equal"))[0, 0]
    _, eta, theta, phi = cells_of(fit, 0)
    G = np.array([[theta[0], theta[1]], [theta[1], theta[2]]])
    for i, visit in enumerate((0, 1, 2)):
        sd = phi["residual sd"][visit]
        expected = by_two_dimensions(
            lambda x, z, s=sd: expit(-z) * np.exp(x + s**2 / 2), (eta[0][i], eta[1][i]), G
        )
        np.testing.assert_allclose(means[i], expected, rtol=INTEGRAL)


# Simulated outcomes.

MANY = 600
"""Data sets; their means are compared in units of their own Monte Carlo error."""


def test_simulated_outcomes_are_those_of_new_subjects(fit):
    """Their means are the marginal ones, their pairs within a subject are correlated."""
    simulated = fit.simulate(MANY, seed=2)
    assert simulated.shape == (N, MANY)
    pd.testing.assert_frame_equal(simulated.iloc[:, :3], fit.simulate(MANY, seed=2).iloc[:, :3])
    if fit.design.family.keyword == "student":
        return  # these draws have less than one degree of freedom, hence no means
    expected = OutcomeScale(fit.design, fit.estimate).cells(fit.design.fixed.frame).mean(axis=0)
    error = simulated.std(axis=1) / np.sqrt(MANY)
    assert np.abs((simulated.mean(axis=1) - expected) / error).max() < 5


def test_simulated_lognormal_outcomes_are_on_their_own_scale():
    fit = posterior("lognormal", np.exp(RNG.normal(size=N)), "y ~ arm * C(visit) + (1 | id)")
    simulated = fit.simulate(MANY, seed=2)
    expected = np.exp((fit.estimate.flat @ fit.design.fixed.X.T).mean(axis=0))
    np.testing.assert_allclose(simulated.median(axis=1), expected, rtol=0.25)
