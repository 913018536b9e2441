"""Reads back the tables of an RTF file: as much of RTF as a test of a writer needs, independent of that writer."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\\([a-z]+)(-?\d+)? ?|\\'([0-9a-f]{2})|\\([^a-z])|([{}])|([^\\{}\r\n]+)|[\r\n]+")

DESTINATIONS = ("fonttbl", "header", "footer", "fldinst")


class RTF:
    """rows : of each section, the cells of its tables. marginalia : the texts of heads and feet."""

    def __init__(self, text: str) -> None:
        text.encode("ascii")
        self.sections: list[list[list[str]]] = [[]]
        self.text, self.repeated, self.landscape = "", 0, 0
        self.marginalia: list[str] = []
        units: list[int] = []
        cells: list[str] = []
        stack: list[str] = []
        where, skip = "", 0

        def flush() -> str:
            found = b"".join(unit.to_bytes(2, "little") for unit in units).decode("utf-16-le")
            units.clear()
            return found

        for match in _TOKEN.finditer(text):
            word, number, byte, symbol, brace, run = match.groups()
            if brace == "{":
                stack.append(where)
            elif brace == "}":
                if where in ("header", "footer") and stack[-1] != where:
                    self.marginalia.append(flush())
                where = stack.pop()
            elif word in DESTINATIONS:
                self.text += flush() if word in ("header", "footer") else ""
                where = word
            elif word == "u":
                units.append(int(number) % 65536)
                skip = 1
            elif word == "cell":
                cells.append(flush())
            elif word == "row":
                self.sections[-1].append(cells)
                cells = []
            elif word == "par":
                self.text += "" if where else flush()
            elif word == "sect":
                self.sections.append([])
            elif word == "line" or word == "tab":
                units.append(10)
            elif word == "trhdr":
                self.repeated += 1
            elif word in ("landscape", "lndscpsxn"):
                self.landscape += 1
            elif where not in ("fonttbl", "fldinst"):
                plain = symbol or run or (bytes.fromhex(byte).decode("cp1252") if byte else "")
                plain, skip = plain[skip:], max(0, skip - len(plain))
                units.extend(
                    int.from_bytes(plain.encode("utf-16-le")[i : i + 2], "little")
                    for i in range(0, 2 * len(plain), 2)
                )
        self.text += flush()
