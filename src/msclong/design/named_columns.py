"""The names that a model reads, held against a table's columns before the table is cut to what the model reads."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Set

import numpy as np
import pandas as pd
import patsy.builtins
from patsy import PatsyError

from msclong.data.baseline import COLUMN
from msclong.data.roles import where_it_may_be
from msclong.design.fixed_effects import quoting
from msclong.design.row_wise import model_terms
from msclong.errors import DataError, FormulaError
from msclong.spec.model_spec import COLUMNS, ModelSpec

OUTCOME = frozenset({"np", "Q", "I"})
"""What the expression of an outcome may name beside columns."""

FIXED = frozenset({"np", *patsy.builtins.__all__, *dir(builtins)})
"""What a factor of patsy's may name beside columns."""


def refuse_unknown_columns(spec: ModelSpec, table: pd.DataFrame) -> None:
    """Raise where the spec names a column that `table` does not have; the message has near names and all columns.

    DataError of roles and groupings, FormulaError of what stands in a formula. What cannot be read as a formula is
    left to what builds the model of it.
    """
    parsed = spec.parsed
    roles = {role: getattr(spec, role) for role in COLUMNS}
    roles |= {"visit": spec.visit_column, "time": spec.time or parsed.time}
    named = [(column, f"for {role}=") for role, column in roles.items() if column is not None]
    named += [(column, "to group by") for grouping in parsed.groupings for column in grouping]
    for column, purpose in named:
        if column not in table.columns:
            raise DataError(f"There is no column {column!r} {purpose}. {where_it_may_be(table, column)}")
    if parsed.outcome not in table.columns:
        _refuse(parsed.outcome, "the outcome", [parsed.outcome], table, OUTCOME)
    made = {COLUMN} if spec.baseline_as in ("covariate", "change") else set()
    parts = [(parsed.fixed, "the fixed part"), (spec.hurdle, "the hurdle")]
    parts += [(term.variable, "the random effects") for term in parsed.random]
    for text, what in parts:
        if text is not None:
            _refuse(text, what, _factors(text), table, FIXED | made)


def _factors(text: str) -> list[str]:
    try:
        terms = model_terms(text).rhs_termlist
    except PatsyError:
        return []
    return [factor.name() for term in terms for factor in term.factors]


def _refuse(text: str, what: str, expressions: list[str], table: pd.DataFrame, known: Set[str]) -> None:
    columns = set(map(str, table.columns))
    for expression in expressions:
        for name, called in _names(expression):
            # Alone, a column is meant: there is no factor `id` because Python has a function of that name.
            if name in columns or (name in known and (name != expression or name == COLUMN)):
                continue
            if called:
                write = f"np.{name}" if hasattr(np, name) else "those of numpy as np.name"
                raise FormulaError(
                    f"There is no function {name!r}, called in {what} {text!r}; write {write}."
                )
            where = f" for {what}" if name == text else f", named in {what} {text!r}"
            raise FormulaError(
                f"There is no column {name!r}{where}. {where_it_may_be(table, name)}{quoting(table.columns)}"
            )


def _names(expression: str) -> Iterator[tuple[str, bool]]:
    """Names that an expression takes from outside, Q("...") included, and whether they are called."""
    try:
        nodes = list(ast.walk(ast.parse(expression, mode="eval")))
    except SyntaxError:
        return
    calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    functions = {id(node.func) for node in calls}
    own = {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    for node in nodes:
        if isinstance(node, ast.Name) and node.id not in own:
            yield node.id, id(node) in functions
    for node in calls:
        if isinstance(node.func, ast.Name) and node.func.id == "Q":
            for argument in node.args:
                if isinstance(argument, ast.Constant):
                    yield str(argument.value), False
