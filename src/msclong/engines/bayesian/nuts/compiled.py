"""PyMC models, compiled once for each shape in a process, and their sampling by nutpie."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from os import cpu_count
from time import monotonic
from typing import Any

import numpy as np
import nutpie
import pymc as pm
import pytensor

from msclong.errors import ConvergenceError

MOST_COMPILED = 8
"""Compiled models kept in this process; the least recently used goes first."""

_compiled: OrderedDict[tuple[object, ...], Any] = OrderedDict()


def compiled_model(
    key: tuple[object, ...],
    build: Callable[[], pm.Model],
    data: Mapping[str, np.ndarray],
    progress: bool = False,
) -> Any:
    """The compiled model of this shape, with these data: from this process's store, or compiled now.

    key : all that is compiled into the code. data : the model's `pm.Data` by name; their lengths may differ
    between models of one key, the number of parameters may not.
    """
    if key in _compiled:
        _compiled.move_to_end(key)
        return _compiled[key].with_data(**data)
    # Without fast-math the code that is compiled and the code that is read back from disk give equal draws.
    with (
        _announced("Compiling the model, once for models of this shape", progress),
        pytensor.config.change_flags(numba__fastmath=False),
    ):
        compiled = nutpie.compile_pymc_model(build())
    _compiled[key] = compiled
    if len(_compiled) > MOST_COMPILED:
        _compiled.popitem(last=False)
    return compiled


def sample(
    compiled: Any, *, draws: int, tune: int, chains: int, seed: int, target_accept: float, progress: bool
) -> Any:
    """The trace (an xarray DataTree) of a compiled model by the No-U-Turn sampler; raises ConvergenceError."""
    if progress:
        print(f"Sampling {chains} chains of {tune} + {draws} steps", file=sys.stderr)
    try:
        return nutpie.sample(
            compiled,
            draws=draws,
            tune=tune,
            chains=chains,
            cores=min(chains, cpu_count() or 1),
            seed=seed,
            target_accept=target_accept,
            progress_bar=progress,
            save_warmup=False,
        )
    except RuntimeError as error:
        raise ConvergenceError(
            f"The sampler could not start or go on ({error}). Use a structure with fewer parameters (ar1h, cs), "
            "fewer random effects or tighter Priors; look for an outcome that hardly varies."
        ) from error


def step_stats(trace: Any) -> dict[str, np.ndarray]:
    """Of each step after tuning, (chains, draws): whether it was 'diverging', and its 'energy', for E-BFMI."""
    return {name: trace.sample_stats[name].to_numpy() for name in ("diverging", "energy")}


@contextmanager
def _announced(what: str, shown: bool) -> Iterator[None]:
    """One line on standard error: what is being done, and when it is over how long it took."""
    start = monotonic()
    if shown:
        print(what, end=" ... ", file=sys.stderr, flush=True)
    yield
    if shown:
        print(f"{monotonic() - start:.1f} s", file=sys.stderr)
