"""A covariance structure as the compiled code reads it: blocks Z L L' Z', and a residual structure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.covariance.additive import Additive
from msclong.covariance.autoregressive import Autoregressive, HeterogeneousAutoregressive
from msclong.covariance.compound_symmetry import CompoundSymmetry, HeterogeneousCompoundSymmetry
from msclong.covariance.diagonal import Diagonal, HomogeneousDiagonal
from msclong.covariance.independent import Independent
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.structure import CovarianceStructure
from msclong.covariance.unstructured import Unstructured
from msclong.engines.frequentist.batched.settings import (
    AR1,
    AR1H,
    CS,
    CSH,
    DIAGONAL,
    INDEPENDENT,
    NONE,
)

RESIDUAL: dict[type[CovarianceStructure], int] = {
    Independent: INDEPENDENT,
    HomogeneousDiagonal: INDEPENDENT,
    Diagonal: DIAGONAL,
    CompoundSymmetry: CS,
    HeterogeneousCompoundSymmetry: CSH,
    Autoregressive: AR1,
    HeterogeneousAutoregressive: AR1H,
}

MOST_VISITS = 20
"""The compiled code works on the T (T + 1) / 2 elements of Sigma, whatever the structure: more are not its trade."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Z : (T, D) columns of the blocks side by side, orthogonal within a block. sizes : (m,) columns of each.

    back : (D, D), Z here is the structure's times this. residual : code of the residual structure.
    least : visits that some subject must have been seen at (`design.covariance_design` refuses less).
    """

    Z: np.ndarray
    back: np.ndarray
    sizes: np.ndarray
    residual: int
    unstructured: bool
    least: int = 2


def layout(structure: CovarianceStructure, coords: np.ndarray) -> Layout | None:
    """The layout of a structure whose planned visits have coordinates (T, d); None where it is none of the kernel's.

    Subclasses that analysts wrote are none: they may mean something else by theta.
    """
    T = len(coords)
    if not 2 <= T <= MOST_VISITS:
        return None
    if type(structure) is Unstructured:
        return _in_order(coords[:, 0], Layout(np.eye(T), np.eye(T), np.array([T]), NONE, True))
    parts = list(structure.split()) if type(structure) is Additive else [(structure, None, slice(0, 1))]
    *random, (residual, _, where) = parts
    code = RESIDUAL.get(type(residual))
    if code is None or any(type(part) is not RandomEffects for part, _, _ in random):
        return None
    D = sum(part.coordinates for part, _, _ in random)
    Z, back = coords[:, :D].astype(float), np.eye(D)
    for _, _, at in random:
        triangle = np.linalg.qr(Z[:, at], mode="r")
        length = np.linalg.norm(triangle, axis=0)
        if len(triangle) < triangle.shape[1] or not length.all() or np.linalg.cond(triangle / length) > 1e6:
            return None
        back[at, at] = np.linalg.inv(triangle) * np.sqrt(T)
    found = Layout(
        Z @ back,
        back,
        np.array([part.coordinates for part, _, _ in random], dtype=np.int64),
        code,
        unstructured=False,
        least=D + 1 if type(residual) is Independent else 2,
    )
    return (
        found
        if code == INDEPENDENT and residual.coordinates == 0
        else _in_order(coords[:, where][:, 0], found)
    )


def _in_order(position: np.ndarray, found: Layout) -> Layout | None:
    """The layout, if visits stand where the structure counts them."""
    return found if (position == np.arange(len(position))).all() else None
