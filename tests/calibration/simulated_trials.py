"""Trials drawn from the priors that `fit` reports, and where the truth lies in the posterior of each."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

import msclong as ml
from msclong.api import long_data
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

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The trial's calendar: two arms, each visit after baseline missed with probability MISSING."""
        rng = np.random.default_rng([self.number])
        T = len(self.visits)
        kept = np.column_stack([np.ones(self.subjects), rng.random((self.subjects, T - 1)) > MISSING])
        frame = pd.DataFrame(
            {
                "id": np.repeat(np.arange(self.subjects), T),
                "month": np.tile(self.visits, self.subjects),
                "time": np.tile(np.array(self.visits) / 3, self.subjects),
                "arm": np.repeat(np.where(np.arange(self.subjects) % 2, "active", "control"), T),
                "exposure": rng.normal(0, 0.3, self.subjects * T),
                "n": float(TRIALS),
                "censored": "none",
            }
        )
        frame = frame[kept.ravel() == 1].reset_index(drop=True)
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
    coords = design.latent_coords()
    for unit in np.unique(design.unit):
        rows = np.flatnonzero(design.unit == unit)
        own = coords[rows].reshape(1, -1, coords.shape[2])
        values, vectors = np.linalg.eigh(design.structure.sigma(truth.flat_theta[0], own)[0])
        latent = vectors @ (np.sqrt(values.clip(0, None)) * rng.standard_normal(len(values)))
        eta[rows] += latent.reshape(len(rows), -1)
    if not design.conditional:
        return {"gaussian": lambda x: x, "lognormal": np.exp, "logitnormal": lambda x: 1 / (1 + np.exp(-x))}[
            design.family.keyword
        ](eta[:, 0])
    phi = {name: values[0] for name, values in truth.flat_phi.items()}
    if len(design.dispersion_levels) > 1:
        phi = {name: value[design.dispersion] if value.size > 1 else value for name, value in phi.items()}
    return np.asarray(design.family.draw(tuple(eta.T), phi, design.observation, rng), dtype=float)


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


def replicate(model: Model, number: int) -> Replicate:
    rng = np.random.default_rng([model.number, number])
    engine = replace(model.engine, seed=number)
    trial = drawn_trial(model, rng)
    began = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ml.errors.MsclongWarning)
            fit = ml.fit(model.spec, trial.frame, engine=engine)
    except ml.errors.MsclongError:
        return Replicate(None, False, False, trial.drawn_again, time.process_time() - began)
    seconds = time.process_time() - began
    if not fit.priors.equals(model.priors.table()):
        raise AssertionError(f"{model.name}: the prior depends on the outcome\n{fit.priors}")
    names, draws = reported_quantities(fit.design, fit.estimate)
    truth = reported_quantities(fit.design, trial.truth)[1][0, 0]
    draws = draws.reshape(-1, len(names))
    # One uniform number breaks the ties of all quantities: what is a function of another has the same rank.
    u = rng.random()
    below = (draws < truth).sum(axis=0) + u * (1 + (draws == truth).sum(axis=0))
    ranks = dict(zip(names, below / (1 + len(draws)), strict=True))
    if not (model.design.conditional and not_served(model.design)):
        chosen = rng.choice(len(fit.estimate.flat), LIKELIHOODS, replace=False)
        own = log_likelihood(fit.design, trial.truth, np.array([0]))[0]
        others = log_likelihood(fit.design, fit.estimate, chosen)
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
    total = np.zeros(len(chosen))
    for rows in unit_batches(design.unit, design.coords):
        for s in range(len(chosen)):
            sigma = design.structure.sigma(theta[s], design.coords[rows])
            r = residual[s, rows][..., None]
            quadratic = (r * np.linalg.solve(sigma, r)).sum()
            total[s] -= (np.linalg.slogdet(sigma)[1].sum() + quadratic) / 2
    return total
