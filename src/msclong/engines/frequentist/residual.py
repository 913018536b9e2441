"""Residual degrees of freedom: N - p for every hypothesis."""

from __future__ import annotations

from msclong.engines.frequentist.model_based import ModelBased
from msclong.results.wald import FixedDf


def residual(model: ModelBased) -> FixedDf:
    """N - p (SAS ddfm=residual): as if all observations were independent."""
    return FixedDf(model.phi, float(model.n_obs - model.C.shape[0]))
