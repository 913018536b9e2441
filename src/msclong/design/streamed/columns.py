"""Which columns a model reads, and as what."""

from __future__ import annotations

import ast

import pandas as pd
from patsy import PatsyError

from msclong.design.expressions import columns_in, of_other_rows
from msclong.design.named_columns import refuse_unknown_columns
from msclong.design.row_wise import model_terms
from msclong.errors import EngineError, FormulaError
from msclong.spec.model_spec import ModelSpec


def refuse_unstreamable(spec: ModelSpec) -> None:
    """Raise EngineError for a model whose sums do not add up over subjects who are read apart."""
    if spec.conditional or spec.family != "gaussian":
        raise EngineError(
            f"Data that are read in parts, or summed in several places, are fitted with Gaussian models; this one has "
            f"{'censored outcomes' if spec.censored else f'family={spec.family!r}'}. Fit it to a table in memory, or "
            "write the transform in the formula, such as np.log(y) ~ ..."
        )
    if spec.baseline_as not in (None, "response"):
        raise EngineError(
            f"baseline_as={spec.baseline_as!r} rebuilds the table from the baseline visit, which needs it in memory. "
            "Compute the baseline column (and the change) beforehand, and leave baseline_as out."
        )
    if len(spec.parsed.groupings) > 1 or any(len(grouping) > 1 for grouping in spec.parsed.groupings):
        raise EngineError(
            "Random effects of several groupings tie subjects together, and data that are read in parts are summed "
            "subject by subject. Use a fixed effect for the larger grouping, or fit a table in memory."
        )


def columns_of(spec: ModelSpec, names: list[str]) -> tuple[str, ...]:
    """The columns beside outcome and subject that the model reads of a table with the columns `names`.

    Raises as `refuse_unknown_columns`, and FormulaError for expressions that need other rows than their own.
    """
    refuse_unstreamable(spec)
    table = pd.DataFrame(columns=pd.Index(names, dtype=object))
    refuse_unknown_columns(spec, table)
    parsed, found = spec.parsed, []
    if parsed.outcome not in names:
        _refuse_other_rows([parsed.outcome], names)
    for text in (parsed.fixed, *(term.variable for term in parsed.random)):
        expressions = _factors(text)
        _refuse_other_rows(expressions, names)
        found += [column for expression in expressions for column in columns_in(expression, table.columns)]
    structure = parsed.structure
    if structure is not None:
        found += [structure.variable, *([] if structure.group is None else [structure.group])]
    found += [
        column
        for column in (spec.visit_column, spec.time or parsed.time, spec.arm, spec.weights)
        if column is not None
    ]
    subject = spec.subject
    return tuple(name for name in dict.fromkeys(found) if name != subject)


def outcome_columns(spec: ModelSpec, names: list[str]) -> list[str]:
    """The columns that the outcome is, or is computed from."""
    outcome = spec.parsed.outcome
    return [outcome] if outcome in names else columns_in(outcome, pd.Index(names))


def coded_columns(spec: ModelSpec, names: list[str]) -> list[str]:
    """The columns that the formula makes a factor of, C(x)."""
    found = []
    for text in (spec.parsed.fixed, *(term.variable for term in spec.parsed.random)):
        for expression in _factors(text):
            for node in ast.walk(ast.parse(expression, mode="eval")):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "C":
                    found += columns_in(ast.unparse(node), pd.Index(names))
    return found


def covariance_columns(spec: ModelSpec, names: list[str]) -> list[str]:
    """The columns that the covariance reads of a row."""
    parsed = spec.parsed
    found = [] if spec.weights is None else [spec.weights]
    if parsed.structure is not None:
        found.append(parsed.structure.variable)
    for term in parsed.random:
        for expression in _factors(term.variable):
            found += columns_in(expression, pd.Index(names))
    return found


def _refuse_other_rows(expressions: list[str], names: list[str]) -> None:
    for expression in expressions:
        if (found := of_other_rows(expression, tuple(names))) is not None:
            raise FormulaError(
                f"{expression!r} uses {found}, which is not known to read one row at a time, and these data are read "
                "in parts, or stay where they are. Compute the column beforehand, from all rows, and name it in the "
                "formula."
            )


def _factors(text: str) -> list[str]:
    try:
        terms = model_terms(text).rhs_termlist
    except PatsyError as error:
        raise FormulaError(f"patsy cannot read {text!r}: {str(error).splitlines()[0]}.") from None
    return [factor.name() for term in terms for factor in term.factors]
