"""A posterior that was sampled, and the choice between the two samplers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from msclong.errors import ConvergenceError
from msclong.results.check import Check
from msclong.results.posterior_draws import PosteriorDraws

Sampler = Literal["auto", "importance", "nuts"]

TOO_FEW = {"Bulk ESS", "Tail ESS", "MCSE / SD"}
"""Checks that more draws meet."""

MORE = 4
"""How many times as many draws are taken where nothing else is missed."""


@dataclass(frozen=True, eq=False)
class Found[Estimate: PosteriorDraws]:
    """A posterior that was sampled: the table of its covariance parameters, checks, and figures of the sampler."""

    estimate: Estimate
    parameters: pd.DataFrame
    checks: tuple[Check, ...]
    diagnostics: dict[str, float | int | str]
    notes: tuple[str, ...]

    @property
    def theta(self) -> np.ndarray:
        """Posterior mean of the covariance parameters, (k,)."""
        return self.parameters["estimate"].to_numpy()

    @property
    def missed(self) -> str:
        """The criteria that it misses, with their values; empty where it meets all."""
        return ", ".join(f"{check.name} {check.value:.3g}" for check in self.checks if not check.passed)


def importance_or_nuts[Estimate: PosteriorDraws](
    sampler: Sampler, by_importance: Callable[[], Found[Estimate]], by_nuts: Callable[[], Found[Estimate]]
) -> Found[Estimate]:
    """'auto': importance sampling where it finds the mode and meets its criteria, else NUTS, with a note of why.

    'importance': whatever it finds, or ConvergenceError; 'nuts': NUTS.
    """
    notes: tuple[str, ...] = ()
    if sampler != "nuts":
        try:
            found = by_importance()
        except ConvergenceError as error:
            if sampler == "importance":
                raise
            notes = (f"Importance sampling failed ({error}); the posterior was sampled by NUTS.",)
        else:
            if not found.missed or sampler == "importance":
                return found
            notes = (
                *found.notes,
                f"Importance sampling missed its criteria ({found.missed}); the posterior was sampled by NUTS.",
            )
    found = by_nuts()
    return replace(found, notes=(*notes, *found.notes))


def with_more_draws[Estimate: PosteriorDraws](
    by_importance: Callable[[int], Found[Estimate]],
) -> Found[Estimate]:
    """What importance sampling finds; once more, with more draws, where nothing but their number is missed.

    by_importance : of how many times as many draws as were asked for.
    """
    found = by_importance(1)
    missed = {check.name for check in found.checks if not check.passed}
    if not missed or not missed <= TOO_FEW:
        return found
    again = by_importance(MORE)
    note = f"The draws were too few ({found.missed}): {MORE} times as many were taken."
    return replace(again, notes=(note, *again.notes))
