"""Sandwich (cluster-robust) covariance of the fixed effects, with corrections for few clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.covariance.structure import CovarianceStructure
from msclong.design.design import Design
from msclong.design.unit_batches import unit_batches
from msclong.errors import DesignError
from msclong.likelihood.gls import GeneralisedLeastSquares
from msclong.likelihood.standardised import Standardised

SANDWICHES = ("CR0", "CR2", "CR3")
"""Residuals as they are (R mmrm: Empirical), bias-reduced (Empirical-Bias-Reduced), jackknife (Empirical-Jackknife)."""

ALONE = 1e-10
"""A cluster whose leverage is within this of one determines a coefficient by itself."""


@dataclass(frozen=True, eq=False)
class Sandwich:
    """sum over clusters i of A_i' B_i r_i r_i' B_i A_i, in coordinates where Phi = I; clusters are independent units.

    A_i = V_i^(-1/2) X_i C and r_i = V_i^(-1/2) (y_i - X_i beta), H_i = A_i A_i' the cluster's leverage, and B_i =
    I (CR0; Liang and Zeger 1986), (I - H_i)^(-1/2) (CR2; Bell and McCaffrey 2002; Pustejovsky and Tipton 2018,
    Journal of Business & Economic Statistics 36:672) or (I - H_i)^(-1) (CR3, the jackknife but for its factor
    (n - 1) / n; Mancl and DeRouen 2001). CR2 is unbiased where V is right.

    middle : (p, p). batches : for clusters of one size, A and B A, both (n, t, p).
    """

    middle: np.ndarray
    batches: tuple[tuple[np.ndarray, np.ndarray], ...]

    def df(self, K: np.ndarray) -> np.ndarray:
        """Satterthwaite df of each row k of K (m, p) = L C, as if the model's V were right.

        k' middle k is a quadratic form with the eigenvalues of M, M_ij = u_i' (I - H)_ij u_j and u_i = B_i A_i k, and
        df = tr(M)^2 / tr(M^2) (Bell and McCaffrey 2002; Pustejovsky and Tipton 2018, equation 11). As I - H =
        I - A A', M = diag(|u_i|^2) - b b' with b_i = A_i' u_i, and no N x N matrix is formed.
        """
        result = np.empty(len(K))
        for i, k in enumerate(K):
            # df do not depend on the length of a row; fourth powers of extreme units would overflow.
            direction = k / np.linalg.norm(k)
            u = [corrected @ direction for _, corrected in self.batches]
            d = np.concatenate([np.einsum("nt,nt->n", v, v) for v in u])
            b = np.concatenate(
                [np.einsum("ntp,nt->np", A, v) for (A, _), v in zip(self.batches, u, strict=True)]
            )
            length = np.einsum("np,np->n", b, b)
            trace = float(np.sum(d) - np.sum(length))
            squares = float(np.sum(d**2) - 2 * np.sum(d * length) + np.sum((b.T @ b) ** 2))
            result[i] = trace**2 / squares if trace > ALONE else np.nan
        return result


def sandwich(
    kind: str,
    design: Design,
    coords: np.ndarray,
    standardised: Standardised,
    structure: CovarianceStructure,
    gls: GeneralisedLeastSquares,
) -> Sandwich:
    """The sandwich estimate `kind` of SANDWICHES at a fit.

    coords : (N, d), what `structure` reads of the design's rows. gls : the fit in `standardised` units.
    Raises DesignError for CR3 where a cluster is the only one to inform some coefficient.
    """
    X = design.fixed.X @ (standardised.back @ gls.C)
    residual = (design.y - design.fixed.X @ standardised.coefficients(gls.beta)) / standardised.scale
    middle = np.zeros((X.shape[1], X.shape[1]))
    batches = []
    for rows in unit_batches(design.unit, coords):
        root = np.linalg.cholesky(structure.sigma(gls.theta, coords[rows]))
        A = np.linalg.solve(root, X[rows])
        r = np.linalg.solve(root, residual[rows][:, :, None])
        # f(A A') A is U f(s^2) s V' with the singular values of A: no matrix of the cluster's size is inverted.
        left, singular, right = np.linalg.svd(A, full_matrices=False)
        spare = 1 - singular**2
        alone = spare < ALONE
        if kind == "CR3" and alone.any():
            first = design.fixed.frame.iloc[rows[alone.any(axis=1)][0, 0]]
            raise DesignError(
                f"vcov='CR3' leaves out one subject at a time, and without {first[design.data.subject]} the fixed "
                "effects cannot all be estimated. Use vcov='CR2', or a simpler fixed part."
            )
        power = {"CR0": 0.0, "CR2": -0.5, "CR3": -1.0}[kind]
        weight = np.where(alone, 0.0 if kind == "CR2" else 1.0, np.where(alone, 1.0, spare) ** power)
        corrected = (left * (weight * singular)[:, None, :]) @ right
        scores = np.einsum("ntp,nt->np", corrected, r[:, :, 0])
        middle += scores.T @ scores
        batches.append((A, corrected))
    return Sandwich(middle, tuple(batches))
