"""Which data sets have too few subjects seen together for an unstructured covariance."""

from __future__ import annotations

import numpy as np

from msclong.design.degeneracy import seen_together
from msclong.engines.frequentist.batched.replicates import Few, Replicates

ALIASED = 1e-6
"""Least singular value, of columns of length one, from which on none is a combination of others beyond doubt."""


def too_few_together(replicates: Replicates) -> dict[int, Few]:
    """Those without a maximum by the rule of `design.degeneracy`, where all visits were seen and no column is aliased.

    Of aliased columns the ordinary engine complains first.
    """
    seen = np.isfinite(replicates.Y)
    T = seen.shape[2]
    completers = seen.all(axis=2).sum(axis=1)
    shared = replicates.X.ndim == 3
    # A rank among some subjects, at some visits, is at most that among all at all of them.
    most = _rank(replicates.X) if shared else replicates.n_fixed
    found: dict[int, Few] = {}
    for r in np.flatnonzero((completers < T + max(most, 1)) & seen.any(axis=1).all(axis=1)):
        X = replicates.X if shared else replicates.X[r]
        if replicates.arrangement is not None:
            X = X[replicates.arrangement[r]]
        few = _first(seen[r], X)
        if few is not None and not _aliased(X[seen[r]]):
            found[int(r)] = few
    return found


def _first(seen: np.ndarray, X: np.ndarray) -> Few | None:
    """The first set of visits that too few subjects were seen at."""
    sets, count = seen_together(seen)
    suspect = np.flatnonzero(count < sets.sum(axis=1) + X.shape[2])
    for visits in sorted((np.flatnonzero(sets[i]).tolist() for i in suspect), key=lambda v: (-len(v), v)):
        together = seen[:, visits].all(axis=1)
        n, rank = int(together.sum()), _rank(X[together][:, visits])
        if n < len(visits) + max(rank, 1):
            return Few(visits, n, rank)
    return None


def _aliased(X: np.ndarray) -> bool:
    """Whether columns of X (N, p) are, or might be, combinations of others, or rows too few."""
    length = np.linalg.norm(X, axis=0)
    if len(X) <= X.shape[1] or not length.all():
        return True
    return bool(np.linalg.matrix_rank(X / length, tol=ALIASED) < X.shape[1])


def _rank(X: np.ndarray) -> int:
    """Between-subject coefficients a visit: the rank of X (n, t, p) at a generic mixture of the visits."""
    mixture = 1 + np.sqrt(np.arange(2, X.shape[1] + 2))
    return int(np.linalg.matrix_rank(np.einsum("t,itp->ip", mixture, X)))
