"""Tables of what a family has beside the mean: its parameters, its hurdle, the probabilities of its outcomes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from msclong.contrasts.mean_contrasts import MeanContrasts
from msclong.design.design import Design
from msclong.errors import EngineError, HypothesisError
from msclong.linear_hypothesis import LinearHypothesis
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.hypothesis_table import hypothesis_table
from msclong.results.outcome_events import event, possible_outcomes
from msclong.results.outcome_means import OutcomeScale
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.posterior_table import OF_ZERO, SampledMarginals, posterior_table

MOST_OUTCOMES = 30
"""More of them are not tabulated unasked."""


def coefficients_table(estimate: PointEstimate | PosteriorDraws, level: float) -> pd.DataFrame:
    """Every fixed effect; those of a hurdle's zero part, on the logit scale, as 'zero: name'."""
    if isinstance(estimate, ConditionalDraws) and estimate.zero is not None:
        names = (*estimate.names, *(f"zero: {name}" for name in estimate.zero_names))
        draws = np.concatenate([estimate.draws, estimate.zero], axis=2)
        estimate = PosteriorDraws(names, draws, estimate.convergence)
    rows = pd.Index(estimate.names, name="coefficient")
    return hypothesis_table(estimate, LinearHypothesis(np.eye(len(rows)), rows), level)


def family_parameters_table(
    design: Design, estimate: PointEstimate | PosteriorDraws, level: float
) -> pd.DataFrame:
    """The family's parameters beside its linear predictors; raises EngineError where the fit has none."""
    if not isinstance(estimate, ConditionalDraws) or not estimate.phi:
        raise EngineError(
            f"Family {design.family.keyword!r} has no parameters here beside the coefficients and the covariance; see "
            "fit.coefficients() and fit.covariance.parameters."
        )
    names: list[str] = []
    for name, draws in estimate.phi.items():
        names += _names(design, name, draws.shape[2])
    draws = np.concatenate(list(estimate.phi.values()), axis=2)
    marginals = SampledMarginals(draws, estimate.convergence)
    rows = pd.Index(names, name="parameter")
    return posterior_table(marginals, rows, np.zeros(len(rows)), level).drop(columns=OF_ZERO)


def probabilities_table(
    design: Design,
    estimate: PointEstimate | PosteriorDraws,
    asked: MeanContrasts,
    outcomes: Sequence[float] | None,
    at_least: bool,
    level: float,
) -> pd.DataFrame:
    """The probability of each of `outcomes` in each row of `asked`, or of that outcome and all above it."""
    points = possible_outcomes(design)
    values = tuple(outcomes) if outcomes is not None else (points[1:] or points) if at_least else points
    if len(values) > MOST_OUTCOMES:
        raise HypothesisError(
            f"There are {len(values)} outcomes; say which ones you want: outcomes=[0, 1, ...]."
        )
    events = [event(design, outcome, at_least) for outcome in values]
    if not isinstance(estimate, ConditionalDraws):
        raise EngineError("Probabilities are those of a posterior: fit with engine=ml.Bayesian().")
    scale = OutcomeScale(design, estimate)
    draws = np.stack([scale.means(asked, one) for one in events], axis=3)
    names = asked.contrasts.rows.to_frame(index=False).merge(
        pd.DataFrame({"at_least" if at_least else "outcome": values}), how="cross"
    )
    marginals = SampledMarginals(draws.reshape(*draws.shape[:2], -1), estimate.convergence)
    rows = pd.MultiIndex.from_frame(names)
    return posterior_table(marginals, rows, np.zeros(len(rows)), level).drop(columns=OF_ZERO)


def _names(design: Design, name: str, size: int) -> list[str]:
    kind = next(p.kind for p in design.family.parameters if p.name == name)
    if kind == "ordered":
        return [f"{name} {design.family.between(i)}" for i in range(size)]
    return [name] if size == 1 else [f"{name}({level})" for level in design.dispersion_levels]
