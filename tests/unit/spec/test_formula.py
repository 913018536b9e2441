"""What formulas mean, and what is said of those that mean nothing."""

from __future__ import annotations

import pytest

from msclong.errors import FormulaError
from msclong.spec.formula import CovarianceTerm, parse_formula

READ = {
    "y ~ a * b + us(v | id)": ("y", "a * b", [CovarianceTerm("us", "v", "id")]),
    "y~us(v|id)": ("y", "1", [CovarianceTerm("us", "v", "id")]),
    "y ~ 0 + a + ar1(v | id)": ("y", "0 + a", [CovarianceTerm("ar1", "v", "id")]),
    "y ~ a - 1 + cs(v | id)": ("y", "a - 1", [CovarianceTerm("cs", "v", "id")]),
    "y ~ cs(v | id) - 1 + a": ("y", "- 1 + a", [CovarianceTerm("cs", "v", "id")]),
    "np.log(y) ~ C(a) * (b + c) + us(C(v) | id)": (
        "np.log(y)",
        "C(a) * (b + c)",
        [CovarianceTerm("us", "v", "id")],
    ),
    'y ~ Q("bdi.pre") + us(Q("visit no") | Q("patient id"))': (
        "y",
        'Q("bdi.pre")',
        [CovarianceTerm("us", "visit no", "patient id")],
    ),
    "y ~ t + (1 + t | id)": ("y", "t", [CovarianceTerm("random", "1 + t", "id")]),
    "y ~ t + (1 + t || id)": ("y", "t", [CovarianceTerm("random", "1 + t", "id", correlated=False)]),
    "y ~ t + (1 | id) + (0 + t | id)": (
        "y",
        "t",
        [CovarianceTerm("random", "1", "id"), CovarianceTerm("random", "0 + t", "id")],
    ),
    "y ~ C(a, levels=['p|q', 'r']) + I(b + c) + us(v | id)": (
        "y",
        "C(a, levels=['p|q', 'r']) + I(b + c)",
        [CovarianceTerm("us", "v", "id")],
    ),
    "y ~ a + us(v | arm / id)": ("y", "a", [CovarianceTerm("us", "v", "id", within=("arm",))]),
    "y ~ a + (1 | site/id)": (
        "y",
        "a",
        [CovarianceTerm("random", "1", "site"), CovarianceTerm("random", "1", "id", within=("site",))],
    ),
    "y ~ a + (1 + t || site:id)": ("y", "a", [CovarianceTerm("random", "1 + t", "id", False, ("site",))]),
    "y ~ a + (1 | site) + ar1(v | id)": (
        "y",
        "a",
        [CovarianceTerm("random", "1", "site"), CovarianceTerm("ar1", "v", "id")],
    ),
    "y ~ a\n    + us(v | id)": ("y", "a", [CovarianceTerm("us", "v", "id")]),
}

REFUSED = {
    "y": "exactly one '~'",
    "y ~ ": "exactly one '~'",
    "y ~ x ~ us(v | id)": "exactly one '~'",
    "y ~ a * b": r"no covariance term.*us\(visit \| subject\)",
    "y ~ a + uns(v | id)": "unknown covariance structure 'uns'; known are us, cs",
    "y ~ a + us(v)": r"a covariance without a subject; write us\(v \| subject\)",
    "y ~ a + v | id": "put a covariance term in parentheses",
    "y ~ a + us(v | )": "right of the bar stands the subject column",
    "y ~ a + us(v + w | id)": "left of the bar stands the visit column",
    "y ~ a + ( | id)": "name the random effects",
    "y ~ a + us(v || id)": "write one bar, or two for uncorrelated random effects",
    "y ~ a + us(v | a / b / id)": "the subject, or group / subject",
    "y ~ a + us(v | arm:id)": "'arm:id' is not a column name",
    "y ~ a + us(v | arm /)": "'' is not a column name",
    "y ~ a + (1 | site / log(id))": r"'log\(id\)' is not a column name",
    "y ~ a + (1 | id / id)": "names a grouping column twice",
    "y ~ a + us(v | id) + cs(v | id)": "several residual structures",
    "y ~ a + sp_exp(v | arm * id)": "not a column name",
    "y ~ a + sp_exp(log(v) | id)": "left of the bar stands the time column",
    "y ~ a + us(v | id": "Unbalanced bracket",
    "y ~ a) + us(v | id)": r"Unbalanced '\)'",
}


@pytest.mark.parametrize("text", READ)
def test_formulas_that_can_be_read(text):
    outcome, fixed, covariance = READ[text]
    parsed = parse_formula(text)
    assert (parsed.outcome, parsed.fixed, list(parsed.covariance)) == (outcome, fixed, covariance)
    assert parse_formula(str(parsed)) == parsed


@pytest.mark.parametrize("text", REFUSED)
def test_formulas_that_cannot(text):
    with pytest.raises(FormulaError, match=REFUSED[text]):
        parse_formula(text)


def test_a_formula_must_be_text():
    with pytest.raises(FormulaError, match="A formula is text"):
        parse_formula(3)
