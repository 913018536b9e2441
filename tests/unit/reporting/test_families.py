"""Reports of outcomes that are not Gaussian: contrasts are ratios, and the words follow."""

from __future__ import annotations

import html
import re

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from handmade_posteriors import posterior, table
from msclong.errors import EngineError
from msclong.plots.forest import forest
from msclong.printing import numbers
from msclong.reporting.analysis import analysis
from msclong.reporting.sections.observed import trajectories


def text_of(fit, tmp_path) -> str:
    """The report without drawings and tags."""
    path = tmp_path / "report.html"
    ml.report(fit).to_html(path)
    plain = re.sub(r"<(svg|style).*?</\1>", "", path.read_text(encoding="utf-8"), flags=re.S)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", plain))).replace(
        "\N{NO-BREAK SPACE}", " "
    )


def outcomes() -> pd.DataFrame:
    rng, frame = np.random.default_rng(5), table()
    eta = rng.normal(size=20)[frame["id"]] + 0.3 * frame["visit"]
    return frame.assign(titre=np.exp(eta + 0.3 * rng.normal(size=60)), events=rng.poisson(np.exp(eta)))


def test_a_lognormal_outcome_is_reported_in_ratios(tmp_path):
    spec = ml.ModelSpec("titre ~ arm * C(visit) + us(visit | id)", family="lognormal", margin=1.25, unit="U")
    fit = ml.fit(spec, outcomes())
    found = text_of(fit, tmp_path)
    row = fit.contrasts().loc[("a", "2 / 0")]
    assert (
        f"the estimated ratio of geometric mean titre to that at visit 0 was {row['estimate']:.2f} (95%"
        in found
    )
    assert "one-sided p-values of a test that the ratio lies above it" in found
    assert "p(> 1.25): one-sided, of a ratio > 1.25" in found
    assert "Covariance of the outcomes' logs" in found
    assert "arm b / arm a" in found
    assert "ifference between" not in found


def test_counts_are_reported_in_ratios_of_means_over_subjects(tmp_path):
    spec = ml.ModelSpec("events ~ arm * C(visit) + (1 | id)", family="poisson", visit="visit", margin=0.8)
    fit = ml.fit(spec, outcomes(), engine=ml.Bayesian(seed=1))
    found = text_of(fit, tmp_path)
    assert "ratio of mean events to that at visit 0" in found
    assert "posterior probability that it lies" in found
    assert "P(< 1)" in found
    assert "P(< 0.8)" in found
    assert "Quantile residuals" in found
    assert "Given these, outcomes are independent." in found
    assert "posterior medians for means and their differences" in found
    assert "Covariance of the linear predictors of one participant" in found
    with pytest.raises(EngineError, match="linear predictors, which are not observed"):
        ml.covariance_check(fit)


def test_the_forest_of_ratios_is_logarithmic():
    rows = pd.DataFrame({"y": [0, 1], "offset": 0.0, "group": "", "label": ["1", "2"], "engine": "A"})
    rows = rows.assign(estimate=[0.8, 1.5], lower=[0.5, 0.9], upper=[1.2, 2.4])
    axes = forest(rows, "Ratio", 1.25, 1).axes[0]
    assert axes.get_xscale() == "log"
    assert [line.get_xdata()[0] for line in axes.lines[-2:]] == [1, 1.25]
    assert forest(rows, "Difference").axes[0].get_xscale() == "linear"


def grades(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 4, 60)


def test_yes_or_no_is_reported_in_probabilities(tmp_path):
    fit = posterior("bernoulli", grades(np.random.default_rng(1)) > 1)
    found = text_of(fit, tmp_path)
    assert "the estimated difference in the probability of y from that at visit 0 was" in found
    assert "The estimated difference in the probability of y between the arms at that visit" in found
    assert "Marginal probabilities of y" in found
    assert "Difference in the probability of y from that at visit 0, and differences between arms" in found
    assert "averaged over participants, whose own effects are integrated out." in found
    assert "taken at the mean of x over the observed outcomes" in found
    assert "The probability is that of 1 (yes)." in found
    assert "mean y" not in found
    assert "mean change" not in found
    path = tmp_path / "report.html"
    drawn = path.read_text(encoding="utf-8")
    assert "Probability of y" in drawn
    assert "Difference in probability of y" in drawn


def test_successes_among_trials_are_reported_in_probabilities_of_one_trial(tmp_path):
    y = grades(np.random.default_rng(1))
    found = text_of(posterior("binomial", y, columns={"n": 5}, trials="n"), tmp_path)
    assert "Difference in the probability of y in one trial from that at visit 0" in found
    assert "The outcomes drawn are numbers of successes; the model’s means are probabilities." in found


def test_means_of_an_outcome_with_exposure_are_rates(tmp_path):
    exposure = np.random.default_rng(2).normal(size=60)
    y = grades(np.random.default_rng(1))
    found = text_of(posterior("poisson", y, columns={"log_years": exposure}, offset="log_years"), tmp_path)
    assert "offset log_years, the logarithm of the exposure: means are rates." in found
    assert "They are rates, per unit of exposure: the offset log_years is zero." in found
    assert "Marginal means of y per unit of exposure" in found
    assert "Ratio of mean y per unit of exposure to that at visit 0" in found
    assert "The outcomes drawn are those observed, whatever the exposure" in found
    assert "Ratios are each other arm divided by arm a." in found


def test_random_effects_are_on_the_scale_of_the_linear_predictor(tmp_path):
    found = text_of(posterior("poisson", grades(np.random.default_rng(1))), tmp_path)
    assert "Random effects: standard deviations and correlations" in found
    assert "SDs are on the scale of the linear predictor (log), per unit of the effect." in found
    assert "Covariance parameters, on the scale of the linear predictor (log)" in found
    assert (
        "Coefficients are on the scale of the linear predictor (log): logarithms of ratios given the" in found
    )
    for wrong in (
        "outcome's unit",
        "squared units",
        "residual are in",
        "own parameters, Bayesian",
        "exposure",
    ):
        assert wrong not in found


def test_visit_effects_of_a_linear_predictor_are_no_residual(tmp_path):
    y = grades(np.random.default_rng(1))
    found = text_of(posterior("poisson", y, "y ~ arm * C(visit) + (1 | id) + ar1(visit | id)"), tmp_path)
    assert "Visit-level SD" in found
    assert "Residual SD" not in found


def test_cutpoints_have_a_table(tmp_path):
    fit = posterior("cumulative_logit", grades(np.random.default_rng(1)))
    found = text_of(fit, tmp_path)
    assert "The distribution’s own parameters, Bayesian fit (95% intervals)" in found
    for name, row in fit.family_parameters().iterrows():
        assert f"{name} {numbers.fixed(row['estimate'], numbers.decimals_for([row['se']]))}" in found
    assert "Cutpoints are on the scale of the linear predictor (logit)." in found


def test_both_parts_of_a_hurdle_are_told_apart(tmp_path):
    rng = np.random.default_rng(1)
    fit = posterior("hurdle_gamma", np.where(rng.random(60) < 0.3, 0, rng.gamma(2, size=60)))
    found = text_of(fit, tmp_path)
    row = fit.family_parameters().loc["coefficient of variation"]
    estimate = numbers.fixed(row["estimate"], numbers.decimals_for([row["se"]]))
    assert f"coefficient of variation {estimate}" in found
    assert "Of values above zero." in found
    assert "SDs are on the scale of the linear predictors (log; of “zero: …”, logit of a zero)" in found
    assert "Zeros are part of them." in found
    assert "Rows “zero: …” are log odds of a zero and logarithms of their ratios" in found


def test_observed_outcomes_are_drawn_as_they_were_measured():
    spec = ml.ModelSpec("titre ~ arm * C(visit) + us(visit | id)", family="lognormal")
    drawn = trajectories(analysis(ml.fit(spec, outcomes())))
    assert sorted(drawn["value"]) == pytest.approx(sorted(outcomes()["titre"]))
