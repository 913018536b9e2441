"""Yes or no, and counts of successes among a known number of trials."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit

from msclong.errors import DesignError
from msclong.families.arrays import Array, Arrays
from msclong.families.family import Data, Effect, Eta, Family, Phi, no_events, refuse_outcomes


class Binomial(Family):
    """y ~ Binomial(trials, expit(eta)); `mean` is the probability of a success."""

    keyword: ClassVar[str] = "binomial"
    description: ClassVar[str] = "binomial, the logit of the probability being the linear predictor"
    link = "logit"
    effects: ClassVar[tuple[Effect, ...]] = (
        "difference",
        "odds-ratio",
        "ratio",
        "link",
        "conditional-odds-ratio",
    )
    reads: ClassVar[tuple[str, ...]] = ("trials",)
    needs: ClassVar[str] = "whole numbers from 0 to the number of trials, itself a whole number"

    def trials(self, data: Data) -> Array:
        """The number of trials of each observation."""
        return data["trials"]

    def points(self, y: np.ndarray) -> tuple[float, ...]:
        return (0.0, 1.0)

    def log_density(self, data: Data, eta: Eta, phi: Phi, xp: Arrays) -> Array:
        y, n = data["y"], self.trials(data)
        choose = xp.gammaln(n + 1) - xp.gammaln(y + 1) - xp.gammaln(n - y + 1)
        return choose + y * eta[0] - n * xp.softplus(eta[0])

    def mean(self, eta: Eta, phi: Phi, data: Data) -> np.ndarray:
        return np.asarray(expit(eta[0]))

    def draw(self, eta: Eta, phi: Phi, data: Data, rng: np.random.Generator) -> np.ndarray:
        return np.asarray(rng.binomial(self.trials(data).astype(np.int64), expit(eta[0])), dtype=float)

    def latent_variance(self, phi: Phi, mean: np.ndarray) -> np.ndarray:
        """Of the standard logistic variable that a trial's success is the sign of."""
        return np.full(len(mean), np.pi**2 / 3)

    def check(self, data: Data, outcome: str, rows: pd.Index) -> None:
        y, n = data["y"], self.trials(data)
        wrong = (y < 0) | (y > n) | (y != np.round(y)) | (n != np.round(n))
        refuse_outcomes(wrong, outcome, rows, self.keyword, self.needs)

    def left_to_priors(self, data: Data, outcome: str) -> tuple[str, ...]:
        y, n = data["y"], np.broadcast_to(self.trials(data), data["y"].shape)
        if not n.any():
            raise DesignError(
                f"No row of {outcome!r} has a trial, so there is nothing to model; check the column."
            )
        return no_events(outcome, "probability") if not y.any() or (y == n).all() else ()


class Bernoulli(Binomial):
    """y is 1 with probability expit(eta), else 0: one trial each."""

    keyword: ClassVar[str] = "bernoulli"
    description: ClassVar[str] = "yes (1) or no (0), the logit of the probability being the linear predictor"
    reads: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[str] = "0 (no) and 1 (yes)"

    def trials(self, data: Data) -> Array:
        return np.ones(1)
