"""Reads a report's page as a reader does, and holds every number on it against the report's ARD.

Nothing here knows how the page was written: cells, figures in sentences and prose are parsed from the HTML, and numbers
from their print. Each check returns what it complains of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Drawing

from msclong.plots.style import journal
from msclong.reporting.inline import pieces
from msclong.reporting.record import Document, Figure

VOID = {"meta", "link", "br", "hr", "img", "input", "wbr", "col"}
SKIPPED = {"head", "style", "script", "svg", "code", "pre", "nav", "time", "button", "template", "dialog"}
"""Elements without prose: code is quoted, dates and contents say no results; drawings are checked apart."""
BLOCKS = {"p", "li", "dt", "dd", "h1", "h2", "h3", "summary", "figcaption", "th", "td"}
DRAWN = {"text": "drawings", "title": "tips"}
"""Elements of a drawing with words, and where they are kept; a title is shown when its mark is pointed at."""
WIDTHS = ("width.least", "width.largest")
LEVELS = ("group1_level", "group2_level", "variable", "variable_level")
NUMBER = re.compile(r"(?<![\w.\u2212-])[\u2212-]?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?:×10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?")
FORMAL = {"equation", "number"}
"""Classes of elements that hold a formula, and the number of a section."""
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
EPSILON = 1e-9
"""Of half a unit of the last digit: what binary fractions lose of a decimal half."""


@dataclass
class Block:
    """A block of prose, with a space for each figure and cross-reference in it. tag, kinds : of its element."""

    tag: str
    kinds: tuple[str, ...]
    section: str
    text: str = ""


@dataclass
class Cell:
    """A cell of a table's body, and the words around it: its row's names, the headings above and the caption."""

    text: str
    around: str


@dataclass
class Page:
    blocks: list[Block] = field(default_factory=list)
    figures: list[tuple[str, str, str]] = field(default_factory=list)  # value, name, text
    tables: dict[str, list[Cell]] = field(default_factory=dict)
    drawings: dict[str, list[str]] = field(default_factory=dict)
    tips: dict[str, list[str]] = field(default_factory=dict)
    links: list[tuple[str, str]] = field(default_factory=list)  # what is referred to, text
    labels: dict[str, str] = field(default_factory=dict)  # figure, text for those who do not see it
    captions: dict[str, str] = field(default_factory=dict)  # id of a figure or table, caption


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.open: list[tuple[str, dict[str, str]]] = []
        self.table: _Table | None = None
        self.after_references = False

    def _drawn(self, tag: str) -> list[str]:
        return getattr(self.page, DRAWN[tag]).setdefault(self._id("figure-"), [])

    def _within(self, *tags: str) -> bool:
        return any(tag in tags for tag, _ in self.open)

    def _id(self, prefix: str) -> str:
        ids = (attributes.get("id", "") for _, attributes in reversed(self.open))
        return next((one.removeprefix(prefix) for one in ids if one.startswith(prefix)), "")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            return
        given = {name: value or "" for name, value in attrs}
        self.open.append((tag, given))
        kinds = tuple(given.get("class", "").split())
        if tag == "figure" and "table" in kinds:
            self.table = _Table(given["id"].removeprefix("table-"))
        if tag == "data":
            self.page.figures.append((given["value"], given["class"], ""))
        if tag == "a" and given.get("href", "").startswith("#") and not self._within("nav"):
            self.page.links.append((given["href"][1:], ""))
        if given.get("role") == "img":
            self.page.labels[self._id("figure-")] = given["aria-label"]
        if tag in DRAWN and self._within("svg"):
            self._drawn(tag).append("")
        if tag in BLOCKS:
            self.page.blocks.append(Block(tag, kinds, self._id("section-")))
        if self.table is not None:
            self.table.start(tag, given, kinds)

    def handle_endtag(self, tag: str) -> None:
        while self.open:
            last, _ = self.open.pop()
            if last == tag:
                break
        if tag == "figure" and self.table is not None:
            self.page.tables[self.table.key] = self.table.cells()
            self.table = None

    def handle_data(self, data: str) -> None:
        if self._within("svg"):
            if (tag := next((tag for tag, _ in reversed(self.open) if tag in DRAWN), None)) is not None:
                self._drawn(tag)[-1] += data
            return
        if self._within("figcaption"):
            key = f"table-{self.table.key}" if self.table is not None else f"figure-{self._id('figure-')}"
            self.page.captions[key] = self.page.captions.get(key, "") + data
        if self._within(*SKIPPED):
            return
        if self.table is not None and self._within("th", "td", "figcaption"):
            self.table.data(data, self._within("thead"), self._within("figcaption"))
        if any(
            FORMAL & set(given.get("class", "").split()) for tag, given in self.open if tag in ("div", "span")
        ):
            return
        linked = any(tag == "a" and given.get("href", "").startswith("#") for tag, given in self.open)
        if linked:
            target, text = self.page.links[-1]
            self.page.links[-1] = target, text + data
        if self._within("data"):
            value, name, text = self.page.figures[-1]
            self.page.figures[-1] = value, name, text + data
        block = next((i for i, (tag, _) in enumerate(reversed(self.open)) if tag in BLOCKS), None)
        if block is not None and self.page.blocks:
            self.page.blocks[-1].text += " \N{REFERENCE MARK} " if linked or self._within("data") else data


class _Table:
    """Collects a table's cells with the headings above them and the names of their row."""

    def __init__(self, key: str) -> None:
        self.key, self.caption = key, ""
        self.head: list[list[tuple[int, list[str]]]] = []
        self.rows: list[list[tuple[str, tuple[str, ...], list[str], int]]] = []
        self.in_head = False

    def start(self, tag: str, given: Mapping[str, str], kinds: tuple[str, ...]) -> None:
        if tag in ("thead", "tbody"):
            self.in_head = tag == "thead"
        elif tag == "tr":
            if self.in_head:
                self.head.append([])
            else:
                self.rows.append([])
        elif tag in ("th", "td"):
            span = int(given.get("colspan", 1))
            if self.in_head:
                self.head[-1].append((span, []))
            else:
                self.rows[-1].append((tag, kinds, [], span))

    def data(self, data: str, head: bool, caption: bool) -> None:
        if caption:
            self.caption += data
        elif head:
            self.head[-1][-1][1].append(data)
        else:
            self.rows[-1][-1][2].append(data)

    def cells(self) -> list[Cell]:
        above: list[str] = []
        for line in self.head:
            wide = [" ".join(texts) for span, texts in line for _ in range(span)]
            above = [" ".join(pair) for pair in zip(above, wide, strict=True)] if above else wide
        found, group = [], ""
        for row in self.rows:
            texts = ["".join(parts) for _, _, parts, _ in row]
            if len(row) == 1 and row[0][3] > 1:
                group = texts[0]
                continue
            named = [text for (tag, kinds, _, _), text in zip(row, texts, strict=True)
                     if tag == "th" or not {"number", "interval"} & set(kinds)]  # fmt: skip
            for j, text in enumerate(texts[1:], start=1):
                found.append(
                    Cell(_squeezed(text), _squeezed(" ".join((*named, group, above[j], self.caption))))
                )
        return found


def read(page: str) -> Page:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.page


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def agrees(text: str, values: float | np.ndarray, scale: float = 1) -> bool:
    """Whether `text` is `scale` times a value, to half a unit of its last digit; or the bound that it names holds."""
    told = re.sub(r"\s", "", text).replace("\u2212", "-").replace(",", "").replace("lessthan", "<")
    told, shown = told.rstrip("%").lstrip("\u00b1"), np.asarray(values, dtype=float) * scale
    if told in ("\u221e", "-\u221e"):
        return bool((shown == float(told.replace("\u221e", "inf"))).any())
    if told[:1] in "<>":
        return bool(((shown < float(told[1:])) if told[0] == "<" else (shown > float(told[1:]))).any())
    mantissa, _, power = told.partition("\u00d710")
    exponent = int(power.translate(SUPERSCRIPTS)) if power else 0
    if not re.fullmatch(r"-?(\d+\.?\d*|\.\d+)", mantissa):
        return False
    half = 0.5 * 10.0 ** (exponent - len(mantissa.partition(".")[2]))
    apart = np.abs(float(mantissa) * 10.0**exponent - shown)
    return bool((apart <= half * (1 + EPSILON) + EPSILON * np.abs(shown)).any())


def wrong_prints(ard: pd.DataFrame) -> list[str]:
    """Statistics whose print is not their value."""
    told = ard[ard["stat_text"].isna() & ard["stat"].notna()]
    return [
        f"{row.stat_name} {row.stat!r} is printed {row.formatted}"
        for row in told.itertuples()
        if not agrees(row.formatted, row.stat, row.scale)
    ]


def wrong_cells(page: Page, ard: pd.DataFrame) -> list[str]:
    """Cells that hold a figure and no statistic of the ARD, and statistics of tables that no cell shows."""
    complaints = []
    of_table = ard.assign(table=ard["table"].fillna("").str.split()).explode("table").groupby("table")
    for key, cells in page.tables.items():
        rows = of_table.get_group(key) if key in of_table.groups else ard.iloc[:0]
        left = list(rows[rows["context"] != "text"].itertuples())
        for cell in cells:
            parts = re.split(r"\s(?:to|of)\s", cell.text)
            if any(_squeezed(row.formatted) == cell.text for row in left):
                parts = [cell.text]
            for part in parts:
                fitting = [row for row in left if _squeezed(row.formatted) == part and _fits(row, cell)]
                # One text may stand for both ends of a range that prints alike.
                both = [row.stat_name for row in fitting[:2]] == [*WIDTHS] and len(parts) == 1
                for row in fitting[: 2 if both else 1]:
                    left.remove(row)
                if not fitting and any(map(str.isdigit, part)):
                    complaints.append(f"table {key}: {cell.text} ({cell.around[:80]}) is not in the ARD")
        complaints += [
            f"table {key}: no cell shows {r.stat_name} {r.formatted} of {r.variable}" for r in left
        ]
    return complaints


def _fits(row: object, cell: Cell) -> bool:
    """Whether what the statistic is of stands around the cell."""
    levels = (getattr(row, name) for name in ("group1_level", "group2_level", "variable_level"))
    return all(_stands(str(level), cell.around) for level in levels if not pd.isna(level))


def _stands(level: str, around: str) -> bool:
    if re.search(rf"(?<![\w.]){re.escape(level)}(?![\w.]*\d)", around, re.IGNORECASE):
        return True
    return not level[:1].isdigit() and level.replace(" ", "").casefold() in around.replace(" ", "").casefold()


def wrong_figures(page: Page, ard: pd.DataFrame) -> list[str]:
    """Figures in sentences that are no statistic of the ARD, or are printed otherwise."""
    known = {
        (row.stat_name, row.stat, re.sub(r"[\s%]", "", row.formatted))
        for row in ard[ard["stat"].notna()].itertuples()
    }
    complaints = []
    for value, name, text in page.figures:
        if (name, float(value), re.sub(r"[\s%]", "", text)) not in known:
            complaints.append(f"{text} ({name} {value}) is not in the ARD")
        elif not agrees(text, float(value), 100 if text.rstrip().endswith("%") else 1):
            complaints.append(f"{text} is not {value}")
    return complaints


def strangers(
    page: Page,
    ard: pd.DataFrame,
    quoted: Sequence[str],
    allowed: Sequence[re.Pattern[str]],
    visits: str,
    skip: Sequence[str],
) -> list[str]:
    """Numbers in prose that are neither figures with a value, nor part of a name, nor quoted, nor of an allowed form.

    Names are the ARD's levels; a visit that is a number is one after `visits`. quoted : texts that the plan or the data
    hold. skip : sections that list no results.
    """
    names = _names(ard, visits)
    levels = {_squeezed(str(one)) for name in LEVELS for one in ard[name].dropna()}
    texts = {text for text in ard["stat_text"].dropna() if re.search("[<>]|[a-z]{2}", text)}
    whole = sorted({*quoted, *texts}, key=len, reverse=True)
    complaints, references = [], False
    for block in page.blocks:
        if block.tag in ("h2", "h3", "summary"):
            references = block.text.strip() == "References"
        # Cells are checked as such.
        if block.section in skip or block.tag == "td" or (block.tag == "li" and references):
            continue
        text = _squeezed(block.text)
        if block.tag == "th" and text in levels:
            continue
        for quote in whole:
            if any(map(str.isdigit, quote)):
                pattern = re.sub(r"([<>])", r"\1 ?", re.escape(_squeezed(quote))) + r"(?!\d)"
                text = re.sub(pattern, " ", text, flags=re.IGNORECASE)
        text = names.sub(" ", text)
        for pattern in allowed:
            text = pattern.sub(" ", text)
        if found := NUMBER.findall(text):
            complaints.append(f"{', '.join(found)} in <{block.tag}>: {text}")
    return complaints


def _names(ard: pd.DataFrame, visits: str) -> re.Pattern[str]:
    """Outcomes, arms and the like wherever they stand; a visit that is a number only after what it counts."""
    levels = {str(level) for name in LEVELS for level in ard[name].dropna()}
    words = sorted((one for one in levels if not one[:1].isdigit()), key=len, reverse=True)
    numbers = sorted((re.escape(one) for one in levels if one[:1].isdigit()), key=len, reverse=True)
    counted = rf"{visits} (?:{'|'.join(numbers)})(?![\w.]*\d)" if numbers else r"(?!)"
    named = rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)" if words else r"(?!)"
    return re.compile(f"{counted}|{named}", re.IGNORECASE)


def wrong_parts(page: Page, record: Document) -> list[str]:
    """Cross-references, numbers of captions, alternative texts and words on marks that are not the record's."""
    reads = {key.replace(":", "-"): text for key, text in record.references.items()}
    complaints = [
        f"a link to {target} reads {text}"
        for target, text in page.links
        if target in reads and text != reads[target]
    ]
    complaints += [
        f"{key} is captioned {caption[:20]}"
        for key, caption in page.captions.items()
        if not caption.startswith(f"{reads[key]}.")
    ]
    told = [
        _squeezed(
            "".join(
                one if isinstance(one, str) else " \N{REFERENCE MARK} "
                for one in pieces(" ".join(table.notes))
            )
        )
        for table in record.tables
        if table.notes
    ]
    shown = [_squeezed(block.text) for block in page.blocks if "tablenote" in block.kinds]
    complaints += [f"a note reads {one}" for one in shown if one not in told]
    for figure in record.figures:
        if page.labels.get(figure.key) != figure.alt:
            complaints.append(f"figure {figure.key} has another alternative text")
        if page.tips.get(figure.key, []) != read(f'<p id="figure-x">{figure.svg}</p>').tips.get("x", []):
            complaints.append(f"marks of figure {figure.key} tell other words")
    return complaints


@journal
def _ticks(drawing: Drawing) -> set[str]:
    """Labels of the axes; how many fit depends on the type in which a figure is set."""
    return {
        label.get_text()
        for axes in drawing.axes
        for axis in (axes.xaxis, axes.yaxis)
        for label in axis.get_ticklabels(which="both")
    }


def wrong_drawings(page: Page, figures: Iterable[Figure], allowed: Sequence[re.Pattern[str]]) -> list[str]:
    """Numbers on drawings, and in the words that they show when pointed at, that are not in the figure's data."""
    complaints = []
    for figure in figures:
        ticks = _ticks(figure.drawing)
        texts = [*map(str, figure.data.select_dtypes(exclude="number").to_numpy().ravel())]
        texts += [*map(str, figure.data.index), *map(str, figure.data.columns)]
        names = {number for text in texts for number in NUMBER.findall(text)}
        data = figure.data.select_dtypes("number").to_numpy(dtype=float).ravel()
        on_marks = [text.strip() for text in page.drawings.get(figure.key, [])]
        told = [text for text in on_marks if NUMBER.fullmatch(text) and text not in ticks]
        for text in page.tips.get(figure.key, []):
            for pattern in allowed:
                text = pattern.sub(" ", text)
            told += NUMBER.findall(text)
        complaints += [
            f"figure {figure.key}: {number} is not in its data"
            for number in dict.fromkeys(told)
            if number not in names and not agrees(number, data)
        ]
    return complaints
