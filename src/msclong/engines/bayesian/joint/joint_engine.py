"""The engine of one outcome's fit within a joint model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msclong.design.design import Design
from msclong.errors import EngineError
from msclong.results.fit import Fit


@dataclass(frozen=True)
class JointBayesian:
    """`engine`, a `Bayesian`, over all `outcomes`."""

    engine: Any
    outcomes: tuple[str, ...]

    def fit(self, design: Design) -> Fit:
        """Refused: one outcome of a joint model is not fitted again by itself."""
        raise EngineError(self.refusal("Fitting again"))

    def refusal(self, what: str) -> str:
        """Why `what` is not answered."""
        return (
            f"{what} needs the likelihood of all {len(self.outcomes)} outcomes of this joint model; ask it of a fit of "
            "this outcome by itself, ml.fit(...)."
        )


def refuse_one_of_joint(fit: Fit, what: str) -> None:
    """Raise EngineError where `fit` is one outcome of a joint model, and `what` needs the model's likelihood."""
    if isinstance(fit.engine, JointBayesian):
        raise EngineError(fit.engine.refusal(what))
