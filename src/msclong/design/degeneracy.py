"""When an unstructured covariance has no maximum likelihood estimate."""

from __future__ import annotations

import numpy as np

from msclong.covariance.unstructured import Unstructured
from msclong.design.design import Design
from msclong.errors import DesignError


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
