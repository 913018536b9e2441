"""The engine of one outcome's fit within a joint model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from msclong.design.design import Design
from msclong.errors import EngineError
from msclong.results.fit import Fit


@dataclass(frozen=True)
class JointBayesian:
    """`engine`, a `Bayesian`, over all `outcomes`. shared : what these have in common, in sentences."""

    engine: Any
    outcomes: tuple[str, ...]
    shared: str = field(repr=False)

    def fit(self, design: Design) -> Fit:
        """Refused: one outcome of a joint model is not fitted again by itself."""
        raise EngineError(self.refusal("Fitting again"))

    def pymc_model(self, design: Design) -> Any:
        """Refused: the model is that of all outcomes."""
        raise EngineError("The PyMC model is that of all outcomes: ask the joint fit, joint.pymc_model().")

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
