"""What an engine is: a frozen configuration that turns a design into a fit."""

from __future__ import annotations

from typing import Protocol

from msclong.design.design import Design
from msclong.results.fit import Fit


class Engine(Protocol):
    """A way to estimate the model of a design. Engines hold options, never data."""

    def fit(self, design: Design) -> Fit:
        """Estimate; raises a MsclongError where the engine cannot give an answer that may be reported."""
        ...
