"""Influence of a subject is what a fit without its rows says, computed honestly; and R lme4's figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import DataError, EngineError, SpecError
from parity import reference

HONEST = 1e-8
"""Agreement with a fit of the remaining rows, relative: both are converged to rounding."""
R_THETA = 1e-7
"""R's theta was polished on numerical derivatives: right to about 1e-8 of the residual variance."""

SLEEP = "Reaction ~ Days + (1 + Days | Subject)"


def refit(fit: ml.Fit, data: pd.DataFrame) -> ml.Fit:
    return ml.fit(fit.spec, data, fit.engine)


def honest_figures(fit: ml.Fit, without: ml.Fit) -> dict[str, float]:
    """The definitions, from two fits with model-based standard errors."""
    change = fit.estimate.beta - without.estimate.beta
    Phi, Phi_i = fit.vcov.to_numpy(), without.vcov.to_numpy()
    return {
        "cook_d": change @ np.linalg.solve(Phi, change) / len(change),
        "mdffits": change @ np.linalg.solve(Phi_i, change) / len(change),
        "covratio": np.linalg.det(Phi_i) / np.linalg.det(Phi),
    }


@pytest.mark.parametrize("method", ["reml", "ml"])
def test_sleepstudy_by_honest_refits(method):
    data = ml.datasets.sleepstudy()
    fit = ml.fit(SLEEP, data, ml.Frequentist(method=method, ddf="satterthwaite"))
    found = ml.influence(fit)
    assert found.table["converged"].all()
    assert found.table.index.name == "Subject"
    for subject, row in found.table.iterrows():
        without = refit(fit, data[data["Subject"] != subject])
        assert row["n_obs"] == 10
        np.testing.assert_allclose(found.coefficients.loc[subject], without.estimate.beta, rtol=HONEST)
        np.testing.assert_allclose(found.theta.loc[subject], without.covariance.theta, rtol=HONEST)
        expected = honest_figures(fit, without)
        np.testing.assert_allclose(row[list(expected)].astype(float), list(expected.values()), rtol=HONEST)
        dfbetas = (fit.estimate.beta - without.estimate.beta) / np.sqrt(np.diag(without.vcov))
        np.testing.assert_allclose(found.dfbetas.loc[subject], dfbetas, rtol=1e-6)
        distance = 2 * (fit.loglik - loglik_at(fit, without, method == "reml"))
        assert row["likelihood_distance"] == pytest.approx(distance, abs=1e-9)


def loglik_at(fit: ml.Fit, other: ml.Fit, reml: bool) -> float:
    """The (restricted) log-likelihood of fit's data at the estimates of another fit, by dense matrices."""
    X, y, n = fit.design.fixed.X, fit.design.y, fit.n_obs
    days = X[:, 1]
    same = np.equal.outer(fit.design.subject, fit.design.subject)
    G = other.covariance.random_effects.to_numpy()
    Z = np.column_stack([np.ones(n), days])
    V = same * (Z @ G @ Z.T) + other.covariance.residual_variance * np.eye(n)
    information = X.T @ np.linalg.solve(V, X)
    beta = np.linalg.solve(information, X.T @ np.linalg.solve(V, y)) if reml else other.estimate.beta
    r = y - X @ beta
    minus2 = n * np.log(2 * np.pi) + np.linalg.slogdet(V)[1] + r @ np.linalg.solve(V, r)
    if reml:
        minus2 += np.linalg.slogdet(information)[1] - X.shape[1] * np.log(2 * np.pi)
    return -minus2 / 2


def test_sleepstudy_is_what_lme4_says():
    found = ml.influence(ml.fit(SLEEP, ml.datasets.sleepstudy()))
    for subject, expected in reference.load("sleepstudy_after_fit")["without"].items():
        np.testing.assert_allclose(found.coefficients.loc[subject], expected["beta"], rtol=R_THETA)
        np.testing.assert_allclose(found.theta.loc[subject], expected["theta"], atol=R_THETA * 600)


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ arm * C(visit) + us(visit | id)",
        "y ~ arm * C(visit) + ar1h(visit | id)",
        "y ~ arm * visit + (1 | id)",
    ],
)
def test_any_structure_with_missing_visits(sites, formula):
    fit = ml.fit(formula, sites)
    found = ml.influence(fit)
    for subject in found.table.index[::13]:
        without = refit(fit, sites[sites["id"] != subject])
        np.testing.assert_allclose(found.coefficients.loc[subject], without.estimate.beta, rtol=HONEST)
        np.testing.assert_allclose(found.theta.loc[subject], without.covariance.theta, rtol=HONEST)
    rebuilt = ml.influence(fit, by="id")
    pd.testing.assert_frame_equal(
        rebuilt.table.loc[found.table.index], pd.DataFrame(found.table), rtol=HONEST, check_names=False
    )


def test_units_are_sites_where_random_effects_tie_their_subjects(sites):
    fit = ml.fit("y ~ arm * visit + (1 | site / id)", sites)
    found = ml.influence(fit)
    assert found.table.index.name == "site"
    without = refit(fit, sites[sites["site"] != 3])
    np.testing.assert_allclose(found.coefficients.loc[3], without.estimate.beta, rtol=HONEST)
    by_subject = ml.influence(fit, by="id")
    assert len(by_subject.table) == fit.n_subjects
    without = refit(fit, sites[sites["id"] != "s7"])
    np.testing.assert_allclose(by_subject.coefficients.loc["s7"], without.estimate.beta, rtol=HONEST)
    np.testing.assert_allclose(by_subject.theta.loc["s7"], without.covariance.theta, rtol=HONEST)


def test_what_cannot_be_fitted_without_a_case_is_said_and_stops_nothing(sites):
    alone = sites.assign(centre=np.where(sites["id"] == "s5", "single", "many"))
    found = ml.influence(ml.fit("y ~ centre + visit + (1 | id)", alone))
    assert not found.table.loc["s5", "converged"]
    assert "cannot estimate the fixed effects" in found.table.loc["s5", "note"]
    assert found.table.loc["s5", ["cook_d", "covratio"]].isna().all()
    assert found.coefficients.loc["s5"].isna().all()
    others = found.table.drop(index="s5")
    assert others["converged"].all()
    assert others.notna().all(axis=None)


def test_an_unstructured_covariance_that_loses_its_last_spare_completer():
    rng = np.random.default_rng(8)
    table = pd.DataFrame(
        {"id": np.repeat(range(6), 3), "visit": np.tile([0, 1, 2], 6), "y": rng.normal(size=18)}
    )
    table = table.drop(index=[14, 17])  # completers 0 .. 3, as many as there have to be
    found = ml.influence(ml.fit("y ~ C(visit) + us(visit | id)", table))
    assert found.table["converged"].tolist() == [False] * 4 + [True] * 2
    assert found.table.loc[0, "note"].startswith("An unstructured covariance over 3 visits needs")


def test_a_random_effect_that_only_one_case_has():
    rng = np.random.default_rng(9)
    table = pd.DataFrame({"id": np.repeat(range(6), 4), "t": np.tile(range(4), 6), "y": rng.normal(size=24)})
    table["y"] += table["id"].map(dict(enumerate(rng.normal(0, 2, 6))))
    table["dose"] = np.where(table["id"] == 2, table["t"], 0.0)
    table["y"] += 3 * table["dose"]
    found = ml.influence(ml.fit("y ~ t + (1 | id) + (0 + dose | id)", table))
    assert found.table["converged"].tolist() == [True, True, False, True, True, True]
    assert "dose" in found.table.loc[2, "note"]


def test_a_boundary_without_a_case_is_noted():
    # One subject far out makes all the between-subject variance; the others differ by less than chance.
    rng = np.random.default_rng(2)
    noise = rng.normal(size=(8, 4))
    y = noise - noise.mean(axis=1, keepdims=True) + np.r_[np.zeros(7), 30][:, None]
    table = pd.DataFrame({"id": np.repeat(range(8), 4), "t": np.tile(range(4), 8), "y": y.reshape(-1)})
    found = ml.influence(ml.fit("y ~ t + (1 | id)", table))
    assert found.table.loc[7, "note"] == "The covariance lies on its boundary."
    assert found.theta.loc[7].iloc[0] == pytest.approx(0, abs=1e-8)
    assert found.table["cook_d"].idxmax() == 7


def test_what_is_refused(sites):
    fit = ml.fit("y ~ arm * visit + (1 | id)", sites)
    with pytest.raises(DataError, match="no column 'centre'"):
        ml.influence(fit, by="centre")
    with pytest.raises(SpecError, match="by is one column"):
        ml.influence(fit, by=["site", "arm"])
    with pytest.raises(SpecError, match="cases is a list"):
        ml.influence(fit, cases=3)
    crossed = ml.fit("y ~ arm + (1 | visit) + (1 | id)", sites)
    with pytest.raises(SpecError, match="one case"):
        ml.influence(crossed)
    other = ml.fit("y ~ arm * visit + (1 | id)", sites, ml.StatsmodelsMixedLM())
    with pytest.raises(EngineError, match=r"Use ml.Frequentist\(\)"):
        ml.influence(other)


def test_what_a_terminal_and_a_notebook_show_begins_with_the_most_influential(sites):
    found = ml.influence(ml.fit(SLEEP, ml.datasets.sleepstudy()))
    rows = [line.split()[0] for line in str(found).splitlines() if line[:1].isdigit()]
    assert rows == [str(subject) for subject in found.table["cook_d"].sort_values(ascending=False).index]
    assert found._repr_html_().index(">309<") < found._repr_html_().index(">369<")
    assert "there is no fit" not in str(found)
    alone = sites.assign(centre=np.where(sites["id"] == "s5", "single", "many"))
    lost = str(ml.influence(ml.fit("y ~ centre + visit + (1 | id)", alone)))
    assert f"Without 1 of {sites['id'].nunique()} there is no fit." in lost
    assert "cannot estimate the fixed effects" in " ".join(lost.split())
