"""Citations by author and year turned into numbers, in the order in which a text has them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msclong.reporting.references import REFERENCES

NAMED = {
    "bell": ("Bell and McCaffrey", 2002),
    "benjamini": ("Benjamini and Hochberg", 1995),
    "bretz": ("Bretz et al.", 2009),
    "carpenter": ("Carpenter, Roger and Kenward", 2013),
    "clopper": ("Clopper and Pearson", 1934),
    "cook": ("Cook", 1977),
    "cro": ("Cro, Carpenter and Kenward", 2019),
    "diggle": ("Diggle", 1988),
    "dunn": ("Dunn and Smyth", 1996),
    "gabriel": ("Gabriel", 1962),
    "geisser": ("Geisser and Cornfield", 1963),
    "gelman": ("Gelman", 2006),
    "genz": ("Genz", 1992),
    "hochberg": ("Hochberg", 1988),
    "hoffman": ("Hoffman and Gelman", 2014),
    "holm": ("Holm", 1979),
    "hothorn": ("Hothorn, Bretz and Westfall", 2008),
    "ich": ("ICH E9(R1)", 2019),
    "jennrich": ("Jennrich and Schluchter", 1986),
    "kallioinen": ("Kallioinen et al.", 2024),
    "kenward": ("Kenward and Roger", 1997),
    "laird": ("Laird and Ware", 1982),
    "lewandowski": ("Lewandowski, Kurowicka and Joe", 2009),
    "liang": ("Liang and Zeger", 1986),
    "liang-prepost": ("Liang and Zeger", 2000),
    "mancl": ("Mancl and DeRouen", 2001),
    "maurer": ("Maurer, Hothorn and Lehmacher", 1995),
    "mee": ("Mee and Chua", 1991),
    "patterson": ("Patterson and Thompson", 1971),
    "pinheiro": ("Pinheiro and Bates", 1995),
    "psis": ("Vehtari et al.", 2024),
    "pustejovsky": ("Pustejovsky and Tipton", 2018),
    "pymc": ("Abril-Pla et al.", 2023),
    "satterthwaite": ("Fai and Cornelius", 1996),
    "schluchter": ("Schluchter and Elashoff", 1990),
    "seabold": ("Seabold and Perktold", 2010),
    "skene": ("Skene and Kenward", 2010),
    "tran": ("Tran et al.", 2021),
    "vehtari": ("Vehtari et al.", 2021),
    "wolbers": ("Wolbers et al.", 2022),
    "wolfinger": ("Wolfinger", 1996),
    "yan": ("Yan, Lee and Li", 2009),
}
"""Author and year by which texts cite, by the keys of REFERENCES."""

_OPEN, _CLOSE = "\ue010", "\ue011"
_MARK = re.compile(f"{_OPEN}([^{_CLOSE}]+){_CLOSE}")
_MARKS = re.compile(f"(?:{_OPEN}[^{_CLOSE}]+{_CLOSE}[ ,;]*)*{_OPEN}[^{_CLOSE}]+{_CLOSE}")
"""Neighbours share a pair of brackets."""


def cited(key: str) -> str:
    """'(Diggle 1988)', to follow what it is the source of."""
    name, year = NAMED[key]
    return f"({name} {year})"


def named(text: str) -> set[str]:
    """Keys of the sources that a text cites by author and year."""
    return {key for key, (name, year) in NAMED.items() if re.search(rf"{re.escape(name)} \(?{year}", text)}


def numbered(text: str, keys: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """`text` with the citations of `keys` as numbers in square brackets, and the references in the order of these.

    A source that the text does not name by author and year stands at its end, before the full stop.
    """
    for key in dict.fromkeys(keys):
        marked = _marked(text, key)
        if marked == text:
            stop = "." if text.endswith(".") else ""
            marked = f"{text.removesuffix(stop)} {_OPEN}{key}{_CLOSE}{stop}"
        text = marked
    order = list(dict.fromkeys(_MARK.findall(text)))

    def bracket(found: re.Match[str]) -> str:
        return f"[{', '.join(str(order.index(key) + 1) for key in _MARK.findall(found[0]))}]"

    return _MARKS.sub(bracket, text), tuple(REFERENCES[key] for key in order)


def _marked(text: str, key: str) -> str:
    """The text with marks in place of the citations of one source, whatever form they have."""
    name, year = NAMED[key]
    author, mark = re.escape(name), f"{_OPEN}{key}{_CLOSE}"
    for pattern, replacement in (
        (rf"\(([^()]*); {author} {year}\)", rf"(\1) {mark}"),
        (rf"\({author} {year}\)", mark),
        (rf"({author}(?:\u2019s method)?) \({year}\)", rf"\1 {mark}"),
        (rf"({author}) \({year}; ([^()]*)\)", rf"\1 (\2) {mark}"),
        (rf"({author}) {year}", rf"\1 {mark}"),
    ):
        text = re.sub(pattern, replacement, text)
    return text
