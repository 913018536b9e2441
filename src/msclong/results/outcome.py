"""How a fit went: everything that was noticed, assumed or done on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from msclong.results.check import Check


@dataclass(frozen=True)
class Outcome:
    """How a fit went.

    converged : whether the engine's own criterion was met. singular : whether the covariance lies on its boundary.
    notes : sentences for the reader. fallback : declared structures that could not be fitted, with the reason, in
    the order tried. diagnostics : named figures (iterations; or R-hat, ESS, divergences). checks : of a posterior,
    each criterion with its worst value (`Fit.checks`).
    """

    converged: bool
    singular: bool = False
    notes: tuple[str, ...] = ()
    diagnostics: Mapping[str, float | int | str] = field(default_factory=dict)
    fallback: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()

    def __str__(self) -> str:
        state = "converged" if self.converged else "NOT CONVERGED"
        if self.singular:
            state += ", singular covariance"
        figures = ", ".join(f"{name} {_short(value)}" for name, value in self.diagnostics.items())
        return "\n".join(
            [f"{state} ({figures})" if figures else state, *(f"note: {note}" for note in self.notes)]
        )


def _short(value: float | int | str) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
