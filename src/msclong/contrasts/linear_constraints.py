"""Linear hypotheses as an analyst writes them: equations between coefficients, tables of weights."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from patsy import PatsyError
from patsy.constraint import linear_constraint

from msclong.errors import HypothesisError, listing
from msclong.linear_hypothesis import LinearHypothesis, numbers, unknown_names

_NAME = re.compile(r"[^\W\d](?:[^\s=,+*/()\[\]-]|\[[^\]]*\]|\([^)]*\))*")
"""What reads like a coefficient: a word with brackets and colons."""


def linear_hypothesis(
    given: Any,
    coefficients: Sequence[str],
    terms: Mapping[str, slice] | None = None,
    taken: Collection[str] = (),
) -> LinearHypothesis:
    """What `given` says of the p fixed effects named `coefficients`, which belong to `terms`.

    taken : names of patsy's coefficients and terms that a constraint of equal arms at baseline left nothing of.

    given
        - LinearHypothesis: itself.
        - the name of a term: its coefficients are zero.
        - text: 'a - b', 'a = 0, b = 2', '2 * a = b + 1', over coefficient names, in patsy's language
          (https://patsy.readthedocs.io, DesignInfo.linear_constraint). Without '=' the value is zero.
        - {row: {coefficient: weight}}; coefficients that a row leaves out weigh nothing.
        - DataFrame with a row each and columns named by coefficients.
        - (m, p) or (p,) array of weights.

    Raises HypothesisError for names that are no coefficients (with the nearest that are), text that
    patsy cannot read, or the wrong number of columns.
    """
    if isinstance(given, str) and (gone := [name for name in taken if _factors(name) == _factors(given)]):
        raise HypothesisError(
            f"{gone[0]!r} has no coefficient of its own: that arms are equal at baseline (baseline_as='constrained') "
            "makes it zero, or fixes it by the others. fit.anova() tests what is left of a term, on average over the "
            f"factors crossed with it; the coefficients are {listing(coefficients, 20)}."
        )
    if isinstance(given, LinearHypothesis):
        hypothesis = given
    elif isinstance(given, str):
        hypothesis = _of_term(given, coefficients, terms or {}) or _of_text(given, coefficients, terms or {})
    elif isinstance(given, pd.DataFrame):
        if unknown := [str(name) for name in given.columns if name not in coefficients]:
            raise HypothesisError(unknown_names(unknown, coefficients))
        weights = given.reindex(columns=list(coefficients), fill_value=0.0)
        hypothesis = LinearHypothesis(weights.to_numpy(), given.index)
    elif isinstance(given, Mapping) and given and all(isinstance(row, Mapping) for row in given.values()):
        hypothesis = LinearHypothesis.by_names(given, coefficients)
    elif isinstance(given, (np.ndarray, list, tuple)):
        L = np.atleast_2d(numbers(given))
        _check_width(L, coefficients)
        hypothesis = LinearHypothesis(L, _named(L, np.zeros(len(L)), coefficients))
    else:
        raise HypothesisError(
            "A hypothesis is a term's name, text such as 'a - b = 0' over coefficients, {row: {coefficient: weight}}, "
            f"a DataFrame or matrix of weights, or a LinearHypothesis; got {given!r}."
        )
    _check_width(hypothesis.L, coefficients)
    return hypothesis


def _check_width(L: np.ndarray, coefficients: Sequence[str]) -> None:
    if L.ndim > 2:
        raise HypothesisError(f"A hypothesis is a matrix; got an array of {L.ndim} dimensions.")
    if L.shape[1] != len(coefficients):
        raise HypothesisError(
            f"The hypothesis has {L.shape[1]} columns, the model {len(coefficients)} fixed effects."
        )


def _of_term(name: str, coefficients: Sequence[str], terms: Mapping[str, slice]) -> LinearHypothesis | None:
    # patsy writes an interaction in the order of the formula; accept either order.
    for term, columns in terms.items():
        if _factors(term) == _factors(name):
            rows = pd.Index(coefficients[columns], name="hypothesis")
            return LinearHypothesis(np.eye(len(coefficients))[columns], rows)
    return None


def _factors(term: str) -> list[str]:
    return sorted(term.replace(" ", "").split(":"))


def _of_text(text: str, coefficients: Sequence[str], terms: Mapping[str, slice]) -> LinearHypothesis:
    if not text.strip():
        raise HypothesisError("A hypothesis of no text was given; write a term's name, or 'a - b = 0'.")
    try:
        constraint = linear_constraint(text, list(coefficients))
    except PatsyError as error:
        if unknown := [name for name in _NAME.findall(text) if name not in coefficients]:
            known = f" Its terms are {listing(terms, 20)}." if terms else ""
            raise HypothesisError(unknown_names(unknown, coefficients) + known) from None
        raise HypothesisError(
            f"{text!r} is not a linear hypothesis: {str(error).splitlines()[0]}. Write 'a - b = 0, c = 2'."
        ) from None
    value = constraint.constants.ravel() + 0.0  # no -0.0
    return LinearHypothesis(constraint.coefs, _named(constraint.coefs, value, coefficients), value)


def _named(L: np.ndarray, value: np.ndarray, coefficients: Sequence[str]) -> pd.Index:
    """Each row as an equation, such as 'a - 2 b = 3'; the right-hand side where it is not zero."""
    texts = []
    for row, constant in zip(L, value, strict=True):
        text = ""
        for weight, name in sorted(zip(row, coefficients, strict=True), key=lambda pair: pair[0] < 0):
            if weight:
                size = "" if abs(weight) == 1 else f"{abs(weight):g} "
                sign = ("- " if weight < 0 else "+ ") if text else ("-" if weight < 0 else "")
                text += f"{' ' if text else ''}{sign}{size}{name}"
        texts.append((text or "0") + (f" = {constant:g}" if constant else ""))
    if len(set(texts)) < len(texts):
        texts = [f"{i}: {text}" for i, text in enumerate(texts, 1)]
    return pd.Index(texts, name="hypothesis")
