"""Tables of results are pandas DataFrames, and a notebook shows them as a journal would print them."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.results.result_table import ResultTable


@pytest.fixture(scope="module")
def fit():
    return ml.fit("change ~ TRT * week + us(week | PATIENT)", ml.datasets.hamd17())


@pytest.fixture(scope="module")
def posterior():
    engine = ml.Bayesian(draws=100, seed=1, sampler="importance")
    return ml.fit("change ~ TRT * week + us(week | PATIENT)", ml.datasets.hamd17(), engine)


def text_of(html: str) -> str:
    hidden = re.sub(r'<span aria-hidden="true".*?</span>', "", html)
    return " ".join(re.sub(r"<[^>]+>", " ", hidden).split())


def test_what_is_derived_from_a_table_is_plain_pandas(fit):
    table = fit.contrasts()
    assert type(table) is ResultTable
    derived_tables = (
        table.copy(), table.head(2), table.round(2), table.loc["1"], table.reset_index(), table.T,
        pd.concat([table, table]), table.assign(x=1), table[["estimate"]], table.groupby(level=0).mean(),
    )  # fmt: skip
    for derived in derived_tables:
        assert type(derived) is pd.DataFrame
    assert table.head(2).attrs == table.attrs
    pd.testing.assert_frame_equal(table, pd.DataFrame(table))


def test_a_table_is_pickled_with_its_facts(fit):
    table = fit.contrasts()
    again = pickle.loads(pickle.dumps(table))
    assert again._repr_html_() == table._repr_html_()
    pd.testing.assert_frame_equal(again, table)


def test_a_notebook_shows_figures_by_the_decimals_rule_and_what_they_rest_on(fit):
    table = fit.contrasts(adjust="mvt")
    shown = text_of(table._repr_html_())
    row = table.loc[("2 - 1", "8 - 1")]
    figures = (
        f"{row['estimate']:.2f} {row['se']:.2f} {row['lower']:.2f} to {row['upper']:.2f} {row['df']:.1f}"
    )
    assert figures.replace("-", "\N{MINUS SIGN}") in shown
    assert "&lt;0.001" in shown
    for note in (
        "Model: change ~ TRT * week + us(week | PATIENT) (REML).",
        "CI: confidence interval.",
        "Standard errors and df: Kenward and Roger.",
        "p, adj.: adjusted for multiplicity by single-step max-t.",
        "831 outcomes of 200 subjects were observed; others are taken to be missing at random.",
    ):
        assert note in shown


def test_posterior_tables_name_their_intervals_and_have_no_p_value(posterior):
    shown = text_of(posterior.contrasts()._repr_html_())
    assert "95% CrI" in shown and "credible" in shown and " SD " in shown  # noqa: PT018
    assert " p " not in shown and "Kenward" not in shown  # noqa: PT018
    assert "95% HDI" in text_of(posterior.contrasts(interval="hdi")._repr_html_())


def test_least_squares_rest_on_missing_completely_at_random():
    fit = ml.fit(
        "change ~ week + us(week | PATIENT)", ml.datasets.hamd17(), ml.Frequentist(ddf="modified-box")
    )
    assert "missing completely at random" in text_of(fit.contrasts()._repr_html_())


def test_long_tables_are_folded_as_pandas_folds_them(fit):
    table = fit.trajectories()
    shown = text_of(table._repr_html_())
    assert "1,000 rows, of which 10 are shown." in shown
    with pd.option_context("display.max_rows", None):
        assert table._repr_html_().count("<tr>") > 1000
    with pd.option_context("display.notebook_repr_html", False):
        assert table._repr_html_() is None


def test_made_up_data_are_stamped_and_names_are_escaped():
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {"id": np.repeat(range(20), 2), "arm": np.repeat(["<b>", "&"], 20), "week": [0, 1] * 20}
    )
    table["y"] = rng.normal(size=40)
    table.attrs["synthetic"] = "Synthetic: <made> up."
    fit = ml.fit("y ~ arm * C(week) + us(week | id)", table)
    for html in (fit.means()._repr_html_(), fit._repr_html_()):
        assert "<b>Synthetic: &lt;made&gt; up.</b>" in html or "Synthetic: &lt;made&gt; up." in html
        assert "&lt;b&gt;" in html
        assert "<script" not in html and "http" not in html  # noqa: PT018


def test_a_fit_shows_its_contrasts_and_folds_the_rest_away(fit):
    html = fit._repr_html_()
    seen, _, folded = html.partition("<details")
    assert "8 - 1" in seen and "Fixed effects" not in seen  # noqa: PT018
    assert "Fixed effects" in folded and "How it went" in folded  # noqa: PT018


def test_every_table_of_a_fit_can_show_itself(fit, posterior):
    for result in (fit, posterior):
        for name in (
            "coefficients",
            "means",
            "contrasts",
            "anova",
            "predict",
            "trajectories",
            "standardised",
        ):
            assert "<table" in getattr(result, name)()._repr_html_(), name
        assert "<table" in result.vcov._repr_html_()
        assert "<table" in result.responders(-3)._repr_html_()
    assert "<table" in posterior.checks()._repr_html_()
    assert "<table" in fit.simulate(30, seed=1)._repr_html_()
    assert "<table" in fit.contrasts().iloc[:0].pipe(ResultTable.of, {})._repr_html_()


@pytest.mark.parametrize(
    "columns",
    [
        {"a": [1, 2]},
        {},
        {"estimate": [1.0], "lower": ["none"], "upper": [2.0]},
        {"estimate": [None, "x"], "se": [1.0, 2.0]},
        {0: [1.0], "observed_lower": ["x"], "observed_upper": ["y"], "n": [1]},
    ],
)
def test_what_journals_have_no_form_for_looks_as_pandas_shows_it(columns):
    table = ResultTable(columns)
    assert table._repr_html_() == pd.DataFrame(columns)._repr_html_()
    table.attrs["synthetic"] = "Synthetic: <made> up."
    assert table._repr_html_().startswith("<b>Synthetic: &lt;made&gt; up.</b>")
    both = ResultTable(np.ones((1, 2)), columns=["estimate", "estimate"])
    assert both._repr_html_() == pd.DataFrame(both)._repr_html_()


def test_a_table_without_facts_is_printed_without_notes():
    assert "<table" in ResultTable({"estimate": [1.0], "se": [0.5]})._repr_html_()


def test_a_likelihood_ratio_is_no_t(fit):
    smaller = ml.fit("change ~ TRT * week + cs(week | PATIENT)", ml.datasets.hamd17())
    table = ml.compare(smaller, fit)
    shown = text_of(table._repr_html_()).replace("\N{MINUS SIGN}", "-")
    assert "Likelihood ratio" in shown and " t " not in shown  # noqa: PT018
    for name, places in (("loglik", 2), ("aic", 1), ("bic", 1)):
        assert f"{table[name].iloc[0]:.{places}f}" in shown
    assert f"{table['statistic'].iloc[1]:.2f} {table['df'].iloc[1]} &lt;0.001" in shown
    assert "Kenward" not in shown and "Model: change" not in shown  # noqa: PT018


def test_intervals_of_variances_name_their_level(fit):
    nights = ml.fit("Reaction ~ Days + (1 | Subject)", ml.datasets.sleepstudy())
    assert "90% CI" in text_of(ml.variance_intervals(nights, level=0.9)._repr_html_())


def test_missing_outcomes_are_no_matter_of_tables_without_estimates(posterior):
    assert "missing at random" not in text_of(posterior.checks()._repr_html_())
    assert "missing at random" in text_of(posterior.anova()._repr_html_())
