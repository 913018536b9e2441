"""Posterior checks: figures and tables hold what the library's own functions say."""

from __future__ import annotations

import numpy as np
import pytest

import msclong as ml
from msclong.reporting.analysis import analysis
from msclong.reporting.comparisons import contrasts
from msclong.reporting.contrast_draws import contrast_draws, row_names
from msclong.reporting.inline import plain
from msclong.reporting.numbering import numbered
from msclong.reporting.record import Figure, FoldOut, Paragraph, Table
from msclong.reporting.sections.coefficients import coefficients
from msclong.reporting.sections.effects import contrasts_section
from msclong.reporting.sections.posterior_checks import posterior_checks

ROUNDING = 1e-12
"""Of a logarithm and its exponential."""


@pytest.fixture(scope="module")
def given(hamd17_spec):
    data = ml.datasets.hamd17()
    return analysis([ml.fit(hamd17_spec, data, engine) for engine in (ml.Frequentist(), ml.Bayesian(seed=2))])


@pytest.fixture(scope="module")
def section(given):
    return numbered([posterior_checks(given, contrasts(given))])[0]


def every(section, kind):
    inside = [block for fold in section.blocks if isinstance(fold, FoldOut) for block in fold.blocks]
    return {block.key: block for block in (*section.blocks, *inside) if isinstance(block, kind)}


def text(section) -> str:
    references = {f"table:{key}": "Table" for key in every(section, Table)}
    return " ".join(plain(block.text, references) for block in section.blocks if isinstance(block, Paragraph))


def test_an_importance_sample_has_no_chains_and_says_what_takes_their_place(section, given):
    told = given.fits["Bayesian"].outcome.diagnostics
    assert "there are no chains to be traced or ranked" in text(section)
    assert f"{told['efficiency']:.0%} of as many" in text(section)
    assert "chains-2" not in every(section, Figure)


def test_posteriors_of_contrasts_are_those_of_the_tables(section, given):
    drawn = every(section, Figure)["posteriors-2"].data
    table = given.fits["Bayesian"].contrasts().loc["2 - 1"]
    assert drawn["label"].tolist() == [f"TRT 2 \N{MINUS SIGN} TRT 1, week {week}" for week in table.index]
    half = given.fits["Bayesian"].contrasts(level=0.5).loc["2 - 1"]
    for column in ("estimate", "lower", "upper"):
        assert drawn[column].tolist() == table[column].tolist()
    assert drawn[["lower_50", "upper_50"]].to_numpy().tolist() == half[["lower", "upper"]].to_numpy().tolist()


def test_an_interval_is_the_same_wherever_it_stands(section, given):
    """The review found three intervals of one contrast: of draws, and of the exact mixture."""
    found = contrasts(given)
    shown = every(contrasts_section(given, found), Table)["contrasts"]
    names = row_names(given, found.groups, found.labels)
    of_contrasts = {name: row.cells[-2] for name, row in zip(names, shown.rows, strict=True)}
    figure = every(section, Figure)["posteriors-2"]
    for row in figure.data.itertuples():
        assert (row.lower, row.upper) == of_contrasts[row.label].value
        assert f"({of_contrasts[row.label].text})" in figure.alt
    told = {row.cells[0].text: row.cells[2] for row in every(section, Table)["prior-posterior-2"].rows}
    assert [told[name] for name in told if name in of_contrasts] == [
        of_contrasts[name] for name in told if name in of_contrasts
    ]
    variances = given.fits["Bayesian"].covariance.parameters
    for week in ("1", "2", "4"):
        limits = variances.loc[f"variance({week})", ["lower", "upper"]].to_numpy(float)
        assert told[f"sd({week})"].value == tuple(np.sqrt(limits))


def test_each_table_says_which_monte_carlo_error_it_has(section, given):
    notes = {"checks-2": " ".join(every(section, Table)["checks-2"].notes)}
    for one in (contrasts_section(given, contrasts(given)), coefficients(given)):
        notes |= {key: " ".join(table.notes) for key, table in every(one, Table).items()}
    assert "of the draws themselves" in notes["checks-2"]
    for key in ("contrasts-2", "coefficients-2"):
        assert "known exactly given each of them; those of [[table:checks-2]]" in notes[key]
    for key in ("contrasts-1", "coefficients-1"):
        assert "ESS" not in notes[key]


def test_ratios_are_drawn_as_ratios():
    rng = np.random.default_rng(1)
    table = ml.datasets.sleepstudy().assign(
        titre=lambda t: np.exp(t["Reaction"] / 200 + 0.1 * rng.normal(size=180))
    )
    spec = ml.ModelSpec("titre ~ Days + (1 | Subject)", family="lognormal")
    fit = ml.fit(spec, table, ml.Bayesian(seed=2))
    given = analysis(fit)
    draws, shown = contrast_draws(given, fit), contrasts(given).tables["Bayesian"]
    np.testing.assert_allclose(np.median(draws, axis=0), shown["estimate"], rtol=0.02)
    assert (draws > 0).all()
    logarithms = (
        every(posterior_checks(given, contrasts(given)), Table)["prior-posterior-1"].rows[0].cells[2].value
    )
    assert np.exp(logarithms) == pytest.approx(shown[["lower", "upper"]].iloc[-1].tolist(), rel=ROUNDING)


def test_posteriors_are_narrower_than_priors(section):
    table = every(section, Table)["prior-posterior-2"]
    assert [row.cells[0].text for row in table.rows[:3]] == [
        "TRT 2 \N{MINUS SIGN} TRT 1, week 8", "TRT 1, week 8", "TRT 2, week 8",
    ]  # fmt: skip
    for row in table.rows:
        (a, b), (c, d), ratio = (cell.value for cell in row.cells[1:])
        assert ratio == pytest.approx((d - c) / (b - a))
        assert ratio < 0.5
    data = every(section, Figure)["prior-posterior-2"].data
    assert set(data["quantity"]) == {row.cells[0].text for row in table.rows}


def test_sensitivities_are_those_of_the_library(section, given):
    found = ml.prior_sensitivity(given.fits["Bayesian"])
    table = every(section, Table)["prior-sensitivity-2"]
    assert [cell.value for cell in table.rows[0].cells[1:5]] == pytest.approx(
        found.iloc[0][["coefficients", "sds", "correlations", "likelihood"]].tolist()
    )
    assert len(table.rows) == len(found)
    assert ("None does here" in text(section)) == (found["verdict"] == "-").all()


def test_predictive_checks_count_what_lies_outside(section, given):
    table = every(section, Table)["predictive-2"]
    p = [row.cells[i].value for row in table.rows for i in (3, 6, 9, 12)]
    beyond = sum(value < 0.025 or value > 0.975 for value in p)
    assert (
        f"Of {len(p)} statistics (mean, SD, smallest and largest of each arm and visit) {beyond} lie"
        in text(section)
    )
    observed = (
        ml.datasets.hamd17()
        .groupby(["TRT", "week"], observed=True)["change"]
        .agg(["mean", "std", "min", "max"])
    )
    seen = np.array([[row.cells[i].value for i in (1, 4, 7, 10)] for row in table.rows])
    np.testing.assert_allclose(seen, observed)
    for row in table.rows:
        low, high = row.cells[2].value
        assert (row.cells[3].value < 0.025 or row.cells[3].value > 0.975) == (
            not low <= row.cells[1].value <= high
        )


def test_a_fit_by_an_engine_whose_priors_are_unknown_has_no_prior_checks(hamd17):
    given = analysis(hamd17[1])
    found = every(numbered([posterior_checks(given, contrasts(given))])[0], (Figure, Table))
    assert {"chains-1", "posteriors-1", "checks-1"} <= set(found)
    assert not [key for key in found if "prior" in key]


def test_without_a_posterior_there_is_no_section(hamd17):
    assert posterior_checks(analysis(hamd17[0]), contrasts(analysis(hamd17[0]))) is None
