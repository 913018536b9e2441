"""Methods in words, tests of terms, adjustment for multiplicity and the margin."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product

import pytest

import msclong as ml
from msclong.contrasts.multiplicity import ADJUSTMENTS
from msclong.engines.frequentist.engine import DF_METHODS, OWN_ERRORS
from msclong.engines.frequentist.sandwich import SANDWICHES
from msclong.errors import HypothesisError, SpecError
from msclong.reporting import html, methods
from msclong.reporting.analysis import analysis
from msclong.reporting.cautions import structure_name
from msclong.reporting.covariance_words import STRUCTURES
from msclong.reporting.multiplicity import METHODS, adjustment
from msclong.reporting.references import REFERENCES
from msclong.reporting.wording import inside

BUILT_IN = [
    "us",
    "cs",
    "csh",
    "ar1",
    "ar1h",
    "toep",
    "toeph",
    "ad",
    "adh",
    "sp_exp",
    "sp_gau",
    "diag",
    "homdiag",
]

SAME = 1e-12
"""Relative: a cell holds the fit's own number."""


@pytest.fixture(scope="module")
def fit(hamd17_spec) -> ml.Fit:
    return ml.fit(hamd17_spec.replace(margin=-2), ml.datasets.hamd17())


def table(report, key):
    return next(table for table in report.tables if table.key == key)


def values(found, heading):
    column = [column.label for column in found.columns].index(heading)
    return [row.cells[column].value for row in found.rows]


def test_every_method_and_structure_has_words_and_its_citations_exist():
    assert set(methods.OWN_ERRORS) == set(OWN_ERRORS)
    assert set(methods.OWN_ERRORS) | set(methods.DEGREES) == set(DF_METHODS)
    assert set(methods.ERRORS) == {"model", *SANDWICHES}
    assert set(BUILT_IN) <= set(STRUCTURES)
    assert set(METHODS) == {*ADJUSTMENTS, "graphical"}
    described = [
        *methods.OWN_ERRORS.values(), *methods.ERRORS.values(), *methods.DEGREES.values(),
        *STRUCTURES.values(), *METHODS.values(), methods.ROBUST_DEGREES,
    ]  # fmt: skip
    assert {key for _, cites in described for key in cites} <= set(REFERENCES)


def test_a_structure_has_one_name_everywhere():
    for keyword, (told, _) in STRUCTURES.items():
        name = structure_name(f"{keyword}(visit | id)").removesuffix(f" ({keyword})")
        if not name.startswith("diagonal"):  # described without a name
            assert re.match(rf"an? {name} covariance\b", told), keyword
    several = [structure_name(keyword).partition(" (")[0] for keyword in STRUCTURES]
    assert len(set(several)) == len(several) - 1  # diag and homdiag are both diagonal


@pytest.mark.parametrize(("ddf", "vcov"), list(product(methods.DEGREES, methods.ERRORS)))
def test_standard_errors_and_degrees_of_freedom_are_told_for_each_engine(fit, ddf, vcov):
    described = methods.methods(replace(fit, engine=ml.Frequentist(ddf=ddf, vcov=vcov)))
    assert ("cluster-robust" in described.text) == (vcov != "model")
    assert ("(CR" in described.text or f"; {vcov})" in described.text or ": CR0)" in described.text) == (
        vcov != "model"
    )
    assert ("bell" in described.cites) == (vcov == "CR2" or (vcov != "model" and ddf == "satterthwaite"))


def test_terms_have_their_type_three_tests(fit):
    found = table(ml.report(fit), "terms-1")
    anova = fit.anova()
    assert [row.cells[0].text for row in found.rows] == list(anova.index)
    for heading, column in (
        ("F", "statistic"),
        ("df", "num_df"),
        ("Denominator df", "den_df"),
        ("p", "p_value"),
    ):
        assert values(found, heading) == pytest.approx(anova[column].tolist(), rel=SAME)
    assert "not adjusted" in found.notes[0]


def test_a_mean_without_terms_has_no_table_of_tests():
    report = ml.report(ml.fit("Reaction ~ 1 + (1 | Subject)", ml.datasets.sleepstudy()))
    assert not [table.key for table in report.tables if table.key.startswith("terms")]


def test_the_margin_is_tested_beside_zero(fit):
    found = table(ml.report(fit), "contrasts")
    expected = fit.contrasts(test="superiority")["p_value"]
    assert values(found, "p(< −2)") == pytest.approx(expected.tolist(), rel=SAME)
    assert values(found, "p") == pytest.approx(fit.contrasts()["p_value"].tolist(), rel=SAME)
    assert any(
        note.startswith("p(< −2): one-sided, of a difference < −2, not adjusted") for note in found.notes
    )


def test_adjusted_p_values_and_simultaneous_limits_stand_beside_the_others(fit):
    report = ml.report(fit, adjust="bonferroni", family="TRT")
    html.render(report)
    found = table(report, "contrasts")
    expected = fit.contrasts(adjust="bonferroni", family="TRT")
    assert values(found, "p, adjusted") == pytest.approx(expected["p_adjusted"].tolist(), rel=SAME)
    limits = list(zip(expected["lower_adjusted"], expected["upper_adjusted"], strict=True))
    assert values(found, "Simultaneous 95% CI") == limits
    assert values(found, "p") == pytest.approx(expected["p_value"].tolist(), rel=SAME)
    note = "Adjusted: by Bonferroni’s method, apart for each TRT or difference of these."
    assert any(text.startswith(note) for text in found.notes)
    assert values(table(report, "contrasts-1"), "Upper, adj.") == pytest.approx(
        expected["upper_adjusted"].tolist(), rel=SAME
    )
    assert "adjust='bonferroni', family='TRT'" in report.sections[-1].blocks[-1].text
    assert "adjusted p" in " ".join(block.text for block in report.sections[0].blocks)


def test_a_graphical_procedure_is_cited(fit):
    graph = ml.GraphicalProcedure.fixed_sequence(list(fit.contrasts().index))
    report = ml.report(fit, adjust=graph)
    html.render(report)
    assert adjustment(analysis(fit, graph)).cites == ("bretz",)
    assert values(table(report, "contrasts"), "p, adjusted") == pytest.approx(
        fit.contrasts(adjust=graph)["p_adjusted"].tolist(), rel=SAME
    )


def test_what_cannot_be_adjusted_is_refused(fit, posterior):
    with pytest.raises(HypothesisError, match="Unknown adjustment 'guess'"):
        ml.report(fit, adjust="guess")
    with pytest.raises(SpecError, match="a posterior has none"):
        ml.report(posterior(fit), adjust="holm")


def test_the_posterior_beside_it_keeps_its_probabilities(fit, posterior):
    report = ml.report([fit, posterior(fit)], adjust="holm")
    html.render(report)
    headings = [column.label for column in table(report, "contrasts").columns]
    assert headings == [
        "Week", "Estimate", "95% CI", "p", "p, adjusted", "p(< −2)", "Estimate", "95% CrI", "P(< 0)", "P(< −2)",
    ]  # fmt: skip


def test_names_of_several_capitalised_words_keep_their_capital():
    assert [inside("Beck Depression Inventory"), inside("Quality of life")] == [
        "Beck Depression Inventory",
        "quality of life",
    ]
