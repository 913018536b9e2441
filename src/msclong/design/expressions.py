"""What a factor of a formula reads: which columns, and whether each value is made of its own row alone."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

CONTRASTS = ("Treatment", "Sum", "Diff", "Helmert", "Poly")
"""Patsy's codings of a factor; they depend on its levels alone."""

ELEMENTWISE = {"where": 3, "clip": 3, "isin": 1, "round": 1, "nan_to_num": 1}
"""Functions of numpy that are no ufuncs, and how many arguments may vary; others must be written out."""

COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def columns_in(expression: str, columns: pd.Index | Collection[str]) -> list[str]:
    """The columns of a table that a patsy factor reads, by name or by Q("...")."""
    return [str(name) for name in _names(expression) if name in columns]


@lru_cache(maxsize=1024)
def _names(expression: str) -> tuple[object, ...]:
    names: list[object] = []
    for node in ast.walk(ast.parse(expression, mode="eval")):
        if isinstance(node, ast.Name):
            names.append(node.id)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Q":
            names += [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
    return tuple(dict.fromkeys(names))


@lru_cache(maxsize=1024)
def of_other_rows(expression: str, columns: tuple[str, ...]) -> str | None:
    """What of a factor may read other rows than its own, such as np.mean, center or x.rank; None where nothing does.

    Columns, arithmetic, comparisons, ufuncs of numpy, C and Q are known to read one row at a time. columns : all
    names that stand for columns, also where they hide a function.
    """
    node = ast.parse(expression, mode="eval").body
    if _calls(node, "C", columns):
        assert isinstance(node, ast.Call)
        given = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
        strange = [each for each in given if not _is_coding(each, columns)]
        return ast.unparse(strange[0]) if strange else _foreign(node.args[0], columns)
    return _foreign(node, columns)


def _foreign(node: ast.expr, columns: tuple[str, ...]) -> str | None:
    """The first part of a node that is not known to vary by its own row alone."""
    if _is_column(node, columns):
        return None
    if isinstance(node, ast.Call) and (varying := _varying(node, columns)) is not None:
        return _any_foreign(node, varying, columns)
    match node:
        case ast.BinOp() if not isinstance(node.op, ast.MatMult):
            return _any_foreign(node, [node.left, node.right], columns)
        case ast.UnaryOp():
            return _foreign(node.operand, columns)
        case ast.Compare(ops=[operator]) if isinstance(operator, COMPARISONS):
            return _any_foreign(node, [node.left, *node.comparators], columns)
    return ast.unparse(node.func if isinstance(node, ast.Call) else node)


def _any_foreign(node: ast.expr, parts: Sequence[ast.expr], columns: tuple[str, ...]) -> str | None:
    """Of parts that are constants or vary, of which one at least must."""
    varying = [part for part in parts if not _is_constant(part, columns)]
    found = [foreign for part in varying if (foreign := _foreign(part, columns)) is not None]
    return found[0] if found else None if varying else ast.unparse(node)


def _varying(node: ast.Call, columns: tuple[str, ...]) -> list[ast.expr] | None:
    """The arguments of a function that reads one row at a time, but for those that are settings; None of another."""
    if any(_calls(node, name, columns) for name in ("I", "abs")):
        return node.args if len(node.args) == 1 and not node.keywords else None
    if not _of_numpy(node.func, columns):
        return None
    assert isinstance(node.func, ast.Attribute)
    name, n = node.func.attr, len(node.args)
    if name in ELEMENTWISE:
        most = ELEMENTWISE[name]
        settings = [*node.args[most:], *(keyword.value for keyword in node.keywords)]
        # With one argument np.where tells the positions where it holds.
        return (
            node.args[:most] if all(map(_is_written_out, settings)) and (name != "where" or n == 3) else None
        )
    function = getattr(np, name, None)
    if not isinstance(function, np.ufunc) or function.signature is not None or function.nout > 1:
        return None
    return node.args if n == function.nin and not node.keywords else None


def _is_column(node: ast.expr, columns: tuple[str, ...]) -> bool:
    match node:
        case ast.Name():
            return node.id in columns
        case ast.Call(args=[ast.Constant(value=name)], keywords=[]):
            return _calls(node, "Q", columns) and name in columns
    return False


def _calls(node: ast.expr, name: str, columns: tuple[str, ...]) -> bool:
    """Whether a node is a call of this function, with arguments, and no column hides the function."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return False
    return node.func.id == name and bool(node.args) and name not in columns


def _of_numpy(node: ast.expr, columns: tuple[str, ...]) -> bool:
    named = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np"
    return named and "np" not in columns


def _is_constant(node: ast.expr, columns: tuple[str, ...]) -> bool:
    """A number or text, np.pi, or arithmetic with these."""
    match node:
        case ast.Constant():
            return True
        case ast.Attribute():
            return _of_numpy(node, columns) and isinstance(getattr(np, node.attr, None), float)
        case ast.UnaryOp():
            return _is_constant(node.operand, columns)
        case ast.BinOp():
            return _is_constant(node.left, columns) and _is_constant(node.right, columns)
    return False


def _is_coding(node: ast.expr, columns: tuple[str, ...]) -> bool:
    """A contrast or a list of levels, written out."""
    called = node.func if isinstance(node, ast.Call) else node
    if isinstance(called, ast.Name):
        return called.id in CONTRASTS and called.id not in columns
    return _is_written_out(node)


def _is_written_out(node: ast.expr) -> bool:
    plain = (ast.Constant, ast.List, ast.Tuple, ast.Load, ast.UnaryOp, ast.USub)
    return all(isinstance(inner, plain) for inner in ast.walk(node))
