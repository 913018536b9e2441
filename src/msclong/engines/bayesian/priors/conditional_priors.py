"""The priors of a conditional model: of its coefficients on the linear predictors' scale, covariance and family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import logit

from msclong.design.design import Design
from msclong.design.fixed_effects import FixedEffects
from msclong.engines.bayesian.priors.covariance_priors import covariance_prior
from msclong.engines.bayesian.priors.covariance_variables import CovariancePrior
from msclong.engines.bayesian.priors.family_priors import FamilyPrior, family_prior
from msclong.engines.bayesian.priors.model_priors import (
    CoefficientPrior,
    coefficient_components,
    coefficient_prior,
    outcome_scale,
    scale_of_these_data,
    unused_shape,
)
from msclong.engines.bayesian.priors.named_priors import check_names, with_named_family, with_named_variables
from msclong.errors import EngineError, SpecError
from msclong.spec.distributions import Mixture, Normal

ZERO = "zero: "
"""What the names of a hurdle's zero part start with, in tables and in `Priors(coefficients=...)`."""

MOST_SPAN = 100.0
"""A linear predictor whose prior keeps its ends farther apart than this is no logarithm or logit: odds of 1e43."""

SURELY = 5.0
"""Standard deviations of a prior within which its parameter lies for certain."""


@dataclass(frozen=True, eq=False)
class ConditionalPriors:
    """All priors of a conditional design.

    coefficients : for each predictor, the components of its coefficients' prior with their log weights. stated : text
    of those that the spec names. outcome_scale : s. note : where s comes from, as a sentence.
    """

    coefficients: tuple[Sequence[tuple[float, CoefficientPrior]], ...]
    stated: dict[str, str]
    covariance: CovariancePrior
    family: FamilyPrior
    outcome_scale: float
    note: str

    def table(self) -> pd.DataFrame:
        """Each parameter and its prior as text; indexed by parameter."""
        rows = []
        for start, components in zip(("", ZERO), self.coefficients, strict=False):
            prior = components[0][1]
            for name, mean, sd in zip(prior.names, prior.location, prior.sd, strict=True):
                rows.append((start + name, self.stated.get(start + name, f"Normal({mean:.4g}, {sd:.4g})")))
        variables = (*self.covariance.variables, *self.family.variables)
        rows += [row for variable in variables for row in variable.described()]
        return pd.DataFrame(rows, columns=["parameter", "prior"]).set_index("parameter")


def conditional_priors(design: Design) -> ConditionalPriors:
    """The priors that the spec's `Priors` gives a conditional design.

    Raises SpecError for a named prior of a parameter that the model does not have, or one that no outcome can follow;
    EngineError for Jeffreys' prior.
    """
    priors = design.spec.priors
    if priors.covariance != "weakly informative":
        raise EngineError(
            f"Priors(covariance={priors.covariance!r}) is for Gaussian outcomes that are not censored; leave it out."
        )
    s = outcome_scale(design)
    named = {
        True: {
            name.removeprefix(ZERO): p for name, p in priors.coefficients.items() if name.startswith(ZERO)
        },
        False: {name: p for name, p in priors.coefficients.items() if not name.startswith(ZERO)},
    }
    mean = coefficient_prior(design.fixed, priors, s, typical_predictor(design), design.linked)
    if design.linked:
        _refuse_impossible(design.fixed, named[False], design.family.link)
    coefficients = [coefficient_components(mean, design.fixed.names, named[False])]
    if design.zero is not None:
        share = float((design.y == 0).sum() + 0.5) / (design.n_obs + 1)
        zero = coefficient_prior(design.zero, priors, 1.0, float(logit(share)), linked=True)
        _refuse_impossible(design.zero, named[True], "logit")
        coefficients.append(coefficient_components(zero, design.zero.names, named[True]))
    else:
        check_names([ZERO + name for name in named[True]], mean.names, "coefficients")
    covariance = covariance_prior(design.structure, priors, s, design.latent_coords())
    family = design.family
    own = family_prior(family, family.sizes(design.y), priors, s, design.dispersion_levels)
    return ConditionalPriors(
        coefficients=tuple(coefficients),
        stated={name: str(p) for name, p in priors.coefficients.items()},
        covariance=with_named_variables(covariance, priors, own.variables),
        family=with_named_family(own, priors),
        outcome_scale=s,
        note=_note(design, s) + unused_shape(priors, covariance),
    )


def _refuse_impossible(fixed: FixedEffects, named: Mapping[str, Normal | Mixture], link: str) -> None:
    """Raise SpecError for a prior under which outcomes of this link would differ beyond anything measurable."""
    for name, prior in named.items():
        if name not in fixed.names:
            continue
        normals = prior.normals if isinstance(prior, Mixture) else (prior,)
        least = min(max(abs(normal.mean) - SURELY * normal.sd, 0.0) for normal in normals)
        span = float(least * np.ptp(fixed.X[:, fixed.names.index(name)]))
        if span > MOST_SPAN:
            raise SpecError(
                f"The prior {prior} of {name!r} moves the linear predictor by {span:.4g} or more over these data, on "
                f"the {link} scale: no outcome does that. Priors of coefficients are for a change of one in their "
                f"covariate, on the {link} scale."
            )


def typical_predictor(design: Design) -> float:
    """The linear predictor of the mean outcome: where the prior of the intercept has its centre.

    0 where cutpoints stand in the place of an intercept.
    """
    family, data = design.family, design.observation
    y = data["y"]
    if not family.has_intercept:
        return 0.0
    if not design.linked:
        return float((design.measured - design.offset).mean())
    if family.link == "log":
        if design.zero is not None and (y > 0).any():
            y = y[y > 0]
        return float(np.log(max(y.mean(), 0.5 / len(y))) - np.log(np.exp(design.offset).mean()))
    trials = data.get("trials", np.ones(len(y)))
    return float(logit((y.sum() + 0.5) / (trials.sum() + 1))) - float(design.offset.mean())


def _note(design: Design, s: float) -> str:
    if design.spec.priors.outcome_scale is not None:
        return f"Priors are on the pre-specified scale s = {s:.4g} of the linear predictor."
    if design.linked:
        return f"Priors are on the scale s = 1 of the linear predictor ({design.family.link})."
    return scale_of_these_data(s, design.family.measured)
