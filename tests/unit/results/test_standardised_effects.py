"""Effects in standard deviations: published figures, R, hand computations, and what has none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import polygamma

import msclong as ml
from handmade_posteriors import posterior, table
from msclong.errors import DesignError, EngineError, HypothesisError, SpecError
from msclong.families.registry import family_of, known_families

ROUNDING = 1e-9
"""Of an optimum in double precision."""

DIFFERENCES = 1e-6
"""Central differences against closed forms."""

FIRST_TRIAL = {"n": 20, "mean": (30.6, 38.5), "sd": (15.0, 11.6), "r": 0.47}
"""The first treated group of Morris (2008), Organizational Research Methods 11:364, as in metafor's test of it."""


def exact_pairs(n, mean, sd, r) -> pd.DataFrame:
    """n subjects at two visits whose sample means, SDs and correlation are these exactly."""
    z = np.random.default_rng(0).standard_normal((n, 2))
    z = (z - z.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(z.T, ddof=1))).T
    covariance = np.array([[sd[0] ** 2, r * sd[0] * sd[1]], [r * sd[0] * sd[1], sd[1] ** 2]])
    y = z @ np.linalg.cholesky(covariance).T + mean
    return pd.DataFrame({"id": np.repeat(np.arange(n), 2), "visit": np.tile([0, 1], n), "y": y.ravel()})


@pytest.fixture(scope="module")
def pairs():
    return ml.fit("y ~ C(visit) + us(visit | id)", exact_pairs(**FIRST_TRIAL))


def test_beckers_standardised_mean_change(pairs):
    found = pairs.standardised(correction="hedges")
    assert found.loc["1 - 0", "estimate"] == pytest.approx(
        0.5056, abs=5e-5
    )  # metafor's escalc(measure="SMCR")
    assert found.attrs["correction"] == "Hedges' J on 19 degrees of freedom"
    assert found.attrs["sd"] == pytest.approx(15, rel=ROUNDING)
    assert found.attrs["standardiser"] == "SD between patients of the outcome at baseline (0)"
    # Hedges' factor of 19 df, by its usual approximation to three digits.
    plain = pairs.standardised()
    assert (found["estimate"] / plain["estimate"]).item() == pytest.approx(1 - 3 / (4 * 19 - 1), abs=2e-4)
    # Becker's variance supposes equal SDs: with them it is ours but for n in place of n - 1.
    equal = ml.fit(
        "y ~ C(visit) + us(visit | id)", exact_pairs(20, (0.0, 0.5), (1.0, 1.0), 0.47)
    ).standardised()
    becker = 2 * (1 - 0.47) / 20 + 0.5**2 / (2 * 20)
    assert equal["se"].item() ** 2 == pytest.approx(becker + 0.5**2 / 2 * (1 / 19 - 1 / 20), rel=ROUNDING)


def test_against_emmeans(pairs):
    """R 4.2, emmeans 1.8.4.1: eff_size(emmobj(means, V, df=19), sigma=15, edf=19)."""
    expected = {
        "estimate": 0.5266666667,
        "se": 0.2255104671,
        "df": 19,
        "lower": 0.05466783456,
        "upper": 0.9986654988,
    }
    for name, value in expected.items():
        assert pairs.standardised().loc["1 - 0", name] == pytest.approx(value, rel=ROUNDING), name


def test_direction_of_benefit(pairs):
    plain, lower, higher = (pairs.standardised(better=better) for better in (None, "lower", "higher"))
    pd.testing.assert_frame_equal(plain, higher)
    np.testing.assert_allclose(lower[["estimate", "lower", "upper"]], -plain[["estimate", "upper", "lower"]])
    assert lower.attrs["better"] == "lower"
    assert "better" not in plain.attrs


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ C(visit) * arm + us(visit | id)",
        "y ~ C(visit) * arm + ar1h(visit | id)",
        "y ~ C(visit) * arm + us(visit | arm / id)",
        "y ~ C(visit) * arm + (1 + visit | id)",
    ],
)
def test_delta_method_by_differences(sites, formula):
    """SD and its variance from Sigma at nearby theta; rows, df and the errors of contrasts as they are."""
    fit = ml.fit(formula, sites)
    covariance, found, raw = fit.covariance, fit.standardised(), fit.contrasts()
    np.testing.assert_allclose(
        np.linalg.norm(covariance.errors, axis=1), covariance.parameters["se"], rtol=ROUNDING
    )
    share = sites.drop_duplicates("id")["arm"].value_counts(normalize=True)

    def sd(theta):
        at = {
            group: covariance.structure.sigma(theta, c[None])[0, 0, 0]
            for group, c in covariance.grid.coords.items()
        }
        return np.sqrt(sum((share[group] if group else 1.0) * value for group, value in at.items()))

    theta, steps = covariance.theta, np.diag(1e-5 * np.abs(covariance.theta))
    slope = np.array([(sd(theta + h) - sd(theta - h)) / (2 * h.sum()) for h in steps])
    s, variance = sd(theta), slope @ covariance.errors @ covariance.errors.T @ slope
    d = raw["estimate"] / s
    assert list(found.index) == list(raw.index)
    np.testing.assert_allclose(found["estimate"], d, rtol=ROUNDING)
    np.testing.assert_allclose(
        found["se"], np.sqrt((raw["se"] / s) ** 2 + d**2 * variance / s**2), rtol=DIFFERENCES
    )
    np.testing.assert_array_equal(found["df"], raw["df"])


def test_the_sd_of_complete_data_has_its_degrees_of_freedom():
    """Several visits, complete: s^2 at baseline is a chi-squared on n - 1, and d of no unit."""
    frame = table().assign(y=lambda t: np.random.default_rng(3).normal(size=len(t)) + t["visit"])
    for unit in (1.0, 1e4):
        found = ml.fit("y ~ C(visit) + us(visit | id)", frame.assign(y=unit * frame["y"])).standardised(
            correction="hedges"
        )
        assert found.attrs["correction"] == "Hedges' J on 19 degrees of freedom"
        base = frame.loc[frame["visit"] == 0, "y"]
        assert found.attrs["sd"] == pytest.approx(unit * base.std(), rel=1e-6)


def test_transformed_outcomes_are_measured_on_their_own_scale(sites):
    frame = sites.assign(flow=np.exp(sites["y"] / 10))
    logs = ml.fit("ly ~ C(visit) + us(visit | id)", frame.assign(ly=np.log(frame["flow"]))).standardised()
    flow = ml.fit(ml.ModelSpec("flow ~ C(visit) + us(visit | id)", family="lognormal"), frame).standardised()
    np.testing.assert_allclose(flow, logs, rtol=ROUNDING)
    assert flow.attrs["standardiser"] == "SD between patients of log(outcome) at baseline (0)"


def test_a_known_sd(pairs):
    found, raw = pairs.standardised(sd=5.0, better="lower"), pairs.contrasts()
    np.testing.assert_allclose(found["estimate"], -raw["estimate"] / 5, rtol=ROUNDING)
    np.testing.assert_allclose(found["se"], raw["se"] / 5, rtol=ROUNDING)
    for sd in (0, -1, "1", True, np.inf):
        with pytest.raises(SpecError, match="sd is a number above zero"):
            pairs.standardised(sd=sd)


@pytest.mark.parametrize("use", ["covariate", "change"])
def test_observed_baselines(sites, use):
    frame = sites.dropna(subset="y")
    formula = "y ~ C(visit) * arm + us(visit | id)"
    fit = ml.fit(ml.ModelSpec(formula, baseline_as=use), frame)
    subjects = set(frame.loc[frame["visit"] > 0, "id"])
    base = frame[(frame["visit"] == 0) & frame["id"].isin(subjects)]
    scatter, df = (base["y"] - base.groupby("arm")["y"].transform("mean")).pow(2).sum(), len(base) - 2
    found, raw = fit.standardised(), fit.contrasts()
    d = raw["estimate"] / np.sqrt(scatter / df)
    np.testing.assert_allclose(found["estimate"], d, rtol=ROUNDING)
    np.testing.assert_allclose(
        found["se"] ** 2, raw["se"] ** 2 * df / scatter + d**2 / (2 * df), rtol=ROUNDING
    )
    assert found.attrs["standardiser"].endswith("at baseline (0), observed within arms")
    posterior_fit = ml.fit(fit.spec, frame, ml.Bayesian(seed=1))
    np.testing.assert_allclose(posterior_fit.standardised()["estimate"], d, atol=4 / np.sqrt(len(base)))
    assert posterior_fit.standardised().attrs["sd"] == pytest.approx(np.sqrt(scatter / df), rel=0.05)


def test_posterior_of_a_gaussian_model(sites):
    """Draws of beta and theta jointly; close to REML's answer, and its own probability."""
    spec = ml.ModelSpec("y ~ C(visit) + us(visit | id)")
    fit, reml = ml.fit(spec, sites, ml.Bayesian(seed=1)), ml.fit(spec, sites)
    found, expected = fit.standardised(better="higher"), reml.standardised()
    draws = fit.estimate.of(fit.hypothesis()).reshape(-1, 3)
    d = draws / np.sqrt(
        fit.estimate.flat_theta[:, :1]
    )  # the first parameter of us is the variance at visit 0
    np.testing.assert_allclose(found["estimate"], d.mean(axis=0), rtol=ROUNDING)
    np.testing.assert_allclose(found["lower"], np.quantile(d, 0.025, axis=0), rtol=ROUNDING)
    # The contrast has the sign of d, and its probability is exact given theta.
    raw = fit.contrasts()["prob_negative"]
    np.testing.assert_array_equal(fit.standardised()["prob_negative"], raw)
    np.testing.assert_array_equal(fit.standardised(better="lower")["prob_improved"], raw)
    np.testing.assert_allclose(found["prob_improved"], 1 - raw, rtol=ROUNDING)
    np.testing.assert_allclose(found["prob_improved"], (d > 0).mean(axis=0), atol=0.02)
    assert list(found.columns[:5]) == ["estimate", "se", "lower", "upper", "prob_improved"]
    np.testing.assert_allclose(found["estimate"], expected["estimate"], atol=0.3 * expected["se"].max())
    np.testing.assert_allclose(found["se"], expected["se"], rtol=0.2)
    with pytest.raises(HypothesisError, match="for the bias of an estimate"):
        fit.standardised(correction="hedges")


OUTCOMES = {
    "beta": lambda rng, n: rng.uniform(0.1, 0.9, n),
    "logitnormal": lambda rng, n: rng.uniform(0.1, 0.9, n),
    "ordered_beta": lambda rng, n: rng.choice([0.0, 0.3, 0.6, 1.0], n),
    "bernoulli": lambda rng, n: rng.integers(0, 2, n),
    "binomial": lambda rng, n: rng.integers(0, 5, n),
    "gamma": lambda rng, n: rng.gamma(2, 1, n),
    "lognormal": lambda rng, n: rng.gamma(2, 1, n),
}

OWN = {
    "student": lambda phi, mean: phi["residual scale"] ** 2,
    "gamma": lambda phi, mean: polygamma(1, phi["coefficient of variation"] ** -2),
    "poisson": lambda phi, mean: polygamma(1, mean),
    "negative_binomial": lambda phi, mean: polygamma(1, 1 / (1 / mean + list(phi.values())[0] ** 2)),
    "bernoulli": lambda phi, mean: np.pi**2 / 3,
    "binomial": lambda phi, mean: np.pi**2 / 3,
    "cumulative_logit": lambda phi, mean: np.pi**2 / 3,
    "cumulative_probit": lambda phi, mean: 1.0,
}


def made(family: str, **fields):
    n = len(table())
    y = OUTCOMES.get(family, lambda rng, n: rng.integers(0, 4, n))(np.random.default_rng(5), n)
    columns = {"trials": np.full(n, 5)} if family == "binomial" else {}
    fields |= {"trials": "trials"} if family == "binomial" else {}
    return posterior(
        family, np.asarray(y, dtype=float), "y ~ arm * C(visit) + x + (1 | id)", columns, **fields
    )


@pytest.mark.parametrize("family", sorted(OWN))
def test_latent_sd_of_other_families(family):
    """Subjects' variance plus the outcome's own on the link scale, at each draw."""
    fit = made(family)
    phi = {name: values[:, 0] for name, values in fit.estimate.flat_phi.items()}
    mean = np.nan
    if fit.design.family.link == "log":  # over arms with equal weights, as the means
        cells = [
            fit.estimate.flat @ row
            for row in fit.design.fixed.matrix(
                pd.DataFrame({"arm": ["a", "b"], "visit": [0, 0], "x": fit.design.fixed.frame["x"].mean()})
            )
        ]
        mean = np.exp(np.array(cells) + fit.estimate.flat_theta[:, 0] / 2).mean(axis=0)
    s = np.sqrt(fit.estimate.flat_theta[:, 0] + OWN[family](phi, mean))
    d = fit.estimate.of(fit.hypothesis()).reshape(-1, len(fit.hypothesis())) / s[:, None]
    found = fit.standardised()
    np.testing.assert_allclose(found["estimate"], d.mean(axis=0), rtol=1e-7)
    assert found.attrs["sd"] == pytest.approx(s.mean(), rel=1e-7)
    assert (
        found.attrs["standardiser"]
        == f"SD between patients on the {fit.design.family.link} scale at baseline (0)"
    )


@pytest.mark.parametrize("family", known_families())
def test_every_family_answers_or_says_why_not(family):
    if family in ("hurdle_lognormal", "hurdle_gamma", "ordered_beta"):
        with pytest.raises(EngineError, match="do not vary along one latent scale.*sd="):
            made(family).standardised()
        assert np.isfinite(made(family).standardised(sd=1.0)["estimate"]).all()
    else:
        found = made(family).standardised()
        assert np.isfinite(found[["estimate", "se", "lower", "upper", "prob_negative"]]).all(axis=None)


def test_latent_variances_are_those_of_draws():
    """Of the logarithm, the logit: 400,000 draws have 0.5 % of error."""
    rng, n = np.random.default_rng(9), 400_000
    gamma = family_of("gamma").draw((np.full(n, 0.7),), {"coefficient of variation": 0.8}, {}, rng)
    beta = family_of("beta").draw((np.full(n, -0.4),), {"dispersion": 0.4}, {}, rng)
    one = np.ones(1)
    assert np.log(gamma).var() == pytest.approx(
        family_of("gamma").latent_variance({"coefficient of variation": 0.8 * one}, one)[0], rel=0.02
    )
    mean = 1 / (1 + np.exp(0.4))
    assert np.log(beta / (1 - beta)).var() == pytest.approx(
        family_of("beta").latent_variance({"dispersion": 0.4 * one}, mean * one)[0], rel=0.02
    )


def test_a_dispersion_of_each_visit_is_that_of_baseline():
    fit = made("student", dispersion_by="visit")
    s = np.sqrt(fit.estimate.flat_theta[:, 0] + fit.estimate.flat_phi["residual scale"][:, 0] ** 2)
    assert fit.standardised().attrs["sd"] == pytest.approx(s.mean(), rel=ROUNDING)


def test_what_has_no_sd(sites):
    hamd = ml.ModelSpec("change ~ basval * week + TRT * week + us(week | PATIENT)", outcome_type="change")
    with pytest.raises(EngineError, match="outcomes are changes.*sd="):
        ml.fit(hamd, ml.datasets.hamd17()).standardised()
    rng = np.random.default_rng(1)
    own_times = sites.assign(t=rng.uniform(0, 3, len(sites)))
    fit = ml.fit(ml.ModelSpec("y ~ t + (1 | id)", visit=None), own_times)
    with pytest.raises((EngineError, HypothesisError), match="times of their own|distinct values"):
        fit.standardised()
    with pytest.raises(EngineError, match="exposure, 'x'"):
        made("poisson", offset="x").standardised()
    with pytest.raises(EngineError, match="dispersion varies by 'arm'"):
        made("gamma", dispersion_by="arm").standardised()
    with pytest.raises(EngineError, match="keeps no covariance"):
        ml.fit(
            ml.ModelSpec("y ~ C(visit) + (1 | id)", visit="visit"), sites, ml.StatsmodelsMixedLM()
        ).standardised()
    constant = sites.assign(y=sites["y"].where(sites["visit"] > 0, 5.0))
    with pytest.raises(DesignError, match="do not vary within arms"):
        ml.fit(
            ml.ModelSpec("y ~ C(visit) * arm + us(visit | id)", baseline_as="change"), constant
        ).standardised()


def test_arguments(pairs):
    with pytest.raises(SpecError, match="better takes 'lower', 'higher' or None; got 'down'"):
        pairs.standardised(better="down")
    with pytest.raises(SpecError, match="correction takes 'hedges' or None"):
        pairs.standardised(correction="J")
    with pytest.raises(SpecError, match="where sd is given"):
        pairs.standardised(sd=1.0, correction="hedges")
    for level in (95, "x"):
        with pytest.raises(SpecError, match="level must lie"):
            pairs.standardised(level=level, better="down")
