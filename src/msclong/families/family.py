"""What every distribution of the outcome provides: its density given the linear predictors, its mean, its checks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from msclong.errors import DataError, DesignError, listing
from msclong.families.arrays import Array, Arrays

Data = Mapping[str, Array]
"""What a density reads beside eta and phi: "y", and "trials", "censored", "upper" where the family reads them."""

Eta = tuple[Array, ...]
"""A linear predictor for each of `Family.predictors`."""

Phi = Mapping[str, Array]
"""The family's parameters by name."""

Link = Literal["identity", "log", "logit", "probit"]

Effect = Literal["difference", "ratio", "odds-ratio", "link", "conditional-odds-ratio"]
"""How two means on the outcome's scale are compared; 'link': as a difference of linear predictors, which given the
subject is the logarithm of the 'conditional-odds-ratio' where the link is the logit."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a family beside its linear predictors.

    kind : 'scale' in the outcome's unit (or its logarithm's), positive; 'positive', without unit; 'df', degrees of
    freedom; 'unit', between 0 and 1; 'ordered', cutpoints in ascending order, as many as the family says.
    """

    name: str
    kind: Literal["scale", "positive", "df", "unit", "ordered"]

    @property
    def varies(self) -> bool:
        """Whether `ModelSpec.dispersion_by` gives each of its levels a value of its own: a scale or dispersion."""
        return self.kind in ("scale", "positive", "unit")


class Family(ABC):
    """The distribution of an outcome given its linear predictors eta.

    `log_density`, `mean` and `draw` are elementwise: observations along the last axis, any axes before it (draws,
    quadrature nodes). `eta` holds one array for each of `predictors`; `phi` an array for each of `parameters`, with a
    last axis of one (or of the observations, where the parameter varies by visit); 'ordered' parameters have their
    cutpoints along the last axis. `data` has the outcome as "y", and what else the family reads of the table: "trials",
    "censored" (-1 left, 0 not, 1 right, 2 interval: then y is the limit, of an interval the lower one), "upper".
    """

    keyword: ClassVar[str]
    """The name in `ModelSpec(family=...)`."""

    description: ClassVar[str]
    """The distribution in words, to follow 'outcome given subject: '."""

    link: ClassVar[Link]
    """The scale of the first linear predictor."""

    predictors: ClassVar[tuple[str, ...]] = ("mean",)
    """'mean', and for hurdle families 'zero': the logit of the probability of zero."""

    parameters: tuple[Parameter, ...] = ()

    effects: ClassVar[tuple[Effect, ...]] = ("difference", "link")
    """Comparisons of means that make sense, the one taken unasked first."""

    reads: ClassVar[tuple[str, ...]] = ()
    """Columns beside the outcome that it needs or may have: 'trials', 'offset', 'censored'."""

    has_intercept: ClassVar[bool] = True
    """Whether the fixed part's constant is a coefficient; cutpoints stand in its place."""

    transformed_gaussian: ClassVar[bool] = False
    """Whether the family is a Gaussian model of `transform(y)`, which both engines fit with any covariance."""

    transform_name: ClassVar[str] = ""
    """How an equation writes the transform: 'log'; empty where the outcome is Gaussian as it stands."""

    @property
    def measured(self) -> str:
        """What the linear predictor is the mean of where that is Gaussian: 'the outcome', 'log(outcome)'."""
        return f"{self.transform_name}(outcome)" if self.transform_name else "the outcome"

    @property
    def predictor_scale(self) -> str:
        """The scale of the linear predictor and its coefficients: 'in outcome units', 'on the scale of ...'."""
        if self.link == "identity":
            return "in outcome units"
        what = self.measured if self.transform_name else f"the linear predictor ({self.link})"
        return f"on the scale of {what}"

    def fitted(self, y: np.ndarray) -> Family:
        """The family with what it takes from the outcomes (N,): the lowest and the highest grade, say."""
        return self

    def coded(self, y: np.ndarray) -> np.ndarray:
        """The outcomes as `log_density` reads them under "y": grades counted from zero, others as they stand."""
        return y

    def points(self, y: np.ndarray) -> tuple[float, ...]:
        """Outcomes with a probability of their own, as in the table: grades, counts up to the largest of y (N,)."""
        return ()

    def between(self, i: int) -> str:
        """The outcomes on either side of cutpoint i, from 0, as '1|2'; where the family has cutpoints."""
        raise NotImplementedError(f"{type(self).__name__} has no cutpoints.")

    def transform(self, y: np.ndarray) -> np.ndarray:
        """The Gaussian outcome of y, where the family is transformed Gaussian."""
        raise NotImplementedError(f"{type(self).__name__} is not a transformed Gaussian family.")

    def log_jacobian(self, y: np.ndarray) -> np.ndarray:
        """log |d transform / dy|, where the family is transformed Gaussian."""
        raise NotImplementedError(f"{type(self).__name__} is not a transformed Gaussian family.")

    @abstractmethod
    def log_density(self, data: Data, eta: Eta, phi: Phi, xp: Arrays) -> Array:
        """log p(y | eta, phi), normalised, for each observation."""

    @abstractmethod
    def mean(self, eta: Eta, phi: Phi, data: Data) -> np.ndarray:
        """E(y | eta, phi) on the outcome's own scale, for each observation ("y" is not read)."""

    @abstractmethod
    def draw(self, eta: Eta, phi: Phi, data: Data, rng: np.random.Generator) -> np.ndarray:
        """One outcome for each element of eta."""

    def latent_variance(self, phi: Phi, mean: np.ndarray) -> np.ndarray:
        """Variance of an outcome given its linear predictor, on the predictor's scale, (S,) (Nakagawa et al. 2017).

        Nakagawa, Johnson and Schielzeth (2017), Journal of the Royal Society Interface 14:20170213: the exact one
        where outcomes are functions of a latent variable, else the distribution-specific one at the population's `mean`
        (S,). phi : parameters, (S,) each. Raises NotImplementedError, with the reason, where there is none.
        """
        raise NotImplementedError(
            f"Outcomes of family {self.keyword!r} do not vary along one latent scale, on which they would have an SD."
        )

    @abstractmethod
    def check(self, data: Data, outcome: str, rows: pd.Index) -> None:
        """Raise DataError for outcomes that the family cannot have, with their rows."""

    def left_to_priors(self, data: Data, outcome: str) -> tuple[str, ...]:
        """What such outcomes leave to the priors alone, a sentence each.

        Raises DesignError where a posterior would be improper, or nothing but the priors.
        """
        refuse_constant(data["y"], outcome)
        return ()

    def sizes(self, y: np.ndarray) -> dict[str, int]:
        """The number of elements of each of `parameters`; cutpoints depend on the outcome."""
        return {parameter.name: 1 for parameter in self.parameters}


def refuse_constant(y: np.ndarray, outcome: str, which: str = "") -> None:
    """Raise DesignError for measurements without variation, whose density has no bound; `which` of them they are."""
    if len(y) and np.ptp(y) == 0:
        raise DesignError(
            f"{outcome!r} is the same ({y[0]:g}) in all rows{which}, so there is no variation to model; check the "
            "column."
        )


def refuse_outcomes(wrong: np.ndarray, outcome: str, rows: pd.Index, family: str, needs: str) -> None:
    """Raise DataError that names the rows marked `wrong`, (N,)."""
    if wrong.any():
        raise DataError(
            f"family={family!r} needs {needs}; {outcome!r} has others in {int(wrong.sum())} rows: rows "
            f"{listing(rows[wrong])}. Correct them, or choose another family."
        )


def no_events(outcome: str, what: str) -> tuple[str, ...]:
    """What a table without an event, or without a row that is not one, leaves to the priors."""
    return (
        f"{outcome} is at the end of its range in all rows: the data bound its {what} on one side only. How near to "
        "that end it is, how covariates change it and how subjects differ are left to the priors.",
    )
