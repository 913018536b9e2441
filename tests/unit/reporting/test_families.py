"""Reports of outcomes that are not Gaussian: contrasts are ratios, and the words follow."""

from __future__ import annotations

import html
import re

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from handmade_posteriors import table
from msclong.errors import EngineError
from msclong.plots.forest import forest


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
