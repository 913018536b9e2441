"""A progress bar of one line on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType

WIDTH = 30
LEAST_SECONDS = 0.1
"""The line is written anew no more often than this."""


class Progress:
    """Counts to `total`: `label [######......] 320/1000 12 s left`.

    shown : None shows the bar where standard error is a terminal.
    """

    def __init__(self, label: str, total: int, shown: bool | None = None) -> None:
        self._label, self._total = label, total
        self._shown = sys.stderr.isatty() if shown is None else shown
        self._done, self._start, self._written = 0, time.monotonic(), 0.0

    def __enter__(self) -> Progress:
        self._write()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._write()
            sys.stderr.write("\n")

    def advance(self, steps: int = 1) -> None:
        self._done += steps
        if time.monotonic() - self._written > LEAST_SECONDS:
            self._write()

    def _write(self) -> None:
        if not self._shown:
            return
        self._written = time.monotonic()
        filled = WIDTH * self._done // max(self._total, 1)
        left = (self._written - self._start) * (self._total - self._done) / self._done if self._done else 0.0
        remaining = f"{left:.0f} s left" if self._done < self._total else ""
        bar = "#" * filled + "." * (WIDTH - filled)
        sys.stderr.write(f"\r{self._label} [{bar}] {self._done}/{self._total} {remaining:<12}")
        sys.stderr.flush()
