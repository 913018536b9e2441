"""What an engine is: a frozen configuration that turns a design into a fit."""

from __future__ import annotations

from typing import Protocol

from msclong.design.design import Design
from msclong.errors import EngineError
from msclong.results.fit import Fit


class Engine(Protocol):
    """A way to estimate the model of a design. Engines hold options, never data."""

    def fit(self, design: Design) -> Fit:
        """Estimate; raises a MsclongError where the engine cannot give an answer that may be reported."""
        ...


def require_gaussian(design: Design, engine: str) -> None:
    """Raise EngineError for a model whose random effects do not integrate out: `engine` fits Gaussian ones."""
    if design.conditional:
        what = "censored outcomes" if design.spec.censored else f"family={design.spec.family!r}"
        raise EngineError(
            f"{engine} fits Gaussian models, and this one has {what}; use ml.Bayesian(seed=...)."
        )
