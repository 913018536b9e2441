"""The posterior of a conditional model by the No-U-Turn sampler, checked; sampled again where a check is missed."""

from __future__ import annotations

from typing import Any

from msclong.design.design import Design
from msclong.engines.bayesian.checking.checks import (
    chain_checks,
    chain_diagnostics,
    reported_quantities,
    with_second_try,
)
from msclong.engines.bayesian.checking.convergence import convergence
from msclong.engines.bayesian.conditional.conditional_model import conditional_data, draw_conditional
from msclong.engines.bayesian.priors.conditional_priors import ConditionalPriors
from msclong.results.check import Check
from msclong.results.conditional_draws import ConditionalDraws

Diagnostics = dict[str, float | int | str]


def sample_conditional(
    design: Design, engine: Any, seed: int, priors: ConditionalPriors
) -> tuple[ConditionalDraws, tuple[Check, ...], Diagnostics, tuple[str, ...]]:
    """Draws with the settings of `engine`, a `Bayesian`; their checks; figures of the sampler; notes.

    Raises EngineError for a covariance that the sampler's model cannot express, ConvergenceError where sampling fails.
    """
    data = conditional_data(design, priors)

    def run(settings: Any) -> tuple[tuple[ConditionalDraws, Diagnostics], tuple[Check, ...]]:
        sampled = draw_conditional(
            data,
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            seed=seed,
            target_accept=settings.target_accept,
            progress=settings.progress,
        )
        estimate = ConditionalDraws(
            names=design.fixed.names,
            draws=sampled.coefficients[0],
            convergence=convergence,
            theta=sampled.theta,
            theta_names=design.structure.parameter_names,
            family=design.family,
            phi=sampled.phi,
            zero=None if design.zero is None else sampled.coefficients[1],
            zero_names=() if design.zero is None else design.zero.names,
            sample_stats=sampled.stats,
        )
        names, values = reported_quantities(design, estimate)
        checks = chain_checks(names, values, sampled.stats, settings)
        draws = settings.chains * settings.draws
        return (estimate, {**chain_diagnostics(checks), "draws": draws, "seed": seed}), checks

    (estimate, diagnostics), checks, notes = with_second_try(run, engine)
    return estimate, checks, diagnostics, notes
