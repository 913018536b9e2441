"""Reads a model formula: a patsy fixed part plus covariance terms.

    outcome ~ fixed part + us(visit | subject)
    outcome ~ fixed part + (1 + time | subject)
    outcome ~ fixed part + (1 | site) + us(visit | arm / subject)

Grammar of a covariance term: `name(visit | subject)` with a registered structure name, `name(visit | group / subject)`
for a covariance of its own in each group; or random effects `(effects | subject)`, where `||` makes them
uncorrelated, `a / b` stands for two terms, by a and by b within a, and `a:b` for the second of them alone.
Random effects of several groupings and one structure may be added up. Everything else goes to patsy unread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from msclong.covariance.registry import known_structures, structure_class
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
    variable : the visit (or time) column of a structure, or the patsy formula of the random effects.
    subject : the grouping column. correlated : False for `||`.
    within : columns that the subject is nested in; for a structure, the column whose levels have their own covariance.
    """

    structure: str
    variable: str
    subject: str
    correlated: bool = True
    within: tuple[str, ...] = ()

    @property
    def is_random(self) -> bool:
        return self.structure == "random"

    @property
    def grouping(self) -> tuple[str, ...]:
        """The columns whose combined levels share what the term describes."""
        return (*self.within, self.subject) if self.is_random else (self.subject,)

    @property
    def grouping_name(self) -> str:
        return ":".join(self.grouping)

    @property
    def group(self) -> str | None:
        """The column whose levels have a covariance of their own, if there is one."""
        return self.within[0] if self.within and not self.is_random else None

    def __str__(self) -> str:
        bar = "|" if self.correlated else "||"
        name = "" if self.is_random else self.structure
        path = (":" if self.is_random else " / ").join(map(_quoted, (*self.within, self.subject)))
        return f"{name}({self.variable if self.is_random else _quoted(self.variable)} {bar} {path})"


@dataclass(frozen=True)
class Formula:
    """The parts of a formula: outcome expression, patsy formula of the mean, covariance terms."""

    outcome: str
    fixed: str
    covariance: tuple[CovarianceTerm, ...]

    @property
    def structure(self) -> CovarianceTerm | None:
        """The term of a residual structure, where there is one."""
        return next((term for term in self.covariance if not term.is_random), None)

    @property
    def random(self) -> tuple[CovarianceTerm, ...]:
        """The terms of random effects."""
        return tuple(term for term in self.covariance if term.is_random)

    @property
    def groupings(self) -> tuple[tuple[str, ...], ...]:
        """The distinct groupings of the terms, that of a residual structure first, then the most deeply nested."""
        terms = sorted(self.covariance, key=lambda term: (term.is_random, -len(term.grouping)))
        return tuple(dict.fromkeys(term.grouping for term in terms))

    @property
    def subject(self) -> str:
        """The subject column: the structure's, else that of the finest nesting."""
        return ":".join(self.groupings[0])

    @property
    def visit(self) -> str | None:
        """The visit column where a visit structure names one."""
        return self._column("visit")

    @property
    def time(self) -> str | None:
        """The time column where a structure over measured times names one."""
        return self._column("time")

    def with_structure(self, keyword: str) -> Formula:
        """The same formula with its residual structure replaced by another one of the same kind."""
        terms = (t if t.is_random else replace(t, structure=keyword) for t in self.covariance)
        return replace(self, covariance=tuple(terms))

    def _column(self, reads: str) -> str | None:
        term = self.structure
        return None if term is None or structure_class(term.structure).reads != reads else term.variable

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
            covariance += _covariance_terms(term, name, inside)
        elif name in known_structures():
            raise FormulaError(
                f"{term!r} in {text!r} is a covariance without a subject; write {name}({inside or 'visit'} | subject)."
            )
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


def _covariance_terms(term: str, name: str | None, inside: str) -> list[CovarianceTerm]:
    parts = _split(inside, "|")
    correlated = len(parts) == 2
    if not correlated and not (len(parts) == 3 and not parts[1].strip() and name is None):
        raise FormulaError(
            f"{term!r}: write one bar, or two for uncorrelated random effects, as (1 + time || subject)."
        )
    left, right = parts[0].strip(), parts[-1].strip()
    if name is None:
        if not left:
            raise FormulaError(f"{term!r}: name the random effects left of the bar, such as 1 or 1 + time.")
        return [
            CovarianceTerm("random", left, columns[-1], correlated, columns[:-1])
            for columns in _nested(term, right)
        ]
    if name not in known_structures():
        raise FormulaError(
            f"{term!r}: unknown covariance structure {name!r}; known are {listing(known_structures(), 20)}."
        )
    variable = _column(left)
    if variable is None:
        reads = structure_class(name).reads
        raise FormulaError(
            f"{term!r}: left of the bar stands the {reads} column; {left!r} is not a column name."
        )
    path = _columns(term, right, "/")
    if len(path) > 2:
        raise FormulaError(
            f"{term!r}: right of the bar stands the subject, or group / subject for a covariance by group."
        )
    return [CovarianceTerm(name, variable, path[-1], within=path[:-1])]


def _nested(term: str, right: str) -> list[tuple[str, ...]]:
    """The groupings that `a / b` (a, then b within a) or `a:b` (b within a alone) stands for."""
    levels = [_columns(term, level, ":") for level in _split(right, "/")]
    paths = [tuple(column for level in levels[: i + 1] for column in level) for i in range(len(levels))]
    if len(set(paths[-1])) < len(paths[-1]):
        raise FormulaError(f"{term!r} names a grouping column twice.")
    return paths


def _columns(term: str, text: str, separator: str) -> tuple[str, ...]:
    found = [(piece.strip(), _column(piece.strip())) for piece in _split(text, separator)]
    for piece, column in found:
        if column is None:
            raise FormulaError(
                f"{term!r}: right of the bar stands the subject column; {piece!r} is not a column name."
            )
    return tuple(str(column) for _, column in found)


def _check_combination(text: str, terms: list[CovarianceTerm]) -> None:
    structures = [term for term in terms if not term.is_random]
    if len(structures) > 1:
        raise FormulaError(f"{text!r} has several residual structures ({listing(structures)}); keep one.")


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


def _quoted(column: str) -> str:
    """A column's name as a formula can read it."""
    return column if column.isidentifier() else f'Q("{column}")'


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
