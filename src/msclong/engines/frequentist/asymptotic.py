"""No small-sample correction: infinite degrees of freedom."""

from __future__ import annotations

import numpy as np

from msclong.engines.frequentist.coefficient_df import CoefficientDf
from msclong.engines.frequentist.model_based import ModelBased


def asymptotic(model: ModelBased) -> CoefficientDf:
    """Normal and chi-squared reference distributions."""
    return CoefficientDf(model, np.full(len(model.C), np.inf))
