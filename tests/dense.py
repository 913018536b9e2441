"""The textbook's N x N matrices of a design, for comparison with cross-moments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from msclong.design.design import Design


def dense_covariance(design: Design, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """V (N, N) and its derivatives (k, N, N) at theta, independent units as blocks."""
    n = design.n_obs
    V, dV = np.zeros((n, n)), np.zeros((theta.size, n, n))
    for unit in np.unique(design.unit):
        rows = np.flatnonzero(design.unit == unit)
        coords = design.coords[rows][None]
        V[np.ix_(rows, rows)] = design.structure.sigma(theta, coords)[0]
        for j, block in enumerate(design.structure.first(theta, coords)):
            dV[j][np.ix_(rows, rows)] = block[0]
    return V, dV


def dense_kenward_roger(
    design: Design, W: np.ndarray, sigma: Callable[[np.ndarray], np.ndarray], parameters: np.ndarray
) -> np.ndarray:
    """Kenward and Roger's adjusted covariance of beta, (p, p): equation 3 of the paper in full, subject by subject.

    sigma : covariance (T, T) over all visits (or times) as an analytic function of `parameters`, whose estimate has
    covariance W; its derivatives are taken numerically, by complex steps and central differences of these.
    """
    k, step = parameters.size, 1e-4 * np.maximum(1e-3, np.abs(parameters))

    def first(at: np.ndarray) -> np.ndarray:
        return np.stack([sigma(at + 1e-20j * e).imag / 1e-20 for e in np.eye(k)])

    S, E = sigma(parameters), first(parameters)
    D = np.stack(
        [(first(parameters + h) - first(parameters - h)) / (2 * h.sum()) for h in step[:, None] * np.eye(k)]
    )
    X, position = design.fixed.X, np.unique(design.coords[:, 0], return_inverse=True)[1]
    p = X.shape[1]
    gram, P = np.zeros((p, p)), np.zeros((k, p, p))
    bracket = np.zeros((p, p))
    for unit in np.unique(design.unit):
        rows = np.flatnonzero(design.unit == unit)
        at = np.ix_(position[rows], position[rows])
        M, x = np.linalg.inv(S[at]), X[rows]
        gram += x.T @ M @ x
        for i in range(k):
            P[i] -= x.T @ M @ E[i][at] @ M @ x
            for j in range(k):
                Q = x.T @ M @ E[i][at] @ M @ E[j][at] @ M @ x
                R = x.T @ M @ D[i, j][at] @ M @ x
                bracket += W[i, j] * (Q - R / 4)
    phi = np.linalg.inv(gram)
    bracket -= np.einsum("ij,ipq,qr,jrs->ps", W, P, phi, P)
    return phi + 2 * phi @ bracket @ phi
