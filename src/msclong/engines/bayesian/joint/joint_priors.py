"""The priors of a joint model: each outcome's own, in units of its scale, and one of the correlations they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from scipy.linalg import block_diag

from msclong.design.joint_design import JointDesign
from msclong.engines.bayesian.priors.covariance_priors import (
    TO_ZEROS,
    correlated_effects,
    covariance_prior,
    labelled,
    side_by_side,
)
from msclong.engines.bayesian.priors.covariance_variables import CovariancePrior, HalfT
from msclong.engines.bayesian.priors.model_priors import (
    MOST_COMPONENTS,
    CoefficientPrior,
    ModelPriors,
    coefficient_components,
    coefficient_prior,
)
from msclong.engines.bayesian.priors.named_priors import with_named_variables
from msclong.errors import EngineError, SpecError
from msclong.spec import distributions
from msclong.spec.prior import ALLOWED, Priors


def joint_priors(joint: JointDesign) -> ModelPriors:
    """Priors of the standardised outcomes' model; covariance parameters are labelled 'name | outcome'.

    Raises SpecError where specs disagree in what is shared, EngineError for Jeffreys priors.
    """
    own = {name: in_units(d.spec.priors, joint.scales[name]) for name, d in joint.designs.items()}
    for name, priors in own.items():
        if priors.covariance != "weakly informative":
            raise EngineError(
                f"covariance={priors.covariance!r} is a prior for one outcome; leave it out of {name!r}."
            )
    return ModelPriors(
        outcome_scale=1.0,
        pre_specified=True,
        components=_coefficients(joint, own),
        stated={},
        covariance=_covariance(joint, own),
    )


def in_units(priors: Priors, s: float) -> Priors:
    """The same priors of an outcome that is counted in units of s."""

    def scaled(prior: Any) -> Any:
        match prior:
            case distributions.Normal(mean=mean, sd=sd):
                return distributions.Normal(mean / s, sd / s)
            case distributions.Mixture():
                return distributions.Mixture(
                    [(w, distributions.Normal(n.mean / s, n.sd / s)) for w, n in prior]
                )
            case distributions.LogNormal(median=median):
                return replace(prior, median=median / s)
            case distributions.HalfT(scale=scale) | distributions.HalfNormal(scale=scale):
                return replace(prior, scale=scale / s)
        raise TypeError(f"no unit of {type(prior).__name__}")

    return replace(
        priors,
        outcome_scale=1.0,
        coefficients={name: scaled(prior) for name, prior in priors.coefficients.items()},
        sds={name: scaled(prior) for name, prior in priors.sds.items()},
    )


def _coefficients(
    joint: JointDesign, own: Mapping[str, Priors]
) -> tuple[tuple[float, CoefficientPrior], ...]:
    """The outcomes' priors side by side; of mixtures, every combination."""
    each = []
    for name, design in joint.designs.items():
        default = coefficient_prior(design.fixed, own[name], 1.0, float(design.y.mean()) / joint.scales[name])
        found = coefficient_components(default, design.fixed.names, own[name].coefficients)
        each.append([(w, replace(p, names=tuple(f"{name}: {j}" for j in p.names))) for w, p in found])
    if (count := int(np.prod([len(found) for found in each]))) > MOST_COMPONENTS:
        raise SpecError(
            f"The mixtures of Priors.coefficients of all outcomes have {count} combinations, of which "
            f"{MOST_COMPONENTS} at most can be integrated out; use a Normal for some of them."
        )
    return tuple(
        (
            sum(weight for weight, _ in combination),
            CoefficientPrior(
                names=tuple(name for _, prior in combination for name in prior.names),
                K=block_diag(*(prior.K for _, prior in combination)),
                location=np.concatenate([prior.location for _, prior in combination]),
                sd=np.concatenate([prior.sd for _, prior in combination]),
            ),
        )
        for combination in product(*each)
    )


def _covariance(joint: JointDesign, own: Mapping[str, Priors]) -> CovariancePrior:
    parts = []
    for (name, part), design in zip(joint.own_parts.items(), joint.designs.values(), strict=True):
        coords = design.coords[:, design.coords.shape[1] - part.coordinates :]
        parts.append(labelled(covariance_prior(part, own[name], 1.0, coords), name))
    if joint.correlated:
        parts.insert(0, _subject_effects(joint, own))
    named: dict[str, Any] = {
        group: {
            f"{label} | {name}": d
            for name, priors in own.items()
            for label, d in getattr(priors, group).items()
        }
        for group in ALLOWED
        if group != "coefficients"
    }
    return with_named_variables(side_by_side(parts), replace(Priors(), **named))


def _subject_effects(joint: JointDesign, own: Mapping[str, Priors]) -> CovariancePrior:
    """The standard deviations of all outcomes' effects, each with its own prior; one LKJ correlation matrix."""
    shared = {(priors.sd_df, priors.correlation_eta) for priors in own.values()}
    if len(shared) > 1:
        raise SpecError(
            "Correlated subject effects have one prior: give all specs the same Priors(sd_df=..., correlation_eta=...)."
        )
    ((df, eta),) = shared
    sds: list[HalfT] = []
    T = []
    for name, design in joint.designs.items():
        term = joint.random_part(name)
        prior = covariance_prior(term.structure, own[name], 1.0, design.coords[:, term.coords])
        variable = labelled(prior, name).variables[0]
        assert isinstance(
            variable, HalfT
        )  # the first of every prior of random effects; named ones come later
        sds.append(variable)
        T.append(prior.data.get(TO_ZEROS, np.eye(1)))
    together = HalfT(
        "sd",
        tuple(label for part in sds for label in part.labels),
        tuple(scale for part in sds for scale in part.scale),
        df,
        tuple(per for part in sds for per in part.per),
    )
    return correlated_effects(together, eta, block_diag(*T))
