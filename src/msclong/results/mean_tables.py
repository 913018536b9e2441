"""Tables of marginal means and of their contrasts, on the scale that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from msclong.contrasts.margins import ONE_SIDED
from msclong.contrasts.mean_contrasts import MeanContrasts
from msclong.design.design import Design
from msclong.errors import EngineError, HypothesisError
from msclong.families.family import Effect
from msclong.linear_hypothesis import LinearHypothesis
from msclong.results.effect_scale import INVERSES, SCALES, EffectScale, chosen_effect, exact, transformed_back
from msclong.results.hypothesis_table import Adjustment, hypothesis_table
from msclong.results.outcome_events import event
from msclong.results.outcome_means import OutcomeScale, Value
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import HeavyTailedDraws, PosteriorDraws
from msclong.results.posterior_table import OF_ZERO, IntervalKind

Estimate = PointEstimate | PosteriorDraws

Scale = Literal["mean", "median", "link"]


def means_table(
    design: Design,
    estimate: Estimate,
    asked: MeanContrasts,
    scale: Scale | None = None,
    level: float = 0.95,
    interval: IntervalKind = "equal-tailed",
) -> pd.DataFrame:
    """The means of `asked`; None: medians of a transformed Gaussian family, means of any other.

    Raises HypothesisError for a scale that the family, or the engine, has not.
    """
    family = design.family
    if scale not in (None, "mean", "median", "link"):
        raise HypothesisError(f"scale takes 'mean', 'median', 'link' or None; got {scale!r}.")
    if scale == "median" and not family.transformed_gaussian:
        raise HypothesisError(
            f"Medians of family {family.keyword!r} are not available; scale='mean' or 'link' are."
        )
    scale = scale or ("median" if family.transformed_gaussian else "mean")
    if scale == "link" or not _transformed(design):
        table = hypothesis_table(estimate, asked.hypothesis, level, interval=interval)
        table.attrs["scale"] = scale if scale == "link" else "mean"
        return table
    if scale == "median":
        table = hypothesis_table(estimate, asked.hypothesis, level, interval=interval)
        table = transformed_back(table, *INVERSES[family.link])
    elif isinstance(estimate, PointEstimate):
        raise HypothesisError(
            f"A frequentist fit of family {family.keyword!r} has medians of the outcome (scale='median') and means on "
            "the transformed scale ('link'); for means fit with engine=ml.Bayesian()."
        )
    else:
        means = OutcomeScale(design, estimate).means(asked)
        draws = _as_draws(estimate, means, design.family.link == "log")
        table = hypothesis_table(draws, asked.contrasts, level, interval=interval)
    # Such means are never below zero, nor tested against it.
    table = table.drop(columns=[*OF_ZERO, "statistic", "p_value"], errors="ignore")
    table.attrs["scale"] = scale
    return table


def contrasts_table(
    design: Design,
    estimate: Estimate,
    asked: MeanContrasts | LinearHypothesis,
    effect: str | None = None,
    level: float = 0.95,
    margin: float | None = None,
    test: str | None = None,
    adjust: Adjustment = None,
    family: str | Sequence[str] | None = None,
    rope: tuple[float, float] | None = None,
    interval: IntervalKind = "equal-tailed",
    outcome: float | None = None,
    at_least: float | None = None,
) -> pd.DataFrame:
    """The contrasts of `asked` on the scale of `effect`; rows over coefficients are on the linear predictor's.

    outcome, at_least : compare the probability of this outcome, or of one at least so large, in place of means.

    A margin, and a rope's limits, are distances: of ratios, ratios. Without one the spec's margin counts for the
    family's own effect. Raises SpecError or HypothesisError.
    """
    if margin is not None and test in ONE_SIDED:
        raise HypothesisError(
            f"test={test!r} is against zero and has no margin; test='superiority' and 'non-inferiority' have one."
        )
    of = _event(design, outcome, at_least)
    if isinstance(asked, LinearHypothesis):
        scale = SCALES[_of_coefficients(design, effect, of)]
    else:
        scale = scale_of_means(design, effect, outcome, at_least)
    if (
        margin is None
        and of is None
        and (scale.effect == design.family.effects[0] or not _transformed(design))
    ):
        margin = design.spec.margin

    def table(estimate: Estimate, rows: LinearHypothesis) -> pd.DataFrame:
        distance, region = scale.distance(margin, "margin"), scale.region(rope)
        found = hypothesis_table(estimate, rows, level, distance, test, adjust, family, region, interval)
        return scale.reported(found)

    if isinstance(asked, LinearHypothesis):
        return table(estimate, asked)
    scale.check(asked.contrasts)
    if of is None and exact(design.family, scale.effect, estimate):
        return table(estimate, asked.hypothesis)
    if isinstance(estimate, PointEstimate):  # of probabilities: of means, `exact` has refused it
        raise EngineError("Probabilities are those of a posterior: fit with engine=ml.Bayesian().")
    compared = scale.apply(OutcomeScale(design, estimate).means(asked, of))
    # Logarithms of means, and probabilities, have posterior means.
    heavy = design.family.link == "log" and of is None and not scale.ratio
    return table(_as_draws(estimate, compared, heavy), asked.contrasts)


def scale_of_means(
    design: Design, effect: str | None, outcome: float | None, at_least: float | None
) -> EffectScale:
    """How `contrasts_table` compares means, or the probabilities of an outcome. Raises HypothesisError."""
    probabilities = outcome is not None or at_least is not None
    return SCALES[_of_probabilities(effect) if probabilities else chosen_effect(design.family, effect)]


def _transformed(design: Design) -> bool:
    return design.family.link != "identity"


def _event(design: Design, outcome: float | None, at_least: float | None) -> Value | None:
    if outcome is not None and at_least is not None:
        raise HypothesisError("outcome= and at_least= are two events; name one of them.")
    if at_least is not None:
        return event(design, at_least, at_least=True)
    return None if outcome is None else event(design, outcome)


def _of_probabilities(effect: object) -> Effect:
    of_two: tuple[Effect, ...] = ("difference", "ratio", "odds-ratio")
    for known in of_two:
        if effect in (None, known):
            return known
    raise HypothesisError(
        f"Probabilities have 'difference', 'ratio' and 'odds-ratio'; got effect={effect!r}."
    )


def _of_coefficients(design: Design, effect: object, of: Value | None) -> Effect:
    """The effect of rows over coefficients: differences of linear predictors."""
    if effect == "conditional-odds-ratio" and effect in design.family.effects and of is None:
        return "conditional-odds-ratio"
    chosen: Effect = "link" if _transformed(design) else "difference"
    if effect not in (None, "link", chosen) or of is not None:
        raise HypothesisError(
            "Rows over coefficients are on the linear predictor's scale, not on that of means or probabilities: leave "
            "effect, outcome and at_least out, or say what to compare by kind, versus, factor and by."
        )
    return chosen


def _as_draws(estimate: PosteriorDraws, means: np.ndarray, heavy: bool) -> PosteriorDraws:
    """Draws of M means (chains, draws, M); tables of `heavy`-tailed ones have medians."""
    names = tuple(f"mean {i + 1}" for i in range(means.shape[2]))
    kind = HeavyTailedDraws if heavy else PosteriorDraws
    return kind(names=names, draws=means, convergence=estimate.convergence)
