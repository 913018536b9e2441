"""Kenward-Roger with the second derivatives of the covariance."""

from __future__ import annotations

import numpy as np

from msclong.engines.frequentist.kenward_roger import KenwardRoger, adjustment
from msclong.engines.frequentist.model_based import ModelBased
from msclong.likelihood.grid import at_rows


def second_order(model: ModelBased) -> np.ndarray:
    """sum over j, k of W_jk R_jk, (p, p), R_jk = X' M Sigma_jk M X, in coordinates where Phi = I.

    Sigma_jk are the second derivatives of Sigma over theta as SAS PROC MIXED prints it (variances, covariances,
    correlations), where us, cs, toep and random effects are linear and R vanishes. The sum is not the same in other
    parameters (log-sd, transformed correlations: R mmrm) unless they are linear functions of these.
    """
    total = np.zeros(model.P.shape[1:])
    if model.structure.linear:
        return total
    for fit in model.gls.blocks:
        combined = model.structure.second_combined(model.gls.theta, fit.block.coords, model.W)
        flat = (-1, fit.Z.shape[2])
        total += fit.Z.reshape(flat).T @ (at_rows(combined, fit.block.pattern) @ fit.Z).reshape(flat)
    return total


def kenward_roger_second_order(model: ModelBased) -> KenwardRoger:
    """Kenward and Roger (1997), equation 3 in full (SAS ddfm=kr): vcov = C (I + 2 (adjustment - R / 4)) C'."""
    return KenwardRoger(model, adjustment(model) - second_order(model) / 4)
