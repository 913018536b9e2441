"""Changes from baseline in standard deviations between patients, so that outcomes of all kinds share one axis."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy.special import gammaln

from msclong.contrasts.kinds import contrast_hypothesis
from msclong.contrasts.student_t import t_quantile
from msclong.design.design import Design
from msclong.errors import EngineError, HypothesisError, SpecError
from msclong.linear_hypothesis import LinearHypothesis
from msclong.results.baseline_sd import BaselineSD, baseline_sd
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.posterior_table import SampledMarginals, posterior_table
from msclong.results.variance_components import VarianceComponents

Better = Literal["lower", "higher"]


def standardised_effects(
    design: Design,
    estimate: PointEstimate | PosteriorDraws,
    covariance: VarianceComponents,
    level: float,
    better: Better | None,
    sd: float | None,
    correction: str | None,
) -> pd.DataFrame:
    """The table of `Fit.standardised`.

    d = L beta / s, with s as in `baseline_sd`. Frequentist, by the delta method,

        se(d)^2 = se(L beta)^2 / s^2 + d^2 var(s) / s^2,

    since estimates of beta and of the covariance are independent (of complete Gaussian data exactly, by REML
    asymptotically), and d +- t se(d) with the contrast's df. Posterior: d at every draw of beta and theta.
    Its sign is the contrast's, whose own probabilities of a sign are the table's.
    Of two visits, complete data and one arm s is the sample SD at baseline with n - 1 df and d Becker's standardised
    mean change (1988, British Journal of Mathematical and Statistical Psychology 41:257), whose variance has n in place
    of n - 1 and supposes equal SDs at both visits.
    """
    sign = _sign(better)
    contrasts = contrast_hypothesis(design)
    hypothesis = LinearHypothesis(sign * contrasts.L, contrasts.rows)
    scale = baseline_sd(design, estimate, covariance) if sd is None else _known(sd)
    if isinstance(estimate, PosteriorDraws):
        if correction is not None:
            raise HypothesisError(
                f"correction={correction!r} is for the bias of an estimate; a posterior has none, leave it out."
            )
        table = _posterior(estimate, hypothesis, scale, level)
        side = (0.0, np.inf) if better == "higher" else (-np.inf, 0.0)
        table["prob_negative"] = estimate.marginals(contrasts).inside(*side)
        if better is not None:
            table = table.rename(columns={"prob_negative": "prob_improved"})
    else:
        table = _delta_method(estimate, hypothesis, scale, level, _correction(correction, scale))
    table.attrs |= {"standardiser": scale.name, "sd": scale.value, "effect": "standardised"}
    if better is not None:
        table.attrs["better"] = better
    if correction is not None:
        table.attrs["correction"] = f"Hedges' J on {scale.df:.4g} degrees of freedom"
    return table


def _delta_method(
    estimate: PointEstimate, hypothesis: LinearHypothesis, scale: BaselineSD, level: float, factor: float
) -> pd.DataFrame:
    raw = estimate.test(hypothesis, level)
    d = raw["estimate"] / scale.value
    se = np.hypot(raw["se"], d * scale.se) / scale.value
    half = t_quantile(raw["df"].to_numpy(), (1 + level) / 2) * se
    table = pd.DataFrame({"estimate": d, "se": se, "lower": d - half, "upper": d + half}) * factor
    table["df"] = raw["df"]
    table.attrs["interval"] = f"{100 * level:.4g} % confidence"
    return table


def _posterior(
    estimate: PosteriorDraws,
    hypothesis: LinearHypothesis,
    scale: BaselineSD,
    level: float,
) -> pd.DataFrame:
    effects = estimate.of(hypothesis)
    divisor = np.full(effects.shape[:2], scale.value) if scale.draws is None else scale.draws
    marginals = SampledMarginals(effects / divisor.reshape(*effects.shape[:2], 1), estimate.convergence)
    table = posterior_table(marginals, hypothesis.rows, hypothesis.value, level)
    return table.drop(columns="prob_beyond_margin")


def _sign(better: object) -> int:
    if better not in (None, *get_args(Better)):
        raise SpecError(f"better takes 'lower', 'higher' or None; got {better!r}.")
    return -1 if better == "lower" else 1


def _known(sd: object) -> BaselineSD:
    if not isinstance(sd, (int, float, np.number)) or isinstance(sd, bool) or not 0 < sd < np.inf:
        raise SpecError(f"sd is a number above zero on the scale of the linear predictor; got {sd!r}.")
    return BaselineSD("SD that was given", float(sd))


def _correction(correction: object, scale: BaselineSD) -> float:
    """J = 1 / E(sd / s), s^2 being chi-squared with the scale's df (Hedges 1981, J Educational Statistics 6:107)."""
    if correction is None:
        return 1.0
    if correction != "hedges":
        raise SpecError(f"correction takes 'hedges' or None; got {correction!r}.")
    m = scale.df
    if np.isinf(m):
        raise SpecError(
            "correction='hedges' is for an SD that was estimated; leave it out where sd is given."
        )
    if m <= 1:
        raise EngineError(f"The SD at baseline has {m:.2g} degrees of freedom: too few to correct for.")
    return float(np.exp(gammaln(m / 2) - gammaln((m - 1) / 2)) * np.sqrt(2 / m))
