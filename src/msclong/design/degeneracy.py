"""When a covariance has no estimate: unstructured with too few subjects, random effects that look alike."""

from __future__ import annotations

import numpy as np

from msclong.covariance.additive import Additive
from msclong.covariance.structure import Scatter
from msclong.covariance.unstructured import Unstructured
from msclong.design.design import Design
from msclong.errors import DesignError, listing

UNIDENTIFIED = 1e-10
"""Smallest eigenvalue, of matrices of unit length, that counts as linearly independent."""


def refuse_degenerate_unstructured(design: Design) -> None:
    """Raise DesignError when too few subjects were seen at all T visits for an unstructured covariance.

    Among m completers whose mean is fitted with r between-subject coefficients a visit, some combination of
    visits is fitted without error as soon as m < T + r: along it the likelihood grows without bound, and what an
    optimiser returns is where it happened to stop. r is the rank of the completers' X at a generic mixture of
    visits; it is 1 for a single arm with one mean a visit, hence the rule of T + 1 completers.
    """
    structure = design.structure
    if not isinstance(structure, Unstructured):
        return
    visits = structure.n_visits
    counts = np.bincount(design.subject)
    complete = counts[design.subject] == visits
    completers = int((counts == visits).sum())
    rank = 1
    if completers:
        order = np.lexsort((design.coords[complete, 0], design.subject[complete]))
        X = design.fixed.X[complete][order].reshape(completers, visits, -1)
        mixture = 1 + np.sqrt(np.arange(2, visits + 2))
        rank = int(np.linalg.matrix_rank(np.einsum("t,itp->ip", mixture, X)))
    if completers < visits + max(rank, 1):
        raise DesignError(
            f"An unstructured covariance over {visits} visits needs at least {visits + max(rank, 1)} subjects seen at "
            f"all of them (the mean uses {max(rank, 1)} coefficient(s) a visit); {completers} were. "
            "Its likelihood has no maximum here. Use a structure with fewer parameters, such as "
            "ar1h(visit | subject), toeph or cs, or fewer visits."
        )


def refuse_unidentified_random_effects(design: Design) -> None:
    """Raise DesignError when some variances or covariances of random effects cannot be told apart by any data.

    Sigma is linear in them: they are identified when the matrices dSigma / dtheta_j, over all patterns, are
    linearly independent. They are not for an effect that is zero everywhere, for (1 + arm | subject) where a
    subject has one arm, or for the covariance of effects that never occur in the same subject.
    """
    structure = design.structure
    if not isinstance(structure, Additive):
        return
    blocks = design.moments.blocks
    empty = [Scatter(b.coords, b.n, np.zeros((len(b.n), b.t, b.t))) for b in blocks]
    there = structure.recoordinated(empty)
    gram = np.zeros((structure.n_parameters, structure.n_parameters))
    theta = np.zeros(structure.n_parameters)
    for block in blocks:
        E = there.structure.first(theta, block.coords @ there.coords)
        flat = (E * np.sqrt(block.n)[:, None, None]).reshape(len(E), -1)
        gram += flat @ flat.T
    scale = np.sqrt(np.diag(gram))
    scale[scale == 0] = 1.0
    values, vectors = np.linalg.eigh(gram / np.outer(scale, scale))
    if values[0] > UNIDENTIFIED:
        return
    # The parameters that move along the flat directions, in the analyst's coordinates.
    flat_directions = there.theta @ (vectors[:, values <= UNIDENTIFIED] / scale[:, None])
    share = np.abs(flat_directions).max(axis=1)
    names = [n for n, s in zip(structure.parameter_names, share, strict=True) if s > 1e-6 * share.max()]
    raise DesignError(
        f"These data cannot tell {listing(names)} apart (or from zero). A random effect must vary within subjects, "
        "and each pair of them must occur together; use fewer random effects, or || for uncorrelated ones."
    )
