"""Many data sets of one model fitted in one call of compiled code."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Timer
from typing import Literal

import numpy as np

from msclong.covariance.structure import CovarianceStructure
from msclong.engines.frequentist.batched.layout import Layout, layout
from msclong.engines.frequentist.batched.replicates import BatchFit, Replicates
from msclong.engines.frequentist.batched.settings import DEGENERATE, LEFT
from msclong.engines.frequentist.batched.together import too_few_together
from msclong.engines.frequentist.optimize import FURTHER_STARTS, MANY_SUBJECTS, N_THOROUGH_STARTS
from msclong.engines.frequentist.progress import Progress, say
from msclong.errors import EngineError

Ddf = Literal["kenward-roger", "satterthwaite", "residual", "asymptotic"]

DDF: tuple[Ddf, ...] = ("kenward-roger", "satterthwaite", "residual", "asymptotic")
"""Methods of the compiled code."""

FILLED = ("status", "beta", "theta", "theta_se", "loglik", "se", "df", "iterations")
"""What the compiled code fills in."""

CHUNK = 64
"""Replicates that a thread takes at a time."""

LOADING = 4.0
"""Seconds within which compiled code is loaded from the disk, if it is there."""


def batched(structure: CovarianceStructure, coords: np.ndarray, ddf: str) -> bool:
    """Whether `fit_batch` takes this structure, of planned visits with coordinates (T, d), and this method."""
    return ddf in DDF and layout(structure, coords) is not None


def fit_batch(
    replicates: Replicates,
    L: np.ndarray,
    ddf: Ddf = "kenward-roger",
    method: Literal["reml", "ml"] = "reml",
    information: Literal["observed", "expected"] = "observed",
    progress: Progress | None = None,
) -> BatchFit:
    """Fit every replicate, and estimate the rows of L (c, p), each with its standard error and df.

    Numbers are those of `ml.fit` with Frequentist(method, ddf, information=...). What is not plain sailing has status
    LEFT and is the ordinary engine's; DEGENERATE ones have no estimate. The first call on a machine compiles, for about
    half a minute, and the bar says so. Threads share the work, which an interrupt ends between chunks.

    progress : advanced by the replicates that are done. Raises EngineError for what the compiled code does not know.
    """
    found = layout(replicates.structure, replicates.coords)
    if found is None or ddf not in DDF:
        raise EngineError(
            f"Batches have no {replicates.structure.keyword!r} covariance of these visits, or no {ddf!r} inference: "
            "fit one data set after the other, with ml.fit()."
        )
    R, n, T = replicates.Y.shape
    p, k = replicates.n_fixed, replicates.structure.n_parameters
    result = _empty(R, p, k, len(L))
    each = np.isfinite(replicates.Y).sum(axis=2)
    # With fewer, parameters have no estimate, or none that could be told from another: the ordinary engine says so.
    enough = ((each > 0).sum(axis=1) > 1) & (each.max(axis=1, initial=0) >= found.least)
    if found.unstructured:
        result.few.update((r, few) for r, few in too_few_together(replicates).items() if enough[r])
        result.status[list(result.few)] = DEGENERATE
    chosen = np.flatnonzero((result.status == LEFT) & enough)
    if progress is not None:
        progress.advance(R - len(chosen))
    with np.errstate(all="ignore"):
        _run(
            replicates,
            found,
            L,
            (method == "reml", information == "expected", ddf == "kenward-roger"),
            result,
            chosen,
            progress,
        )
    done = np.isfinite(result.loglik)
    result.estimate[done] = result.beta[done] @ L.T
    if ddf == "residual":
        result.df[done] = (np.isfinite(replicates.Y).sum(axis=(1, 2)) - p)[done, None]
    elif ddf == "asymptotic":
        result.df[done] = np.inf
    return result


def _empty(R: int, p: int, k: int, c: int) -> BatchFit:
    return BatchFit(
        status=np.full(R, LEFT),
        beta=np.full((R, p), np.nan),
        theta=np.full((R, k), np.nan),
        theta_se=np.full((R, k), np.nan),
        loglik=np.full(R, np.nan),
        estimate=np.full((R, c), np.nan),
        se=np.full((R, c), np.nan),
        df=np.full((R, c), np.nan),
        iterations=np.zeros(R, dtype=np.int64),
        few={},
    )


def _run(
    replicates: Replicates,
    found: Layout,
    L: np.ndarray,
    options: tuple[bool, bool, bool],
    result: BatchFit,
    chosen: np.ndarray,
    progress: Progress | None,
) -> None:
    """Fill the places of the chosen replicates, threads sharing the work."""
    from msclong.engines.frequentist.batched.kernel.door import fit_chunk

    X = replicates.X if replicates.X.ndim == 4 else replicates.X[None]
    X = np.ascontiguousarray(X, dtype=float)
    same_x = _same(X)
    k = replicates.structure.n_parameters
    shifts = np.zeros((0, k))
    if replicates.structure.several_maxima:
        shifts = FURTHER_STARTS * np.random.default_rng(0).normal(size=(N_THOROUGH_STARTS, k))

    def work(rows: np.ndarray) -> int:
        own = rows if len(X) > 1 else slice(0, 1)
        arrangement = (
            np.broadcast_to(np.arange(replicates.Y.shape[1]), replicates.Y[rows].shape[:2])
            if replicates.arrangement is None
            else replicates.arrangement[rows]
        )
        part = _empty(len(rows), replicates.n_fixed, k, len(L))
        fit_chunk(
            X[own],
            same_x[own],
            np.ascontiguousarray(replicates.Y[rows], dtype=float),
            np.ascontiguousarray(arrangement, dtype=np.int64),
            np.ascontiguousarray(L, dtype=float),
            found.Z,
            found.back,
            found.sizes,
            found.residual,
            found.unstructured,
            shifts,
            MANY_SUBJECTS,
            *options,
            *(getattr(part, name) for name in FILLED),
        )
        for name in FILLED:
            getattr(result, name)[rows] = getattr(part, name)
        return len(rows)

    if not fit_chunk.signatures:  # here, where an interrupt gets through, and not in all threads at once
        _told_if_long(lambda: work(chosen[:0]), kept=fit_chunk.stats.cache_path is not None)
    with ThreadPoolExecutor(max_workers=_cores()) as pool:
        waiting = [pool.submit(work, rows) for rows in _chunks(chosen)]
        try:
            for finished in as_completed(waiting):
                if progress is not None:
                    progress.advance(finished.result())
                else:
                    finished.result()
        except BaseException:  # an interrupt too: what has not begun is not begun
            pool.shutdown(cancel_futures=True)
            raise


def _told_if_long(compile_or_load: Callable[[], object], kept: bool) -> None:
    """Do that, and write a note behind the progress bar when it takes longer than loading does."""
    patience = Timer(LOADING, say, ["compiling, once on this machine" if kept else "compiling"])
    patience.start()
    try:
        compile_or_load()
    finally:
        patience.cancel()


def _chunks(chosen: np.ndarray) -> Iterator[np.ndarray]:
    return (chosen[i : i + CHUNK] for i in range(0, len(chosen), CHUNK))


def _same(X: np.ndarray) -> np.ndarray:
    """(len(X), n) codes of subjects with the same rows of X."""
    n = X.shape[1]
    if len(X) > 1:
        return np.broadcast_to(np.arange(n), X.shape[:2]).copy()
    return np.unique(X[0].reshape(n, -1), axis=0, return_inverse=True)[1].reshape(1, n)


def _cores() -> int:
    count = getattr(os, "process_cpu_count", os.cpu_count)()
    return max(1, count or 1)
