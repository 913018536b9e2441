"""Which covariance parameters an information matrix leaves undetermined."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

UNIDENTIFIED = 1e-10
"""Smallest eigenvalue, of a matrix with unit diagonal, that counts as more than zero."""

PLAIN = 1e-4
"""An information matrix with a ratio of sizes and an eigenvalue above this leaves no doubt."""


def plainly_determined(information: np.ndarray) -> bool:
    """Whether (k, k) information is so far from singular that `undetermined` need not be asked."""
    size = np.sqrt(np.diag(information).clip(0, None))
    if not size.min() > PLAIN * size.max():
        return False
    return bool(np.linalg.eigvalsh(information / np.outer(size, size))[0] > PLAIN)


def undetermined(
    information: np.ndarray, back: np.ndarray, names: Sequence[str], most: np.ndarray | None = None
) -> list[str]:
    """Names of the parameters that move along directions of zero information; none where it has full rank.

    information : (k, k), positive semidefinite, of working parameters. back : (k, k), theta is back @ these.
    most : (k,), the information that each parameter could have at most, to tell nothing from little; None is its own.
    """
    scale = np.sqrt(np.diag(information) if most is None else most)
    scale[scale == 0] = 1.0
    values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    if values[0] > UNIDENTIFIED:
        return []
    # Each parameter in units of what it moves by in any direction: their own units differ by orders of magnitude.
    units = back / scale
    directions = units @ vectors[:, values <= UNIDENTIFIED]
    share = np.abs(directions).max(axis=1) / np.linalg.norm(units, axis=1)
    return [name for name, part in zip(names, share, strict=True) if part > 1e-3 * share.max()]
