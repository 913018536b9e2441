"""The PyMC model of a conditional design against densities written by hand, interpreted: nothing is compiled."""

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from pytensor.compile.mode import Mode
from scipy import stats
from scipy.special import expit

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.bayesian.conditional.conditional_model import conditional_data, conditional_model
from msclong.engines.bayesian.priors.conditional_priors import conditional_priors
from msclong.engines.bayesian.priors.covariance_variables import StretchedBeta
from msclong.families.arrays import NUMPY

INTERPRETED = Mode(linker="py", optimizer=None)

NEUTRAL = {StretchedBeta: 0.5}
"""What an unconstrained zero stands for, where it is not one."""

EXACT = 1e-9
"""Relative to log densities of some hundreds: sums of a hundred terms."""


def table(n=12, visits=4):
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"id": np.repeat(np.arange(n), visits), "t": np.tile(np.arange(visits), n)})
    frame["x"] = np.repeat(rng.normal(size=n), visits)
    eta = 0.3 * frame["t"] - 0.5 * frame["x"] + np.repeat(rng.normal(size=n), visits)
    size = len(frame)
    frame["yes"] = (rng.random(size) < expit(eta)).astype(float)
    frame["grade"] = np.clip(np.round(eta + rng.normal(size=size)), 0, 3)
    frame["count"] = rng.poisson(np.exp(eta)).astype(float)
    frame["flow"] = np.where(rng.random(size) < 0.3, 0, rng.gamma(2, np.exp(eta)))
    frame["level"] = 3 + eta + rng.normal(size=size)
    frame["exposure"] = rng.normal(size=size)
    return frame.drop(index=[3, 17])  # missing visits


def parts(formula, family, frame=None, **fields):
    spec = ml.ModelSpec(formula, family=family, **fields)
    design = build_design(spec, long_data(spec, table() if frame is None else frame))
    priors = conditional_priors(design)
    return design, priors, conditional_data(design, priors)


def log_posterior(data):
    """The model's log density as a function of its unconstrained values, without Jacobians; and their shapes."""
    with conditional_model(data) as model:
        evaluate = model.compile_logp(jacobian=False, mode=INTERPRETED)
    return evaluate, {v.name: v.type.shape for v in model.value_vars}


def half_t(x, scale):
    return stats.t(3, scale=scale).logpdf(x).sum() + len(np.atleast_1d(x)) * np.log(2)


def normal_prior(beta, components):
    prior = components[0][1]
    # Without the constant of the normal density, which the model leaves out.
    return (
        stats.norm(prior.location, prior.sd).logpdf(prior.K @ beta).sum() + len(beta) * np.log(2 * np.pi) / 2
    )


def covariance(sd, partial):
    """Of two effects: the partial correlation is the correlation."""
    return np.outer(sd, sd) * np.array([[1, partial], [partial, 1]])


def correlated(design, values, z):
    """Two effects of each row's subject, and the log prior of their covariance and z, LKJ(2)."""
    sd, share = np.exp(values["sd_log__"]), expit(values["partial_logodds__"])
    effects = z @ np.linalg.cholesky(covariance(sd, 2 * share[0] - 1)).T
    return effects, sd, stats.norm.logpdf(z).sum() + stats.beta(2, 2).logpdf(share).sum()


def bernoulli(design, priors, data, values):
    beta = data.coefficients[0].origin + data.coefficients[0].back @ values["coefficients of X"]
    sd, z = np.exp(values["sd_log__"]), values["z"]
    eta = design.fixed.X @ beta + (sd * z[:, 0])[design.subject]
    return (
        normal_prior(beta, priors.coefficients[0])
        + half_t(sd, 1.0)
        + stats.norm.logpdf(z).sum()
        + stats.bernoulli(expit(eta)).logpmf(design.y).sum()
    )


def cumulative(design, priors, data, values):
    beta = data.coefficients[0].origin + data.coefficients[0].back @ values["coefficients of X"]
    effects, sd, log_prior = correlated(design, values, values["z"])
    Z = design.coords - [0, design.coords[:, 1].mean()]
    per = np.array([1, Z[:, 1].std()])
    fixed = design.fixed.X @ beta
    eta = fixed + (effects[design.subject] * Z).sum(axis=1)
    u = values["cutpoint_ordered__"]
    cut = np.cumsum(np.r_[u[0], np.exp(u[1:])])
    below = expit(np.r_[-np.inf, cut + fixed.mean(), np.inf] - eta[:, None])
    y = design.y.astype(int)
    rows = np.arange(len(y))
    return (
        normal_prior(beta, priors.coefficients[0])
        + half_t(sd * per, 1.0)
        + np.log(per).sum()
        + log_prior
        + stats.logistic.logpdf(cut).sum()
        + np.log(below[rows, y + 1] - below[rows, y]).sum()
    )


def negative_binomial(design, priors, data, values):
    beta = data.coefficients[0].origin + data.coefficients[0].back @ values["coefficients of X"]
    effects, sd, log_prior = correlated(design, values, values["z"])
    cv = np.exp(values["coefficient of variation of the rate_log__"])[0]
    visit = design.fixed.frame["t"].to_numpy()
    mu = np.exp(design.fixed.X @ beta + design.offset + effects[design.subject, visit])
    return (
        normal_prior(beta, priors.coefficients[0])
        + half_t(sd, 1.0)
        + log_prior
        + half_t(cv, 1.0)
        + stats.nbinom(cv**-2, 1 / (1 + cv**2 * mu)).logpmf(design.y).sum()
    )


def hurdle_gamma(design, priors, data, values):
    beta, zero = (
        part.origin + part.back @ values[name]
        for part, name in zip(
            data.coefficients, ("coefficients of X", "coefficients of X of zero"), strict=True
        )
    )
    effects, sd, log_prior = correlated(design, values, values["z"])
    cv = np.exp(values["coefficient of variation_log__"])[0]
    b = effects[design.subject]
    mean = np.exp(design.fixed.X @ beta + b[:, 0])
    none = expit(design.zero.X @ zero + b[:, 1])
    y = design.y
    positive = stats.gamma(cv**-2, scale=cv**2 * mean).logpdf(np.where(y > 0, y, 1))
    return (
        normal_prior(beta, priors.coefficients[0])
        + normal_prior(zero, priors.coefficients[1])
        + half_t(sd, 1.0)
        + log_prior
        + half_t(cv, 1.0)
        + np.where(y == 0, np.log(none), np.log1p(-none) + positive).sum()
    )


TWO_VISITS = table().query("t < 2")

BY_HAND = {
    "bernoulli": (bernoulli, "yes ~ t + x + (1 | id)", None, {}),
    "cumulative_logit": (cumulative, "grade ~ t + x + (1 + t | id)", None, {}),
    "negative_binomial": (
        negative_binomial,
        "count ~ t + x + us(t | id)",
        TWO_VISITS,
        {"offset": "exposure"},
    ),
    "hurdle_gamma": (hurdle_gamma, "flow ~ t + x + (1 | id)", None, {"hurdle": "t"}),
}


@pytest.mark.parametrize("family", BY_HAND)
def test_log_posterior_is_the_one_written_by_hand(family):
    by_hand, formula, frame, fields = BY_HAND[family]
    design, priors, data = parts(formula, family, frame, **fields)
    evaluate, shapes = log_posterior(data)
    rng = np.random.default_rng(5)
    for _ in range(3):
        values = {name: rng.normal(0, 0.5, shape) for name, shape in shapes.items()}
        expected = by_hand(design, priors, data, values)
        assert float(evaluate(values)) == pytest.approx(expected, rel=EXACT)


OUTCOMES = {
    "student": "level",
    "gamma": "weight",
    "hurdle_lognormal": "flow",
    "beta": "share",
    "ordered_beta": "mark",
    "binomial": "grade",
    "poisson": "count",
    "cumulative_probit": "grade",
    "gaussian": "level",
    "lognormal": "weight",
}


@pytest.mark.parametrize("family", OUTCOMES)
def test_likelihood_is_that_of_the_family(family):
    frame = table()
    rng = np.random.default_rng(8)
    frame["weight"] = np.exp(frame["level"] / 3)
    frame["share"] = rng.uniform(0.1, 0.9, len(frame))
    frame["mark"] = np.where(frame["grade"] == 3, 1.0, np.where(frame["grade"] == 0, 0.0, frame["share"]))
    frame["n"] = 3.0
    frame["side"] = rng.choice(["none", "left", "right", "interval"], len(frame))
    frame["end"] = frame[OUTCOMES[family]] + 0.5
    censored = {"censored": "side", "censored_upper": "end"} if family in ("gaussian", "lognormal") else {}
    fields = {**censored, **({"trials": "n"} if family == "binomial" else {})}
    design, priors, data = parts(f"{OUTCOMES[family]} ~ t + (1 | id)", family, frame, **fields)
    with conditional_model(data) as model:
        evaluate = model.compile_logp(vars=[model["log likelihood"]], mode=INTERPRETED)
    at = {v.name: np.zeros(v.type.shape) for v in model.value_vars}
    parameters = {
        v.name: v.natural(np.full(len(v.labels), NEUTRAL.get(type(v), 1.0))) for v in priors.family.variables
    }
    if "cutpoint" in parameters:
        parameters["cutpoint"] = np.arange(len(parameters["cutpoint"]), dtype=float)  # gaps exp(0)
    X = [design.fixed.X, *([] if design.zero is None else [design.zero.X])]
    fixed = [part @ c.origin for part, c in zip(X, data.coefficients, strict=True)]
    phi = priors.family.phi(parameters, fixed[0].mean())
    observed = {**design.observation, "y": design.observation["y"] / data.unit}
    if "upper" in observed:
        observed["upper"] = observed["upper"] / data.unit
    expected = design.family.log_density(observed, tuple(fixed), phi, NUMPY).sum()
    assert np.isfinite(expected)
    assert float(evaluate(at)) == pytest.approx(expected, rel=EXACT)


def test_the_outcome_may_be_in_any_unit():
    """The same unconstrained values have the same posterior density, up to the constant of the outcome's unit."""
    found = []
    for unit in (1.0, 1000.0):
        frame = table()
        frame["level"] *= unit
        _, _, data = parts("level ~ t + (1 + t | id)", "student", frame)
        evaluate, shapes = log_posterior(data)
        rng = np.random.default_rng(6)
        found.append(
            [float(evaluate({k: rng.normal(0, 0.5, s) for k, s in shapes.items()})) for _ in range(2)]
        )
    np.testing.assert_allclose(found[1], found[0], rtol=EXACT)


def test_a_mixture_prior_of_a_coefficient():
    stated = ml.Priors(coefficients={"x": ml.Mixture([(0.3, ml.Normal(-1, 0.2)), (0.7, ml.Normal(2, 0.5))])})
    _, _, data = parts("yes ~ t + x + (1 | id)", "bernoulli", priors=stated)
    _, _, plain = parts("yes ~ t + x + (1 | id)", "bernoulli")
    mixture, _ = log_posterior(data)
    default, shapes = log_posterior(plain)
    at, prior = plain.coefficients[0], plain.coefficients[0].components[0][1]
    j = prior.names.index("x")
    rng = np.random.default_rng(7)
    excess = []
    for _ in range(3):
        values = {name: rng.normal(0, 0.5, shape) for name, shape in shapes.items()}
        beta = at.origin + at.back @ values["coefficients of X"]
        other = {
            **values,
            "coefficients of X": np.linalg.solve(
                data.coefficients[0].back, beta - data.coefficients[0].origin
            ),
        }
        x = (prior.K @ beta)[j]
        density = 0.3 * stats.norm(-1, 0.2).pdf(x) + 0.7 * stats.norm(2, 0.5).pdf(x)
        own = stats.norm(prior.location[j], prior.sd[j]).logpdf(x)
        excess.append(float(mixture(other)) - float(default(values)) - np.log(density) + own)
    np.testing.assert_allclose(excess, 0, atol=1e-8)


def test_a_dispersion_for_each_visit():
    design, _, data = parts("level ~ t + (1 | id)", "student", dispersion_by="t")
    evaluate, shapes = log_posterior(data)
    assert shapes["residual scale_log__"] == (4,)
    values = {name: np.zeros(shape) for name, shape in shapes.items()}
    values["residual scale_log__"] = np.array([0.0, 0.4, -0.3, 0.1])
    beta = data.coefficients[0].origin
    scale = np.exp(values["residual scale_log__"])
    t = stats.t(1.0, scale=scale[design.fixed.frame["t"]])
    expected = (
        t.logpdf(design.y / data.unit - design.fixed.X @ beta).sum()
        + half_t(scale, 1.0)
        + half_t(np.ones(1), 1.0)
        + stats.gamma(2, scale=10).logpdf(1.0)
        + stats.norm.logpdf(0) * np.prod(shapes["z"])
        + normal_prior(beta, data.coefficients[0].components)
    )
    assert float(evaluate(values)) == pytest.approx(expected, rel=EXACT)


def test_a_model_that_is_compiled_serves_data_of_other_means():
    first, second = (
        parts("level ~ x + (1 + t | id)", "student", table().assign(t=lambda f, at=at: at + f["t"]))[2]
        for at in (0, 5)
    )
    assert first.key == second.key
    expected, shapes = log_posterior(second)
    with conditional_model(first) as model:
        pm.set_data(second.arrays)
        evaluate = model.compile_logp(jacobian=False, mode=INTERPRETED)
    values = {k: np.random.default_rng(9).normal(0, 0.5, shape) for k, shape in shapes.items()}
    assert float(evaluate(values)) == pytest.approx(float(expected(values)), rel=EXACT)
    # At the covariate's mean the same values stand for the same effects.
    assert float(evaluate(values)) == pytest.approx(float(log_posterior(first)[0](values)), rel=EXACT)


def test_models_of_one_shape_share_what_is_compiled():
    frame = table()
    _, _, first = parts("level ~ t + x + (1 + t | id)", "student")
    other = frame.assign(level=100 * frame["exposure"], x=3 * frame["x"])
    other = other[other["id"] != 2].drop(index=[5, 6])  # a subject fewer
    _, _, second = parts("level ~ t + x + (1 + t | id)", "student", other)
    assert first.key == second.key
    assert hash(first.key) == hash(second.key)
    assert first.arrays["rows"].shape != second.arrays["rows"].shape
    assert parts("level ~ t + x + (1 + t | id)", "student", table(n=13))[2].key != first.key
    for formula, family in (
        ("level ~ t + (1 + t | id)", "student"),
        ("level ~ t + x + (1 | id)", "student"),
        ("count ~ t + x + (1 + t | id)", "poisson"),
    ):
        assert parts(formula, family)[2].key != first.key
