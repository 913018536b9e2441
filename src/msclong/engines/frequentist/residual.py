"""Residual degrees of freedom: N - p for every hypothesis."""

from __future__ import annotations

import numpy as np

from msclong.engines.frequentist.coefficient_df import CoefficientDf
from msclong.engines.frequentist.model_based import ModelBased


def residual(model: ModelBased) -> CoefficientDf:
    """N - p (SAS ddfm=residual): as if all observations were independent."""
    p = len(model.C)
    return CoefficientDf(model, np.full(p, float(model.design.n_obs - p)))
