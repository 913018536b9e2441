"""Power-scaling sensitivity: what the answers owe to the priors, and what to the data."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.contrasts.kinds import contrast_hypothesis
from msclong.design.design import Design
from msclong.engines.bayesian.conditional.marginal_likelihood import marginal_log_likelihood
from msclong.engines.bayesian.gaussian.collapsed import collapse
from msclong.engines.bayesian.gaussian.collapsed_batch import collapsed_batch, most_at_once
from msclong.engines.bayesian.joint.joint_engine import refuse_one_of_joint
from msclong.engines.bayesian.priors.conditional_priors import conditional_priors
from msclong.engines.bayesian.priors.covariance_variables import (
    CovariancePrior,
    LogNormal,
    LogNormalSd,
    Positive,
    StretchedBeta,
    Variable,
)
from msclong.engines.bayesian.priors.family_priors import OrderedCutpoints
from msclong.engines.bayesian.priors.jeffreys import Flat, PowerLaw
from msclong.engines.bayesian.priors.model_priors import log_prior_of_coefficients, model_priors
from msclong.errors import EngineError, HypothesisError, SpecError
from msclong.likelihood.standardised import standardise
from msclong.linear_hypothesis import label
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.fit import Fit
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.stamp import stamp

ALPHAS = (0.99, 1.01)
"""Powers that a density is raised to, on either side of one."""

SENSITIVE = 0.05
"""From here on a sensitivity counts: about what moves a normal distribution by 0.3 of its SD when the power doubles
(Kallioinen et al. 2024)."""

PRIOR_BLOCKS = ("coefficients", "sds", "correlations", "family")


def prior_sensitivity(fit: Fit) -> pd.DataFrame:
    """How much each contrast and covariance parameter moves when a prior, or the likelihood, is raised to a power.

    The prior of the coefficients, that of the standard deviations, that of the correlations (with ranges), that of the
    family's parameters, and the likelihood given all these, random effects integrated out, are raised in turn to the
    powers 0.99 and 1.01 by Pareto-smoothed importance weights; the sensitivity is the cumulative Jensen-Shannon
    distance to the posterior, as a derivative by log2 of the power (Kallioinen, Paananen, Buerkner and Vehtari 2024,
    Statistics and Computing 34:57). Only these top-level priors are scaled: the distribution of random effects is part
    of the model.

    Returns
    -------
    DataFrame by kind ('contrast', on the scale of the linear predictor, 'covariance') and row: a column for each block
    (NaN where the model has none, or an improper one), `likelihood`, and `verdict`: '-' where no prior matters by 0.05
    or more; 'prior-data conflict' where one does and the likelihood too: they pull at the answer, perhaps in
    different directions; 'strong prior, weak likelihood' where one does and the likelihood does not. A prior that is
    meant to inform is expected to show; for a default one it is a reason to look at `fit.priors`.

    Raises SpecError for what is no fit, EngineError for a fit that is no posterior, one outcome of a joint model, and
    for a conditional family with random effects that quadrature does not integrate.

    Examples
    --------
    >>> import msclong as ml
    >>> priors = ml.Priors(coefficients={"Days": ml.Normal(0, 2)})
    >>> spec = ml.ModelSpec("Reaction ~ Days + (1 + Days | Subject)", priors=priors)
    >>> fit = ml.fit(spec, ml.datasets.sleepstudy(), ml.Bayesian(seed=1))
    >>> ml.prior_sensitivity(fit).iloc[-1]["verdict"]
    '-'
    """
    if not isinstance(fit, Fit):
        raise SpecError(f"fit must be a fit, as ml.fit(...) returns it; got {type(fit).__name__}.")
    refuse_one_of_joint(fit, "Sensitivity to priors")
    estimate, design = fit.estimate, fit.design
    if not isinstance(estimate, PosteriorDraws):
        raise EngineError(
            f"A fit by {type(fit.engine).__name__} has no priors; fit with engine=ml.Bayesian()."
        )
    beta, theta = estimate.flat, estimate.flat_theta
    if isinstance(estimate, ConditionalDraws):
        blocks = _conditional_priors(design, estimate)
        log_likelihoods = marginal_log_likelihood(design, beta, estimate.flat_zero, estimate.flat_phi, theta)
        blocks["likelihood"] = log_likelihoods.sum(axis=1)
    else:
        priors = model_priors(design)
        blocks = {"coefficients": log_prior_of_coefficients(priors.components, beta)}
        blocks |= log_priors_of_covariance(priors.covariance, theta)
        blocks["likelihood"] = log_likelihood(design, beta, theta)
    rows = [("covariance", name) for name in estimate.theta_names]
    quantities = theta
    try:
        contrasts = contrast_hypothesis(design)
    except HypothesisError:  # a model without visits has no contrasts that go without saying
        pass
    else:
        rows = [("contrast", _label(row)) for row in contrasts.rows] + rows
        quantities = np.column_stack([beta @ contrasts.L.T, theta])
    table = pd.DataFrame(
        {
            name: power_scaling(quantities, blocks[name]) if name in blocks else np.nan
            for name in (*PRIOR_BLOCKS, "likelihood")
        },
        index=pd.MultiIndex.from_tuples(rows, names=["kind", "row"]),
    )
    return stamp(table.assign(verdict=[_verdict(row) for _, row in table.iterrows()]), fit)


def power_scaling(quantities: np.ndarray, log_density: np.ndarray) -> np.ndarray:
    """Sensitivity of each of m quantities (S, m) to powers of a density, given by its logarithm at the draws (S,)."""
    from arviz_stats.base.array import array_stats  # takes a second to import: only where there are draws

    if np.ptp(log_density) == 0:
        return np.zeros(quantities.shape[1])
    lower, upper = (
        np.exp(log_weights - log_weights.max())
        for log_weights in (array_stats.power_scale_lw(log_density, alpha=alpha) for alpha in ALPHAS)
    )
    return np.array(
        [array_stats.power_scale_sense(x[None], lower[None], upper[None], *ALPHAS) for x in quantities.T],
        dtype=float,
    )


def log_priors_of_covariance(prior: CovariancePrior, theta: np.ndarray) -> dict[str, np.ndarray]:
    """Log densities of the standard deviations, and of the correlations, at theta (S, k), up to constants, (S,) each.

    Densities are those of the parameters that the priors are stated for: standard deviations, not variances;
    correlation matrices, not their partial correlations. An improper prior has none.
    """
    if any(isinstance(variable, (PowerLaw, Flat)) for variable in prior.variables):
        return {}
    values = prior.values(theta)
    blocks: dict[str, np.ndarray] = {}
    for variable in prior.variables:
        log_density = _log_density(variable, values[variable.name])
        blocks[_block(variable)] = blocks.get(_block(variable), np.zeros(len(theta))) + log_density
    return blocks


def _conditional_priors(design: Design, estimate: ConditionalDraws) -> dict[str, np.ndarray]:
    priors = conditional_priors(design)
    parts = (estimate.flat, *([] if estimate.flat_zero is None else [estimate.flat_zero]))
    blocks = {
        "coefficients": np.sum(
            [log_prior_of_coefficients(c, b) for c, b in zip(priors.coefficients, parts, strict=True)], axis=0
        ),
        **log_priors_of_covariance(priors.covariance, estimate.flat_theta),
    }
    centre = (estimate.flat @ design.fixed.X.mean(axis=0))[:, None]
    of_family = [
        _log_density(v, estimate.flat_phi[v.name] - (centre if isinstance(v, OrderedCutpoints) else 0.0))
        for v in priors.family.variables
    ]
    return {**blocks, "family": np.sum(of_family, axis=0)} if of_family else blocks


def log_likelihood(design: Design, beta: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """log p(y | beta, theta) of a Gaussian design at S draws, up to a constant, (S,)."""
    standardised = standardise(design.moments)
    rows = model_priors(design).coefficients.rows(standardised)
    moments = collapse(standardised.moments, rows)
    gamma = np.linalg.solve(standardised.back, (beta - standardised.ols).T / standardised.scale)
    w = np.vstack([-gamma, np.ones(len(beta))])
    there = np.apply_along_axis(design.structure.scale, 1, theta, 1 / standardised.scale).T
    result = np.empty(len(beta))
    step = most_at_once(moments)
    for start in range(0, len(beta), step):
        chosen = slice(start, start + step)
        batch = collapsed_batch(design.structure, there[:, chosen], moments)
        D, x = batch.factor[0], w[:, chosen]
        diagonal = np.einsum("ii...->i...", D)
        log_det = batch.log_likelihood[0] + np.log(diagonal[:-1]).sum(axis=0) + diagonal[-1] ** 2 / 2
        squares = (np.einsum("ij...,i...->j...", D, x) ** 2).sum(axis=0) - ((rows @ x) ** 2).sum(axis=0)
        result[chosen] = log_det - squares / 2
    return result


def _block(variable: Variable) -> str:
    plain = isinstance(variable, LogNormal) and not isinstance(variable, LogNormalSd)
    return "sds" if isinstance(variable, Positive) and not plain else "correlations"


def _log_density(variable: Variable, values: np.ndarray) -> np.ndarray:
    """Log density of the stated parameter at values (S, m), up to a constant, (S,)."""
    u, hyper = variable.unconstrained(values.T), variable.hyperparameters(1.0)
    match variable:
        case StretchedBeta() if variable.joint:
            # |R| is the product of 1 - z^2 over all partial correlations z; LKJ(eta) is |R|^(eta - 1).
            return variable.log_density(u, np.full(len(hyper), hyper.min() - 1))
        case StretchedBeta():
            return variable.log_density(u, hyper - 1)
        case Positive():
            return variable.log_density(u, hyper) - u.sum(axis=0)
        case OrderedCutpoints():
            return variable.log_density(u, hyper) - u[1:].sum(axis=0)
    return variable.log_density(u, hyper)


def _label(row: object) -> str:
    return ", ".join(map(label, row)) if isinstance(row, tuple) else label(row)


def _verdict(row: pd.Series) -> str:
    strong = [name for name in PRIOR_BLOCKS if row[name] >= SENSITIVE]
    if not strong:
        return "-"
    kind = "prior-data conflict" if row["likelihood"] >= SENSITIVE else "strong prior, weak likelihood"
    return f"{kind} ({', '.join(strong)})"
