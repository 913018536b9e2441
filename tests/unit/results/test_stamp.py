"""Synthetic data say so in every table of every fit, and in its summary."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml

SAYS = "Synthetic: made for a test."
US = "y ~ C(week) + us(week | id)"
FEW = ml.Bayesian(draws=100, seed=1, sampler="importance")
TABLES = ("coefficients", "means", "contrasts", "predict", "trajectories", "anova", "standardised")


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(5)
    table = pd.MultiIndex.from_product([range(12), (0, 2, 4)], names=["id", "week"]).to_frame(index=False)
    table["y"] = 8 + rng.normal(size=12)[table["id"]] - 0.3 * table["week"] + rng.normal(size=len(table))
    table["z"] = table["y"] + rng.normal(size=len(table))
    table["flow"] = np.exp(table["y"] / 4)
    table["grade"] = pd.cut(table["y"], [-np.inf, 6.5, 8, np.inf], labels=["none", "mild", "severe"])
    table.attrs = {"synthetic": SAYS, "source": "a test", "published": {"n": [{"deep": list(range(100))}]}}
    return table


FITS = {
    "formula": (US, None),
    "transformed outcome": ("np.log(y) ~ C(week) + us(week | id)", None),
    "lognormal": (ml.ModelSpec("flow ~ C(week) + us(week | id)", family="lognormal"), None),
    "baseline a covariate": (
        ml.ModelSpec("y ~ C(week) + baseline + us(week | id)", baseline_as="covariate"),
        None,
    ),
    "change": (ml.ModelSpec(US, baseline_as="change"), None),
    "posterior": (US, FEW),
    "grades in words": (ml.ModelSpec("grade ~ C(week) + (1 | id)", family="cumulative_logit"), FEW),
    "statsmodels": ("y ~ C(week) + (1 | id)", ml.StatsmodelsMixedLM()),
}


def check(fit, missed=()):
    assert fit.synthetic == SAYS
    assert fit.design.data.frame.attrs == {
        "synthetic": SAYS,
        "source": "a test",
    }  # and nothing deep: that is slow
    for name in TABLES:
        if name not in missed:
            assert getattr(fit, name)().attrs["synthetic"] == SAYS, name
    assert SAYS in fit.summary()


@pytest.mark.parametrize("name", FITS)
def test_every_fit_says_so(table, name):
    spec, engine = FITS[name]
    missed = {
        "baseline a covariate": ("contrasts", "standardised"),
        "grades in words": ("trajectories",),
        "statsmodels": ("standardised",),
    }
    check(ml.fit(spec, table, engine), missed.get(name, ()))


def test_responders_and_simulated_outcomes_say_so(table):
    fit = ml.fit(US, table)
    assert fit.responders(-1).attrs["synthetic"] == SAYS
    assert fit.simulate(2, seed=1).attrs["synthetic"] == SAYS


def test_figures_by_row_and_of_parameters_say_so(table, tmp_path):
    fit = ml.fit(US, table)
    posterior = ml.fit(US, table, FEW)
    ml.save(posterior, tmp_path / "fit.zip")
    said = {
        "vcov": fit.vcov,
        "fitted": fit.fitted(),
        "residuals": fit.residuals("scaled"),
        "parameters": fit.covariance.parameters,
        "priors": posterior.priors,
        "saved priors": ml.load(tmp_path / "fit.zip").priors,
        "datatree": posterior.to_datatree(),
    }
    said["fitted grades"] = ml.fit(*FITS["grades in words"][:1], table, FEW).fitted()
    for name, found in said.items():
        assert found.attrs["synthetic"] == SAYS, name


def test_what_is_computed_of_a_fit_says_so(table):
    fit, posterior = ml.fit(US, table), ml.fit(US, table, FEW)
    smaller = ml.fit("y ~ C(week) + cs(week | id)", table)
    data = ml.LongData(table, subject="id", outcome="y", visit="week")
    left_out = ml.influence(fit)
    said = {
        "variance_intervals": ml.variance_intervals(fit=fit, method="wald"),
        "sign_flip_test": ml.sign_flip_test(fit),
        "sign_flip_test of data": ml.sign_flip_test(data=data),
        "covariance_check": ml.covariance_check(fit),
        "predictive_check": ml.predictive_check(fit, n=20),
        "compare": ml.compare(smaller, fit),
        "loo_pit": ml.loo_pit(posterior),
        "prior_sensitivity": ml.prior_sensitivity(posterior),
        **{name: getattr(left_out, name) for name in ("table", "coefficients", "dfbetas", "theta")},
    }
    for name, found in said.items():
        assert found.attrs["synthetic"] == SAYS, name


def test_long_data_say_so_to_their_fit(table):
    check(ml.fit(US, ml.LongData(table, subject="id", outcome="y", visit="week")))


def test_a_saved_fit_says_so(table, tmp_path):
    ml.save(ml.fit(US, table, FEW), tmp_path / "fit.zip")
    check(ml.load(tmp_path / "fit.zip"))


def test_a_joint_fit_says_so(table):
    specs = {name: ml.ModelSpec(f"{name} ~ C(week) + (1 | id)", visit="week") for name in ("y", "z")}
    joint = ml.fit_joint(specs, table, FEW)
    assert joint.synthetic == joint["z"].synthetic == SAYS
    for name in ("coefficients", "contrasts", "means", "correlations"):
        assert getattr(joint, name)().attrs["synthetic"] == SAYS, name
    assert joint.vcov.attrs["synthetic"] == joint.checks().attrs["synthetic"] == SAYS
    assert SAYS in joint.summary()


def test_a_study_says_so(table):
    found = ml.Study(table, {"y": {}, "z": {}}, {"formula": "{outcome} ~ C(week) + us(week | id)"}).fit(
        n_jobs=1
    )
    for fit in found.fits().values():
        check(fit)
    assert found.contrasts().attrs["synthetic"] == SAYS


def test_measured_data_say_nothing(table):
    measured = table.copy()
    measured.attrs = {"synthetic": "", "units": "points"}
    fit = ml.fit(US, measured)
    assert fit.synthetic is None
    assert fit.design.data.frame.attrs == {}
    assert "synthetic" not in fit.contrasts().attrs
    assert "ynthetic" not in fit.summary()


def test_the_callers_table_is_left_as_it_was(table):
    before = table.copy()
    ml.fit(US, table)
    pd.testing.assert_frame_equal(table, before)
    assert table.attrs == before.attrs
    assert set(table.attrs) == {"synthetic", "source", "published"}


def test_a_stamped_method_keeps_its_name_and_words():
    assert ml.Fit.contrasts.__name__ == "contrasts"
    assert "Comparisons of marginal means" in ml.Fit.contrasts.__doc__
