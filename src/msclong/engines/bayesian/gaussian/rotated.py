"""Random effects with independent residuals: a series of any length as one observation for each effect and a rest."""

from __future__ import annotations

import numpy as np

from msclong.covariance.additive import Additive
from msclong.covariance.independent import Independent
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.structure import CovarianceStructure
from msclong.design.cross_moments import CrossMoments, PatternBlock


def rotated(structure: CovarianceStructure, moments: CrossMoments) -> CrossMoments:
    """Moments with the same likelihood, where a pattern has at most as many observations as there are effects.

    Of a pattern with Z = Q R, Q (t, t) orthogonal and R zero below row d, the rows Q'w have covariance
    R G R' + sigma^2 I: the first d are observations with coordinates R, the others have coordinates zero
    and are independent, across patterns too: one pattern of a single observation holds them all. As in a
    QR decomposition of the data for least squares no square is formed, and the determinant of Q is one.

    For a sum of random effects and independent residuals of one variance; other structures' moments are returned.
    """
    if not _rotates(structure):
        return moments
    d, q = structure.coordinates, len(moments.names)
    blocks, rest, count = [], [np.empty((0, q))], 0
    for block in moments.blocks:
        if block.t <= d:
            blocks.append(block)
            continue
        Q, R = np.linalg.qr(block.coords, mode="complete")
        rows = Q[block.pattern].swapaxes(1, 2) @ block.rows
        blocks.append(PatternBlock(R[:, :d], block.n, rows[:, :d], block.pattern))
        rest.append(rows[:, d:].reshape(-1, q))
        count += int(block.n.sum()) * (block.t - d)
    if not count:
        return moments
    alone = np.linalg.qr(np.concatenate(rest), mode="r")[:, None]
    blocks.append(PatternBlock(np.zeros((1, 1, d)), np.array([count]), alone, np.zeros(len(alone), int)))
    return CrossMoments(moments.names, tuple(blocks))


def _rotates(structure: CovarianceStructure) -> bool:
    """By exact types: what they say of Sigma may not hold of a subclass."""
    if type(structure) is not Additive:
        return False
    kinds = [type(part) for part in structure.parts]
    return kinds.count(Independent) == 1 and kinds.count(RandomEffects) == len(kinds) - 1
