"""Functions of one theta, evaluated at many in one pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from msclong.covariance.structure import CovarianceStructure


class Batch(NDArrayOperatorsMixin):
    """S arrays of one shape that behave as one of them: operators, NumPy's elementwise functions, indexing, stacking.

    values : (*shape, S), the batch last, so that what is written for arrays of `shape` broadcasts as it stands.
    """

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape[:-1]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> Batch:
        parts = index if isinstance(index, tuple) else (index,)
        return Batch(self.values[(*parts, slice(None)) if any(part is Ellipsis for part in parts) else index])

    def sum(self, axis: int | None = None) -> Batch:
        over = tuple(range(len(self.shape))) if axis is None else axis % len(self.shape)
        return Batch(self.values.sum(axis=over))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            return NotImplemented
        if ufunc is np.matmul:
            # The matrices' axes last, the batch first.
            first = [np.moveaxis(x.values, -1, 0) if isinstance(x, Batch) else x for x in inputs]
            return Batch(np.moveaxis(np.matmul(*first), 0, -1))
        return Batch(ufunc(*map(_with_batch_axis, inputs)))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function not in (np.stack, np.concatenate):
            return NotImplemented
        axis = kwargs.get("axis", args[1] if len(args) > 1 else 0)
        arrays = [_with_batch_axis(x) for x in args[0]]
        size = max(x.shape[-1] for x in arrays)
        shape = args[0][0].shape if hasattr(args[0][0], "shape") else np.shape(args[0][0])
        axis = axis % (len(shape) + (function is np.stack))
        return Batch(function([np.broadcast_to(x, (*x.shape[:-1], size)) for x in arrays], axis=axis))


def _with_batch_axis(x: Any) -> np.ndarray:
    return x.values if isinstance(x, Batch) else np.asarray(x)[..., None]


def batched(function: Callable[[Any], Any], values: np.ndarray) -> np.ndarray:
    """`function` of each values[..., s], (*its shape, S), for values (*shape, S).

    In one pass where it is written in operators, elementwise functions and indexing; else one by one.
    """
    try:
        result = function(Batch(values))
    except (TypeError, ValueError, IndexError, AttributeError):  # what arrays can do and a Batch cannot
        return np.stack([function(values[..., s]) for s in range(values.shape[-1])], axis=-1)
    filled = _with_batch_axis(result)
    return np.broadcast_to(filled, (*filled.shape[:-1], values.shape[-1]))


def batched_sigma(structure: CovarianceStructure, theta: np.ndarray, coords: np.ndarray) -> np.ndarray:
    """Sigma of P patterns at each of S columns of theta (k, S), (P, t, t, S); coords (P, t, d)."""
    return batched(lambda one: structure.sigma(one, coords), theta)
