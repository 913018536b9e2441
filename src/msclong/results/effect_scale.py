"""How means are compared: as differences, ratios or odds ratios, the latter two by way of logarithms."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from msclong.errors import HypothesisError, SpecError, listing
from msclong.families.family import Effect, Family, Link
from msclong.linear_hypothesis import LinearHypothesis, Sign
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws

LIMITS = ["estimate", "lower", "upper", "lower_adjusted", "upper_adjusted"]
"""Columns of a table that are values on its scale."""

ERRORS = ["se", "mcse"]
"""Columns that are small differences there."""

TRANSFORMED: dict[Link, Effect] = {"identity": "difference", "log": "ratio", "logit": "odds-ratio"}
"""What a difference of normal linear predictors is of the medians of the outcome."""


@dataclass(frozen=True)
class EffectScale:
    """Contrasts of g(mean), transformed back.

    apply : g. ratio : whether contrasts of g(mean) are logarithms of what is reported.
    """

    effect: Effect
    apply: Callable[[np.ndarray], np.ndarray]
    ratio: bool

    @property
    def sign(self) -> Sign:
        """How the names of comparisons are written."""
        return "/" if self.ratio else "-"

    def distance(self, given: float | None, what: str) -> float | None:
        """A margin, or a limit of a region, on the scale of the contrasts: 0.8 of a ratio as its logarithm.

        Raises SpecError for a ratio that is not above zero.
        """
        if given is None or not self.ratio:
            return given
        if (
            not isinstance(given, (int, float, np.number))
            or isinstance(given, bool)
            or not 0 < given < np.inf
        ):
            raise SpecError(
                f"The {what} of a {self.effect} is a number above zero, such as 0.8 or 1.25; got {given!r}."
            )
        return float(np.log(given))

    def region(self, given: object) -> tuple[float, float] | None:
        """A region of practical equivalence, its limits in order, on the scale of the contrasts. Raises SpecError."""
        if given is None:
            return None
        try:
            limits = tuple(given) if isinstance(given, Iterable) else ()
        except TypeError:  # an array of no dimension
            limits = ()
        if len(limits) != 2:
            example = "(0.8, 1.25)" if self.ratio else "(-1, 1)"
            raise SpecError(f"rope takes the two limits of a region, such as {example}; got {given!r}.")
        low, high = (self.distance(limit, "rope's limit") for limit in limits)
        if not (low is not None and high is not None and low < high):
            raise SpecError(f"rope takes two limits, the lower one first; got {given!r}.")
        return low, high

    def check(self, contrasts: LinearHypothesis) -> None:
        """Raise HypothesisError for rows that are no comparisons: logarithms of means do not add up to an area."""
        total = contrasts.L.sum(axis=1)
        wrong = np.abs(total) > 1e-9 * np.abs(contrasts.L).sum(axis=1)
        if self.ratio and wrong.any():
            raise HypothesisError(
                f"Rows {listing(contrasts.rows[wrong])} do not compare means with each other, so they have no "
                f"{self.effect}; ask for effect='difference' or 'link'."
            )

    def reported(self, table: pd.DataFrame) -> pd.DataFrame:
        """`table` of the contrasts of g(mean) as it is read."""
        result = transformed_back(table, np.exp, np.exp) if self.ratio else table
        result = result.rename(columns={"prob_negative": "prob_below_1"}) if self.ratio else result
        result.attrs["effect"] = self.effect
        return result


SCALES: dict[Effect, EffectScale] = {
    "difference": EffectScale("difference", lambda mean: mean, False),
    "ratio": EffectScale("ratio", np.log, True),
    "odds-ratio": EffectScale("odds-ratio", logit, True),
    "link": EffectScale("link", lambda mean: mean, False),
    "conditional-odds-ratio": EffectScale("conditional-odds-ratio", lambda mean: mean, True),
}


def chosen_effect(family: Family, effect: object) -> Effect:
    """The effect that is asked for; None is the family's first. Raises HypothesisError for one it does not have."""
    if effect is None:
        return family.effects[0]
    for known in family.effects:
        if known == effect:
            return known
    raise HypothesisError(
        f"effect={effect!r} is not one of family {family.keyword!r}; it has {listing(map(repr, family.effects))}."
    )


def exact(family: Family, effect: Effect, estimate: PointEstimate | PosteriorDraws) -> bool:
    """Whether the effect is a function of L beta: linear predictors, or medians of a normal variable transformed.

    Of a frequentist fit any other is refused, with HypothesisError.
    """
    medians = family.transformed_gaussian or family.link == "identity"
    if effect in ("link", "conditional-odds-ratio") or (medians and TRANSFORMED.get(family.link) == effect):
        return True
    if isinstance(estimate, PointEstimate):
        raise HypothesisError(
            f"A frequentist fit of family {family.keyword!r} compares medians of the outcome, by effect="
            f"{TRANSFORMED[family.link]!r} or 'link'; effect={effect!r} compares means, which depend on the variances "
            "too: fit with engine=ml.Bayesian()."
        )
    return False


def transformed_back(
    table: pd.DataFrame,
    inverse: Callable[[np.ndarray], np.ndarray],
    slope: Callable[[np.ndarray], np.ndarray],
) -> pd.DataFrame:
    """A table of the values `inverse` of those in `table`; standard errors by the delta method, from its `slope`.

    The estimate is `inverse` of the estimate, so that the ratio of A to B is one over that of B to A, from either
    engine. Equal-tailed limits, degrees of freedom, p-values and probabilities stay those of the scale of `table`.
    """
    result = table.copy()
    at = slope(table["estimate"].to_numpy())
    for name in table.columns.intersection(ERRORS):
        result[name] = table[name] * at
    for name in table.columns.intersection(LIMITS):
        result[name] = inverse(table[name].to_numpy())
    if "estimate" in result.attrs:
        result.attrs["estimate"] += ", transformed back"
    return result


INVERSES: dict[Link, tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]] = {
    "log": (np.exp, np.exp),
    "logit": (expit, lambda x: expit(x) * expit(-x)),
}
"""Inverse links of the transformed Gaussian families, and their slopes."""
