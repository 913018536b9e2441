"""How much patients differ at baseline, on the scale of the linear predictor: what standardised effects divide by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from msclong.contrasts.kinds import visit_variable
from msclong.contrasts.marginal_means import means_of_cells
from msclong.covariance.batch import batched_sigma
from msclong.data.baseline import COLUMN
from msclong.design.cells import dispersion_of
from msclong.design.design import Design
from msclong.errors import DesignError, EngineError
from msclong.linear_hypothesis import label
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.outcome_means import OutcomeScale
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.variance_components import VarianceComponents

SEED = 20252
"""Of the posterior of an observed SD, so that it is the same each time."""

KNOWN = "sd=... takes one that is known, such as that of a reference population."


@dataclass(frozen=True, eq=False)
class BaselineSD:
    """A standard deviation and its uncertainty.

    name : what it is of, in words. value : its estimate. se : of that estimate, independent of beta's.
    draws : (S,), of a posterior, the draw that belongs to each of beta.
    """

    name: str
    value: float
    se: float = 0.0
    draws: np.ndarray | None = None

    @property
    def df(self) -> float:
        """Degrees of freedom of its square: 2 / (squared coefficient of variation)."""
        return float(np.inf) if self.se == 0 else (self.value / self.se) ** 2 / 2


def baseline_sd(
    design: Design, estimate: PointEstimate | PosteriorDraws, covariance: VarianceComponents
) -> BaselineSD:
    """SD between patients' outcomes at the baseline visit, by the model: of several covariance groups, pooled.

    Gaussian and transformed Gaussian outcomes: the root of Sigma at baseline, measurement error included, given the
    covariates. Others: the root of the variance of subjects' effects there plus `Family.latent_variance`. Where the
    baseline left the outcomes and was observed (baseline_as 'covariate', 'change'): its SD within arms in the table,
    whose posterior is that of a normal sample under the prior 1 / sd.

    Raises EngineError where the model has no such SD, DesignError where baselines do not vary.
    """
    if design.spec.baseline_as in ("covariate", "change"):
        return _of_observed(design, estimate)
    if design.spec.outcome_type == "change":
        raise EngineError(
            f"The outcomes are changes, and nothing tells how patients differ at baseline: model the values, or let "
            f"baseline_as='change' subtract the baseline. {KNOWN}"
        )
    visit_variable(design)
    if covariance.grid is None:
        raise EngineError(
            f"Subjects were seen at times of their own, so no one visit is the baseline of all. {KNOWN}"
        )
    weights, at = _groups(design), covariance.grid.visits.index(design.baseline)
    coords = np.stack([covariance.grid.coords[group][[at]] for group in weights])
    share = np.array(list(weights.values()))
    family = design.family
    what = f"of {family.measured}" if design.spec.jointly_normal else f"on the {family.link} scale"
    name = f"SD between patients {what} at baseline ({label(design.baseline)})"
    structure = covariance.structure
    if isinstance(estimate, PosteriorDraws):
        variance = share @ batched_sigma(structure, estimate.flat_theta.T, coords)[:, 0, 0]
        if isinstance(estimate, ConditionalDraws):
            variance = variance + _latent_variance(design, estimate)
        draws = np.sqrt(variance)
        return BaselineSD(name, float(draws.mean()), draws=draws)
    sd = float(np.sqrt(share @ structure.sigma(covariance.theta, coords)[:, 0, 0]))
    slope = structure.first(covariance.theta, coords)[:, :, 0, 0] @ share / (2 * sd)
    return BaselineSD(name, sd, float(covariance.error_of(slope)))


def _of_observed(design: Design, estimate: PointEstimate | PosteriorDraws) -> BaselineSD:
    family = design.family
    if not family.transformed_gaussian and family.link != "identity":
        raise EngineError(
            f"The baseline is a covariate, and its SD is not on the {family.link} scale of effects of family "
            f"{family.keyword!r}. {KNOWN}"
        )
    frame = design.fixed.frame.drop_duplicates(design.data.subject)
    frame = frame[frame[COLUMN].notna()]
    values = frame[COLUMN].astype(float)
    if family.transformed_gaussian:
        values = pd.Series(family.transform(values.to_numpy()), index=frame.index)
    arm = pd.Series(0, index=frame.index) if design.arm is None else frame[design.arm].astype(object)
    df = len(values) - arm.nunique()
    scatter = float(((values - values.groupby(arm).transform("mean")) ** 2).sum())
    if df < 1 or scatter == 0:
        raise DesignError(f"The {len(values)} observed baselines do not vary within arms. {KNOWN}")
    sd = np.sqrt(scatter / df)
    what = f"{family.measured} at baseline ({label(design.data.taken_out)})"
    name = f"SD between patients of {what}, observed within arms"
    if isinstance(estimate, PosteriorDraws):
        chi_squared = np.random.default_rng(SEED).chisquare(df, len(estimate.flat))
        draws = np.sqrt(scatter / chi_squared)
        return BaselineSD(name, float(draws.mean()), draws=draws)
    return BaselineSD(name, float(sd), float(sd / np.sqrt(2 * df)))


def _groups(design: Design) -> dict[str, float]:
    """The share of subjects of each covariance group, by its name in a visit grid."""
    group = design.covariance.group
    if group is None:
        return {"": 1.0}
    of_subjects = design.fixed.frame.drop_duplicates(design.data.subject)[group]
    names = [label(level) for level in of_subjects.tolist()]
    return {name: names.count(name) / len(names) for name in dict.fromkeys(names)}


def _latent_variance(design: Design, estimate: ConditionalDraws) -> np.ndarray:
    """(S,) of an outcome at baseline given its linear predictor."""
    spec, visit = design.spec, str(design.visit)
    if spec.offset is not None:
        raise EngineError(
            f"How much counts vary by chance depends on each patient's exposure, {spec.offset!r}, so there is no one "
            f"SD. {KNOWN}"
        )
    if spec.dispersion_by not in (None, visit):
        raise EngineError(f"The dispersion varies by {spec.dispersion_by!r}, so there is no one SD. {KNOWN}")
    cell = pd.DataFrame({visit: [design.baseline]})
    phi = {
        name: values if values.shape[1] > 1 else values[:, 0]
        for name, values in estimate.phi_of(dispersion_of(design, cell)).items()
    }
    mean = OutcomeScale(design, estimate).means(means_of_cells(design, [visit], {visit: [design.baseline]}))
    try:
        return design.family.latent_variance(phi, mean.reshape(-1))
    except NotImplementedError as error:
        raise EngineError(f"{error} {KNOWN}") from None
