"""The exceptions and warnings of msclong.

Every message says three things: what is wrong, where (column, row, term), and what to do about it.
Each exception also derives from the built-in one that a Python user would catch.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from inspect import currentframe
from pathlib import Path


class MsclongError(Exception):
    """Base of every error that msclong raises on purpose."""


class DataError(MsclongError, ValueError):
    """The table does not have the shape that its roles need (duplicate visits, text outcome, ...)."""


class FormulaError(MsclongError, ValueError):
    """A model formula cannot be read, or names something that does not exist."""


class SpecError(MsclongError, ValueError):
    """A field of a model spec or of an engine has an impossible value."""


class UnknownOutcomeError(SpecError, KeyError):
    """A joint fit has no outcome of this name."""

    __str__ = Exception.__str__  # KeyError shows its message in quotes


class DesignError(MsclongError, ValueError):
    """The data cannot identify the model: aliased columns, too few subjects for a covariance."""


class DegenerateCovarianceError(DesignError):
    """The likelihood of a covariance structure has no maximum on these data; a declared fallback may be used."""


class HypothesisError(MsclongError, ValueError):
    """A contrast or marginal mean names an unknown factor or level, or is not estimable."""


class ConvergenceError(MsclongError, RuntimeError):
    """An optimiser or sampler did not reach an answer that may be reported."""


class EngineError(MsclongError, NotImplementedError):
    """The chosen engine cannot express this model; the message names one that can."""


class ReportError(MsclongError, RuntimeError):
    """A report cannot be written as asked: a package or a program that writes it is missing, or failed."""


class MsclongWarning(UserWarning):
    """Base of every warning that msclong issues: something the analyst should read and decide on."""


class DataWarning(MsclongWarning):
    """The data are usable, but not as the analyst probably believes (a visit nobody attended, ...)."""


class ConvergenceWarning(MsclongWarning):
    """A result is returned, with a reservation that the analyst must know."""


def warn(message: str, category: type[MsclongWarning]) -> None:
    """Warn at the line of the analyst's own code that called msclong, however deep in it this is."""
    level, frame = 1, currentframe()
    # '<string>' is where a dataclass's __init__ lives.
    while frame is not None and frame.f_code.co_filename.startswith((str(Path(__file__).parent), "<string>")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def listing(items: Iterable[object], most: int = 8) -> str:
    """Items as a comma-separated list, cut after `most` with a count of the rest."""
    texts = [str(item) for item in items]
    shown = ", ".join(texts[:most])
    return shown if len(texts) <= most else f"{shown}, ... ({len(texts) - most} more)"
