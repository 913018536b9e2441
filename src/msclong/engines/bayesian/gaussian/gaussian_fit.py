"""The fit of a Gaussian design: by importance sampling where that is reliable, else by the No-U-Turn sampler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from msclong.covariance.unstructured import Unstructured
from msclong.design.degeneracy import refuse_degenerate_unstructured, refuse_unidentified_random_effects
from msclong.design.design import Design
from msclong.engines.bayesian.checking.checks import (
    chain_checks,
    chain_diagnostics,
    complaints,
    importance_checks,
    reported_quantities,
    with_second_try,
)
from msclong.engines.bayesian.checking.convergence import Resampled, convergence, weighted_convergence
from msclong.engines.bayesian.checking.found import Found, importance_or_nuts, with_more_draws
from msclong.engines.bayesian.checking.parameter_tables import chain_table, weighted_table
from msclong.engines.bayesian.gaussian.coefficients import draw_coefficients, drawn_component
from msclong.engines.bayesian.gaussian.gaussian_posterior import GaussianPosterior, gaussian_posterior
from msclong.engines.bayesian.importance.importance_sampling import Weighted, importance_sample, systematic
from msclong.engines.bayesian.importance.posterior_mode import find_mode
from msclong.errors import ConvergenceWarning, DesignError, warn
from msclong.results.check import Check
from msclong.results.fit import Fit
from msclong.results.outcome import Outcome
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.posterior_mixture import PosteriorMixture
from msclong.results.variance_components import VarianceComponents

LEAST_DRAWS, FREE_DRAWS = 4000, 40_000
"""Draws that importance sampling makes, however few are asked for: tables rest on all of them. The second of a model so
small that they cost no more than the rest of the way from data to tables."""

FREE = 1_000_000
"""Numbers that the likelihoods of so many draws may need together."""

MOST_ROOTS = 20_000_000
"""Numbers that the covariances of beta given theta may hold (160 MB); beyond, the mixture has fewer draws of theta."""

Reported = Callable[[PosteriorDraws], tuple[tuple[str, ...], np.ndarray]]
"""Names (m,) and draws (chains, draws, m) of the quantities that are reported."""


def fit_gaussian(design: Design, engine: Any, seed: int) -> Fit:
    """Sample the posterior of a Gaussian design with the settings of `engine`, a `Bayesian`; see `Bayesian.fit`."""
    refuse_unidentified_random_effects(design)
    posterior = gaussian_posterior(design)
    found = sampled(posterior, partial(reported_quantities, design), engine, seed)
    missed = complaints(found.checks)
    if missed:
        warn(" ".join(missed), ConvergenceWarning)
    return Fit(
        engine=engine,
        design=design,
        estimate=found.estimate,
        covariance=VarianceComponents(design.structure, found.theta, found.parameters, design.visit_grid),
        outcome=Outcome(
            converged=not missed,
            notes=(
                *design.notes,
                posterior.priors.note(),
                *_weakly_identified(design),
                *found.notes,
                *missed,
            ),
            diagnostics={**found.diagnostics, "seed": seed},
            checks=found.checks,
        ),
        loglik=None,
        n_parameters=design.structure.n_parameters + len(design.fixed.names),
        priors=posterior.priors.table(),
    )


def sampled(
    posterior: GaussianPosterior, reported: Reported, engine: Any, seed: int
) -> Found[PosteriorDraws]:
    """Sample a posterior with the settings of `engine`; `reported` are the quantities that the checks are of."""
    return importance_or_nuts(
        engine.sampler,
        partial(with_more_draws, partial(_by_importance, posterior, reported, engine, seed)),
        partial(_by_nuts, posterior, reported, engine, seed),
    )


def _by_importance(
    posterior: GaussianPosterior, reported: Reported, engine: Any, seed: int, times: int
) -> Found[PosteriorDraws]:
    rng = np.random.default_rng(seed)
    free = int(np.clip(FREE // posterior.numbers, LEAST_DRAWS, FREE_DRAWS))
    draws = times * max(free, engine.draws * engine.chains)
    weighted, posterior = weighted_draws(posterior, draws, rng)
    theta = posterior.theta(weighted.u)
    estimate, every = _mixture(posterior, weighted, theta, engine.draws * engine.chains, rng)
    names, values = reported(every)
    figures = weighted_convergence(values[0], estimate.weights)
    checks = importance_checks(
        names,
        figures,
        values[:, systematic(estimate.weights, LEAST_DRAWS, rng)],
        weighted.khat,
        weighted.efficiency,
        engine,
    )
    return Found(
        estimate=estimate,
        parameters=weighted_table(theta, weighted.weights, posterior.structure.parameter_names),
        checks=checks,
        diagnostics={
            "sampler": "importance",
            "Pareto k-hat": weighted.khat,
            "efficiency": weighted.efficiency,
            "effective draws": weighted.ess,
            "min bulk ESS": float(np.nanmin(figures["ess_bulk"])),
            "draws": weighted.drawn,
        },
        notes=weighted.notes,
    )


def weighted_draws(
    posterior: GaussianPosterior, draws: int, rng: np.random.Generator
) -> tuple[Weighted, GaussianPosterior]:
    """Weighted draws of u, and the posterior in whose coordinates they are: those around its mode."""
    if posterior.coordinates.matrices:
        mode = find_mode(posterior.log_density, posterior.start, rng)
        posterior = posterior.centred(mode.u)
    found = importance_sample(
        posterior.log_density, posterior.start, draws=draws, rng=rng, at_once=posterior.at_once
    )
    return found, posterior


def _mixture(
    posterior: GaussianPosterior,
    weighted: Weighted,
    theta: np.ndarray,
    draws: int,
    rng: np.random.Generator,
) -> tuple[PosteriorMixture, PosteriorDraws]:
    """The posterior as a mixture; and one draw of beta at each weighted draw of theta."""
    names = posterior.names
    most = max(1, MOST_ROOTS // (len(posterior.squares) * len(names) ** 2))
    weights, chosen = weighted.weights, np.arange(len(weighted.u))
    if len(chosen) > most:
        chosen, counts = np.unique(systematic(weights, most, rng), return_counts=True)
        weights = counts / most
    shares, means, roots = posterior.coefficients(weighted.u[chosen])
    kept = PosteriorMixture(
        names=names,
        draws=np.empty((1, 0, len(names))),
        convergence=convergence,
        theta_names=posterior.structure.parameter_names,
        weights=weights,
        shares=shares,
        means=means,
        roots=roots,
    )
    again = systematic(weights, draws, rng)
    beta, every = (_beta(kept, at, rng) for at in (again, np.arange(len(chosen))))
    estimate = replace(kept, draws=beta[None], theta=theta[chosen[again]][None], convergence=Resampled(again))
    return estimate, replace(estimate, draws=every[None], theta=theta[chosen][None])


def _beta(mixture: PosteriorMixture, at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One draw of beta at each of the mixture's draws of theta `at` (n,), (n, p)."""
    one = (drawn_component(mixture.shares[at], rng), at)
    z = rng.standard_normal((len(at), len(mixture.names)))
    spread = np.einsum("pqs,sq->sp", mixture.roots.transpose(2, 3, 1, 0)[:, :, *one], z)
    return np.asarray(mixture.means.T[:, *one].T + spread)


def _by_nuts(
    posterior: GaussianPosterior, reported: Reported, engine: Any, seed: int
) -> Found[PosteriorDraws]:
    found, checks, notes = with_second_try(partial(_nuts, posterior, reported, seed), engine)
    return replace(found, checks=checks, notes=notes)


def _nuts(
    posterior: GaussianPosterior, reported: Reported, seed: int, engine: Any
) -> tuple[Found[PosteriorDraws], tuple[Check, ...]]:
    from msclong.engines.bayesian.gaussian.theta_model import (
        sample_theta,  # brings PyMC: only where it is needed
    )

    beta = posterior.beta_priors
    sampled = sample_theta(
        posterior.structure,
        posterior.priors.covariance,
        posterior.moments,
        posterior.standardised.scale,
        beta,
        draws=engine.draws,
        tune=engine.tune,
        chains=engine.chains,
        seed=seed,
        target_accept=engine.target_accept,
        progress=engine.progress,
    )
    shape = sampled.theta.shape
    flat = sampled.theta.reshape(-1, shape[2])
    gamma = draw_coefficients(
        posterior.structure,
        flat,
        posterior.moments,
        np.random.default_rng(seed),
        posterior.log_weights,
        beta.given(sampled.of_beta, beta.arrays, np)[1],
    )
    theta = posterior.in_outcome_units(flat).reshape(shape)
    estimate = PosteriorDraws(
        names=posterior.names,
        draws=posterior.standardised.coefficients(gamma).reshape(*shape[:2], -1),
        convergence=convergence,
        theta=theta,
        theta_names=posterior.structure.parameter_names,
        sample_stats=sampled.stats,
    )
    names, values = reported(estimate)
    checks = chain_checks(names, values, sampled.stats, engine)
    found = Found(
        estimate=estimate,
        parameters=chain_table(theta, posterior.structure.parameter_names),
        checks=checks,
        diagnostics={**chain_diagnostics(checks), "draws": shape[0] * shape[1]},
        notes=(),
    )
    return found, checks


def _weakly_identified(design: Design) -> tuple[str, ...]:
    """A note where the likelihood alone has no maximum and the proper priors carry the answer."""
    try:
        refuse_degenerate_unstructured(design)
    except DesignError:
        structure = design.structure
        visits = structure.n_visits if isinstance(structure, Unstructured) else 0
        return (
            f"Too few subjects were seen at all {visits} visits for a maximum likelihood estimate of an unstructured "
            "covariance: the priors of its standard deviations and correlations matter here.",
        )
    return ()
