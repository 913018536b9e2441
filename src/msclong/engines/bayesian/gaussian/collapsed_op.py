"""The collapsed likelihood as a PyTensor operation with exact gradients."""

from __future__ import annotations

from hashlib import sha256
from inspect import getsource
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

from msclong.engines.bayesian.gaussian.collapsed import collapsed_log_likelihood


class CollapsedLogLikelihood(Op):
    """(sigma, size, n, products, prior) -> (log-likelihood, its derivatives in sigma and prior); see `collapsed`.

    One operation with its derivatives, not a graph of LAPACK calls: numba compiles it in seconds instead
    of two minutes, and a gradient costs microseconds.
    """

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        return Apply(self, [pt.as_tensor(x) for x in inputs], [pt.dscalar(), pt.dtensor3(), pt.dvector()])

    def perform(self, node: Apply, inputs: list[np.ndarray], outputs: list[list[Any]]) -> None:
        value, in_sigma, in_prior = collapsed_log_likelihood(*inputs)
        outputs[0][0], outputs[1][0], outputs[2][0] = np.asarray(value), in_sigma, in_prior

    def pullback(self, inputs: list[Any], outputs: list[Any], cotangents: list[Any]) -> list[Any]:
        between = [disconnected_type() for _ in inputs[1:-1]]
        return [cotangents[0] * outputs[1], *between, cotangents[0] * outputs[2]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        # The derivatives are outputs for `pullback` only; nothing is differentiated through them.
        differentiable, not_so = [True, False, False], [False] * 3
        return [differentiable, *[not_so] * (len(node.inputs) - 2), differentiable]


@register_funcify_default_op_cache_key(CollapsedLogLikelihood)
def _numba(op: CollapsedLogLikelihood, node: Apply, **kwargs: Any) -> tuple[Any, int]:
    compiled = numba_njit(collapsed_log_likelihood)

    @numba_njit
    def collapsed(sigma: Any, size: Any, n: Any, products: Any, prior: Any) -> tuple[Any, Any, Any]:
        value, in_sigma, in_prior = compiled(sigma, size, n, products, prior)
        return np.asarray(value), in_sigma, in_prior

    # PyTensor keeps compiled code on disk by this number: another text of the function must not find the old code.
    return collapsed, int(sha256(getsource(collapsed_log_likelihood).encode()).hexdigest(), 16)
