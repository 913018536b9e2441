"""The probability that a patient's own change from baseline reaches a declared minimal important difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from msclong.contrasts.kinds import as_list, visit_variable
from msclong.design.design import Design
from msclong.errors import EngineError, HypothesisError, SpecError
from msclong.linear_hypothesis import Sign, difference_label, label
from msclong.results.change_threshold import ChangeThreshold, change_threshold
from msclong.results.normal_responders import changes, estimated_share, posterior_share
from msclong.results.observed_responders import observed_responders
from msclong.results.patients import ComparedPatients, compared_patients
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.posterior_table import OF_ZERO, SampledMarginals, posterior_table
from msclong.results.simulated_responders import simulated_share
from msclong.results.variance_components import VarianceComponents


def responders(
    design: Design,
    estimate: PointEstimate | PosteriorDraws,
    covariance: VarianceComponents,
    threshold: float,
    level: float,
    by: str | Sequence[str] | None,
    continuity: float,
) -> pd.DataFrame:
    """The table of `Fit.responders`: the mean probability of a response over the patients of `compared_patients`.

    Jointly normal outcomes, or logarithms: the change of a new patient with the covariates of subject i is
    N(delta_i, s_i^2), s_i^2 = Sigma_tt + Sigma_bb - 2 Sigma_tb, and for a fall P = mean of Phi(q_i),
    q_i = (c - delta_i) / s_i. Frequentist: probit(P) +- z se by the delta method, transformed by Phi; estimates of
    beta and the covariance are independent, of complete data exactly. Without covariates of n complete pairs that is
    within 0.006 of the exact limits, by the noncentral t, from n = 8 on. Posterior: P at every draw. Other families:
    see `simulated_share`.

    The covariates are taken as given: that they are a sample of a population's adds nothing to se or the limits.
    """
    change = change_threshold(threshold, design.family)
    _check_change(design)
    visit = visit_variable(design)
    others = [name for name in (as_list(by) if by is not None else [design.arm]) if name is not None]
    if visit in others:
        raise HypothesisError(f"Rows are listed by {visit!r} in any case; leave it out of by.")
    if len(set(others)) < len(others):
        raise HypothesisError(f"A variable is named twice in by={others}.")
    normal = design.spec.jointly_normal and design.family.link in ("identity", "log")
    limit = change.on_predictor
    if continuity:
        limit -= change.direction * _continuity(continuity, change, normal, design)
    beyond = (limit, change.direction)
    patients = compared_patients(design, others, visit)
    rows = _names(design, patients, others, visit, change)
    if normal and not isinstance(estimate, PosteriorDraws):
        alike = [changes(group) for group in patients]
        table = estimated_share(estimate, covariance, alike, rows, beyond, level)
    elif isinstance(estimate, PosteriorDraws):
        if normal:
            alike = [changes(group) for group in patients]
            draws, convergence = posterior_share(estimate, covariance.structure, alike, beyond)
        else:
            draws, convergence = simulated_share(design, estimate, change, patients)
        table = posterior_table(SampledMarginals(draws, convergence), rows, np.zeros(len(rows)), level)
        table = table.drop(columns=OF_ZERO)
    else:
        raise EngineError(
            f"A frequentist fit says no probability of a change of family {design.family.keyword!r}, which is no "
            "linear function of what is normal: fit with engine=ml.Bayesian()."
        )
    seen = observed_responders(design, change, [group.key for group in patients], others, level)
    result = table.join(seen.set_index(table.index))
    result.attrs = table.attrs | {"response": str(change), "continuity": continuity}
    return result


def _check_change(design: Design) -> None:
    """Raise EngineError where the model has no change of a patient."""
    spec = design.spec
    if spec.baseline_as == "covariate":
        raise EngineError(
            "The baseline is a covariate here, so outcomes are no changes from it and the model does not say how it "
            "varies: fit baseline_as='response', 'constrained' or 'change' (with + baseline in the formula the same "
            "model)."
        )
    if spec.offset is not None or spec.trials is not None:
        what = (
            f"exposure, {spec.offset!r}" if spec.offset is not None else f"number of trials, {spec.trials!r}"
        )
        raise EngineError(
            f"Counts over each row's own {what}, do not change by one number; compare rates with fit.contrasts()."
        )


def _continuity(given: object, change: ChangeThreshold, normal: bool, design: Design) -> float:
    if not normal or change.ratio:
        raise EngineError(
            f"continuity={given!r} is half the unit of a score that is analysed as normal, and family "
            f"{design.family.keyword!r} is not: leave continuity out."
        )
    if not isinstance(given, (int, float)) or isinstance(given, bool) or not 0 < given <= abs(change.value):
        raise SpecError(
            f"continuity is half the unit of the score, such as 0.5, and at most the threshold; got {given!r}."
        )
    return float(given)


def _names(
    design: Design,
    patients: Sequence[ComparedPatients],
    others: Sequence[str],
    visit: str,
    change: ChangeThreshold,
) -> pd.Index:
    """The rows' levels as text: of what rows are listed by, and visit minus (over) baseline."""
    keys = [[label(level) for level in group.key] for group in patients]
    if design.spec.outcome_type != "change":
        sign: Sign = "/" if change.ratio else "-"
        for key, group in zip(keys, patients, strict=True):
            key[-1] = difference_label(group.key[-1], design.baseline, sign)
    if not others:
        return pd.Index([key[0] for key in keys], name=visit)
    return pd.MultiIndex.from_tuples(map(tuple, keys), names=[*others, visit])
