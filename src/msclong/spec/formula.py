"""Reads a model formula: a patsy fixed part plus covariance terms.

    outcome ~ fixed part + us(visit | subject)
    outcome ~ fixed part + (1 + time | subject)

Grammar of a covariance term: `name(visit | subject)` with a registered structure name, or random effects
`(effects | subject)`; `||` makes random effects uncorrelated. Everything else goes to patsy unread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from msclong.covariance.registry import known_structures
from msclong.errors import FormulaError, listing

_OPEN, _CLOSE, _QUOTES = "([{", ")]}", "'\""
_NAME = re.compile(r"^([A-Za-z_]\w*)?\s*$")
_COLUMN = re.compile(
    r"""^(?:C\(\s*)?(?:Q\(\s*["'](?P<quoted>.+?)["']\s*\)|(?P<plain>[^\W\d]\w*))(?:\s*\))?$"""
)


@dataclass(frozen=True)
class CovarianceTerm:
    """One covariance term of a formula.

    structure : a registered structure name, or 'random' for random effects.
    variable : the visit column of a structure, or the patsy formula of the random effects.
    subject : the subject column. correlated : False for `||`.
    """

    structure: str
    variable: str
    subject: str
    correlated: bool = True

    @property
    def is_random(self) -> bool:
        return self.structure == "random"

    def __str__(self) -> str:
        bar = "|" if self.correlated else "||"
        name = "" if self.is_random else self.structure
        return f"{name}({self.variable} {bar} {self.subject})"


@dataclass(frozen=True)
class Formula:
    """The parts of a formula: outcome expression, patsy formula of the mean, covariance terms."""

    outcome: str
    fixed: str
    covariance: tuple[CovarianceTerm, ...]

    @property
    def subject(self) -> str:
        return self.covariance[0].subject

    @property
    def visit(self) -> str | None:
        """The visit column where a visit structure names one."""
        return next((term.variable for term in self.covariance if not term.is_random), None)

    def __str__(self) -> str:
        return " + ".join([f"{self.outcome} ~ {self.fixed}", *map(str, self.covariance)])


def parse_formula(text: str) -> Formula:
    """Parse a formula; raises FormulaError naming the part that cannot be read."""
    if not isinstance(text, str):
        raise FormulaError(
            f"A formula is text such as 'y ~ arm * visit + us(visit | subject)'; got {text!r}."
        )
    text = " ".join(text.split())
    sides = _split(text, "~")
    if len(sides) != 2 or not sides[0].strip() or not sides[1].strip():
        raise FormulaError(
            f"{text!r} is not of the form 'outcome ~ terms'; write exactly one '~' between the two."
        )
    fixed: list[str] = []
    covariance: list[CovarianceTerm] = []
    for piece in _split(sides[1], "+", keep="-"):
        term = piece.strip()
        if len(_split(term.lstrip("-").strip(), "|")) > 1:
            raise FormulaError(
                f"{term!r} in {text!r}: put a covariance term in parentheses, as us(visit | subject)."
            )
        name, inside = _call(term)
        if len(_split(inside, "|")) > 1:
            covariance.append(_covariance_term(term, name, inside))
        elif term:
            fixed.append(term)
    if not covariance:
        raise FormulaError(
            f"{text!r} has no covariance term, so repeated measures would count as independent; "
            "add one, such as us(visit | subject) or (1 | subject)."
        )
    _check_combination(text, covariance)
    mean = re.sub(r"\+ -\s*", "- ", " + ".join(fixed)) or "1"
    return Formula(sides[0].strip(), mean, tuple(covariance))


def _covariance_term(term: str, name: str | None, inside: str) -> CovarianceTerm:
    parts = _split(inside, "|")
    correlated = len(parts) == 2
    if not correlated and not (len(parts) == 3 and not parts[1].strip() and name is None):
        raise FormulaError(
            f"{term!r}: write one bar, or two for uncorrelated random effects, as (1 + time || subject)."
        )
    left, right = parts[0].strip(), parts[-1].strip()
    if "/" in right or ":" in right:
        raise FormulaError(
            f"{term!r}: nested or grouped subjects ('{right}') are not available yet; name one subject column."
        )
    subject = _column(right)
    if subject is None:
        raise FormulaError(
            f"{term!r}: right of the bar stands the subject column; {right!r} is not a column name."
        )
    if name is None:
        if not left:
            raise FormulaError(f"{term!r}: name the random effects left of the bar, such as 1 or 1 + time.")
        return CovarianceTerm("random", left, subject, correlated)
    if name not in known_structures():
        raise FormulaError(
            f"{term!r}: unknown covariance structure {name!r}; known are {listing(known_structures())}."
        )
    visit = _column(left)
    if visit is None:
        raise FormulaError(
            f"{term!r}: left of the bar stands the visit column; {left!r} is not a column name."
        )
    return CovarianceTerm(name, visit, subject)


def _check_combination(text: str, terms: list[CovarianceTerm]) -> None:
    subjects = {term.subject for term in terms}
    if len(subjects) > 1:
        raise FormulaError(f"{text!r} has several subject columns ({listing(sorted(subjects))}); use one.")
    structures = [term for term in terms if not term.is_random]
    if len(structures) > 1:
        raise FormulaError(f"{text!r} has several visit structures ({listing(structures)}); keep one.")
    if structures and len(terms) > 1:
        raise FormulaError(
            f"{text!r} combines random effects with a visit structure, which is not available yet; keep one of them."
        )


def _call(term: str) -> tuple[str | None, str]:
    """The name and the inside of `name(inside)`; an empty inside where the term is anything else."""
    opening = term.find("(")
    name = _NAME.match(term[: max(opening, 0)])
    if opening < 0 or name is None or not term.endswith(")"):
        return None, ""
    inside = term[opening + 1 : -1]
    depth = 0
    for character in inside:
        depth += (character in _OPEN) - (character in _CLOSE)
        if depth < 0:  # the first bracket closes before the end: C(a) * (b + c)
            return None, ""
    return name.group(1), inside


def _column(text: str) -> str | None:
    """The column that `text` names, plainly, as Q("...") or inside C(...); None when it is something else."""
    found = _COLUMN.match(text)
    return None if found is None else found.group("quoted") or found.group("plain")


def _split(text: str, separator: str, keep: str = "") -> list[str]:
    """Split at `separator` outside brackets and quotes; characters of `keep` split too, and stay."""
    pieces, start, depth, quote = [], 0, 0, ""
    for i, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in _QUOTES:
            quote = character
        elif character in _OPEN:
            depth += 1
        elif character in _CLOSE:
            depth -= 1
            if depth < 0:
                raise FormulaError(f"Unbalanced {character!r} at position {i + 1} of {text!r}.")
        elif depth == 0 and character == separator:
            pieces.append(text[start:i])
            start = i + 1
        elif depth == 0 and keep and character in keep and text[start:i].strip():
            pieces.append(text[start:i])
            start = i
    if depth or quote:
        raise FormulaError(f"Unbalanced bracket or quote in {text!r}.")
    pieces.append(text[start:])
    return pieces
