"""Prediction: closed forms, R lme4, and the kriging equations of every composition solved as they stand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import norm, t

import msclong as ml
from msclong.engines.bayesian.checking.convergence import convergence
from msclong.errors import DataError, MsclongError, SpecError
from msclong.results.mixture import normal_mixture
from msclong.results.posterior_draws import PosteriorDraws
from parity import reference

R_THETA = 1e-7
"""R's theta was polished on numerical derivatives: right to about 1e-8."""
EXACT = 1e-8
"""The same quantities by another route, relative."""

PLAIN = ml.Frequentist(ddf="satterthwaite")
"""Model-based standard errors: those of the textbook's formulas."""


def test_conditional_and_marginal_predictions_are_those_of_lme4():
    data = ml.datasets.sleepstudy()
    expected = reference.load("sleepstudy_after_fit")["predict"]
    rows = pd.DataFrame({name: expected[name] for name in ("Subject", "Days")}, index=list("abcd"))
    fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", data)
    marginal, conditional = fit.predict(rows), fit.predict(rows, conditional=True)
    assert list(conditional.index) == list("abcd")
    assert list(conditional.columns) == ["estimate", "se"]
    np.testing.assert_allclose(conditional["estimate"], expected["conditional"], rtol=R_THETA)
    np.testing.assert_allclose(marginal["estimate"], expected["marginal"], rtol=R_THETA)
    # With random effects, what conditional residuals leave is the conditional prediction.
    at_data = fit.predict(conditional=True)["estimate"] + fit.residuals("conditional")
    np.testing.assert_allclose(at_data, data["Reaction"], rtol=EXACT)


def test_marginal_intervals_of_complete_data_are_those_of_each_visits_sample():
    rng = np.random.default_rng(3)
    n = 12
    y = rng.multivariate_normal([1, 2, 3], [[4, 2, 1], [2, 5, 2], [1, 2, 3]], size=n)
    table = pd.DataFrame({"id": np.repeat(range(n), 3), "visit": np.tile([1, 2, 3], n), "y": y.reshape(-1)})
    fit = ml.fit("y ~ 0 + C(visit) + us(visit | id)", table)
    new = pd.DataFrame({"id": 99, "visit": [1, 2, 3]})
    mean, sd, quantile = y.mean(axis=0), y.std(axis=0, ddof=1), t.ppf(0.95, n - 1)
    for interval, factor in (("confidence", 1 / n), ("prediction", 1 + 1 / n)):
        found = fit.predict(new, interval=interval, level=0.9)
        np.testing.assert_allclose(found["estimate"], mean, rtol=EXACT)
        np.testing.assert_allclose(
            found["upper"] - found["estimate"], quantile * sd * np.sqrt(factor), rtol=EXACT
        )
        np.testing.assert_allclose(found["df"], n - 1, rtol=EXACT)


def test_a_missed_second_visit_is_predicted_by_the_completers_regression():
    # Monotone missingness: the maximum likelihood slope is that of least squares in the completers (Anderson 1957).
    rng = np.random.default_rng(4)
    n, missing = 30, 8
    first = rng.normal(5, 2, n)
    second = 1 + 0.6 * first + rng.normal(0, 1, n)
    table = pd.DataFrame(
        {"id": np.tile(range(n), 2), "visit": np.repeat([0, 1], n), "y": np.r_[first, second]}
    )
    gone = (table["visit"] == 1) & (table["id"] < missing)
    table.loc[gone, "y"] = np.nan
    fit = ml.fit("y ~ C(visit) + us(visit | id)", table, ml.Frequentist(method="ml", ddf="satterthwaite"))
    slope, intercept = np.polyfit(first[missing:], second[missing:], 1)
    imputed = fit.predict(table[gone], conditional=True)
    np.testing.assert_allclose(imputed["estimate"], intercept + slope * first[:missing], rtol=1e-7)
    # A new subject's own first visit, given in newdata, is conditioned on as well; without it, the mean is left.
    new = pd.DataFrame({"id": ["new", "new", "other"], "visit": [0, 1, 1], "y": [9.0, np.nan, np.nan]})
    found = fit.predict(new, conditional=True, interval="prediction")
    assert found["estimate"].iloc[1] == pytest.approx(intercept + slope * 9, rel=1e-7)
    assert found["estimate"].iloc[2] == pytest.approx(fit.estimate.beta.sum(), rel=1e-12)
    # What was observed is known: us leaves nothing independent between two looks at one visit.
    assert found["estimate"].iloc[0] == pytest.approx(9)
    assert found["se"].iloc[0] == 0


FORMULAS = [
    "y ~ arm * C(visit) + us(visit | id)",
    "y ~ arm * C(visit) + ar1h(visit | arm / id)",
    "y ~ arm * visit + (1 + visit | id)",
    "y ~ arm * visit + (1 | site / id)",
    "y ~ arm * visit + (1 | site) + ar1(visit | id)",
    "y ~ arm * visit + (1 | id) + diag(visit | id)",
    "y ~ arm * visit + sp_exp(visit | id)",
]


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("formula", FORMULAS)
def test_conditional_predictions_solve_the_kriging_equations(sites, formula, weights):
    """[[V, X], [X', 0]] [lambda, mu] = [c, x]: prediction lambda'y, error variance s - lambda'c - mu'x."""
    fit = ml.fit(ml.ModelSpec(formula, weights=weights), sites, PLAIN)
    design, theta = fit.design, fit.covariance.theta
    missed = sites[sites["y"].isna()]
    found = fit.predict(missed, conditional=True, interval="prediction")
    everything = pd.concat([design.fixed.frame, missed.assign(y=np.nan)])
    coords = np.concatenate([design.coords, design.rows(missed).coords])
    group = everything["site"] if "site" in formula else everything["id"]
    same = np.equal.outer(group.to_numpy(), group.to_numpy())
    sigma = design.structure.sigma(theta, coords[None])[0] * same
    n, p = design.fixed.X.shape
    V, c = sigma[:n, :n], sigma[:n, n:]
    system = np.block([[V, design.fixed.X], [design.fixed.X.T, np.zeros((p, p))]])
    right = np.concatenate([c, design.fixed.matrix(missed).T])
    solution = np.linalg.solve(system, right)
    np.testing.assert_allclose(found["estimate"], solution[:n].T @ design.y, rtol=EXACT)
    variance = np.diag(sigma)[n:] - np.sum(solution * right, axis=0)
    np.testing.assert_allclose(found["se"], np.sqrt(variance), rtol=EXACT)
    if "diag" in formula or "+ (1 + visit" in formula or "/ id" in formula and "ar1h" not in formula:
        # The residual of a new observation is all that the confidence interval leaves out.
        less = fit.predict(missed, conditional=True, interval="confidence")
        residual = found["se"] ** 2 - less["se"] ** 2
        parameters = fit.covariance.parameters["estimate"]
        if "diag" in formula:
            residual_variance = parameters.reindex([f"variance({v})" for v in missed["visit"]]).to_numpy()
        else:
            residual_variance = parameters["residual variance"]
        weight = 1 if weights is None else missed["w"].to_numpy()
        np.testing.assert_allclose(residual, residual_variance / weight, rtol=EXACT)


def test_a_new_subject_of_a_known_site_is_predicted_from_the_site(sites):
    fit = ml.fit("y ~ arm * visit + (1 | site / id)", sites, PLAIN)
    new = pd.DataFrame({"id": "new", "site": [3, 99], "arm": "a", "visit": 1})
    site = fit.random_effects()["estimate"].loc[("site", 3, "Intercept")]
    found, mean = fit.predict(new, conditional=True)["estimate"], fit.predict(new)["estimate"]
    assert found.iloc[0] - mean.iloc[0] == pytest.approx(site, rel=EXACT)
    assert found.iloc[1] == pytest.approx(mean.iloc[1], rel=EXACT)


@pytest.fixture
def posterior(sites) -> ml.Fit:
    """Draws around a fit, without a sampler."""
    fit = ml.fit("y ~ arm * visit + (1 + visit | id)", sites)
    rng = np.random.default_rng(5)
    beta = rng.multivariate_normal(fit.estimate.beta, fit.vcov, size=(2, 100))
    theta = fit.covariance.theta * rng.uniform(0.8, 1.2, (2, 100, 4))
    theta[..., 1] = 0.1
    return replace(fit, estimate=PosteriorDraws(fit.estimate.names, beta, convergence, theta))


@pytest.mark.parametrize("conditional", [False, True])
def test_predictions_of_a_posterior_average_over_its_draws(posterior, sites, conditional):
    rows = sites[sites["y"].isna()].iloc[:3]
    found = posterior.predict(rows, conditional=conditional, interval="prediction", level=0.8)
    assert list(found.columns) == ["estimate", "se", "lower", "upper", "mcse"]
    assert found.attrs == {"interval": "80 % equal-tailed", "estimate": "posterior mean"}
    rng = np.random.default_rng(6)
    draws = [
        _by_hand(posterior, rows, beta, theta, conditional)
        for beta, theta in zip(posterior.estimate.flat, posterior.estimate.flat_theta, strict=True)
    ]
    mean, variance = (np.array(part) for part in zip(*draws, strict=True))
    np.testing.assert_allclose(found["estimate"], mean.mean(axis=0), rtol=EXACT)
    chains = mean.reshape(*posterior.estimate.draws.shape[:2], -1)
    np.testing.assert_allclose(found["mcse"], posterior.estimate.convergence(chains)["mcse"], rtol=EXACT)
    simulated = rng.normal(mean[:, None], np.sqrt(variance)[:, None], (len(mean), 2000, 3)).reshape(-1, 3)
    # 400,000 draws: the Monte Carlo error of a 10 % quantile is about 0.003 SD.
    np.testing.assert_allclose(found["lower"], np.quantile(simulated, 0.1, axis=0), atol=0.02)
    np.testing.assert_allclose(found["se"], simulated.std(axis=0), rtol=0.01)


def _by_hand(
    fit: ml.Fit, rows: pd.DataFrame, beta: np.ndarray, theta: np.ndarray, conditional: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of a new observation of each row, from Z G Z' + s2 I."""
    G, s2 = np.array([[theta[0], theta[1]], [theta[1], theta[2]]]), theta[3]
    frame, X = fit.design.fixed.frame, fit.design.fixed.X
    x = fit.design.fixed.matrix(rows)
    mean, variance = x @ beta, np.empty(len(rows))
    for i, (_, row) in enumerate(rows.iterrows()):
        own = (frame["id"] == row["id"]).to_numpy() & conditional
        Z = np.column_stack([np.ones(own.sum()), frame["visit"][own]])
        z = np.array([1.0, row["visit"]])
        V, c = Z @ G @ Z.T + s2 * np.eye(own.sum()), Z @ G @ z
        mean[i] += c @ np.linalg.solve(V, fit.design.y[own] - X[own] @ beta)
        variance[i] = z @ G @ z + s2 - c @ np.linalg.solve(V, c)
    return mean, variance


def test_a_posterior_without_theta_predicts_means_only(posterior):
    bare = replace(posterior, estimate=replace(posterior.estimate, theta=None))
    assert bare.predict(interval="confidence").notna().all(axis=None)
    with pytest.raises(SpecError, match="keeps no draws of the covariance"):
        bare.predict(conditional=True)


def test_quantiles_of_normal_mixtures():
    found = normal_mixture(np.array([[0.0, 5.0], [0.0, 5.0]]), np.array([[4.0, 0.0], [4.0, 0.0]]), 0.95)
    assert found["lower"] == pytest.approx([2 * norm.ppf(0.025), 5])
    assert found["upper"] == pytest.approx([2 * norm.ppf(0.975), 5])
    draws = np.arange(101.0)[:, None]
    plain = normal_mixture(draws, np.zeros_like(draws), 0.9)
    assert (plain["lower"][0], plain["upper"][0]) == pytest.approx((5, 95))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"arm": "c"},
            r"'arm' has values without an observed outcome in the fit, in rows 7 .*levels are a, b",
        ),
        ({"visit": np.nan}, "'visit' is missing in rows 7"),
        ({"id": None}, "'id' groups the observations and is missing in rows 7"),
        ({"visit": 9}, "rows 7"),
        ({"y": "high"}, "outcome column 'y' is not numeric: row 7: 'high'"),
    ],
)
def test_rows_that_cannot_be_predicted_are_named(sites, change, message):
    fit = ml.fit("y ~ arm * C(visit) + us(visit | id)", sites)
    row = pd.DataFrame({"id": "new", "arm": "a", "visit": 1, "y": np.nan}, index=[7]).assign(**change)
    with pytest.raises(MsclongError, match=message):
        fit.predict(row, conditional=True)


def test_means_need_no_subject_and_any_table_will_do(sites):
    fit = ml.fit("y ~ arm * C(visit) + us(visit | id)", sites)
    rows = {"arm": ["a", "b"], "visit": [1, 3]}
    found = fit.predict(pl.DataFrame(rows), interval="prediction")
    assert found["estimate"].tolist() == fit.predict(pd.DataFrame(rows))["estimate"].tolist()
    means = fit.means()["estimate"]
    assert found["estimate"].tolist() == pytest.approx([means["a", 1], means["b", 3]])
    with pytest.raises(DataError, match="no column 'id'"):
        fit.predict(pd.DataFrame(rows), conditional=True)


def test_bad_arguments_are_refused(sites):
    fit = ml.fit("y ~ arm * C(visit) + us(visit | id)", sites)
    with pytest.raises(SpecError, match="interval takes None, 'confidence' or 'prediction'; got 'both'"):
        fit.predict(interval="both")
    with pytest.raises(SpecError, match="level must lie between 0 and 1"):
        fit.predict(interval="confidence", level=95)
    with pytest.raises(SpecError, match="conditional takes True or False; got 'yes'"):
        fit.predict(conditional="yes")
    with pytest.raises(DataError, match="no column 'arm'"):
        fit.predict(sites[["id", "visit"]])
    with pytest.raises(DataError, match="no rows"):
        fit.predict(sites.iloc[:0])
    with pytest.raises(DataError, match="A list is not a table"):
        fit.predict([1, 2])
    logs = ml.fit("np.log(y + 20) ~ arm * C(visit) + us(visit | id)", sites)
    with pytest.raises(DataError, match="no column 'np.log\\(y \\+ 20\\)' to condition on"):
        logs.predict(sites.assign(id="new").iloc[:1], conditional=True)


@pytest.mark.parametrize("conditional", [False, True])
def test_rows_that_were_filtered_before_the_fit_can_be_predicted_from(conditional):
    table = ml.datasets.hamd17()
    table = table[table["week"].astype(str) != "1"]
    fit = ml.fit("change ~ basval + TRT*week + us(week|PATIENT)", table)
    expected = fit.predict(conditional=conditional)
    pd.testing.assert_frame_equal(fit.predict(table, conditional=conditional), expected)
    shuffled = table.assign(TRT=pd.Categorical(table["TRT"].astype(str), categories=["9", "2", "1"]))
    pd.testing.assert_frame_equal(fit.predict(shuffled, conditional=conditional), expected)
    with pytest.raises(DataError, match=r"'week' has values .* in rows .* \(1\); its levels are 2, 4, 6, 8"):
        fit.predict(ml.datasets.hamd17(), conditional=conditional)


@pytest.mark.parametrize("formula", ["us(visit | id)", "ar1h(visit | arm / id)", "sp_exp(visit | id)"])
def test_what_was_observed_is_known_exactly(sites, formula):
    fit = ml.fit(f"y ~ arm * C(visit) + {formula}", sites)
    found = fit.predict(conditional=True)
    assert (found["se"] == 0).all()
    np.testing.assert_allclose(found["estimate"], fit.design.y, rtol=EXACT)
    # So it is at each draw of a posterior.
    shape = (2, 5, 1)
    beta, theta = np.tile(fit.estimate.beta, shape), np.tile(fit.covariance.theta, shape)
    beta += np.random.default_rng(1).normal(size=beta.shape)
    draws = replace(fit, estimate=PosteriorDraws(fit.estimate.names, beta, convergence, theta))
    assert (draws.predict(conditional=True)["se"] == 0).all()


def test_a_marginal_new_observation_needs_no_groups(sites):
    fit = ml.fit("y ~ arm * visit + (1 | site) + ar1(visit | id)", sites)
    rows = sites[["arm", "visit"]]
    pd.testing.assert_frame_equal(
        fit.predict(rows, interval="prediction"), fit.predict(sites, interval="prediction")
    )


@pytest.fixture(params=["covariate", "change"])
def after_baseline(request, sites) -> ml.Fit:
    """The baseline visit, 0, as a covariate, and subtracted or not."""
    mean = "arm * C(visit)" + (" + baseline" if request.param == "change" else "")
    return ml.fit(ml.ModelSpec(f"y ~ {mean} + us(visit | id)", baseline_as=request.param), sites, PLAIN)


def test_the_fitted_layout_can_be_predicted_from(after_baseline, sites):
    fit = after_baseline
    later = sites[sites["visit"] != 0]
    for conditional in (False, True):
        expected = fit.predict(conditional=conditional)
        found = fit.predict(sites, conditional=conditional)
        assert found.index.equals(later.index)
        pd.testing.assert_frame_equal(found.loc[expected.index], expected, check_frame_type=False)
        # The baseline of a subject of the fit is known; a column may give that of any subject.
        pd.testing.assert_frame_equal(fit.predict(later, conditional=conditional), found)
        before = later["id"].map(sites[sites["visit"] == 0].set_index("id")["y"])
        pd.testing.assert_frame_equal(
            fit.predict(later.assign(baseline=before), conditional=conditional), found
        )
        assert "baseline" not in later.columns


def test_new_subjects_of_the_fitted_layout_are_read_as_the_fit_read_its_own(after_baseline, sites):
    fit = after_baseline
    new = sites[sites["id"] == sites["id"].iloc[0]].assign(id="new", y=lambda d: 20.0 + d["visit"])
    new.loc[new["visit"] == 3, "y"] = np.nan
    found = fit.predict(new, conditional=True)["estimate"]
    level = 20.0 if fit.spec.baseline_as == "change" else 0.0
    wanted = new.loc[found.index, "y"] - level
    seen = wanted.notna()
    np.testing.assert_allclose(found[seen], wanted[seen], rtol=EXACT)
    # The missed visit by the regression on the two that were seen.
    X = fit.design.fixed.matrix(new.loc[found.index].assign(baseline=20.0)) @ fit.estimate.beta
    order = new.loc[found.index, "visit"].to_numpy() - 1
    mean = np.empty(3)
    mean[order] = X
    V = fit.covariance.matrix.to_numpy()
    change = np.array([21.0, 22.0]) - level - mean[:2]
    expected = mean[2] + V[2, :2] @ np.linalg.solve(V[:2, :2], change)
    assert found[~seen].item() == pytest.approx(expected, rel=EXACT)


def test_changes_cannot_be_read_without_a_baseline(sites):
    spec = ml.ModelSpec("y ~ arm * C(visit) + us(visit | id)", baseline_as="change")
    fit = ml.fit(spec, sites)
    new = sites[sites["id"] == sites["id"].iloc[0]].assign(id="new", y=20.0).set_index("visit", drop=False)
    later = new[new["visit"] > 0]
    assert len(fit.predict(later)) == 3  # no baseline is read
    assert len(fit.predict(later.drop(columns=["id", "y"]), interval="prediction")) == 3
    assert len(fit.predict(later.assign(y=np.nan), conditional=True)) == 3
    with pytest.raises(
        DataError, match="of newdata have no baseline value. Add their subjects' rows with visit = 0"
    ):
        fit.predict(later, conditional=True)
    with pytest.raises(DataError, match="have no baseline value"):
        fit.predict(new.assign(y=new["y"].where(new["visit"] > 0)), conditional=True)


REFUSED_LAYOUTS = [
    (lambda new: new.assign(baseline=1.0), "a column 'baseline' and rows of the baseline visit"),
    (lambda new: new[new["visit"] == 0], "rows of the baseline visit .visit = 0. alone"),
    (lambda new: pd.concat([new, new[new["visit"] == 0]]), "A subject has two rows of the baseline visit"),
    (lambda new: new.drop(columns="id"), "no column id to tell whose they are"),
    (lambda new: new[new["visit"] > 0], "have no baseline value"),
    (lambda new: new.drop(columns="y"), "have no baseline value"),
    (lambda new: new.assign(y="high"), "outcome column 'y' is not numeric"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED_LAYOUTS)
def test_layouts_without_one_baseline_are_refused(after_baseline, sites, change, message):
    new = sites[sites["id"] == sites["id"].iloc[0]].assign(id="new", y=20.0)
    with pytest.raises(DataError, match=message):
        after_baseline.predict(change(new))


def test_subjects_numbered_within_sites_have_their_own_baseline(sites):
    within = sites.assign(id=sites["id"].str[1:].astype(int) // 8)
    fits = [
        ml.fit(
            ml.ModelSpec(f"y ~ arm * visit + {term}", baseline_as="covariate", visit="visit"), table, PLAIN
        )
        for term, table in (("(1 | site:id)", within), ("(1 | id)", sites))
    ]
    own, plain = (fit.predict(table) for fit, table in zip(fits, (within, sites), strict=True))
    np.testing.assert_allclose(own, plain, rtol=EXACT)
