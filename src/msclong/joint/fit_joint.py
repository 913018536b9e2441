"""The front door of joint models: several specs and their data in, one posterior out."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from secrets import randbits
from typing import Any, Literal

import numpy as np

from msclong.api import long_data
from msclong.design.design import Design, build_design
from msclong.design.joint_design import JointDesign
from msclong.engines.bayesian.engine import Bayesian
from msclong.engines.bayesian.joint.joint_fit import fit_joint_design
from msclong.engines.bayesian.joint.pooled_changes import HETEROGENEITY, pooled_changes
from msclong.engines.bayesian.priors.model_priors import outcome_scale
from msclong.errors import EngineError, FormulaError, SpecError, listing
from msclong.families.registry import family_of
from msclong.joint.joint_fit import JointFit
from msclong.results.effect_scale import SCALES
from msclong.spec.distributions import HalfNormal, HalfT
from msclong.spec.model_spec import ModelSpec

MOST_CORRELATED = 5
"""Outcomes whose subject effects are correlated unasked: ten correlations; fourteen outcomes have 91."""

SIGNS = {"higher": 1.0, "lower": -1.0}


def fit_joint(
    specs: Mapping[str, ModelSpec | str],
    data: Any,
    engine: Bayesian | None = None,
    *,
    subject_effects: Literal["correlated", "independent"] | None = None,
    pool: Literal["time course"] | None = None,
    directions: Mapping[str, Literal["higher", "lower"]] | None = None,
    heterogeneity: HalfT | HalfNormal = HETEROGENEITY,
) -> JointFit:
    """Fit several outcomes of the same subjects in one Gaussian model.

    Each outcome has its spec's own mean and covariance, on its own scale s (Priors(outcome_scale=...), else its SD in
    the data). Subjects are matched by label; an outcome may be missing at visits and in subjects where others are
    observed. A spec's fallback is not used.

    Parameters
    ----------
    specs : {name: ModelSpec or formula}
        Gaussian, lognormal or logitnormal outcomes, uncensored, that name the same subject and visit columns.
    data : a table in long form with a column for each outcome, or {name: table} with the same names
    engine : Bayesian
        None is Bayesian(): how to sample.
    subject_effects : 'correlated' or 'independent'
        'correlated': the random effects of the subject of all outcomes have one unstructured covariance matrix (half-t
        standard deviations, each on its outcome's scale; LKJ correlations); residuals of different outcomes are
        independent. Every formula then has one term of subject effects, such as (1 | id). 'independent': outcomes
        share nothing but, with `pool`, the prior of their changes. None: 'correlated' for up to 5 outcomes.
    pool : None or 'time course'
        'time course': the default contrasts of each outcome (its changes from baseline by visit, within each arm), in
        units of s and positive where they are a benefit, share a distribution: delta_kt ~ Normal(mu_t, tau^2),
        mu_t ~ Normal(0, 2.5^2), tau ~ `heterogeneity`. This takes the place of their own priors and is the Bayesian
        answer to multiplicity (Gelman, Hill and Yajima 2012, Journal of Research on Educational Effectiveness 5:189):
        an outlying change of one outcome is drawn towards those of the others as far as these agree.
    directions : {name: 'higher' or 'lower'}
        Which values are a benefit; without an entry the sign of the spec's margin tells. Pooling needs all of them.
    heterogeneity : HalfT or HalfNormal
        Prior of tau, in SDs of the outcome. The default, half-t(3, 0, 0.5), has the scale that Roever and others
        recommend for standardised mean differences (2021, Research Synthesis Methods 12:448), with a heavier tail.

    Raises MsclongError: what `fit` raises; SpecError, DesignError or EngineError for what no joint model takes.

    Examples
    --------
    >>> import msclong as ml
    >>> trial = ml.datasets.sjogren_msct(seed=1).query("month != 0.5")
    >>> formula = "{} ~ C(month) + (1 | patient)"
    >>> specs = {name: ml.ModelSpec(formula.format(name), visit="month") for name in ("ssdai", "vas")}
    >>> joint = ml.fit_joint(specs, trial, ml.Bayesian(seed=1))
    >>> list(joint), joint.n_subjects
    (['ssdai', 'vas'], 24)
    >>> joint["ssdai"].contrasts().index.tolist()
    ['1 - 0', '3 - 0', '6 - 0', '12 - 0']
    """
    parsed = _specs(specs)
    if engine is not None and not isinstance(engine, Bayesian):
        raise EngineError(f"A joint model is fitted by engine=ml.Bayesian(...); got {engine!r}.")
    if subject_effects not in (None, "correlated", "independent"):
        raise SpecError(f"subject_effects is 'correlated' or 'independent'; got {subject_effects!r}.")
    if subject_effects is None and len(parsed) > MOST_CORRELATED:
        pairs = len(parsed) * (len(parsed) - 1) // 2
        raise SpecError(
            f"The subject effects of {len(parsed)} outcomes have at least {pairs} correlations, which few data can "
            "tell. Choose: subject_effects='independent' (with pool='time course', say) or 'correlated'."
        )
    if pool not in (None, "time course"):
        raise SpecError(f"pool is None or 'time course'; got {pool!r}.")
    if not isinstance(heterogeneity, (HalfT, HalfNormal)):
        raise SpecError(
            f"heterogeneity is ml.HalfT(df, scale) or ml.HalfNormal(scale); got {heterogeneity!r}."
        )
    signs = _signs(parsed, directions or {})
    if pool is not None and (unknown := [name for name in parsed if name not in signs]):
        raise SpecError(
            "Pooled changes are counted in the direction of benefit, which is unknown of "
            f"{listing(map(repr, unknown))}: "
            "directions={'name': 'higher' or 'lower'}."
        )
    tables = _tables(data, parsed)
    designs = {name: build_design(spec, long_data(spec, tables[name])) for name, spec in parsed.items()}
    _refuse_one_outcome_twice(designs, tables)
    joint = JointDesign(
        designs=designs,
        scales={name: outcome_scale(design) for name, design in designs.items()},
        correlated=subject_effects != "independent",
    )
    pooled = None if pool is None else pooled_changes(joint, signs, heterogeneity)
    chosen = engine or Bayesian()
    seed = randbits(31) if chosen.seed is None else chosen.seed
    found = fit_joint_design(joint, pooled, chosen, seed)
    return JointFit(
        engine=chosen,
        design=joint,
        estimate=found.estimate,
        fits=found.fits,
        outcome=found.outcome,
        signs=signs,
        pooled_changes=pooled,
        pooled_draws=found.pooled,
    )


def _specs(specs: object) -> dict[str, ModelSpec]:
    if not isinstance(specs, Mapping) or not all(isinstance(name, str) for name in specs):
        got = (
            f"the names {listing(map(repr, specs))}"
            if isinstance(specs, Mapping)
            else f"a {type(specs).__name__}"
        )
        raise SpecError(f"fit_joint takes the outcomes by name, {{'name': ModelSpec or formula}}; got {got}.")
    if len(specs) < 2:
        raise SpecError(
            f"fit_joint takes two or more outcomes; got {len(specs)}. One outcome is fitted by ml.fit."
        )
    parsed = {name: ModelSpec(spec) if isinstance(spec, str) else spec for name, spec in specs.items()}
    for name, spec in parsed.items():
        if not isinstance(spec, ModelSpec):
            raise FormulaError(f"{name!r} needs a formula string or a ModelSpec; got {type(spec).__name__}.")
    return parsed


def _tables(data: Any, specs: Mapping[str, ModelSpec]) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        return dict.fromkeys(specs, data)
    if set(data) != set(specs):
        raise SpecError(f"data has tables for {listing(data)}, and the outcomes are {listing(specs)}.")
    return data


def _refuse_one_outcome_twice(designs: Mapping[str, Design], tables: Mapping[str, Any]) -> None:
    """Raise SpecError for one column under two names, transformed or not: its data would be counted twice."""
    for one, other in combinations(designs, 2):
        first, second = designs[one], designs[other]
        column = tables[one] is tables[other] and first.spec.parsed.outcome == second.spec.parsed.outcome
        if column or np.array_equal(first.outcome, second.outcome):
            raise SpecError(
                f"{one!r} and {other!r} are the same data ({first.spec.parsed.outcome}), which would be counted twice; "
                "leave one of them out."
            )


def _signs(specs: Mapping[str, ModelSpec], directions: Mapping[str, str]) -> dict[str, float]:
    """The directions of benefit that are known: stated ones, else those of the specs' margins."""
    if not isinstance(directions, Mapping):
        raise SpecError(f"directions is {{'name': 'higher' or 'lower'}}; got {directions!r}.")
    if wrong := [name for name, way in directions.items() if name not in specs or way not in SIGNS]:
        raise SpecError(
            f"directions maps outcomes ({listing(specs)}) to 'higher' or 'lower'; wrong: {listing(map(repr, wrong))}."
        )
    signs = {}
    for name, spec in specs.items():
        if name in directions:
            signs[name] = SIGNS[directions[name]]
        elif distance := SCALES[family_of(spec.family).effects[0]].distance(spec.margin, "margin"):
            signs[name] = 1.0 if distance > 0 else -1.0
    return signs
