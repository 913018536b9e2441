"""Trials drawn from the priors that `fit` reports, and where the truth lies in the posterior of each."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

import msclong as ml
from msclong.api import long_data
from msclong.covariance.structure import CovarianceStructure
from msclong.design.design import Design, build_design
from msclong.design.unit_batches import unit_batches
from msclong.engines.bayesian.checking.checks import MOST_KHAT, reported_quantities
from msclong.engines.bayesian.conditional.marginal_likelihood import marginal_log_likelihood, not_served
from msclong.engines.bayesian.priors.conditional_priors import conditional_priors
from msclong.engines.bayesian.priors.model_priors import model_priors
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.posterior_draws import PosteriorDraws

MISSING = 0.2
GRADES = 4
TRIALS = 10
LIMIT = 0.5
"""Probability of a missed visit after baseline; an outcome's grades; a binomial one's trials; a detection limit."""

MOST_COUNT = 10_000
"""A trial with a larger count is drawn again."""

LIKELIHOODS = 100
"""Posterior draws among which the truth's log-likelihood is ranked."""

PLACEHOLDER = {"gaussian": 0.0, "student": 0.0, "beta": 0.5, "ordered_beta": 0.5, "logitnormal": 0.5}
LOG_LIKELIHOOD = "log-likelihood"
BACK = {"gaussian": lambda x: x, "lognormal": np.exp, "logitnormal": lambda x: 1 / (1 + np.exp(-x))}


@dataclass(frozen=True, eq=False)
class Model:
    """A spec whose priors do not depend on the outcome, and the trial that it is tried on.

    replicates : simulated trials. number : seeds them. engine : what they are fitted with, each with a seed of its own.
    """

    name: str
    spec: ml.ModelSpec
    number: int
    replicates: int
    engine: ml.Bayesian
    subjects: int = 16
    visits: tuple[int, ...] = (0, 1, 3, 6)

    @property
    def formula(self) -> str:
        return self.spec.formula

    @property
    def family(self) -> str:
        return self.spec.family

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The trial's calendar: two arms, each visit after baseline missed with probability MISSING."""
        rng = np.random.default_rng([self.number])
        T = len(self.visits)
        kept = seen(self.subjects, T, rng)
        frame = pd.DataFrame(
            {
                **calendar(self.subjects, self.visits),
                "time": np.tile(np.array(self.visits) / 3, self.subjects),
                "arm": np.repeat(np.where(np.arange(self.subjects) % 2, "active", "control"), T),
                "exposure": rng.normal(0, 0.3, self.subjects * T),
                "n": float(TRIALS),
                "censored": "none",
            }
        )
        frame = frame[kept.ravel()].reset_index(drop=True)
        frame["y"] = PLACEHOLDER.get(self.spec.family, 1.0)
        if self.spec.family.startswith("cumulative"):
            frame["y"] = np.arange(len(frame)) % GRADES
        return frame

    @cached_property
    def design(self) -> Design:
        """The design of the calendar; its outcome is a placeholder."""
        return build_design(self.spec, long_data(self.spec, self.frame))

    @cached_property
    def priors(self):
        return conditional_priors(self.design) if self.design.conditional else model_priors(self.design)

    def drawn_trial(self, rng: np.random.Generator) -> Trial:
        return drawn_trial(self, rng)

    def fit(self, frame: pd.DataFrame, engine: ml.Bayesian) -> ml.Fit:
        """The fit of a trial; raises AssertionError where its prior is not the one that the truth is drawn from."""
        fit = ml.fit(self.spec, frame, engine=engine)
        if not fit.priors.equals(self.priors.table()):
            raise AssertionError(f"{self.name}: the prior depends on the outcome\n{fit.priors}")
        return fit

    def quantities(
        self, fit: ml.Fit, truth: PosteriorDraws
    ) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
        """What is ranked: names (m,), posterior draws (S, m), true values (m,)."""
        names, draws = reported_quantities(fit.design, fit.estimate)
        return names, draws.reshape(-1, len(names)), reported_quantities(fit.design, truth)[1][0, 0]

    def log_likelihood(self, fit: ml.Fit, estimate: PosteriorDraws, chosen: np.ndarray) -> np.ndarray | None:
        """log p(y | beta, phi, theta) at the chosen draws; None where it is no quadrature."""
        if fit.design.conditional and not_served(fit.design):
            return None
        return log_likelihood(fit.design, estimate, chosen)


def calendar(subjects: int, visits: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Every subject at every visit."""
    return {"id": np.repeat(np.arange(subjects), len(visits)), "month": np.tile(visits, subjects)}


def seen(subjects: int, T: int, rng: np.random.Generator) -> np.ndarray:
    """(subjects, T) whether a visit was made: baseline always."""
    return np.column_stack([np.ones(subjects, dtype=bool), rng.random((subjects, T - 1)) > MISSING])


@dataclass(frozen=True)
class Trial:
    """A drawn truth (as a posterior of one draw), the table of its outcomes, and how many were drawn in vain."""

    truth: PosteriorDraws
    frame: pd.DataFrame
    drawn_again: int


def drawn_trial(model: Model, rng: np.random.Generator) -> Trial:
    """The first trial that the family can have been the outcome of: no underflow to zero, all grades seen.

    A condition on the outcomes alone leaves the posterior of every trial that meets it as it is.
    """
    again = 0
    while True:
        truth = drawn_truth(model, rng)
        frame = model.frame.copy()
        with np.errstate(over="ignore", invalid="ignore"):
            frame["y"] = drawn_outcome(model.design, truth, rng)
        if possible(model, frame["y"].to_numpy()):
            if model.spec.censored is not None:
                frame["censored"] = np.where(frame["y"] < LIMIT, "left", "none")
                frame["y"] = frame["y"].clip(lower=LIMIT)
            return Trial(truth, frame, again)
        again += 1


def drawn_truth(model: Model, rng: np.random.Generator) -> PosteriorDraws:
    """One draw of all parameters from the priors."""
    priors, design = model.priors, model.design
    parts = priors.coefficients if design.conditional else (priors.components,)
    coefficients = []
    for components in parts:
        weights = np.exp([log_weight for log_weight, _ in components])
        prior = components[rng.choice(len(weights), p=weights)][1]
        combination = rng.normal(prior.location, prior.sd)
        coefficients.append(np.linalg.solve(prior.K, combination)[None, None])
    values = {v.name: v.draw(1, rng)[0] for v in priors.covariance.variables}
    common = {
        "names": design.fixed.names,
        "draws": coefficients[0],
        "convergence": None,
        "theta": priors.covariance.theta(values, np)[None, None],
        "theta_names": design.structure.parameter_names,
    }
    if not design.conditional:
        return PosteriorDraws(**common)
    centre = (design.fixed.X @ coefficients[0][0, 0]).mean()
    phi = priors.family.phi({v.name: v.draw(1, rng)[0] for v in priors.family.variables}, centre)
    return ConditionalDraws(
        **common,
        family=design.family,
        phi={name: np.asarray(value)[None, None] for name, value in phi.items()},
        zero=coefficients[1] if design.zero is not None else None,
        zero_names=() if design.zero is None else design.zero.names,
    )


def drawn_outcome(design: Design, truth: PosteriorDraws, rng: np.random.Generator) -> np.ndarray:
    """An outcome for each row, on its own scale: subjects one by one, by the symmetric root of their covariance."""
    predictors = [design.fixed.X @ truth.flat[0]]
    if design.zero is not None:
        predictors.append(design.zero.X @ truth.flat_zero[0])
    eta = np.stack(predictors, axis=1)
    eta[:, 0] += design.offset
    eta += drawn_effects(
        design.structure, truth.flat_theta[0], design.unit, design.latent_coords(), rng
    ).reshape(eta.shape)
    if not design.conditional:
        return BACK[design.family.keyword](eta[:, 0])
    phi = {name: values[0] for name, values in truth.flat_phi.items()}
    if len(design.dispersion_levels) > 1:
        phi = {name: value[design.dispersion] if value.size > 1 else value for name, value in phi.items()}
    return np.asarray(design.family.draw(tuple(eta.T), phi, design.observation, rng), dtype=float)


def drawn_effects(
    structure: CovarianceStructure,
    theta: np.ndarray,
    unit: np.ndarray,
    coords: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """(N m,) with covariance Sigma(theta), unit by unit by its symmetric root; unit (N,), coords (N, [m,] d)."""
    effects = np.empty((len(unit), int(np.prod(coords.shape[1:-1]))))
    for one in np.unique(unit):
        rows = np.flatnonzero(unit == one)
        values, vectors = np.linalg.eigh(
            structure.sigma(theta, coords[rows].reshape(1, -1, coords.shape[-1]))[0]
        )
        drawn = vectors @ (np.sqrt(values.clip(0, None)) * rng.standard_normal(len(values)))
        effects[rows] = drawn.reshape(len(rows), -1)
    return effects


def possible(model: Model, y: np.ndarray) -> bool:
    family = model.spec.family
    if not np.isfinite(y).all():
        return False
    if family.startswith("cumulative"):
        return len(np.unique(y)) == GRADES
    if family in ("poisson", "negative_binomial"):
        return bool(y.max() <= MOST_COUNT)
    if family in ("gamma", "lognormal"):
        return bool((y > 0).all())
    if family in ("beta", "logitnormal"):
        return bool(((y > 0) & (y < 1)).all())
    return not family.startswith("hurdle") or bool((y > 0).any())


@dataclass(frozen=True)
class Replicate:
    """Where the truth of one trial lies among posterior draws, by quantity; None without an answer.

    reliable : whether k-hat is at most 0.7. converged : whether every criterion was met, of tail ESS too.
    """

    ranks: dict[str, float] | None
    reliable: bool
    converged: bool
    drawn_again: int
    seconds: float


def replicate(model: Any, number: int) -> Replicate:
    """One trial of a `Model` or a `JointModel`."""
    rng = np.random.default_rng([model.number, number])
    engine = replace(model.engine, seed=number)
    trial = model.drawn_trial(rng)
    began = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ml.errors.MsclongWarning)
            fit = model.fit(trial.frame, engine)
    except ml.errors.MsclongError:
        return Replicate(None, False, False, trial.drawn_again, time.process_time() - began)
    seconds = time.process_time() - began
    names, draws, truth = model.quantities(fit, trial.truth)
    # One uniform number breaks the ties of all quantities: what is a function of another has the same rank.
    u = rng.random()
    below = (draws < truth).sum(axis=0) + u * (1 + (draws == truth).sum(axis=0))
    ranks = dict(zip(names, below / (1 + len(draws)), strict=True))
    own = model.log_likelihood(fit, trial.truth, np.array([0]))
    if own is not None:
        chosen = rng.choice(len(fit.estimate.flat), LIKELIHOODS, replace=False)
        others = model.log_likelihood(fit, fit.estimate, chosen)
        ranks[LOG_LIKELIHOOD] = ((others < own).sum() + u) / (1 + LIKELIHOODS)
    reliable = np.isfinite(draws).all() and fit.outcome.diagnostics.get("Pareto k-hat", 0.0) <= MOST_KHAT
    return Replicate(ranks, bool(reliable), fit.outcome.converged, trial.drawn_again, seconds)


def log_likelihood(design: Design, estimate: PosteriorDraws, chosen: np.ndarray) -> np.ndarray:
    """log p(y | beta, phi, theta) at the chosen draws."""
    beta, theta = estimate.flat[chosen], estimate.flat_theta[chosen]
    if isinstance(estimate, ConditionalDraws):
        phi = {name: values[chosen] for name, values in estimate.flat_phi.items()}
        zero = None if estimate.zero is None else estimate.flat_zero[chosen]
        return marginal_log_likelihood(design, beta, zero, phi, theta).sum(axis=1)
    residual = design.y - beta @ design.fixed.X.T
    return log_normal(residual, design.structure, theta, design.unit, design.coords)


def log_normal(
    residual: np.ndarray,
    structure: CovarianceStructure,
    theta: np.ndarray,
    unit: np.ndarray,
    coords: np.ndarray,
) -> np.ndarray:
    """Log density (S,) of residuals (S, N) with covariance Sigma(theta), theta (S, k), up to a constant."""
    total = np.zeros(len(theta))
    for rows in unit_batches(unit, coords):
        for s in range(len(theta)):
            sigma = structure.sigma(theta[s], coords[rows])
            r = residual[s, rows][..., None]
            quadratic = (r * np.linalg.solve(sigma, r)).sum()
            total[s] -= (np.linalg.slogdet(sigma)[1].sum() + quadratic) / 2
    return total
