"""Priors that a spec states by name: exactly that, and nothing else moves."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp, ndtr
from scipy.stats import halfnorm, kstest, lognorm, multivariate_normal, t

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.bayesian.gaussian.collapsed import collapse
from msclong.engines.bayesian.gaussian.collapsed_batch import collapsed_batch
from msclong.engines.bayesian.gaussian.gaussian_posterior import gaussian_posterior
from msclong.engines.bayesian.priors.conditional_priors import conditional_priors
from msclong.engines.bayesian.priors.model_priors import model_priors
from msclong.engines.bayesian.priors.prior_predictive import coefficient_draws, theta_draws
from msclong.errors import SpecError
from msclong.likelihood.standardised import standardise

SLOPE = "Reaction ~ Days + (1 + Days | Subject)"
US = "Reaction ~ C(Days) + us(Days | Subject)"
MEAN = "mean outcome (intercept at the covariates' means)"
EXACT = 1e-9
"""Relative: closed forms of the same integral."""

ALMOST_NEVER = 1e-4
"""Share of correct runs that a Kolmogorov-Smirnov test with fixed seed would refuse."""


def design_of(formula=SLOPE, **priors):
    table = ml.datasets.sleepstudy()
    spec = ml.ModelSpec(formula, priors=ml.Priors(outcome_scale=50, **priors))
    return build_design(spec, long_data(spec, table[table["Days"] < 4] if formula == US else table))


def draws_of(design, n=4000):
    priors, rng = model_priors(design), np.random.default_rng(1)
    return coefficient_draws(priors.components, n, rng), theta_draws(priors.covariance, n, rng)


def test_a_named_coefficient_has_exactly_its_prior():
    mixture = ml.Mixture([(0.7, ml.Normal(-2, 1)), (0.3, ml.Normal(10, 4))])
    beta, _ = draws_of(design_of(coefficients={"Days": mixture, "Intercept": ml.Normal(250, 20)}))
    assert kstest((beta[:, 0] - 250) / 20, "norm").pvalue > ALMOST_NEVER
    of_mixture = kstest(beta[:, 1], lambda x: 0.7 * ndtr(x + 2) + 0.3 * ndtr((x - 10) / 4))
    assert of_mixture.pvalue > ALMOST_NEVER


def test_the_others_keep_their_default():
    default = model_priors(design_of()).coefficients
    named = model_priors(design_of(coefficients={"Days": ml.Normal(-2, 1)})).coefficients
    np.testing.assert_array_equal(named.K, default.K)
    assert (named.location[0], named.sd[0]) == (default.location[0], default.sd[0])


def test_the_intercept_goes_by_either_name():
    at_means = model_priors(design_of(coefficients={MEAN: ml.Normal(300, 9)})).coefficients
    at_zero = model_priors(design_of(coefficients={"Intercept": ml.Normal(300, 9)})).coefficients
    assert at_means.K[0] == pytest.approx([1, 4.5])
    assert at_zero.K[0] == pytest.approx([1, 0])
    assert at_zero.names[0] == "Intercept"
    with pytest.raises(SpecError, match=r"states the intercept twice.*keep one"):
        model_priors(design_of(coefficients={MEAN: ml.Normal(300, 9), "Intercept": ml.Normal(300, 9)}))


def test_named_standard_deviations_have_exactly_their_prior():
    stated = {"sd(1)": ml.HalfNormal(7), "sd(2)": ml.LogNormal(30, 0.4), "sd(3)": ml.HalfT(5, 20)}
    design = design_of(US, sds=stated)
    _, theta = draws_of(design)
    sd = {
        name: np.sqrt(theta[:, design.structure.parameter_names.index(f"variance({name})")])
        for name in range(4)
    }
    assert kstest(sd[0], lambda x: 2 * t.cdf(x / 50, 3) - 1).pvalue > ALMOST_NEVER
    assert kstest(sd[1], halfnorm(scale=7).cdf).pvalue > ALMOST_NEVER
    assert kstest(sd[2], lognorm(0.4, scale=30).cdf).pvalue > ALMOST_NEVER
    assert kstest(sd[3], lambda x: 2 * t.cdf(x / 20, 5) - 1).pvalue > ALMOST_NEVER


def test_split_standard_deviations_still_make_the_structure_and_back():
    priors = model_priors(design_of(US, sds={"sd(2)": ml.HalfNormal(7)})).covariance
    values = {v.name: v.draw(5, np.random.default_rng(2)) for v in priors.variables}
    theta = np.stack([priors.theta({k: v[i] for k, v in values.items()}, np) for i in range(5)])
    found = priors.values(theta)
    assert found.keys() == values.keys()
    for name, value in values.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-12)


def test_a_named_correlation_matrix_is_lkj_with_its_eta():
    variables = model_priors(
        design_of(US, correlations={"correlation matrix": ml.LKJ(7)})
    ).covariance.variables
    expected = model_priors(design_of(US, correlation_eta=7)).covariance.variables
    assert variables[1] == expected[1]


def test_a_single_correlation_and_a_range():
    formula = "Reaction ~ Days + (1 | Subject) + {}(Days | Subject)"
    table = model_priors(design_of(formula.format("ar1"), correlations={"correlation": ml.LKJ(3)})).table()
    assert table["prior"]["correlation"] == "Beta(3, 3) on (-1, 1)"
    table = model_priors(design_of(formula.format("sp_exp"), ranges={"range": ml.LogNormal(2, 0.5)})).table()
    assert table["prior"]["range"] == "log-normal(log 2, 0.5)"


def test_a_name_that_stands_for_several_sets_them_all():
    table = ml.datasets.sleepstudy().assign(ward=lambda frame: frame["Subject"].astype(int) % 3)
    spec = ml.ModelSpec(
        "Reaction ~ Days + (1 + Days | ward / Subject)",
        priors=ml.Priors(correlations={"correlation matrix": ml.LKJ(9)}),
    )
    shown = model_priors(build_design(spec, long_data(spec, table))).table()
    assert shown.loc["correlation matrix", "prior"].tolist() == ["LKJ(9)", "LKJ(9)"]


def test_the_table_shows_what_was_stated():
    mixture = ml.Mixture([(0.8, ml.Normal(-2, 0.5)), (0.2, ml.Normal(0, 5))])
    design = design_of(coefficients={"Days": mixture}, sds={"residual sd": ml.HalfNormal(20)})
    prior = model_priors(design).table()["prior"]
    assert prior["Days"] == "0.8 Normal(-2, 0.5) + 0.2 Normal(0, 5)"
    assert prior["residual sd"] == "half-normal(20)"
    assert prior["sd(Intercept) at the covariates' means"] == "half-Student-t(3, 0, 50)"


@pytest.mark.parametrize(
    ("priors", "message"),
    [
        (
            {"coefficients": {"days": ml.Normal(0, 1)}},
            r"names 'days', which this model does not have; near names are 'Days'",
        ),
        (
            {"sds": {"residual": ml.HalfNormal(1)}},
            r"Priors.sds names 'residual'.*near names are 'residual sd'",
        ),
        ({"correlations": {"rho": ml.LKJ(1)}}, r"the names are 'correlation matrix'"),
        ({"ranges": {"range": ml.LogNormal(1, 1)}}, r"it has no such parameters"),
    ],
)
def test_an_unknown_name_is_refused_with_near_ones(priors, message):
    with pytest.raises(SpecError, match=message):
        model_priors(design_of(**priors))


def test_too_many_combinations_are_refused():
    several = ml.Mixture([(0.1, ml.Normal(i, 1)) for i in range(10)])
    with pytest.raises(SpecError, match=r"have 100 combinations, of which 64 at most"):
        model_priors(design_of(coefficients={"Days": several, "Intercept": several}))


MIXTURES = {
    "Days": ml.Mixture([(0.7, ml.Normal(-2, 1)), (0.3, ml.Normal(10, 4))]),
    "Intercept": ml.Mixture([(0.5, ml.Normal(250, 5)), (0.5, ml.Normal(200, 30))]),
}


def dense_log_likelihoods(design, theta):
    """log w_c + log p(y | theta, component c) from normal densities of all of y, for each component."""
    X, y = design.fixed.X, design.y
    V = np.zeros((len(y), len(y)))
    for subject in np.unique(design.subject):
        rows = np.flatnonzero(design.subject == subject)
        V[np.ix_(rows, rows)] = design.structure.sigma(theta, design.coords[rows][None])[0]
    found = []
    for w1, days in MIXTURES["Days"]:
        for w2, intercept in MIXTURES["Intercept"]:
            mean, B = np.array([intercept.mean, days.mean]), np.diag([intercept.sd**2, days.sd**2])
            found.append(np.log(w1 * w2) + multivariate_normal(X @ mean, V + X @ B @ X.T).logpdf(y))
    return np.array(found)


def test_the_mixture_of_collapsed_likelihoods_is_the_integral_over_beta():
    design = design_of(coefficients=MIXTURES)
    standardised = standardise(design.moments)
    parts = model_priors(design).prior_rows(standardised)
    lower = np.tril_indices(3)
    thetas = np.array([[600.0, 10, 35, 650], [400.0, -20, 50, 900]])
    there = np.array([design.structure.scale(theta, 1 / standardised.scale) for theta in thetas]).T
    found = collapsed_batch(
        design.structure,
        there,
        collapse(standardised.moments, parts[0][1]),
        [(rows.T @ rows)[lower] for _, rows in parts],
    )
    weighted = found.log_likelihood + np.array([weight for weight, _ in parts])[:, None]
    expected = np.stack([dense_log_likelihoods(design, theta) for theta in thetas], axis=1)
    np.testing.assert_allclose(
        weighted - logsumexp(weighted), expected - logsumexp(expected), rtol=EXACT, atol=EXACT
    )


def test_the_pymc_model_sums_over_the_same_components():
    from pytensor.compile.mode import Mode

    from msclong.engines.bayesian.gaussian.beta_priors import BetaPriors
    from msclong.engines.bayesian.gaussian.theta_model import theta_model

    posterior = gaussian_posterior(design_of(coefficients=MIXTURES))
    args = posterior.structure, posterior.priors.covariance, posterior.moments, posterior.standardised.scale

    def log_density(beta_priors):
        model = theta_model(*args, beta_priors)
        at = {v.name: np.full(v.type.shape, 0.3) for v in model.value_vars}
        return float(model.compile_logp(mode=Mode(linker="py", optimizer=None))(at))

    weights, squares = posterior.log_weights, posterior.squares
    singly = [log_density(BetaPriors(weights[[c]], squares[[c]])) for c in range(len(weights))]
    assert log_density(posterior.beta_priors) == pytest.approx(logsumexp(singly), rel=EXACT)


def test_a_robust_mixture_gives_way_where_the_data_contradict_it():
    """Posterior of one mean by integration on a grid of its sd: known weights, means and a bimodal density."""
    rng = np.random.default_rng(4)
    y = rng.normal(1.0, 2.0, 24).reshape(8, 3)
    table = pd.DataFrame({"id": np.repeat(np.arange(8), 3), "visit": np.tile(range(3), 8), "y": y.ravel()})
    prior = ml.Mixture([(0.8, ml.Normal(-2, 0.5)), (0.2, ml.Normal(0, 5))])
    spec = ml.ModelSpec(
        "y ~ 1 + homdiag(visit | id)",
        priors=ml.Priors(coefficients={"Intercept": prior}, sds={"sd (every visit)": ml.HalfNormal(3)}),
    )
    fit = ml.fit(spec, table, engine=ml.Bayesian(seed=1, sampler="importance"))
    sd = np.linspace(0.5, 8, 3000)
    n, mean = y.size, y.mean()
    log_weight, component_mean = [], []
    for weight, normal in prior:
        error = np.sqrt(sd**2 / n + normal.sd**2)
        log_likelihood = (
            -(n - 1) * np.log(sd) - ((y - mean) ** 2).sum() / (2 * sd**2)
            - np.log(error) - ((mean - normal.mean) / error) ** 2 / 2
        )  # fmt: skip
        log_weight.append(np.log(weight) + log_likelihood + halfnorm.logpdf(sd, scale=3))
        precision = n / sd**2 + 1 / normal.sd**2
        component_mean.append((n * mean / sd**2 + normal.mean / normal.sd**2) / precision)
    w = np.exp(np.array(log_weight) - np.max(log_weight))
    expected = (w * component_mean).sum() / w.sum()
    row = fit.coefficients().loc["Intercept"]
    assert abs(row["estimate"] - expected) < 4 * row["mcse"]
    assert w.sum(axis=1)[0] / w.sum() < 0.5 < 0.8  # the vague component has taken over


def skewed(**priors):
    """A design with a dispersion for each visit, and one with a hurdle."""
    rng = np.random.default_rng(6)
    table = pd.DataFrame(
        {"id": np.repeat(np.arange(8), 3), "visit": np.tile(range(3), 8), "y": rng.gamma(2, 1, 24)}
    )
    spec = ml.ModelSpec(
        "y ~ C(visit) + (1 | id)",
        family="gamma",
        dispersion_by="visit",
        visit="visit",
        priors=ml.Priors(**priors),
    )
    return build_design(spec, long_data(spec, table))


def test_a_familys_dispersion_is_named_too():
    name = "coefficient of variation"
    default = conditional_priors(skewed()).family.variables[0]
    assert default.labels == tuple(f"{name} | {visit}" for visit in range(3))
    stated = {label: ml.HalfNormal(0.5 + i) for i, label in enumerate(default.labels)}
    (variable,) = conditional_priors(skewed(sds=stated)).family.variables
    assert [variable.text(i) for i in range(3)] == [
        "half-normal(0.5)",
        "half-normal(1.5)",
        "half-normal(2.5)",
    ]
    with pytest.raises(SpecError, match=r"distributions of several kinds.*state one kind"):
        conditional_priors(skewed(sds={default.labels[1]: ml.HalfNormal(1)}))


def test_names_that_a_conditional_model_does_not_have_are_refused():
    with pytest.raises(SpecError, match=r"sds names 'dispersion'"):
        conditional_priors(skewed(sds={"dispersion": ml.HalfNormal(1)}))
    with pytest.raises(SpecError, match=r"coefficients names 'zero: Intercept'"):
        conditional_priors(skewed(coefficients={"zero: Intercept": ml.Normal(0, 1)}))


@pytest.mark.slow
def test_importance_sampling_and_nuts_agree_under_named_priors():
    mixture = ml.Mixture([(0.9, ml.Normal(5, 2)), (0.1, ml.Normal(0, 20))])
    priors = ml.Priors(
        outcome_scale=50,
        coefficients={"Days": mixture, "Intercept": ml.Normal(240, 5)},
        sds={"residual sd": ml.HalfNormal(20), "sd(Days)": ml.LogNormal(6, 0.5)},
        correlations={"correlation matrix": ml.LKJ(8)},
    )
    spec, table = ml.ModelSpec(SLOPE, priors=priors), ml.datasets.sleepstudy()
    one, two = (
        ml.fit(spec, table, engine=ml.Bayesian(seed=1, draws=2000, sampler=sampler))
        for sampler in ("importance", "nuts")
    )
    for a, b in (
        (one.coefficients(), two.coefficients()),
        (one.covariance.parameters, two.covariance.parameters),
    ):
        assert (np.abs(a["estimate"] - b["estimate"]) < 4 * np.hypot(a["mcse"], b["mcse"])).all()
        np.testing.assert_allclose(a["se"], b["se"], rtol=0.07)
