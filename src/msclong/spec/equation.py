"""The model printed as an equation."""

from __future__ import annotations

from patsy import ModelDesc

from msclong.covariance.registry import structure_class
from msclong.errors import FormulaError
from msclong.families.registry import family_of
from msclong.spec.formula import CovarianceTerm, Formula


def equation(
    parsed: Formula,
    visit: str | None,
    weights: str | None = None,
    family: str = "gaussian",
    conditional: bool = False,
    hurdle: str | None = None,
) -> str:
    """The distribution of one subject's outcomes, the mean term by term, and the covariance, one line each.

    Random effects of a grouping other than the subject have an index of their own: j, then k, ... Of a hurdle family
    the probability of zero has coefficients a and random effects v.
    """
    indices = {parsed.groupings[0]: "i"}
    letters = iter("jklm")
    for term in parsed.random:
        if term.grouping not in indices:
            indices[term.grouping] = next(letters, "n")
    random = [(term, n, indices[term.grouping]) for n, term in enumerate(parsed.random, start=1)]
    right = mean_terms(parsed.fixed) + [f"z{n}[i,t]' u{n}[{index}]" for _, n, index in random]
    if not conditional or parsed.structure is not None:
        right.append("e[i,t]")
    outcome = f"{parsed.outcome}[i,t]"
    if conditional:
        lines = [
            f"eta[i,t] = {' + '.join(right)}",
            f"{outcome} given eta[i,t]: {family_of(family).description}",
        ]
    else:
        transform = family_of(family).transform_name
        left = f"{transform}({outcome})" if transform else outcome
        lines = [f"{left} = {' + '.join(right)}"]
    zero = "zero" in family_of(family).predictors
    if zero:
        terms = [f"a{term[1:]}" if term != "0" else term for term in mean_terms(hurdle or parsed.fixed)]
        terms += [f"z{n}[i,t]' v{n}[{index}]" for _, n, index in random]
        lines.append(f"logit P({outcome} = 0) = {' + '.join(terms)}")
    lines += [_random_line(term, n, index, zero) for term, n, index in random]
    if not conditional or parsed.structure is not None:
        lines.append(_residual_line(parsed, weights))
    legend = [f"{index}: {':'.join(grouping)}" for grouping, index in indices.items()]
    lines.append(",  ".join([legend[0], *([f"t: {visit}"] if visit else []), *legend[1:]]))
    return "\n".join(lines)


def _residual_line(parsed: Formula, weights: str | None) -> str:
    term = parsed.structure
    over = f" / {weights}[i,t]" if weights else ""
    if term is None:
        return f"e[i,t] ~ Normal(0, sigma^2{over}), independent"
    text = structure_class(term.structure).description
    text += f", of its own in each {term.group}" if term.group else ""
    text += f"; divided by {weights}" if weights else ""
    return f"e[i] = (e[i,1], ..., e[i,T])' ~ Normal(0, Sigma);  Sigma {text}"


def mean_terms(fixed: str) -> list[str]:
    """The fixed part's terms, each with its coefficients' name: 'b0', 'b1 arm', 'b2 arm:visit', ..."""
    try:
        terms = ModelDesc.from_formula(fixed).rhs_termlist
    # Patsy's parser documents PatsyError alone, yet '0x' gives AssertionError and an open quote IndexError: whatever
    # it raises on a text, the text is no formula.
    except Exception as error:
        raise FormulaError(f"patsy cannot read the fixed part {fixed!r}: {error}") from None
    return [f"b{i} {term.name()}" if term.factors else "b0" for i, term in enumerate(terms)] or ["0"]


def _random_line(term: CovarianceTerm, number: int, index: str, zero: bool) -> str:
    single = term.variable == "1" and not zero
    form = "G diagonal" if not term.correlated else "G a variance" if single else "G unstructured"
    effects = f"(u{number}[{index}], v{number}[{index}])" if zero else f"u{number}[{index}]"
    return f"{effects} ~ Normal(0, G{number}), z{number}: {term.variable};  {form}"
