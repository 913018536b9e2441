"""The textbook's N x N matrices of a design, for comparison with cross-moments."""

from __future__ import annotations

import numpy as np

from msclong.design.design import Design


def dense_covariance(design: Design, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """V (N, N) and its derivatives (k, N, N) at theta, subjects as blocks."""
    n = design.n_obs
    V, dV = np.zeros((n, n)), np.zeros((theta.size, n, n))
    for subject in np.unique(design.subject):
        rows = np.flatnonzero(design.subject == subject)
        coords = design.coords[rows][None]
        V[np.ix_(rows, rows)] = design.structure.sigma(theta, coords)[0]
        for j, block in enumerate(design.structure.first(theta, coords)):
            dV[j][np.ix_(rows, rows)] = block[0]
    return V, dV
