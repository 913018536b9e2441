"""Checks of arguments that several functions of a fit share."""

from __future__ import annotations

import numpy as np

from msclong.errors import SpecError
from msclong.results.fit import Fit


def check_fit(value: object, name: str = "fit") -> None:
    """Raises SpecError for anything but a fit."""
    if not isinstance(value, Fit):
        raise SpecError(f"{name} must be a fit, as ml.fit(...) returns it; got {type(value).__name__}.")


def check_flag(value: object, name: str) -> None:
    """Raises SpecError for anything but True, False or None."""
    if value is not None and not isinstance(value, (bool, np.bool_)):
        raise SpecError(f"{name} takes True, False or None; got {value!r}.")


def is_count(value: object, least: int) -> bool:
    """Whether it is an integer, of NumPy or not and no bool, from `least` up."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= least)


def random_generator(seed: int | None) -> np.random.Generator:
    """Raises SpecError for a seed that is not None or an integer from 0 up."""
    if seed is not None and not is_count(seed, 0):
        raise SpecError(f"seed must be None or an integer from 0 up; got {seed!r}.")
    return np.random.default_rng(seed)
