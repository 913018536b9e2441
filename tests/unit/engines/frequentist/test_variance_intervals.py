"""Intervals of covariance parameters: against brute force, and against themselves in other units."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2

import msclong as ml
from msclong.engines.frequentist.bootstrap import MomentSampler, bootstrap
from msclong.engines.frequentist.maximum_likelihood import maximum_likelihood
from msclong.engines.frequentist.progress import Progress
from msclong.engines.frequentist.variance_functions import variance_functions
from msclong.errors import ConvergenceWarning, EngineError, HypothesisError, SpecError
from msclong.likelihood.gls import generalised_least_squares
from msclong.results.fit import Fit
from parity.reference import frame

# The deviance at a limit, where SLSQP (derivatives by differences) stops at about 1e-6.
DEVIANCE = 1e-4
# Limits are found to 1e-9 of the way from the estimate.
LIMIT = 1e-7

CASES = {
    "slope": ("sleepstudy", "Reaction ~ Days + (1 + Days | Subject)"),
    "us": ("orthodont", "distance ~ age * Sex + us(age | Subject)"),
    "toeph": ("orthodont", "distance ~ age * Sex + toeph(age | Subject)"),
    "range": ("orthodont", "distance ~ age * Sex + sp_exp(age | Subject)"),
    "groups": ("orthodont", "distance ~ age * Sex + cs(age | Sex / Subject)"),
}


@cache
def fitted(name: str, method: str = "reml") -> Fit:
    data, formula = CASES[name]
    return ml.fit(formula, frame(data), engine=ml.Frequentist(method=method, ddf="satterthwaite"))


def profile(fit: Fit, **options: object) -> pd.DataFrame:
    return ml.variance_intervals(fit, progress=False, **options)


def brute_force_deviance(fit: Fit, name: str, value: float) -> float:
    """The deviance at `name` = value, with everything else maximised by SLSQP in working coordinates."""
    reml = fit.engine.method == "reml"
    found = maximum_likelihood(fit.design, reml)
    structure, optimum = found.there.structure, found.optimum
    factor = fit.design.structure.scale(np.ones(structure.n_parameters), found.standardised.scale)
    function = {f.name: f for f in variance_functions(fit.design.structure)}[name]

    def at(w: np.ndarray) -> float:
        return function.shown(function.value(factor * (found.there.theta @ structure.working.to_theta(w))))

    def criterion(w: np.ndarray) -> float:
        gls = generalised_least_squares(structure, structure.working.to_theta(w), found.moments)
        return 1e6 if gls is None else gls.minus2(reml)

    size = 1 / np.sqrt(np.diag(optimum.hessian))
    unit = abs(value - at(optimum.w))
    rest = minimize(
        lambda u: criterion(optimum.w + size * u),
        np.zeros(size.size),
        method="SLSQP",
        constraints={"type": "eq", "fun": lambda u: (at(optimum.w + size * u) - value) / unit},
        options={"ftol": 1e-12, "maxiter": 1000},
    )
    assert abs(at(optimum.w + size * rest.x) - value) < 1e-6 * unit
    return float(rest.fun - optimum.gls.minus2(reml))


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("name", CASES)
def test_profile_limits_by_brute_force(name, method):
    fit = fitted(name, method)
    names = [function.name for function in variance_functions(fit.design.structure)]
    table = profile(fit, parameters=[names[0], names[1], names[-1]])
    for parameter in table.index:
        for limit in table.loc[parameter, ["lower", "upper"]]:
            assert brute_force_deviance(fit, parameter, limit) == pytest.approx(
                chi2.ppf(0.95, 1), abs=DEVIANCE
            )


def wald(name: str) -> pd.DataFrame:
    return ml.variance_intervals(fitted(name), "wald")


def test_what_is_read_from_the_parameters():
    assert list(wald("slope").index[4:]) == [
        "sd(Intercept)",
        "sd(Days)",
        "residual sd",
        "correlation(Days, Intercept)",
    ]
    groups = wald("groups")
    assert {"covariance | Female", "residual sd | Male"} <= set(groups.index)
    ranges = wald("range")
    assert list(ranges.index) == ["variance", "range", "sd"]
    for table in (wald("us"), groups, ranges):
        assert (table["lower"] < table["estimate"]).all()
        assert (table["estimate"] < table["upper"]).all()
    us = fitted("us")
    correlation = us.covariance.correlation
    assert profile(us, parameters=["correlation(10, 8)"])["estimate"].iloc[0] == pytest.approx(
        correlation.iloc[1, 0]
    )


def test_a_variance_and_its_root_have_one_profile():
    table = profile(fitted("slope"))
    np.testing.assert_allclose(
        table.loc["variance(Days)", ["lower", "upper"]],
        table.loc["sd(Days)", ["lower", "upper"]] ** 2,
        rtol=LIMIT,
    )


@pytest.mark.parametrize("method", ["profile", "wald"])
@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_units_do_not_matter(method, unit):
    data = ml.datasets.sleepstudy()
    formula = CASES["slope"][1]
    fits = [ml.fit(formula, data), ml.fit(formula, data.assign(Reaction=unit * data["Reaction"]))]
    one, other = (ml.variance_intervals(fit, method, progress=False) for fit in fits)
    factor = np.array([unit**2] * 4 + [unit] * 3 + [1.0])
    np.testing.assert_allclose(other, one.to_numpy() * factor[:, None], rtol=1e-6)


def test_limits_at_the_bounds():
    """No variance between batches at all: an estimate of zero, a lower limit of zero, an upper one that is not."""
    data = pd.DataFrame({"batch": np.repeat(range(6), 5), "y": np.tile([1.0, 2.0, 3.0, 4.0, 5.0], 6)})
    data["y"] += 0.1 * np.sin(np.arange(30))
    with pytest.warns(ConvergenceWarning, match="boundary"):
        fit = ml.fit("y ~ 1 + (1 | batch)", data)
    table = profile(fit)
    lower, upper = table.loc["sd(Intercept)", ["lower", "upper"]]
    assert lower == 0
    assert brute_force_upper(fit, upper) == pytest.approx(chi2.ppf(0.95, 1), abs=DEVIANCE)
    assert np.isnan(ml.variance_intervals(fit, "wald").loc["sd(Intercept)", "lower"])
    # Orthodont: the slopes' variance may be zero, and then its correlation with the intercepts is anything.
    slopes = ml.fit("distance ~ age * Sex + (1 + age | Subject)", frame("orthodont"))
    table = profile(slopes)
    assert table.loc["sd(age)", "lower"] == 0
    assert list(table.loc["correlation(age, Intercept)", ["lower", "upper"]]) == [-1, 1]


def brute_force_upper(fit: Fit, sd: float) -> float:
    """The deviance of a given standard deviation between batches, over a fine grid of residual variances."""

    def minus2(between: float, within: float) -> float:
        return generalised_least_squares(
            fit.design.structure, np.array([between, within]), fit.design.moments
        ).minus2_reml

    residual = fit.covariance.residual_variance
    least = min(minus2(sd**2, residual * ratio) for ratio in np.linspace(0.5, 1.5, 4001))
    return least + 2 * fit.loglik


def test_wald_limits_are_those_of_sas():
    fit = fitted("slope")
    table = ml.variance_intervals(fit, "wald", level=0.9)
    estimate, se = fit.covariance.parameters.loc["variance(Days)", ["estimate", "se"]]
    df = 2 * (estimate / se) ** 2
    expected = df * estimate / chi2.ppf([0.95, 0.05], df)
    np.testing.assert_allclose(table.loc["variance(Days)", ["lower", "upper"]], expected, rtol=1e-6)
    estimate, se = fit.covariance.parameters.loc["covariance(Days, Intercept)", ["estimate", "se"]]
    half = (table.loc["covariance(Days, Intercept)", "upper"] - estimate) / se
    assert half == pytest.approx(1.6448536, rel=1e-6)


@pytest.mark.parametrize("name", ["slope", "us"])
def test_bootstrap_moments_have_the_moments_of_the_model(name):
    """Patterns of few subjects keep their rows, patterns of many are drawn as roots: both give E[y'y], E[X'y y'X]."""
    data, formula = CASES[name]
    table = frame(data)
    if name == "us":  # more subjects than t q: the moments are kept as a root
        copies = [table.assign(Subject=table["Subject"].astype(str) + str(i)) for i in range(3)]
        table = pd.concat(copies, ignore_index=True)
        table["distance"] += np.random.default_rng(2).normal(size=len(table))
    found = maximum_likelihood(ml.fit(formula, table).design, reml=True)
    sampler, rng = MomentSampler.of(found), np.random.default_rng(1)
    block = found.moments.blocks[0]
    sigma = found.there.structure.sigma(found.optimum.gls.theta, block.coords)[0]
    totals, draws = 0.0, 2000
    for _ in range(draws):
        moments = sampler.draw(rng)
        assert moments.n_obs == found.moments.n_obs
        rows = moments.blocks[0].rows
        totals += np.einsum("ra,rb->ab", rows[:, :, -1], rows[:, :, -1])
    np.testing.assert_allclose(
        totals / draws / block.n[0], sigma, atol=5 * np.abs(sigma).max() / np.sqrt(draws * 18)
    )
    X, new = found.moments.blocks[0].rows[..., :-1], moments.blocks[0].rows[..., :-1]
    np.testing.assert_allclose(
        np.einsum("rap,rbq->apbq", new, new), np.einsum("rap,rbq->apbq", X, X), atol=1e-10
    )


def test_bootstrap_intervals():
    fit = fitted("slope")
    one, again = (ml.variance_intervals(fit, "bootstrap", n=100, seed=4, progress=False) for _ in range(2))
    pd.testing.assert_frame_equal(one, again)
    assert (one["replicates"] == 100).all()
    # sigma^2 is a multiple of chi-squared(18 x 8); the percentiles are those, within their Monte Carlo error.
    exact = fit.covariance.residual_variance * chi2.ppf([0.025, 0.975], 144) / 144
    np.testing.assert_allclose(one.loc["residual variance", ["lower", "upper"]], exact, rtol=0.1)


def test_failed_refits_are_told(monkeypatch):
    import msclong.engines.frequentist.bootstrap as module

    real, calls = module.maximise, []

    def sometimes(*arguments: object) -> object:
        calls.append(1)
        if len(calls) % 5 == 0:
            raise ml.errors.ConvergenceError("no")
        return real(*arguments)

    monkeypatch.setattr(module, "maximise", sometimes)
    with pytest.warns(ConvergenceWarning, match="2 of 10 bootstrap refits did not converge"):
        table = ml.variance_intervals(fitted("slope"), "bootstrap", n=10, seed=1, progress=False)
    assert (table["replicates"] == 8).all()

    def never(*arguments: object) -> object:
        raise ml.errors.ConvergenceError("no maximum")

    monkeypatch.setattr(module, "maximise", never)
    found = maximum_likelihood(fitted("slope").design, reml=True)
    with pytest.raises(
        ml.errors.ConvergenceError, match="None of 3 bootstrap refits converged; .* no maximum"
    ):
        bootstrap(found, True, 3, None, False)


def test_the_bar_counts_to_the_end(capsys):
    with Progress("refits", 3, shown=True) as bar:
        for _ in range(3):
            bar.advance()
    assert capsys.readouterr().err.splitlines()[-1].rstrip().endswith(f"refits [{'#' * 30}] 3/3")
    with Progress("refits", 3) as bar:
        bar.advance()
    assert capsys.readouterr().err == ""


def test_impossible_wishes():
    fit = fitted("slope")
    with pytest.raises(SpecError, match="method takes"):
        ml.variance_intervals(fit, "likelihood")
    with pytest.raises(SpecError, match="level must lie"):
        ml.variance_intervals(fit, level=95)
    with pytest.raises(SpecError, match="n=2 or more"):
        ml.variance_intervals(fit, "bootstrap", n=1)
    with pytest.raises(HypothesisError, match="no parameter 'sd'; it has variance"):
        ml.variance_intervals(fit, parameters=["sd"])
    other = ml.fit(CASES["slope"][1], frame("sleepstudy"), engine=ml.StatsmodelsMixedLM())
    with pytest.raises(EngineError, match="by StatsmodelsMixedLM"):
        ml.variance_intervals(other)
