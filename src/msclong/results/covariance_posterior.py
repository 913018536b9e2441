"""The posterior of the covariance over visits: standard deviations and correlations with their intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.covariance.batch import batched_sigma
from msclong.errors import EngineError, HypothesisError
from msclong.linear_hypothesis import label
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.posterior_table import OF_ZERO, SampledMarginals, posterior_table
from msclong.results.variance_components import VarianceComponents


def covariance_posterior(
    covariance: VarianceComponents, estimate: PointEstimate | PosteriorDraws, level: float
) -> pd.DataFrame:
    """The table of `Fit.covariance_posterior`."""
    if not isinstance(estimate, PosteriorDraws):
        raise EngineError(
            "This fit has no posterior; fit.covariance has its estimates, engine=ml.Bayesian() draws."
        )
    if covariance.grid is None:
        raise HypothesisError(
            "Subjects were seen at times of their own, so there is no one matrix over visits; "
            "fit.covariance.parameters has the posterior of the parameters."
        )
    theta, visits = estimate.flat_theta.T, [label(visit) for visit in covariance.grid.visits]
    rows, columns = np.tril_indices(len(visits), -1)
    names: list[tuple[str, str]] = []
    draws: list[np.ndarray] = []
    for group, coords in covariance.grid.coords.items():
        sigma = batched_sigma(covariance.structure, theta, coords[None])[0]
        sd = np.sqrt(np.einsum("iis->is", sigma))
        draws += [sd, sigma[rows, columns] / (sd[rows] * sd[columns])]
        names += [(group, f"sd({visit})") for visit in visits]
        pairs = zip(rows, columns, strict=True)
        names += [(group, f"correlation({visits[i]}, {visits[j]})") for i, j in pairs]
    every = np.concatenate(draws).T.reshape(*estimate.draws.shape[:2], -1)
    if len(covariance.grid.coords) > 1:
        index: pd.Index = pd.MultiIndex.from_tuples(names, names=["group", "parameter"])
    else:
        index = pd.Index([name for _, name in names], name="parameter")
    marginals = SampledMarginals(every, estimate.convergence)
    return posterior_table(marginals, index, np.zeros(len(index)), level).drop(columns=OF_ZERO)
