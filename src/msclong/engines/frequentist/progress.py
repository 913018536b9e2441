"""A progress bar of one line on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType

WIDTH = 30
LEAST_SECONDS = 0.1
"""The line is written anew no more often than this."""


_open: list[Progress] = []
"""Bars that count now, the innermost last."""


def say(note: str) -> None:
    """Write a note behind the innermost bar until that next moves; nothing where no bar is shown."""
    if _open:
        _open[-1].write(note)


class Progress:
    """Counts to `total`: `label [######......] 320/1000 12 s left`.

    shown : None shows the bar where standard error is a terminal.
    """

    def __init__(self, label: str, total: int, shown: bool | None = None) -> None:
        self._label, self._total = label, total
        self._shown = sys.stderr.isatty() if shown is None else shown
        self._done, self._start, self._written = 0, time.monotonic(), 0.0
        self._length = 0

    def __enter__(self) -> Progress:
        _open.append(self)
        self.write()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _open.remove(self)
        if self._shown:
            self.write()
            sys.stderr.write("\n")

    def advance(self, steps: int = 1) -> None:
        self._done += steps
        if time.monotonic() - self._written > LEAST_SECONDS:
            self.write()

    def write(self, note: str = "") -> None:
        """Write the line anew, with a note in place of the time that is left."""
        if not self._shown:
            return
        self._written = time.monotonic()
        filled = WIDTH * self._done // max(self._total, 1)
        if not note and 0 < self._done < self._total:
            left = (self._written - self._start) * (self._total - self._done) / self._done
            note = f"{left:.0f} s left"
        bar = "#" * filled + "." * (WIDTH - filled)
        line = f"{self._label} [{bar}] {self._done}/{self._total} {note}"
        sys.stderr.write(f"\r{line:<{self._length}}")  # as long as what it overwrites
        self._length = len(line)
        sys.stderr.flush()
