"""Long series of random effects in few numbers: an orthogonal turn of each subject's observations."""

from __future__ import annotations

import numpy as np

from msclong.covariance.additive import Additive
from msclong.covariance.independent import Independent
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.structure import CovarianceStructure
from msclong.design.cross_moments import CrossMoments, PatternBlock
from msclong.design.pattern_rows import square_root


def rotated(structure: CovarianceStructure, moments: CrossMoments) -> CrossMoments:
    """Moments of the same likelihood, in which no pattern has more observations than there are random effects.

    With Sigma = Z G Z' + s2 I and Z = Q R (t x r), Q' turns a subject's t observations into r whose Sigma is
    R G R' + s2 I, and t - r that hold no random effect: independent of the former and of each other, with variance s2.
    These, of all subjects, are one pattern of one observation whose row of Z is zero. An orthogonal map changes no
    likelihood, no derivative of it and no estimate of beta; an iteration costs n r^3 where it cost n t^3.
    No square is formed and nothing is inverted, so a small s2 loses no digits.

    `n_subjects` of the result counts those observations as subjects. Returned as they are: moments for another
    structure, and patterns of r observations or fewer.
    """
    if not _turns(structure):
        return moments
    r = structure.coordinates
    turned, left, n_left = [], [], 0
    for block in moments.blocks:
        if block.t <= r:
            turned.append(block)
            continue
        Q, R = np.linalg.qr(block.coords)
        along = Q.transpose(0, 2, 1)[block.pattern] @ block.rows
        rest = block.rows - Q[block.pattern] @ along
        turned.append(PatternBlock(R, block.n, along, block.pattern))
        left.append(square_root(rest.reshape(-1, 1, rest.shape[2])))
        n_left += int(block.n.sum()) * (block.t - r)
    if not left:
        return moments
    rows = square_root(np.concatenate(left))
    n = np.array([n_left])
    turned.append(PatternBlock(np.zeros((1, 1, r)), n, rows, np.zeros(len(rows), dtype=np.intp)))
    lengths = sorted({block.t for block in turned})
    return CrossMoments(moments.names, tuple(_one([b for b in turned if b.t == t]) for t in lengths))


def _one(blocks: list[PatternBlock]) -> PatternBlock:
    """Blocks of one number of observations, side by side."""
    before = np.cumsum([0, *(len(block.n) for block in blocks[:-1])])
    return PatternBlock(
        coords=np.concatenate([block.coords for block in blocks]),
        n=np.concatenate([block.n for block in blocks]),
        rows=np.concatenate([block.rows for block in blocks]),
        pattern=np.concatenate([block.pattern + k for block, k in zip(blocks, before, strict=True)]),
    )


def _turns(structure: CovarianceStructure) -> bool:
    """Whether Sigma is Z G Z' + s2 I, the coordinates being Z."""
    return (
        isinstance(structure, Additive)
        and all(type(part) in (RandomEffects, Independent) for part in structure.parts)
        and sum(isinstance(part, Independent) for part in structure.parts) == 1
    )
