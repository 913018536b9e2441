"""The posterior of a conditional model: by quadrature and importance sampling where that serves it, else by NUTS."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from msclong.design.design import Design
from msclong.engines.bayesian.checking.checks import (
    BY_NUTS,
    MOST_KHAT,
    complaints,
    importance_checks,
    reported_quantities,
)
from msclong.engines.bayesian.checking.convergence import Resampled, weighted_convergence
from msclong.engines.bayesian.checking.found import Found, importance_or_nuts, with_more_draws
from msclong.engines.bayesian.checking.parameter_tables import chain_table, weighted_table
from msclong.engines.bayesian.conditional.confounded_variances import confounded_variances
from msclong.engines.bayesian.conditional.marginal_likelihood import not_sampled, not_served
from msclong.engines.bayesian.conditional.marginal_posterior import MarginalPosterior, marginal_posterior
from msclong.engines.bayesian.conditional.subject_likelihood import ByPoints
from msclong.engines.bayesian.importance.importance_sampling import Weighted, importance_sample, systematic
from msclong.engines.bayesian.importance.posterior_mode import Mode, find_mode
from msclong.engines.bayesian.priors.conditional_priors import ConditionalPriors, conditional_priors
from msclong.errors import ConvergenceError, ConvergenceWarning, EngineError, warn
from msclong.results.check import Check
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.fit import Fit
from msclong.results.outcome import Outcome
from msclong.results.variance_components import VarianceComponents

NODES = {1: (11, 17, 25, 41), 2: (7, 9, 13, 19)}
"""Nodes in each dimension that are tried, the fewest first, by the number of random effects."""

NODES_ERROR = 1e-3
"""Doubling the nodes may change the log-likelihood of all subjects by this more at one draw than at another: 0.1 % of
a weight."""

NODES_DRAWS = 20
"""Draws around the mode at which that is measured."""

POINTS = (32, 64, 128)
"""Random points of each subject that are tried where there is no quadrature, the fewest first."""

POINTS_ERROR = 0.4
"""SD of the log-likelihood of all subjects due to the points, at the median draw: costs a seventh of the draws (Tran
et al. 2021)."""

REPLICATES = 8
"""New sets of points at each draw around the mode that it is measured with."""

MOST_NODES_ERROR = 0.05
"""Of the most nodes, an error up to this is passed: it moves no weight by more than 5 %."""


def fit_conditional(design: Design, engine: Any, seed: int) -> Fit:
    """Sample the posterior of a conditional design with the settings of `engine`, a `Bayesian`.

    sampler 'auto': importance sampling where subjects' effects can be integrated out and it meets its criteria, else
    NUTS; 'importance': never NUTS; 'nuts': always. Issues ConvergenceWarning where a check is missed. Raises
    EngineError where the sampler asked for cannot serve the model, ConvergenceError where it fails.
    """
    untold = design.family.left_to_priors(design.observation, design.data.outcome)
    priors = conditional_priors(design)
    found = _sampled(design, priors, engine, seed)
    missed = complaints(found.checks)
    if missed:
        warn(" ".join(missed), ConvergenceWarning)
    estimate = found.estimate
    sizes = [values.shape[2] for values in estimate.phi.values()]
    return Fit(
        engine=engine,
        design=design,
        estimate=estimate,
        covariance=VarianceComponents(design.structure, found.theta, found.parameters, design.visit_grid),
        outcome=Outcome(
            converged=not missed,
            notes=(*design.notes, priors.note, *untold, *confounded_variances(design), *found.notes, *missed),
            diagnostics={**found.diagnostics, "seed": seed},
            checks=found.checks,
        ),
        loglik=None,
        n_parameters=len(found.parameters) + len(estimate.names) + len(estimate.zero_names) + sum(sizes),
        priors=priors.table(),
    )


def _sampled(design: Design, priors: ConditionalPriors, engine: Any, seed: int) -> Found[ConditionalDraws]:
    reason = not_served(design)
    if reason:
        beyond = not_sampled(design)
        reason = f"{reason}, and {beyond}" if beyond not in ("", reason) else beyond
    if engine.sampler == "importance" and reason:
        raise EngineError(
            f"Bayesian(sampler='importance') does not serve this model: {reason}. Use sampler='auto'."
        )
    return importance_or_nuts(
        "nuts" if reason else engine.sampler,
        partial(with_more_draws, partial(_by_importance, design, priors, engine, seed)),
        partial(_by_nuts, design, priors, engine, seed),
    )


def _by_nuts(design: Design, priors: ConditionalPriors, engine: Any, seed: int) -> Found[ConditionalDraws]:
    from msclong.engines.bayesian.conditional.conditional_sample import sample_conditional  # brings PyMC

    estimate, checks, diagnostics, notes = sample_conditional(design, engine, seed, priors)
    parameters = chain_table(np.asarray(estimate.theta), estimate.theta_names)
    return Found(estimate, parameters, checks, diagnostics, notes)


@dataclass(frozen=True, eq=False)
class ImportancePosterior:
    """Weighted draws of the coordinates of `posterior`. nodes_error : see NODES_ERROR; where sampled, POINTS_ERROR."""

    posterior: MarginalPosterior
    weighted: Weighted
    nodes: int
    nodes_error: float

    @property
    def sampled(self) -> bool:
        """Whether nodes are the random points of each subject."""
        return isinstance(self.posterior.likelihood, ByPoints)


def importance_posterior(
    design: Design, priors: ConditionalPriors, draws: int, rng: np.random.Generator
) -> ImportancePosterior:
    """Weighted draws from the marginal posterior, by as many nodes, or points of each subject, as its draws need.

    Where no quadrature serves, the likelihood is estimated, without bias, anew for each draw: importance sampling
    squared (Tran et al. 2021, Behavior Research Methods 53:1148). The mode is that of an estimate with fixed points.

    Raises ConvergenceError where no mode is found, or the most points leave too much noise.
    """
    posterior = marginal_posterior(design, priors, rng)
    if isinstance(posterior.likelihood, ByPoints):
        posterior = replace(posterior, n_nodes=POINTS[0])
    mode = find_mode(posterior.log_density, posterior.start, rng)
    if isinstance(posterior.likelihood, ByPoints):
        likelihood = replace(posterior.likelihood, rng=rng)
        noisy, error = _with_points(replace(posterior, likelihood=likelihood), mode, rng)
        weighted = importance_sample(
            noisy.log_density,
            mode.u,
            draws=draws,
            rng=rng,
            smooth=posterior.log_density,
            # Points make the weights uneven whatever the proposal: a further round would mostly cost its time.
            good_khat=MOST_KHAT,
        )
        return ImportancePosterior(noisy, weighted, noisy.n_nodes or 0, error)
    root = np.linalg.cholesky(np.linalg.inv(mode.precision))
    around = mode.u + np.vstack(
        [np.zeros(len(mode.u)), rng.standard_normal((NODES_DRAWS, len(mode.u))) @ root.T]
    )
    for nodes in NODES[posterior.likelihood.rows.Z.shape[2]]:
        posterior = replace(posterior, n_nodes=nodes)
        doubled = replace(posterior, n_nodes=2 * nodes)
        # An error that all draws share leaves their weights as they are.
        exact = doubled.log_density(around)
        possible = exact > -np.inf
        error = float(np.ptp(posterior.log_density(around[possible]) - exact[possible]))
        if error < NODES_ERROR:
            break
    weighted = importance_sample(posterior.log_density, mode.u, draws=draws, rng=rng)
    return ImportancePosterior(posterior, weighted, nodes, error)


def _with_points(
    posterior: MarginalPosterior, mode: Mode, rng: np.random.Generator
) -> tuple[MarginalPosterior, float]:
    """The posterior with the fewest points that leave little noise, and the SD of that."""
    root = np.linalg.cholesky(np.linalg.inv(mode.precision))
    around = mode.u + rng.standard_normal((NODES_DRAWS, len(mode.u))) @ root.T
    for points in POINTS:
        posterior = replace(posterior, n_nodes=points)
        values = posterior.log_density(np.repeat(around, REPLICATES, axis=0)).reshape(NODES_DRAWS, REPLICATES)
        values = values[np.isfinite(values).all(axis=1)]
        error = float(np.median(values.std(axis=1, ddof=1))) if len(values) else np.inf
        if error < POINTS_ERROR:
            return posterior, error
    raise ConvergenceError(
        f"{points} points for each subject leave a log-likelihood with a standard error of {error:.2f}. Use "
        "Bayesian(sampler='nuts') or a structure with fewer parameters."
    )


def _by_importance(
    design: Design, priors: ConditionalPriors, engine: Any, seed: int, times: int
) -> Found[ConditionalDraws]:
    rng = np.random.default_rng(seed)
    draws = times * engine.draws * engine.chains
    sample = importance_posterior(design, priors, draws, rng)
    weights = sample.weighted.weights
    every = _estimate(design, sample, np.arange(len(weights)))
    chosen = systematic(weights, draws, rng)
    names, values = reported_quantities(design, every)
    figures = weighted_convergence(values[0], weights)
    khat, efficiency = sample.weighted.khat, sample.weighted.efficiency
    kind = "integration points" if sample.sampled else "quadrature nodes"
    error = "integration error" if sample.sampled else "quadrature error"
    quadrature = Check(
        "Quadrature error",
        sample.nodes_error,
        "<=",
        MOST_NODES_ERROR,
        f"{sample.nodes} nodes for each random effect are too few. {BY_NUTS}",
    )
    return Found(
        estimate=_estimate(design, sample, chosen),
        parameters=weighted_table(np.asarray(every.theta)[0], weights, every.theta_names),
        checks=(
            *importance_checks(names, figures, values[:, chosen], khat, efficiency, engine),
            *(() if sample.sampled else (quadrature,)),
        ),
        diagnostics={
            "sampler": "importance",
            "Pareto k-hat": khat,
            "efficiency": efficiency,
            "effective draws": sample.weighted.ess,
            "min bulk ESS": float(np.nanmin(figures["ess_bulk"])),
            "draws": sample.weighted.drawn,
            kind: sample.nodes,
            error: sample.nodes_error,
        },
        notes=sample.weighted.notes,
    )


def _estimate(design: Design, sample: ImportancePosterior, chosen: np.ndarray) -> ConditionalDraws:
    """The weighted draws at positions `chosen`, as draws of equal weight."""
    parameters = sample.posterior.parameters(sample.weighted.u[chosen])
    return ConditionalDraws(
        names=design.fixed.names,
        draws=parameters.coefficients[0][None],
        convergence=Resampled(chosen),
        theta=parameters.theta[None],
        theta_names=design.structure.parameter_names,
        family=design.family,
        phi={name: values[None] for name, values in parameters.phi.items()},
        zero=None if design.zero is None else parameters.coefficients[1][None],
        zero_names=() if design.zero is None else design.zero.names,
    )
