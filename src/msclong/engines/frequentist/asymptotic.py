"""No small-sample correction: infinite degrees of freedom."""

from __future__ import annotations

from msclong.engines.frequentist.model_based import ModelBased
from msclong.results.wald import FixedDf


def asymptotic(model: ModelBased) -> FixedDf:
    """Normal and chi-squared reference distributions."""
    return FixedDf(model.phi, float("inf"))
