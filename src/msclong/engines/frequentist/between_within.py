"""Between-within degrees of freedom: subjects count for coefficients between them, observations for those within."""

from __future__ import annotations

import numpy as np

from msclong.engines.frequentist.coefficient_df import CoefficientDf
from msclong.engines.frequentist.model_based import ModelBased


def between_within(model: ModelBased) -> CoefficientDf:
    """Between-within df as in R mmrm, after Schluchter and Elashoff (1990).

    n subjects minus the coefficients between subjects (and the intercept), for columns of X that are constant within
    every subject; N - n minus the coefficients within, for the others and for the intercept.
    """
    within, intercept = model.design.columns_within, model.design.columns_constant
    n, N = model.design.n_subjects, model.design.n_obs
    between_df, within_df = n - int((~within).sum()), N - n - int(within.sum())
    return CoefficientDf(model, np.where(within | intercept, within_df, between_df).astype(float))
