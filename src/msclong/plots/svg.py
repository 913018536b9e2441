"""Figures as SVG elements for a page: its font, its colours in light and dark, and words on the marks."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.figure import Figure

from msclong.plots.style import FAMILY, VARIABLES, journal

_TIPS, _NEXT, _LINE = "tips\ue000", "\ue001", "\ue002"
"""Private-use characters, which no label holds; XML would make spaces of the lines of an attribute."""

_COLOUR = re.compile("|".join(VARIABLES), re.IGNORECASE)
_VARIABLE = re.compile(r"var\(--[\w-]+, ?(#\w+)\)")
_REFERENCE = re.compile(r'href="#([^"]+)"|url\(#([^)]+)\)')


def tipped(artist: Artist, texts: Sequence[str]) -> None:
    """Give the marks of `artist`, in their order, a text each (or one to all); a page shows it when one is pointed at.

    The marks of a line are its markers. Marks at NaN are not drawn and must not have a text.
    """
    artist.set_gid(_TIPS + _NEXT.join(texts).replace("\n", _LINE))


@journal
def to_svg(figure: Figure, name: str) -> str:
    """The figure as an SVG element for an HTML page: no XML prologue, no metadata, ids that begin with `name`.

    Text stays text, set in the font of the page around it; coordinates are cut to two decimals of a point. Colours of
    the palette are CSS variables (`style.VARIABLES`), with the palette's own for pages that set none.

    Raises
    ------
    ValueError : marks and texts of `tipped` differ in number.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    root = ElementTree.fromstring(buffer.getvalue())
    for parent in root.iter():
        for child in [c for c in parent if c.tag.endswith(("}metadata", "}style"))]:
            parent.remove(child)
    for element in root.iter():
        _plain(element)
    for group in root.iter("g"):
        _titles(group)
    _drop_unused_ids(root)
    for group in root.iter("g"):
        _hoist(group)
    # The page sizes the figure and gives the font; the viewBox keeps the proportions.
    root.attrib = {"viewBox": root.attrib["viewBox"]}
    return _renamed(ElementTree.tostring(root, encoding="unicode"), name).replace(" />", "/>")


def standalone(svg: str) -> str:
    """An element of `to_svg` as a file of its own: with a namespace, a font, and colours that any reader knows."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" font-family="{FAMILY}"'
    return _VARIABLE.sub(r"\1", svg).replace("<svg", head, 1)


def _plain(element: ElementTree.Element) -> None:
    """Without namespaces, spaces between elements, and what the page decides."""
    element.tag = element.tag.rpartition("}")[2]
    element.attrib = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
    if element.tag not in ("text", "tspan"):
        element.text = None
    element.tail = None
    for key in ("d", "x", "y", "transform", "points"):
        if key in element.attrib:
            shorter = re.sub(r"\s+", " ", re.sub(r"(\.\d\d)\d+", r"\1", element.attrib[key])).strip()
            element.attrib[key] = shorter
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]
    if "style" in element.attrib:
        element.attrib["style"] = _style(element.attrib["style"])


def _style(text: str) -> str:
    parts = []
    for part in filter(None, map(str.strip, text.split(";"))):
        key, _, value = part.partition(":")
        if key in ("fill", "stroke"):
            value = _COLOUR.sub(
                lambda found: f"var(--{VARIABLES[found[0].lower()]},{found[0].lower()})", value
            )
        if key == "opacity":
            # Of a group it would be another thing, and groups take their marks' style.
            parts += [f"fill-opacity:{value.strip()}", f"stroke-opacity:{value.strip()}"]
        elif key != "font-family":
            parts.append(f"{key}:{value.strip()}")
    return ";".join(parts)


def _titles(group: ElementTree.Element) -> None:
    """The texts of `tipped` as <title> of each mark, which browsers show by themselves."""
    if not group.get("id", "").startswith(_TIPS):
        return
    texts = group.attrib.pop("id").removeprefix(_TIPS).replace(_LINE, "\n").split(_NEXT)
    symbols = {mark for defs in group.iter("defs") for mark in defs.iter()}
    marks = list(group.iter("use")) or [mark for mark in group.iter("path") if mark not in symbols]
    if len(texts) == 1:
        marks = [group]
    if len(marks) != len(texts):
        raise ValueError(f"A figure has {len(marks)} marks for {len(texts)} texts.")
    for mark, text in zip(marks, texts, strict=True):
        title = ElementTree.Element("title")
        title.text = text
        mark.insert(0, title)


def _drop_unused_ids(root: ElementTree.Element) -> None:
    used = {a or b for a, b in _REFERENCE.findall(ElementTree.tostring(root, encoding="unicode"))}
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)


def _hoist(group: ElementTree.Element) -> None:
    """Marks that share their style state it once: a scatter of a thousand points is a third of the size."""
    marks = [child for child in group if child.tag in ("use", "path", "g")]
    for key in ("style", "clip-path"):
        values = Counter(mark.get(key) for mark in marks)
        if len(marks) > 1 and len(values) == 1 and None not in values and key not in group.attrib:
            group.attrib[key] = marks[0].attrib[key]
            for mark in marks:
                del mark.attrib[key]


def _renamed(svg: str, name: str) -> str:
    """Ids as `name`-1, `name`-2, ..., in order of appearance: short, and unique in a page of several figures."""
    numbers = {
        old: str(i) for i, old in enumerate(dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg)), start=1)
    }
    svg = re.sub(r'\bid="([^"]+)"', lambda found: f'id="{name}-{numbers[found[1]]}"', svg)
    return re.sub(r'(href="|url\()#([^")]+)', lambda found: f"{found[1]}#{name}-{numbers[found[2]]}", svg)
