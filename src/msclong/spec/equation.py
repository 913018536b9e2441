"""The model printed as an equation."""

from __future__ import annotations

from patsy import ModelDesc

from msclong.covariance.registry import visit_structure
from msclong.errors import FormulaError
from msclong.spec.formula import CovarianceTerm, Formula


def equation(parsed: Formula, visit: str | None) -> str:
    """The distribution of one subject's outcomes, the mean term by term, and the covariance, one line each."""
    random = list(enumerate((term for term in parsed.covariance if term.is_random), start=1))
    right = mean_terms(parsed.fixed) + [f"z{n}[i,t]' u{n}[i]" for n, _ in random] + ["e[i,t]"]
    lines = [f"{parsed.outcome}[i,t] = {' + '.join(right)}"]
    if random:
        lines += [_random_line(term, n) for n, term in random]
        lines.append("e[i,t] ~ Normal(0, sigma^2), independent")
    else:
        text = visit_structure(parsed.covariance[0].structure).description
        lines.append(f"e[i] = (e[i,1], ..., e[i,T])' ~ Normal(0, Sigma);  Sigma {text}")
    lines.append(f"i: {parsed.subject}" + (f",  t: {visit}" if visit else ""))
    return "\n".join(lines)


def mean_terms(fixed: str) -> list[str]:
    """The fixed part's terms, each with its coefficients' name: 'b0', 'b1 arm', 'b2 arm:visit', ..."""
    try:
        terms = ModelDesc.from_formula(fixed).rhs_termlist
    except Exception as error:  # not PatsyError alone: '0x' gives AssertionError, an open quote IndexError
        raise FormulaError(f"patsy cannot read the fixed part {fixed!r}: {error}") from None
    return [f"b{i} {term.name()}" if term.factors else "b0" for i, term in enumerate(terms)] or ["0"]


def _random_line(term: CovarianceTerm, number: int) -> str:
    form = "G unstructured" if term.correlated else "G diagonal"
    return f"u{number}[i] ~ Normal(0, G{number}), z{number}: {term.variable};  {form}"
