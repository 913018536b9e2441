"""The fit of a joint design: one posterior of all outcomes, and each outcome's own fit from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from msclong.design.degeneracy import refuse_unidentified_random_effects
from msclong.design.joint_design import JointDesign
from msclong.engines.bayesian.checking.checks import (
    complaints,
    reported_quantities,
    sds_and_correlations,
)
from msclong.engines.bayesian.checking.found import Found
from msclong.engines.bayesian.gaussian.gaussian_fit import sampled
from msclong.engines.bayesian.gaussian.gaussian_posterior import GaussianPosterior, posterior_of
from msclong.engines.bayesian.joint.joint_engine import JointBayesian
from msclong.engines.bayesian.joint.joint_priors import joint_priors
from msclong.engines.bayesian.joint.pooled_changes import PooledChanges
from msclong.engines.bayesian.joint.pooled_posterior import pooled_posterior
from msclong.engines.bayesian.priors.model_priors import model_priors
from msclong.errors import ConvergenceWarning, listing, warn
from msclong.results.fit import Fit
from msclong.results.outcome import Outcome
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.posterior_mixture import PosteriorMixture
from msclong.results.variance_components import VarianceComponents


@dataclass(frozen=True, eq=False)
class JointPosterior:
    """The posterior of all outcomes.

    estimate : all coefficients, in outcome units, and theta of the standardised outcomes. fits : by outcome, their
    draws aligned. pooled : (chains, draws, T + 1), the mean changes and their heterogeneity; see `PooledChanges`.
    """

    estimate: PosteriorDraws
    fits: dict[str, Fit]
    outcome: Outcome
    pooled: np.ndarray | None


def joint_posterior(joint: JointDesign, pooled: PooledChanges | None) -> GaussianPosterior:
    """The posterior in units of the outcomes' scales."""
    posterior = posterior_of(joint.structure, joint.moments, joint_priors(joint))
    if pooled is None:
        return posterior
    stated = [f"{name}: {one}" for name, d in joint.designs.items() for one in d.spec.priors.coefficients]
    return pooled_posterior(posterior, pooled, stated)


def joint_model(joint: JointDesign, pooled: PooledChanges | None) -> Any:
    """The posterior as a pm.Model; see `JointFit.pymc_model`."""
    from msclong.engines.bayesian.gaussian.theta_model import (
        model_of,  # brings PyMC: only where it is needed
    )

    return model_of(joint_posterior(joint, pooled))


def fit_joint_design(
    joint: JointDesign, pooled: PooledChanges | None, engine: Any, seed: int
) -> JointPosterior:
    """Sample the posterior of a joint design with the settings of `engine`, a `Bayesian`; see `fit_joint`."""
    for design in joint.designs.values():
        refuse_unidentified_random_effects(design)
    posterior = joint_posterior(joint, pooled)

    def reported(estimate: PosteriorDraws) -> tuple[tuple[str, ...], np.ndarray]:
        plain = PosteriorDraws(
            estimate.names, estimate.draws * joint.units, estimate.convergence, estimate.theta
        )
        names, values = [], []
        for name, design in joint.designs.items():
            found = reported_quantities(design, of_outcome(joint, plain, name))
            names += [f"{name}: {one}" for one in found[0]]
            values.append(found[1])
        if joint.correlated and estimate.theta is not None:
            together = sds_and_correlations(joint.structure, estimate.theta)
            names += together[0]
            values.append(together[1])
        if pooled is not None:
            names += [f"pooled change {i + 1}" for i in range(len(pooled.keys))] + ["heterogeneity"]
            values.append(drawn(estimate))
        return tuple(names), np.concatenate(values, axis=2)

    def drawn(estimate: PosteriorDraws) -> np.ndarray:
        """Draws (chains, draws, T + 1) of the mean changes and their heterogeneity."""
        assert pooled is not None
        tau, mu = pooled.draw(estimate.flat, np.random.default_rng(seed))
        return np.column_stack([mu, tau]).reshape(*estimate.draws.shape[:2], -1)

    found = sampled(posterior, reported, engine, seed)
    missed = complaints(found.checks)
    if missed:
        warn(" ".join(missed), ConvergenceWarning)
    estimate = in_outcome_units(found.estimate, joint.units)
    outcome = Outcome(
        converged=not missed,
        notes=(*(() if pooled is None else (pooled.described(),)), *found.notes, *missed),
        diagnostics={**found.diagnostics, "seed": seed},
        checks=found.checks,
    )
    fits = {
        name: Fit(
            engine=JointBayesian(engine, joint.outcomes, _shared(joint, pooled)),
            design=design,
            estimate=of_outcome(joint, estimate, name),
            covariance=_covariance_of(joint, name, found),
            outcome=replace(outcome, notes=(*design.notes, model_priors(design).note(), *outcome.notes)),
            loglik=None,
            n_parameters=design.structure.n_parameters + len(design.fixed.names),
            priors=_priors_of(joint, name, posterior.priors.coefficients.names, pooled),
        )
        for name, design in joint.designs.items()
    }
    outcome = replace(outcome, notes=(*_notes(joint), *outcome.notes))
    return JointPosterior(estimate, fits, outcome, None if pooled is None else drawn(found.estimate))


def in_outcome_units(estimate: PosteriorDraws, units: np.ndarray) -> PosteriorDraws:
    """Coefficients counted in units of `units` (p,), in their own."""
    changes: dict[str, Any] = {"draws": estimate.draws * units}
    if isinstance(estimate, PosteriorMixture):
        changes |= {"means": estimate.means * units, "roots": estimate.roots * units[:, None]}
    return replace(estimate, **changes)


def of_outcome(joint: JointDesign, estimate: PosteriorDraws, outcome: str) -> PosteriorDraws:
    """The marginal posterior of one outcome's coefficients and covariance parameters, in its units."""
    design, columns = joint.designs[outcome], joint.columns[outcome]
    positions, units = joint.own_theta(outcome)
    assert estimate.theta is not None
    changes: dict[str, Any] = {
        "names": design.fixed.names,
        "draws": estimate.draws[..., columns],
        "theta": estimate.theta[..., positions] * units,
        "theta_names": design.structure.parameter_names,
    }
    if isinstance(estimate, PosteriorMixture):
        roots = estimate.roots[..., columns, :]
        # R = T'Q': the same covariance from a square root of the outcome's own size.
        square = np.linalg.qr(roots.swapaxes(-1, -2), mode="r").swapaxes(-1, -2)
        changes |= {"means": estimate.means[..., columns], "roots": square}
    return replace(estimate, **changes)


def _covariance_of(joint: JointDesign, name: str, found: Found[PosteriorDraws]) -> VarianceComponents:
    """The covariance of one outcome, in its units."""
    design = joint.designs[name]
    positions, units = joint.own_theta(name)
    parameters = found.parameters.iloc[positions].set_axis(
        pd.Index(design.structure.parameter_names, name="parameter")
    )
    for column in ("estimate", "se", "lower", "upper", "mcse"):
        parameters[column] *= units
    return VarianceComponents(design.structure, found.theta[positions] * units, parameters, design.visit_grid)


def _priors_of(
    joint: JointDesign, name: str, kept: tuple[str, ...], pooled: PooledChanges | None
) -> pd.DataFrame:
    """One outcome's own priors, in its units, with what it shares with others in words."""
    priors = model_priors(joint.designs[name])
    table = priors.table().drop(
        index=[one for one in priors.coefficients.names if f"{name}: {one}" not in kept]
    )
    shared = {}
    if joint.correlated:
        eta = joint.designs[name].spec.priors.correlation_eta
        table = table.drop(index="correlation matrix", errors="ignore")
        shared["correlation matrix of all outcomes' subject effects"] = f"LKJ({eta:.4g})"
    if pooled is not None:
        s = joint.scales[name]
        shared["changes from baseline"] = f"Normal(mu, tau^2) in units of {s:.4g}"
    if not shared:
        return table
    rows = pd.DataFrame({"prior": list(shared.values())}, index=pd.Index(list(shared), name="parameter"))
    return pd.concat([table, rows])


def _shared(joint: JointDesign, pooled: PooledChanges | None) -> str:
    """What the outcomes have in common, in sentences; for a report of one of them."""
    effects = "have one unstructured covariance matrix" if joint.correlated else "are independent"
    pool = (
        "" if pooled is None else f" {pooled.described()} This takes the place of these changes' own priors."
    )
    return f"Subject effects of different outcomes {effects}; residuals of different outcomes are independent.{pool}"


def _notes(joint: JointDesign) -> tuple[str, ...]:
    """What building the designs noticed: once where it is of all outcomes, else with the outcome's name."""
    each = {name: (*d.notes, model_priors(d).note()) for name, d in joint.designs.items()}
    notes = dict.fromkeys(note for found in each.values() for note in found)
    of = {note: [name for name, found in each.items() if note in found] for note in notes}
    found = [note if len(names) == len(each) else f"{', '.join(names)}: {note}" for note, names in of.items()]
    if joint.correlated and joint.hardly_shared:
        pairs = [f"{one} and {other} ({n})" for (one, other), n in joint.hardly_shared.items()]
        found.append(
            f"Hardly any subject has both of these outcomes (number of subjects): {listing(pairs)}. The correlation of "
            "their subject effects is the prior's, not the data's."
        )
    return tuple(found)
