"""The models of simulation-based calibration: every covariance structure and family, priors free of the data."""

from __future__ import annotations

from typing import Any

import msclong as ml
from calibration.joint_trials import JointModel
from calibration.simulated_trials import Model
from msclong.engines.bayesian.priors.conditional_priors import ZERO
from msclong.engines.bayesian.priors.model_priors import MEAN_OUTCOME
from msclong.spec.distributions import LKJ, LogNormal, Mixture, Normal

OF_VISITS = (
    "us",
    "cs",
    "csh",
    "ar1",
    "ar1h",
    "toep",
    "toeph",
    "ad",
    "adh",
    "sp_exp",
    "sp_gau",
    "diag",
    "homdiag",
)
GAUSSIAN = (500, ml.Bayesian(sampler="importance"))
CONDITIONAL = (200, ml.Bayesian(draws=500, sampler="importance"))
NUTS = (100, ml.Bayesian(draws=250, tune=500, sampler="nuts"))
JOINT = (100, ml.Bayesian(sampler="importance"))
"""Replicates and engine."""

DEFAULT = ml.Priors(outcome_scale=1, coefficients={MEAN_OUTCOME: Normal(0, 10)})
"""The default priors, with a stated scale, and the mean outcome about zero in place of the data's mean."""

MODEST: dict[str, Any] = {"outcome_scale": 1, "coefficient_sd": 0.4, "sd_scale": 0.5, "sd_df": 5}
"""On logarithms and logits the defaults make outcomes from 1e-10 to 1e10: narrower ones test the same code."""


def _gaussian() -> list[tuple[str, ml.ModelSpec, dict[str, Any]]]:
    terms = {f"{name}": f"{name}({'time' if name.startswith('sp') else 'month'} | id)" for name in OF_VISITS}
    terms |= {
        "random intercept": "(1 | id)",
        "random slope": "(1 + time | id)",
        "random intercept + ar1": "(1 | id) + ar1(month | id)",
        "ar1h by arm": "ar1h(month | arm / id)",
    }
    found = [
        (name, ml.ModelSpec(f"y ~ C(month) + {term}", priors=DEFAULT), {}) for name, term in terms.items()
    ]
    by_arm = ml.ModelSpec("y ~ C(month) * arm + us(month | arm / id)", priors=DEFAULT)
    found.append(("us by arm", by_arm, {"subjects": 24, "visits": (0, 1, 3)}))
    named = ml.Priors(
        outcome_scale=1,
        coefficients={
            "Intercept": Normal(1, 2),
            "C(month)[T.6]": Mixture([(0.6, Normal(-1, 0.3)), (0.4, Normal(0, 2))]),
        },
        sds={"sd(0)": LogNormal(1.5, 0.3)},
        correlations={"correlation matrix": LKJ(4)},
    )
    found.append(("us, named priors", ml.ModelSpec("y ~ C(month) + us(month | id)", priors=named), {}))
    for family in ("lognormal", "logitnormal"):
        priors = ml.Priors(**MODEST, coefficients={MEAN_OUTCOME: Normal(0, 1)})
        spec = ml.ModelSpec("y ~ C(month) + us(month | id)", family=family, priors=priors)
        found.append((f"{family}, us", spec, {}))
    return found


def _conditional() -> list[tuple[str, ml.ModelSpec, dict[str, Any]]]:
    intercept, slope = "(1 | id)", "(1 + time | id)"
    fields: dict[str, tuple[str, str, dict[str, Any]]] = {
        "student": ("student", intercept, {}),
        "gamma": ("gamma", intercept, {"dispersion_by": "arm"}),
        "hurdle_lognormal": ("hurdle_lognormal", intercept, {"hurdle": "1"}),
        "hurdle_gamma": ("hurdle_gamma", intercept, {}),
        "beta": ("beta", intercept, {}),
        "ordered_beta": ("ordered_beta", intercept, {}),
        "bernoulli": ("bernoulli", intercept, {}),
        "binomial": ("binomial", intercept, {"trials": "n"}),
        "poisson": ("poisson", intercept, {"offset": "exposure"}),
        "negative_binomial": ("negative_binomial", intercept, {}),
        "cumulative_logit": ("cumulative_logit", intercept, {}),
        "cumulative_probit": ("cumulative_probit", intercept, {}),
        "censored gaussian": ("gaussian", intercept, {"censored": "censored"}),
        "censored lognormal": ("lognormal", intercept, {"censored": "censored"}),
        "poisson, random slope": ("poisson", slope, {}),
        "binomial, random slope": ("binomial", slope, {"trials": "n"}),
    }
    found = []
    for name, (family, term, more) in fields.items():
        coefficients = {}
        if not family.startswith("cumulative"):
            coefficients[MEAN_OUTCOME] = Normal(0, 1)
        if family.startswith("hurdle"):
            coefficients[ZERO + MEAN_OUTCOME] = Normal(-1, 1)
        spec = ml.ModelSpec(
            f"y ~ C(month) + {term}",
            family=family,
            priors=ml.Priors(**MODEST, coefficients=coefficients),
            **more,
        )
        found.append((name, spec, {}))
    return found


def _nuts() -> list[tuple[str, ml.ModelSpec, dict[str, Any]]]:
    """Where importance sampling serves, to try the sampler; and a latent structure, which it does not serve."""
    modest = ml.Priors(**MODEST, coefficients={MEAN_OUTCOME: Normal(0, 1)})
    latent = ml.ModelSpec("y ~ C(month) + ar1(month | id)", family="poisson", priors=modest)
    served = {name: spec for name, spec, _ in (*_gaussian(), *_conditional())}
    found = [
        (f"{name}, NUTS", served[name], {})
        for name in ("us", "random slope", "bernoulli", "cumulative_logit")
    ]
    return [*found, ("poisson, ar1, NUTS", latent, {})]


def _joint() -> tuple[JointModel, ...]:
    """Outcomes on several scales, the second one of some subjects only."""
    scales = {"first": ("gaussian", 1.0), "second": ("gaussian", 20.0), "third": ("lognormal", 0.3)}
    specs = {
        name: ml.ModelSpec(
            f"{name} ~ C(month) + (1 | id)",
            visit="month",
            family=family,
            priors=ml.Priors(outcome_scale=s, coefficients={MEAN_OUTCOME: Normal(0, 3 * s)}),
        )
        for name, (family, s) in scales.items()
    }
    two = {name: specs[name] for name in ("first", "second")}
    start, (replicates, engine) = len(SINGLE), JOINT
    return (
        JointModel("joint, correlated", two, start, replicates, engine),
        JointModel("joint, pooled", specs, start + 1, replicates, engine, pool=True),
    )


SINGLE = tuple(
    Model(name, spec, number, replicates, engine, **trial)
    for number, (name, spec, replicates, engine, trial) in enumerate(
        (name, spec, *how, trial)
        for how, models in ((GAUSSIAN, _gaussian()), (CONDITIONAL, _conditional()), (NUTS, _nuts()))
        for name, spec, trial in models
    )
)


def _censored() -> tuple[Model, ...]:
    """Censored outcomes with a visit structure; numbered after all others, whose trials stay as they are."""
    # A mean that leaves most outcomes above the limit: ten parameters are much to learn from a few.
    terms = {"gaussian": ("us", Normal(1.2, 0.5)), "lognormal": ("ar1", Normal(0, 1))}
    return tuple(
        Model(
            f"censored {family}, {term}",
            ml.ModelSpec(
                f"y ~ C(month) + {term}(month | id)",
                family=family,
                censored="censored",
                priors=ml.Priors(**MODEST, coefficients={MEAN_OUTCOME: mean}),
            ),
            len(SINGLE) + len(_joint()) + i,
            *CONDITIONAL,
            subjects=32,
        )
        for i, (family, (term, mean)) in enumerate(terms.items())
    )


MODELS: tuple[Model | JointModel, ...] = (*SINGLE, *_joint(), *_censored())
