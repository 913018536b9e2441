"""Densities against scipy.stats; normalisation, means and draws against the densities; checks of outcomes."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import expit, ndtr

from msclong.errors import DataError, SpecError
from msclong.families.arrays import NUMPY
from msclong.families.registry import family_of, known_families

EXACT = 1e-11
"""Relative (absolute, of a logarithm below one): sums of a few log-gamma functions."""

INTEGRAL = 1e-7
"""Adaptive quadrature is asked for 1e-10; beta and gamma densities have poles at their ends."""

STANDARD_ERRORS = 5.0
"""Draws differ from what is expected by more than this once in two million; the seed is fixed."""

ETA = 0.4
ZERO = -0.7
PHI = {
    "residual sd": [0.8],
    "residual scale": [0.8],
    "degrees of freedom": [3.5],
    "coefficient of variation": [0.7],
    "coefficient of variation of the rate": [0.7],
    "dispersion": [0.45],
    "cutpoint": [-1.2, 0.1, 0.9],
}

CONTINUOUS = {
    "gaussian": (-np.inf, np.inf),
    "student": (-np.inf, np.inf),
    "lognormal": (0, np.inf),
    "logitnormal": (0, 1),
    "gamma": (0, np.inf),
    "hurdle_lognormal": (0, np.inf),
    "hurdle_gamma": (0, np.inf),
    "beta": (0, 1),
    "ordered_beta": (0, 1),
}
ATOMS = {
    "hurdle_lognormal": [0.0],
    "hurdle_gamma": [0.0],
    "ordered_beta": [0.0, 1.0],
    "bernoulli": [0.0, 1.0],
    "binomial": np.arange(8.0),
    "poisson": np.arange(200.0),
    "negative_binomial": np.arange(400.0),
    "cumulative_logit": np.arange(4.0),
    "cumulative_probit": np.arange(4.0),
}
TRIALS = 7.0


def parameters(keyword):
    phi = {p.name: np.array(PHI[p.name]) for p in family_of(keyword).parameters}
    if keyword == "ordered_beta":
        phi["cutpoint"] = np.array([-1.2, 0.9])
    return phi


def predictors(keyword, n):
    return tuple(np.full(n, value) for value in (ETA, ZERO)[: len(family_of(keyword).predictors)])


def log_density(keyword, y, **more):
    y = np.atleast_1d(np.asarray(y, dtype=float))
    data = {"y": y, **more}
    if keyword == "binomial":
        data["trials"] = np.full(len(y), TRIALS)
    return family_of(keyword).log_density(data, predictors(keyword, len(y)), parameters(keyword), NUMPY)


def density_at(keyword, y):
    return float(np.exp(log_density(keyword, y)[0]))


def expectation(keyword, function):
    """Of function(y), by numerical integration and summation of the density."""
    total = 0.0
    if keyword in CONTINUOUS:
        lower, upper = CONTINUOUS[keyword]
        middle = [0.5] if upper == 1 else [1.0]
        ends = [lower, *middle, upper]
        for a, b in zip(ends[:-1], ends[1:], strict=True):
            total += quad(
                lambda y: function(y) * density_at(keyword, y), a, b, epsabs=1e-10, epsrel=1e-10, limit=500
            )[0]
    return total + sum(function(y) * density_at(keyword, y) for y in ATOMS.get(keyword, ()))


def hurdle(positive):
    return lambda y: np.where(
        y == 0, np.log(expit(ZERO)), np.log(expit(-ZERO)) + positive.logpdf(np.where(y > 0, y, 1))
    )


def ordered_beta(y):
    low, high = expit(-1.2 - ETA), expit(ETA - 0.9)
    precision = 1 / 0.45**2 - 1
    inside = stats.beta(precision * expit(ETA), precision * expit(-ETA)).logpdf(np.clip(y, 0.01, 0.99))
    return np.where(y == 0, np.log(low), np.where(y == 1, np.log(high), np.log(1 - low - high) + inside))


def grades(cdf):
    below = np.concatenate([[0], cdf(np.array(PHI["cutpoint"]) - ETA), [1]])
    return lambda y: np.log(np.diff(below))[y.astype(int)]


LOGNORMAL = stats.lognorm(0.8, scale=np.exp(ETA))
GAMMA = stats.gamma(0.7**-2, scale=0.7**2 * np.exp(ETA))
PRECISION = 1 / 0.45**2 - 1
POSITIVE = np.array([0.02, 0.3, 1.0, 4.0, 11.0])
INSIDE = np.array([0.02, 0.3, 0.5, 0.97])
SCIPY = {
    "gaussian": (np.array([-3.0, 0.1, 2.0]), stats.norm(ETA, 0.8).logpdf),
    "student": (np.array([-30.0, 0.1, 2.0]), stats.t(3.5, ETA, 0.8).logpdf),
    "lognormal": (POSITIVE, LOGNORMAL.logpdf),
    "logitnormal": (
        INSIDE,
        lambda y: stats.norm(ETA, 0.8).logpdf(np.log(y / (1 - y))) - np.log(y * (1 - y)),
    ),
    "gamma": (POSITIVE, GAMMA.logpdf),
    "hurdle_lognormal": (np.array([0, *POSITIVE]), hurdle(LOGNORMAL)),
    "hurdle_gamma": (np.array([0, *POSITIVE]), hurdle(GAMMA)),
    "beta": (INSIDE, stats.beta(PRECISION * expit(ETA), PRECISION * expit(-ETA)).logpdf),
    "ordered_beta": (np.array([0, *INSIDE, 1]), ordered_beta),
    "bernoulli": (np.array([0.0, 1.0]), stats.bernoulli(expit(ETA)).logpmf),
    "binomial": (np.arange(8.0), stats.binom(7, expit(ETA)).logpmf),
    "poisson": (np.array([0.0, 1.0, 17.0]), stats.poisson(np.exp(ETA)).logpmf),
    "negative_binomial": (
        np.array([0.0, 1.0, 17.0]),
        stats.nbinom(0.7**-2, 0.7**-2 / (0.7**-2 + np.exp(ETA))).logpmf,
    ),
    "cumulative_logit": (np.arange(4.0), grades(expit)),
    "cumulative_probit": (np.arange(4.0), grades(ndtr)),
}

everyone = pytest.mark.parametrize("keyword", known_families())


@everyone
def test_log_density_is_that_of_scipy(keyword):
    y, reference = SCIPY[keyword]
    np.testing.assert_allclose(log_density(keyword, y), reference(y), rtol=EXACT, atol=EXACT)


@everyone
def test_density_is_normalised(keyword):
    assert expectation(keyword, lambda y: 1.0) == pytest.approx(1, rel=INTEGRAL)


@everyone
def test_mean_is_that_of_the_density(keyword):
    scale = 1 / TRIALS if keyword == "binomial" else 1.0
    mean = family_of(keyword).mean(predictors(keyword, 1), parameters(keyword), {})
    assert mean.shape == (1,)
    assert mean[0] == pytest.approx(scale * expectation(keyword, lambda y: y), rel=INTEGRAL)


@everyone
def test_draws_have_the_density(keyword):
    n = 40_000
    family = family_of(keyword)
    y = family.draw(
        predictors(keyword, n), parameters(keyword), {"trials": np.full(n, TRIALS)}, np.random.default_rng(1)
    )
    assert y.shape == (n,)
    assert y.dtype == float
    # Two bounded functions: they tell apart where the draws lie, and how often they lie at an end.
    for function in (lambda v: float(np.tanh(v)), lambda v: float(v <= 0) + 2 * float(v == 1)):
        drawn = np.array([function(v) for v in y])
        expected = expectation(keyword, function)
        assert abs(drawn.mean() - expected) <= STANDARD_ERRORS * drawn.std() / n**0.5 + INTEGRAL


@everyone
def test_axes_before_the_observations(keyword):
    family, rng = family_of(keyword), np.random.default_rng(2)
    y = SCIPY[keyword][0]
    n, data = len(y), {"y": y, "trials": np.full(len(y), TRIALS)}
    eta = tuple(rng.normal(size=(5, 3, n)) for _ in family.predictors)
    phi = {
        name: np.stack([value * f for f in np.linspace(0.9, 1.1, 5)])[:, None]
        for name, value in parameters(keyword).items()
    }
    density = family.log_density(data, eta, phi, NUMPY)
    mean, drawn = family.mean(eta, phi, data), family.draw(eta, phi, data, rng)
    assert density.shape == mean.shape == drawn.shape == (5, 3, n)
    one = tuple(e[3, 1] for e in eta), {name: value[3, 0] for name, value in phi.items()}
    np.testing.assert_allclose(density[3, 1], family.log_density(data, *one, NUMPY), rtol=EXACT)
    np.testing.assert_allclose(mean[3, 1], family.mean(*one, data), rtol=EXACT)


@everyone
def test_a_parameter_may_vary_by_observation(keyword):
    family = family_of(keyword)
    y = SCIPY[keyword][0]
    varying = {p.name for p in family.parameters if p.kind in ("scale", "positive")}
    phi = {name: np.repeat(v, len(y)) if name in varying else v for name, v in parameters(keyword).items()}
    data = {"y": y, "trials": np.full(len(y), TRIALS)}
    got = family.log_density(data, predictors(keyword, len(y)), phi, NUMPY)
    np.testing.assert_allclose(got, log_density(keyword, y), rtol=EXACT)


@pytest.mark.parametrize(
    ("keyword", "low", "high", "cdf"),
    [
        ("gaussian", -1.0, 2.5, stats.norm(ETA, 0.8)),
        ("lognormal", 0.4, 3.0, LOGNORMAL),
    ],
)
def test_censored_outcomes_have_the_probability_of_where_they_lie(keyword, low, high, cdf):
    got = log_density(
        keyword,
        [low, low, low, low],
        censored=np.array([-1.0, 0.0, 1.0, 2.0]),
        upper=np.array([np.nan, np.nan, np.nan, high]),
    )
    between = np.log(cdf.cdf(high) - cdf.cdf(low))
    np.testing.assert_allclose(got, [cdf.logcdf(low), cdf.logpdf(low), cdf.logsf(low), between], rtol=EXACT)


def test_interval_of_a_logit_normal_outcome_is_the_integral_of_its_density():
    got = log_density("logitnormal", 0.2, censored=np.array([2.0]), upper=np.array([0.35]))
    area = quad(lambda y: density_at("logitnormal", y), 0.2, 0.35)[0]
    assert np.exp(got[0]) == pytest.approx(area, rel=INTEGRAL)


def test_intervals_far_out_do_not_cancel():
    family, phi = family_of("gaussian"), {"residual sd": np.ones(1)}
    data = {"y": np.array([30.0]), "censored": np.array([2.0]), "upper": np.array([31.0])}
    # Phi(31) is nothing beside Phi(30): log(1 - Phi(30)).
    got = family.log_density(data, (np.zeros(1),), phi, NUMPY)
    assert got[0] == pytest.approx(stats.norm.logsf(30), rel=EXACT)
    grades = {"cumulative_logit": -100 + np.log1p(-np.exp(-1)), "cumulative_probit": stats.norm.logsf(100)}
    for keyword, expected in grades.items():
        cutpoints = {"cutpoint": np.array([0.0, 1.0])}
        got = family_of(keyword).log_density({"y": np.ones(1)}, (np.full(1, -100.0),), cutpoints, NUMPY)
        assert got[0] == pytest.approx(expected, rel=EXACT)


@pytest.mark.parametrize("eta", [-40.0, 40.0])
@everyone
def test_log_density_is_finite_far_out(keyword, eta):
    family, y = family_of(keyword), SCIPY[keyword][0]
    data = {"y": y, "trials": np.full(len(y), TRIALS)}
    etas = tuple(np.full(len(y), eta) for _ in family.predictors)
    assert np.isfinite(family.log_density(data, etas, parameters(keyword), NUMPY)).all()


@pytest.mark.parametrize("keyword", ["cumulative_logit", "cumulative_probit"])
def test_probabilities_of_grades(keyword):
    family = family_of(keyword)
    eta = (np.linspace(-2, 2, 5),)
    got = family.probabilities(eta, parameters(keyword))
    assert got.shape == (5, 4)
    each = [
        np.exp(family.log_density({"y": np.full(5, k)}, eta, parameters(keyword), NUMPY))
        for k in np.arange(4.0)
    ]
    np.testing.assert_allclose(got, np.stack(each, axis=1), rtol=EXACT)


@everyone
def test_sizes_are_those_of_the_parameters(keyword):
    y = SCIPY[keyword][0]
    assert family_of(keyword).sizes(y) == {name: len(v) for name, v in parameters(keyword).items()}


@pytest.mark.parametrize("keyword", ["gaussian", "lognormal", "logitnormal"])
def test_transformed_gaussian(keyword):
    family, y = family_of(keyword), INSIDE
    step = 1e-6 * y
    slope = (family.transform(y + step) - family.transform(y - step)) / (2 * step)
    np.testing.assert_allclose(family.log_jacobian(y), np.log(slope), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(family.outcome(family.transform(y)), y, rtol=EXACT)


@pytest.mark.parametrize(
    ("keyword", "y", "told"),
    [
        ("lognormal", [1, 0], "above zero"),
        ("gamma", [1, 0], "above zero"),
        ("hurdle_gamma", [1, -1], "above zero"),
        ("hurdle_lognormal", [1, -1], "above zero"),
        ("logitnormal", [50, 3], "divide the column by 100"),
        ("beta", [0.5, 1], "'ordered_beta' takes 0 and 1"),
        ("beta", [0.5, 1.5], "divide the column by 100"),
        ("ordered_beta", [0.5, -0.5], "from 0 to 1;"),
        ("ordered_beta", [0, 80], "divide the column by 100"),
        ("bernoulli", [0, 2], r"0 \(no\) and 1 \(yes\)"),
        ("binomial", [0, 8], "number of trials"),
        ("poisson", [0, 0.5], "whole numbers"),
        ("negative_binomial", [0, -1], "whole numbers"),
        ("cumulative_logit", [0, 1.5], "grades"),
        ("cumulative_probit", [0, -1], "grades"),
    ],
)
def test_impossible_outcomes_are_refused(keyword, y, told):
    rows = pd.Index(["good", "bad"])
    data = {"y": np.array(y, dtype=float), "trials": np.full(2, TRIALS)}
    with pytest.raises(DataError, match=f"family='{keyword}' needs .*{told}.*'outcome'.*bad"):
        family_of(keyword).check(data, "outcome", rows)
    family_of(keyword).check({**data, "y": SCIPY[keyword][0][1:3]}, "outcome", rows)


def test_unknown_family():
    with pytest.raises(SpecError, match="'weibull' is not a known family; known are gaussian, student"):
        family_of("weibull")
