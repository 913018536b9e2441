"""The methods text: complete, in the past tense, cited by number."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import ConvergenceWarning
from msclong.reporting.analysis import analysis
from msclong.reporting.comparisons import contrasts
from msclong.reporting.record import Code
from msclong.reporting.references import REFERENCES
from msclong.reporting.sections.methods import methods_text
from msclong.reporting.words import words


def text_of(fits, **options) -> str:
    given = analysis(fits, **options)
    section = methods_text(given, contrasts(given), [])
    [code] = [block for block in section.blocks if isinstance(block, Code)]
    return code.text


def in_report(fits) -> str:
    section = next(section for section in ml.report(fits).sections if section.key == "methods")
    [code] = [block for block in section.blocks if isinstance(block, Code)]
    return code.text


@pytest.mark.parametrize("ddf", ["kenward-roger", "satterthwaite", "modified-box", "between-within"])
@pytest.mark.parametrize("structure", ["us", "ar1h", "toep", "ad"])
def test_numbers_run_in_order_and_every_one_has_its_reference(hamd17_spec, ddf, structure):
    spec = hamd17_spec.replace(formula=hamd17_spec.formula.replace("us(", f"{structure}("), margin=-2)
    text = text_of(ml.fit(spec, ml.datasets.hamd17(), ml.Frequentist(ddf=ddf)), adjust="holm")
    body, _, listed = text.partition("\n\nReferences\n")
    references = [line.partition(". ") for line in listed.splitlines()]
    cited = [int(n) for group in re.findall(r"\[([\d, ]+)\]", body) for n in group.split(", ")]
    assert list(dict.fromkeys(cited)) == list(range(1, len(references) + 1))
    assert [int(number) for number, _, _ in references] == list(range(1, len(references) + 1))
    assert all(title in REFERENCES.values() for _, _, title in references)
    assert not re.search(r"\(\d{4}\)|[a-z] \d{4}\)", body), "a year is left that is no number"
    assert "A difference of -2 points was taken as relevant." in body
    assert "P-values were adjusted by Holm\u2019s method [" in body


def test_what_both_engines_did_is_told(hamd17):
    fits = [hamd17[0], ml.fit(hamd17[0].spec, ml.datasets.hamd17(), ml.Bayesian(seed=3))]
    body = text_of(fits).partition("\n\nReferences")[0]
    assert body.startswith(
        "Change in HAMD-17 total score (points) was analysed with a mixed model for repeated measures with "
        "fixed effects of "
    )
    for told in (
        "week, TRT, POOLINV, TRT by week, basval and basval by week.",
        "The outcomes of one participant had an unstructured covariance",
        "The model was fitted by restricted maximum likelihood (REML) [1].",
        "The same model was fitted again by Bayesian inference, with 4,000 draws of the covariance parameters",
        "Priors were weakly informative",
        "none was imputed or carried forward",
        "means at each visit and their differences between arms, taken at the mean of basval over the observed "
        "outcomes and averaged over POOLINV with equal weights, with two-sided 95% confidence or credible intervals.",
        "No adjustment was made",
        "the seed of the Bayesian fit was 3",
    ):
        assert told in body
    assert "Cook" not in body  # the sections given have no such table
    assert "power scaling" not in body
    assert "numpy " in body
    assert "pymc" not in body  # nothing was sampled by it
    assert not re.search(r"[\ue000-\ue0ff]|\[\[", body)


def test_checks_are_told_as_far_as_they_were_made(hamd17, hamd17_spec, monkeypatch):
    body = in_report(hamd17[0])
    assert "The influence of single participants was judged by Cook\u2019s distance [" in body
    monkeypatch.setattr("msclong.reporting.sections.influence.MOST_ROWS", 100)
    assert "Cook" not in in_report(hamd17[0])
    monkeypatch.undo()
    squares = ml.fit(hamd17_spec, ml.datasets.hamd17(), ml.Frequentist(ddf="modified-box"))
    assert "Cook" not in in_report(squares)
    body = in_report(hamd17[1])  # of an engine whose priors nobody knows
    assert "power scaling" not in body
    assert "with their priors" not in body
    body = in_report(ml.fit(hamd17_spec, ml.datasets.hamd17(), ml.Bayesian(seed=3)))
    assert (
        "Posteriors were compared with their priors, the sensitivity of posteriors to their priors was judged by power "
        "scaling ["
    ) in body
    assert "observed statistics were compared with their posterior predictive distribution." in body


def test_least_squares_need_outcomes_missing_completely_at_random(hamd17, hamd17_spec):
    squares = ml.fit(hamd17_spec, ml.datasets.hamd17(), ml.Frequentist(ddf="modified-box"))
    for section in ml.report(squares).sections:
        text = words(section)
        assert "likelihood; none" not in text
        if section.key in ("answer", "question", "methods"):
            assert "missing completely at random" in text
            assert "missing at random" not in text
    both = {section.key: words(section) for section in ml.report([squares, hamd17[1]]).sections}
    for key in ("answer", "question", "methods"):
        assert "missing at random" in both[key]
        assert "for the frequentist fit, by ordinary least squares, completely at random" in both[key]


def test_a_fallback_is_told():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"id": np.repeat(range(12), 4), "visit": np.tile(range(4), 12)})
    table["y"] = rng.normal(size=48) + rng.normal(size=12)[table["id"]]
    spec = ml.ModelSpec("y ~ C(visit) + us(visit | id)", fallback=("csh",))
    assert "alternative" not in text_of(ml.fit(spec, table))
    # Three completers do not determine an unstructured covariance of four visits.
    few = table[(table["visit"] < 3) | (table["id"] < 3)]
    assert (
        " The covariance was the alternative declared for this case beforehand, heterogeneous compound symmetric "
        "(csh): unstructured (us), declared before it, could not be estimated. The model was fitted by "
    ) in text_of(ml.fit(spec, few))


def test_a_boundary_is_told_and_statsmodels_is_cited_where_it_is_named():
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {"id": np.repeat(range(20), 3), "visit": np.tile(range(3), 20), "y": rng.normal(size=60)}
    )
    # Residuals that are less alike within subjects than by chance.
    alike = table.assign(y=table["y"] - table.groupby("id")["y"].transform("mean"))
    with pytest.warns(ConvergenceWarning):
        fit = ml.fit("y ~ visit + (1 | id)", alike)
    told = "the variation of the random effect Intercept was estimated as zero, so that the covariance was singular."
    assert f" In the frequentist fit {told}" in text_of(fit)
    table["y"] += rng.normal(size=20)[table["id"]]
    body = text_of(ml.fit("y ~ visit + (1 | id)", table, ml.StatsmodelsMixedLM()))
    assert "singular" not in body
    assert re.search(r"MixedLM \[\d\], as an independent second opinion\.", body)
    assert re.search(r"statsmodels [\d.]+\d\.\n\nReferences", body)
