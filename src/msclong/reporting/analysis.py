"""What a report is about: fits of one model to one outcome, by one or more engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from types import NoneType
from typing import Any

import numpy as np
import pandas as pd

from msclong.data.long_data import LongData
from msclong.design.design import Design
from msclong.errors import SpecError, listing
from msclong.reporting.data_hash import data_hash
from msclong.reporting.names import Names
from msclong.results.fit import Fit
from msclong.results.hypothesis_table import Adjustment
from msclong.results.posterior_draws import PosteriorDraws
from msclong.spec.estimand import Estimand
from msclong.spec.model_spec import ModelSpec
from msclong.study.engine_names import engine_names

LEVEL = 0.95
"""Coverage of every interval in a report."""

MOST_TIMES_SHOWN = 7
"""Where time is continuous: at how many round times means are given, at most."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """The fits of a report by engine name, with what they share.

    adjust, family : the multiplicity adjustment of the contrasts, as `Fit.contrasts` takes it. estimand : where one
    was declared. label : the outcome's, where it is not that of the fits' spec.
    """

    fits: Mapping[str, Fit]
    adjust: Adjustment = None
    family: str | Sequence[str] | None = None
    estimand: Estimand | None = None
    label: str | None = None

    @property
    def first(self) -> Fit:
        return next(iter(self.fits.values()))

    @property
    def design(self) -> Design:
        return self.first.design

    @cached_property
    def spec(self) -> ModelSpec:
        spec = self.design.spec
        return spec if self.label is None else spec.replace(label=self.label)

    @property
    def data(self) -> LongData:
        return self.design.data

    @property
    def arm(self) -> str | None:
        return self.design.arm

    @property
    def subject(self) -> str:
        """The subject column: the data's, which may combine columns of the formula."""
        return self.data.subject

    @property
    def visit(self) -> str | None:
        return self.design.visit

    @cached_property
    def names(self) -> Names:
        return Names(self.spec, self.arm, self.visit)

    @cached_property
    def arms(self) -> tuple[Any, ...]:
        """Levels of the arm, the control first; empty without arms."""
        return () if self.arm is None else levels(self.design.fixed.frame[self.arm])

    @cached_property
    def times(self) -> tuple[Any, ...]:
        """Visits (or times) at which means are given; empty where no variable holds them."""
        if self.visit is None:
            return ()
        if not self.continuous_time:
            return self.design.fixed.values(self.visit)
        column = self.design.fixed.frame[self.visit]
        return round_times(float(column.min()), float(column.max()))

    @property
    def continuous_time(self) -> bool:
        """Whether `times` are a choice from a continuum rather than the visits of the data."""
        return self.design.continuous_time

    @property
    def occasion(self) -> str:
        """What the rows of means and contrasts are."""
        return "time" if self.continuous_time else "visit"

    @property
    def at(self) -> dict[str, Sequence[object]] | None:
        """The argument `at` of means and contrasts."""
        return {str(self.visit): list(self.times)} if self.continuous_time else None

    @cached_property
    def positions(self) -> dict[str, float]:
        """Place of each visit, by its label, on the time axis: time where it is known, else equally spaced."""
        labels = [self.names.label(time) for time in self.times]
        if self.spec.time is not None and self.spec.time != self.visit:
            medians = self.design.fixed.frame.groupby(self.visit, observed=True)[self.spec.time].median()
            return dict(zip(labels, medians.reindex(list(self.times)).astype(float), strict=True))
        numbers = pd.to_numeric(pd.Series(labels, dtype=object), errors="coerce")
        places = range(len(labels)) if numbers.isna().any() else numbers
        return {label: float(place) for label, place in zip(labels, places, strict=True)}

    @property
    def true_time(self) -> bool:
        """Whether `positions` are times, not ranks of visits."""
        labels = pd.Series(list(self.positions), dtype=object)
        return self.spec.time is not None or not pd.to_numeric(labels, errors="coerce").isna().any()

    @cached_property
    def counts(self) -> pd.DataFrame | None:
        """Subjects observed at each visit: columns arm and visit (text), observed; None for continuous times."""
        if not self.times or self.continuous_time:
            return None
        frame, keys = self.design.fixed.frame, [name for name in (self.arm, self.visit) if name is not None]
        grouped = frame.groupby(keys, observed=True)[self.subject].nunique().rename("observed").reset_index()
        arms = grouped[self.arm].map(self.names.arm) if self.arm is not None else ""
        return pd.DataFrame(
            {"arm": arms, "visit": grouped[self.visit].map(self.names.label), "observed": grouped["observed"]}
        )

    @property
    def effect(self) -> str:
        """What contrasts are, in words: 'difference', 'ratio' or 'odds ratio'."""
        return self.design.family.effects[0].replace("-", " ")

    @property
    def null(self) -> int:
        """The contrast of equal means: 0, or 1 of ratios."""
        return 0 if self.effect == "difference" else 1

    @property
    def null_word(self) -> str:
        return "one" if self.null else "zero"

    @property
    def average(self) -> str:
        """What means are, in words."""
        family = self.design.family
        if self.of_probability:
            return "probability"
        medians = {"log": "geometric mean", "logit": "median"} if family.transformed_gaussian else {}
        return medians.get(family.link, "mean")

    @property
    def averages(self) -> str:
        """The plural of `average`."""
        return "probabilities" if self.of_probability else f"{self.average}s"

    @property
    def of_probability(self) -> bool:
        """Whether means are probabilities: of yes, or of success in one trial."""
        return self.spec.family in ("bernoulli", "binomial")

    def averaged(self, outcome: str) -> str:
        """'mean X', 'geometric mean X', 'the probability of X', 'mean X per unit of exposure'."""
        if self.of_probability:
            return f"the probability of {outcome}{' in one trial' if self.spec.trials else ''}"
        return f"{self.average} {outcome}{self.per_exposure}"

    @property
    def per_exposure(self) -> str:
        """What follows the name of an outcome whose means are rates."""
        rates = self.spec.offset is not None and self.design.family.link == "log"
        return " per unit of exposure" if rates else ""

    @property
    def predictor_scale(self) -> str:
        """The scale of the linear predictors and their random effects."""
        family = self.design.family
        if self.design.zero is not None:
            zeros = "of \u201czero: \u2026\u201d, logit of a zero"
            return f"on the scale of the linear predictors ({family.link}; {zeros})"
        return "in the outcome's unit" if family.link == "identity" else family.predictor_scale

    @property
    def engines(self) -> dict[str, object]:
        return {name: fit.engine for name, fit in self.fits.items()}

    def bayesian(self, name: str) -> bool:
        return isinstance(self.fits[name].estimate, PosteriorDraws)


def analysis(
    fits: Fit | Sequence[Fit],
    adjust: Adjustment = None,
    family: str | Sequence[str] | None = None,
    estimand: Estimand | None = None,
) -> Analysis:
    """Check that the fits are of one model and one data set, and name them by engine.

    Raises SpecError where they are not, where there is nothing to report, or nothing to adjust, or for what is no
    estimand.
    """
    if not isinstance(estimand, (Estimand, NoneType)):
        raise SpecError(f"estimand takes an ml.Estimand(...); got {estimand!r}.")
    given = [fits] if isinstance(fits, Fit) else list(fits)
    if not given:
        raise SpecError("A report needs at least one fit; got none.")
    for fit in given:
        if not isinstance(fit, Fit):
            raise SpecError(
                f"A report is made of fits, such as ml.fit(spec, data); got {type(fit).__name__}."
            )
    first = given[0]
    for i, fit in enumerate(given[1:], start=2):
        if fit.spec != first.spec:
            differing = [
                f.name for f in fields(ModelSpec) if getattr(fit.spec, f.name) != getattr(first.spec, f.name)
            ]
            raise SpecError(
                f"Fit {i} has another model spec than fit 1 (they differ in {listing(differing)}). A report "
                "compares engines on one model: fit the same ModelSpec with each of them."
            )
        if fit.design is not first.design and data_hash(fit.design) != data_hash(first.design):
            raise SpecError(
                f"Fit {i} is of other data than fit 1 ({fit.n_obs} observations of {fit.n_subjects} subjects "
                f"against {first.n_obs} of {first.n_subjects}, or other values). Fit every engine to the "
                "same table."
            )
    adjust = None if adjust == "none" else adjust
    if adjust is not None and all(isinstance(fit.estimate, PosteriorDraws) for fit in given):
        raise SpecError(f"adjust={adjust!r} adjusts p-values, and a posterior has none; leave it out.")
    names = engine_names([fit.engine for fit in given])
    return Analysis(dict(zip(names, given, strict=True)), adjust, family, estimand)


def round_times(first: float, last: float, most: int = MOST_TIMES_SHOWN) -> tuple[float, ...]:
    """Multiples of 1, 2 or 5 times a power of ten from `first` to `last`, at most `most`.

    A multiple up to 1 % of the range outside counts as inside: data from 0.02 to 11.97 months give 0, 2, ..., 12.
    """
    slack = 0.01 * (last - first)
    power = 10.0 ** np.floor(np.log10((last - first) / most))
    for factor in (1, 2, 5, 10, 20, 50):
        step = factor * power
        multiples = np.arange(np.ceil((first - slack) / step), np.floor((last + slack) / step) + 1)
        if len(multiples) <= most:
            break
    return tuple(float(f"{multiple * step + 0.0:.10g}") for multiple in multiples)


def levels(column: pd.Series) -> tuple[Any, ...]:
    """Distinct values in order: categories as they stand, anything else sorted."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return tuple(column.cat.categories)
    return tuple(np.sort(column.unique()).tolist())
