"""The posterior of the covariance over visits: standard deviations and correlations with their intervals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from msclong.covariance.batch import batched_sigma
from msclong.covariance.components import components
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.working import vech_positions
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
    theta = estimate.flat_theta.T
    effects = _of_effects(covariance, theta)
    tables = [effects, *_over_visits(covariance, theta, unless_shared=bool(effects))]
    names = [name for table in tables for name in table]
    if not names:
        raise HypothesisError(
            "Subjects were seen at times of their own, so there is no one matrix over visits; "
            "fit.covariance.parameters has the posterior of the parameters."
        )
    draws = np.stack([values for table in tables for values in table.values()], axis=1)
    if covariance.grid is not None and len(covariance.grid.coords) > 1:
        index: pd.Index = pd.MultiIndex.from_tuples(names, names=["group", "parameter"])
    else:
        index = pd.Index([name for _, name in names], name="parameter")
    marginals = SampledMarginals(draws.reshape(*estimate.draws.shape[:2], -1), estimate.convergence)
    return posterior_table(marginals, index, np.zeros(len(index)), level).drop(columns=OF_ZERO)


def _of_effects(covariance: VarianceComponents, theta: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """Draws of random effects' SDs and correlations, where Sigma is of nothing else: of linear predictors."""
    found: dict[tuple[str, str], np.ndarray] = {}
    for part in components(covariance.structure):
        core, own = part.core, theta[part.theta]
        if (
            not isinstance(core, RandomEffects) or len(own) > core.n_parameters
        ):  # another term, or a G by group
            return {}
        q = len(core.effects)
        G = own[vech_positions(q)]
        sd = np.sqrt(np.einsum("iis->is", G))
        found |= {("", f"sd({effect})"): values for effect, values in zip(core.effects, sd, strict=True)}
        for i, j in zip(*np.tril_indices(q, -1), strict=True):
            name = f"correlation({core.effects[i]}, {core.effects[j]})"
            found["", name] = G[i, j] / (sd[i] * sd[j])
    return found


def _over_visits(
    covariance: VarianceComponents, theta: np.ndarray, unless_shared: bool
) -> Iterator[dict[tuple[str, str], np.ndarray]]:
    """Draws of SDs at the visits and correlations between them, by group; none `unless_shared` by all visits."""
    if covariance.grid is None:
        return
    visits = [label(visit) for visit in covariance.grid.visits]
    rows, columns = np.tril_indices(len(visits), -1)
    for group, coords in covariance.grid.coords.items():
        sigma = batched_sigma(covariance.structure, theta, coords[None])[0]
        if unless_shared and (sigma == sigma[:1, :1]).all():
            continue
        sd = np.sqrt(np.einsum("iis->is", sigma))
        yield {(group, f"sd({visit})"): values for visit, values in zip(visits, sd, strict=True)}
        yield {
            (group, f"correlation({visits[i]}, {visits[j]})"): sigma[i, j] / (sd[i] * sd[j])
            for i, j in zip(rows, columns, strict=True)
        }
