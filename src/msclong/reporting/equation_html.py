"""Typesets a plain-text model equation in HTML: italic symbols with subscripts, Greek letters, upright column names."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from msclong.printing.numbers import MINUS

GREEK = {"a": "α", "b": "β", "e": "ε", "eta": "η", "Sigma": "Σ", "sigma": "σ", "rho": "ρ"}
WORDS = ("Normal", "independent", "full", "diagonal", "log", "logit", "P", "given")

_TOKEN = re.compile(
    r"(?<=\))\[(?P<of_expression>i,t)\]|"  # logit(I(y / 100)[i,t])
    r"(?P<name>Q\(\"[^\"]*\"\)|\b[^\W\d][\w.]*)(?:\[(?P<index>[^\]]*)\])?(?P<prime>')?(?:\^(?P<power>\d))?"
)
_LETTER = re.compile(r"(a|b|u|v|z|e|eta|G|Sigma|sigma)(\d*)")


def lines(equation: str, outcome: str) -> list[Markup]:
    """Each line of `ModelSpec.equation()` as HTML; `outcome` is the left-hand side, any expression."""
    if " given eta[i,t]: " in equation:
        outcome = ""  # the left-hand side is the linear predictor, whatever the outcome is called
    return [_line(line, outcome) for line in equation.split("\n")]


def _line(line: str, outcome: str) -> Markup:
    formula, _, remark = line.partition(";  ")
    if formula.startswith("i: "):
        return _legend(formula)
    if (given := " given eta[i,t]: ") in formula:
        head, _, words = formula.partition(given)
        left = Markup('<span class="column">{}</span>{}').format(
            head.removesuffix("[i,t]"), _subscript("i,t")
        )
        return left + _typeset(" given eta[i,t]") + Markup(": {}").format(words)
    head = Markup("")
    if outcome and formula.startswith(f"{outcome}[i,t] = "):
        head = Markup('<span class="column">{}</span>{} = ').format(outcome, _subscript("i,t"))
        formula = formula.removeprefix(f"{outcome}[i,t] = ")
    html = head + _typeset(formula.replace(",  ", ", "))
    return html + Markup('<span class="remark">{}</span>').format(_remark(remark)) if remark else html


def _legend(text: str) -> Markup:
    """'i: site:id,  t: visit,  j: site': what the indices count."""
    entries = [entry.partition(": ") for entry in text.split(",  ")]
    return Markup(", ").join(
        Markup('<i>{}</i>: <span class="column">{}</span>').format(index, name) for index, _, name in entries
    )


def _remark(text: str) -> Markup:
    html = re.sub(
        r"\b(Sigma|G|rho)\b", lambda found: f"<i>{GREEK.get(found[0], found[0])}</i>", str(escape(text))
    )
    html = re.sub(r"\^(\d+|\|\S+\|)", lambda found: f"<sup>{found[1].replace('-', MINUS)}</sup>", html)
    return Markup(html.replace("(-", f"({MINUS}"))


def _typeset(text: str) -> Markup:
    result, end = Markup(""), 0
    for found in _TOKEN.finditer(text):
        result += _between(text[end : found.start()]) + _token(found, text)
        end = found.end()
    return result + _between(text[end:])


def _between(text: str) -> Markup:
    for plain, typeset in (("-", MINUS), ("~", "∼"), ("...", "…"), ("'", "′")):
        text = text.replace(plain, typeset)
    # 'a:b' is an interaction; 'i: subject' is not.
    return escape(re.sub(r":(?! )", "\N{HAIR SPACE}×\N{HAIR SPACE}", text))


def _token(found: re.Match[str], text: str) -> Markup:
    if found["of_expression"]:
        return _subscript(found["of_expression"])
    name, index = found["name"], found["index"]
    letter = _LETTER.fullmatch(name)
    if letter is None or not _is_symbol(letter, index, text[: found.start()], text[found.end() :]):
        style = Markup("{}") if name in WORDS else Markup('<span class="column">{}</span>')
        if index == "i,t":
            return style.format(name) + _subscript(index)
        return style.format(found[0])
    subscript = ",".join(part for part in (letter[2], index) if part)
    html = Markup("<i>{}</i>").format(GREEK.get(letter[1], letter[1]))
    html += _subscript(subscript) if subscript else Markup("")
    html += "′" if found["prime"] else ""
    return html + Markup("<sup>{}</sup>").format(found["power"]) if found["power"] else html


def _is_symbol(letter: re.Match[str], index: str | None, before: str, after: str) -> bool:
    """Whether a name is the equation's own, and not a column that happens to be called b1 or e."""
    if before.endswith(" / "):
        return False  # the column of weights
    if letter[1] in ("Sigma", "sigma", "G") or index is not None:
        return letter[1] != "v" or bool(letter[2])
    if letter[1] in ("a", "b"):
        return bool(letter[2]) and (before == "" or before.endswith(("+ ", "= ")))
    return letter[1] == "z" and before.endswith(", ") and after.startswith(":")


def _subscript(text: str) -> Markup:
    return Markup("<sub>{}</sub>").format(text.replace(",", ",\N{HAIR SPACE}"))
