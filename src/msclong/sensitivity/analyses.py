"""Sensitivity analyses of what is assumed of missing outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from msclong.engines.frequentist.arguments import check_fit, check_flag
from msclong.errors import EngineError, SpecError, listing
from msclong.families.transformed_gaussian import TransformedGaussian
from msclong.linear_hypothesis import label
from msclong.printing import numbers
from msclong.results.fit import Fit
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws
from msclong.sensitivity.assumption import Assumption
from msclong.sensitivity.conditional_mean import imputed_residuals
from msclong.sensitivity.imputed import Imputed
from msclong.sensitivity.jackknife import jackknifed
from msclong.sensitivity.multiple_imputation import MultipleImputation, imputed_values, multiply_imputed
from msclong.sensitivity.planned_visits import PlannedVisits, planned_visits
from msclong.sensitivity.shifts import by_position, chosen_arms, chosen_visits, moved_visits, shift_of_arms
from msclong.sensitivity.strategies import missing_at_random, strategy_named

NOTHING = (
    "No planned outcome of these subjects is missing: nothing is imputed, and the answers are the fit's own."
)
"""What is said where there is nothing to impute."""

AFTER = {
    "MAR": "follow the mean of their own arm, given what was observed of them (missing at random)",
    "J2R": "jump to the mean of {reference}",
    "CR": "are imputed as if they had been in {reference} all along",
    "CIR": "change from then on as {reference} does",
    "RTB": "return to the mean at baseline",
}
"""What participants do after dropout, by strategy."""

COPYING = ("J2R", "CR", "CIR")
"""Strategies that copy the reference."""


def reference_based(
    fit: Fit,
    strategy: str | Mapping[Any, str] = "J2R",
    *,
    reference: Any = None,
    inference: MultipleImputation | None = None,
) -> Imputed:
    """Impute outcomes after dropout from the reference arm.

    Parameters
    ----------
    fit : of Gaussian outcomes at planned visits, of subjects independent of each other
    strategy : 'J2R', 'CR', 'CIR' or 'MAR', or a strategy for each arm, {arm: strategy}
        Of those who drop out, with mu the arms' means given covariates, d the last visit seen, r the reference:
        jump to reference takes mu_r(t) for t > d; copy reference mu_r(t) at all t, so that what was observed counts as
        a deviation from it; copy increments in reference mu(d) + mu_r(t) - mu_r(d) for t > d. 'MAR', missing at random,
        is the fit's own assumption. Arms that a mapping does not name are MAR.
    reference : the arm that is copied; None: the first
    inference : MultipleImputation, optional
        None: conditional mean imputation with the jackknife.

    Each assumed mean becomes the subject's by the regression on its residuals up to dropout, with the covariance of the
    reference arm where arms have their own. Visits missed before the last one seen are imputed as MAR in any case.

    The completed data are analysed by the fit's own mean and covariance structure: with conditional means its Sigma is
    kept, with multiple imputation it is estimated again. Where each visit has its own coefficients, that is the ANCOVA
    at each visit; with MAR it is the fit's own estimate, whatever the mean.

    Returns
    -------
    Imputed : contrasts(), means(), test() as of a fit. Without missing outcomes those of the fit itself.

    Carpenter, Roger and Kenward (2013), J Biopharm Stat 23:1352; Wolbers et al. (2022), Pharm Stat 21:1246.

    Raises EngineError for models without a place for it, SpecError for arguments, ConvergenceError where the jackknife
    leaves a model without an estimate.

    Examples
    --------
    >>> import msclong as ml
    >>> formula = "change ~ basval * week + TRT * week + us(week | PATIENT)"
    >>> fit = ml.fit(ml.ModelSpec(formula, arm="TRT", outcome_type="change"), ml.datasets.hamd17())
    >>> jump = ml.sensitivity.reference_based(fit, "J2R")
    >>> jump.assumption
    'After dropout, participants in TRT 2 jump to the mean of TRT 1 (J2R).'
    >>> jump.contrasts().loc[("2 - 1", "8"), ["estimate", "se"]].round(2).to_dict()
    {'estimate': -1.69, 'se': 0.79}
    """
    planned = planned_for(fit, inference)
    if not planned.arms:
        raise SpecError(
            "Reference-based imputation needs arms, and this model has none: ml.sensitivity.return_to_baseline(fit), "
            "or ml.sensitivity.delta(fit, ...). Name the arm with ModelSpec(arm='...') if there is one."
        )
    copied = 0 if reference is None else planned.arm_position(reference, "reference")
    others = [arm for i, arm in enumerate(planned.arms) if i != copied]
    given = strategy if isinstance(strategy, Mapping) else dict.fromkeys(others, strategy)
    if not given:
        raise SpecError("No arm has a strategy: name one, {arm: 'J2R'}, of a model with two arms or more.")
    mean, told = missing_at_random(planned, copied), []
    for position, name in by_position(planned, given, "strategy").items():
        chosen = strategy_named(name)
        if position == copied and name.upper() in COPYING:
            raise SpecError(
                f"strategy gives {_arm(planned, position)} {name!r}, and it is itself the reference, which has nothing "
                "to copy: leave it out, or name another reference=."
            )
        mean = mean.where(planned.arm == position, chosen(planned, copied))
        done = AFTER[name.upper()].format(reference=_arm(planned, copied))
        told.append(f"in {_arm(planned, position)} {done} ({name.upper()})")
    text = f"After dropout, participants {'; '.join(told)}."
    return _imputed(fit, Assumption(planned, mean, np.zeros((*planned.y.shape, 0))), text, inference)


def return_to_baseline(fit: Fit, *, arms: Any = None, inference: MultipleImputation | None = None) -> Imputed:
    """Impute outcomes after dropout around the mean at baseline: whatever was gained is lost.

    For single-arm trials, which have no reference, and for any other. The mean after dropout is that at the baseline
    visit (of changes from baseline: zero; with the baseline as covariate: each subject's own value of it), to which the
    regression on the subject's residuals up to dropout is added, as in jump to reference.

    arms : one or several arms to do so in; None: all. inference, returns and raises: as `reference_based`.

    Compare Qu and Dai (2021), arXiv:2111.09423, who impute from the baseline without that regression.

    Examples
    --------
    >>> import msclong as ml
    >>> data = ml.datasets.hamd17().query("TRT == '2'")
    >>> fit = ml.fit(ml.ModelSpec("change ~ week + us(week | PATIENT)", outcome_type="change"), data)
    >>> back = ml.sensitivity.return_to_baseline(fit)
    >>> [round(float(one.contrasts().loc["8", "estimate"]), 2) for one in (fit, back)]
    [-7.84, -5.49]
    """
    planned = planned_for(fit, inference)
    positions = chosen_arms(planned, arms, every=True)
    mean = missing_at_random(planned, 0).where(
        np.isin(planned.arm, positions), strategy_named("RTB")(planned, 0)
    )
    where = _where(planned, positions)
    text = f"After dropout, participants{where} {AFTER['RTB']} (RTB)."
    return _imputed(fit, Assumption(planned, mean, np.zeros((*planned.y.shape, 0))), text, inference)


def delta(
    fit: Fit,
    delta: float | Mapping[Any, float],
    *,
    arms: Any = None,
    visits: Sequence[Any] | None = None,
    cumulative: bool = False,
    intermittent: bool = False,
    inference: MultipleImputation | None = None,
) -> Imputed:
    """Impute missing outcomes as MAR, then make them worse by delta.

    Parameters
    ----------
    delta : a number in the outcome's unit, with its sign, or one for each arm, {arm: number}
        Of lognormal and logitnormal outcomes it is added to the logarithm or logit.
    arms : one or several arms that a single number holds for
        None: all but the control, the first; of a trial without arms, everybody.
    visits : the visits at which it is added; None: all
    cumulative : delta at the first visit after dropout, 2 delta at the next, and so on
    intermittent : whether visits missed before the last one seen are moved too (by delta, once)
    inference, returns and raises : as `reference_based`

    The estimate moves by A delta, with A = G^-1 sum X_i' Sigma^-1 s_i the share that imputed outcomes have in the
    analysis (s_i = 1 at shifted visits): a mean at one visit moves by delta times the share of subjects
    missing there. Carpenter and Kenward (2013), Multiple Imputation and its Application, chapter 10.

    Examples
    --------
    >>> import msclong as ml
    >>> formula = "change ~ basval * week + TRT * week + us(week | PATIENT)"
    >>> fit = ml.fit(ml.ModelSpec(formula, arm="TRT", outcome_type="change"), ml.datasets.hamd17())
    >>> worse = ml.sensitivity.delta(fit, 2)
    >>> round(float(worse.contrasts().loc[("2 - 1", "8"), "p_value"]), 2)
    0.11
    """
    planned = planned_for(fit, inference)
    check_flag(cumulative, "cumulative")
    check_flag(intermittent, "intermittent")
    by_arm = shift_of_arms(planned, delta, arms)
    where = moved_visits(planned, visits, cumulative, intermittent)
    shifts = (where * by_arm[planned.arm][:, None])[..., None]
    unit = f" {fit.spec.unit}" if fit.spec.unit else ""
    told = [
        f"{'' if not planned.arms else 'in ' + _arm(planned, i) + ' '}by {numbers.stated(by_arm[i])}{unit}"
        for i in np.flatnonzero(by_arm).tolist()
    ]
    how = " for each visit missed" if cumulative else ""
    which = "Missing outcomes" if intermittent else "Outcomes after dropout"
    chosen = [label(planned.visits[t]) for t in np.flatnonzero(chosen_visits(planned, visits)).tolist()]
    at = f" at {listing(chosen)}" if visits is not None else ""
    moved = f"are moved {' and '.join(told)}{how}{at}" if told else "are not moved"
    text = f"{which} are imputed as missing at random, then {moved}."
    assumption = Assumption(planned, missing_at_random(planned, 0), shifts)
    return _imputed(fit, assumption, text, inference)


def planned_for(fit: Fit, inference: object = None) -> PlannedVisits:
    """The planned visits of a fit, its arguments checked; raises SpecError or EngineError."""
    check_fit(fit)
    if inference is not None and not isinstance(inference, MultipleImputation):
        raise SpecError(
            "inference takes ml.sensitivity.MultipleImputation(seed=...), or None for the jackknife; "
            f"got {inference!r}."
        )
    if getattr(fit.engine, "ddf", None) == "modified-box":
        raise EngineError(
            "The modified Box correction takes its coefficients from ordinary least squares, and imputation needs "
            "those of the likelihood: fit with ml.Frequentist()."
        )
    return planned_visits(fit.design)


def _imputed(fit: Fit, assumption: Assumption, text: str, inference: MultipleImputation | None) -> Imputed:
    planned = assumption.planned
    shift = np.ones(assumption.shifts.shape[2])
    beta, theta = fit.estimate.beta, fit.covariance.theta
    estimate: PointEstimate | PosteriorDraws
    if planned.observed.all():
        estimate, text, how = fit.estimate, NOTHING, "Inference is that of the fit."
    elif inference is not None:
        estimate = multiply_imputed(fit, assumption, shift, inference)
        how = f"Multiple imputation ({inference.imputations} tables, seed {inference.seed}), pooled by Rubin's rules."
    else:
        estimate = jackknifed(fit, assumption).at(shift)
        how = "Conditional mean imputation; standard errors by the jackknife over subjects."
    values = planned.X @ beta + imputed_residuals(assumption, beta, planned.sigma(theta))
    values = values + assumption.shifts @ shift
    family = fit.design.family
    if isinstance(family, TransformedGaussian):
        values = family.outcome(values)
    return Imputed(fit.design, estimate, text, how, imputed_values(planned, values))


def _arm(planned: PlannedVisits, position: int) -> str:
    """'arm 2'."""
    return f"{planned.design.arm} {label(planned.arms[position])}"


def _where(planned: PlannedVisits, positions: Sequence[int]) -> str:
    """' in TRT 2', or nothing where it is everybody."""
    if len(positions) == max(len(planned.arms), 1):
        return ""
    return f" in {' and '.join(_arm(planned, i) for i in positions)}"
