"""The equation, typeset."""

from __future__ import annotations

import re

import msclong as ml
from msclong.reporting import equation_html


def typeset(formula: str, **fields: str) -> list[str]:
    spec = ml.ModelSpec(formula, **fields)
    return [str(line) for line in equation_html.lines(spec.equation(), spec.parsed.outcome)]


def plain(html: str) -> str:
    return re.sub("<[^>]+>", "", html).replace("\N{HAIR SPACE}", "")


def test_coefficients_are_greek_and_columns_are_upright():
    mean, covariance, legend = typeset("y ~ arm * week + us(week | id)")
    assert plain(mean) == "yi,t = β0 + β1 arm + β2 week + β3 arm×week + εi,t"
    assert '<span class="column">arm</span>' in mean
    assert "<i>β</i><sub>3</sub>" in mean
    assert plain(covariance).startswith("εi = (εi,1, …, εi,T)′ ∼ Normal(0, Σ)Σ unstructured")
    assert plain(legend) == "i: id, t: week"


def test_random_effects():
    lines = [plain(line) for line in typeset("y ~ day + (1 + day | id)")]
    assert lines[0] == "yi,t = β0 + β1 day + z1,i,t′ u1,i + εi,t"
    assert lines[1].startswith("u1,i ∼ Normal(0, G1), z1: 1 + day")
    assert lines[2] == "εi,t ∼ Normal(0, σ2), independent"


def test_an_expression_has_its_indices_below_the_line_too():
    mean = str(
        equation_html.lines(ml.ModelSpec("I(p / 100) ~ a + cs(t | id)", family="logitnormal").equation(), "")[
            0
        ]
    )
    assert ")<sub>i,\N{HAIR SPACE}t</sub>) = " in mean
    assert "[i,t]" not in mean


def test_the_linear_predictor_on_the_left_is_a_symbol_and_a_column_of_that_name_is_not():
    equation = ml.ModelSpec("y ~ a + (1 | id)", family="poisson").equation()
    assert str(equation_html.lines(equation, "eta")[0]).startswith("<i>η</i><sub>")
    assert typeset("eta ~ a + (1 | id)")[0].startswith('<span class="column">eta</span><sub>')


def test_columns_that_look_like_symbols_stay_columns():
    mean = typeset("np.log(e) ~ b1 + z + cs(t | id)")[0]
    assert plain(mean) == "np.log(e)i,t = β0 + β1 b1 + β2 z + εi,t"
    assert '<span class="column">b1</span>' in mean


def test_markup_in_names_is_escaped():
    assert "<b>" not in typeset('Q("<b>") ~ 1 + cs(t | id)')[0]


def test_groupings_have_indices_of_their_own_and_nested_names_stay_together():
    lines = [plain(line) for line in typeset("y ~ a:b + (1 | site / id)")]
    assert lines[0] == "yi,t = β0 + β1 a×b + z1,i,t′ u1,j + z2,i,t′ u2,i + εi,t"
    assert lines[-1] == "i: site:id, j: site"


def test_weights_divide_the_variance_whatever_the_column_is_called():
    for name in ("w", "e"):
        spec = ml.ModelSpec("y ~ a + (1 | id)", weights=name)
        lines = [plain(str(line)) for line in equation_html.lines(spec.equation(), "y")]
        assert f"εi,t ∼ Normal(0, σ2 / {name}i,t), independent" in lines
    spec = ml.ModelSpec("y ~ a + sp_gau(day | arm / id)", weights="w")
    remark = plain(str(equation_html.lines(spec.equation(), "y")[1])).partition("Σ)")[2]
    assert "exp(−d2 / range2)" in remark
    assert remark.endswith(", of its own in each arm; divided by w")


def test_a_family_is_told_in_plain_words_and_a_hurdle_in_two_predictors():
    mean, given, zero, effects, _ = typeset("sal ~ C(v) + (1 | id)", family="hurdle_gamma")
    assert mean.startswith("<i>η</i><sub>")
    assert plain(mean) == "ηi,t = β0 + β1 C(v) + z1,i,t′ u1,i"
    words = "zero with a probability of its own, else gamma with mean exp(linear predictor)"
    assert given.endswith(f": {words}")
    assert plain(given) == f"sali,t given ηi,t: {words}"
    assert plain(zero) == "logit P(sali,t = 0) = α0 + α1 C(v) + z1,i,t′ v1,i"
    assert plain(effects).startswith("(u1,i, v1,i) ∼ Normal(0, G1), z1: 1")
