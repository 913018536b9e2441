"""Did the sampler find the posterior: every criterion over every reported quantity, and a second try."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from msclong.contrasts.kinds import arm_and_visit, contrast_hypothesis
from msclong.contrasts.marginal_means import marginal_means
from msclong.covariance.structure import CovarianceStructure
from msclong.design.design import Design
from msclong.engines.bayesian.checking.convergence import convergence
from msclong.errors import DataWarning, MsclongError
from msclong.linear_hypothesis import LinearHypothesis, label
from msclong.results.check import Check
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.posterior_draws import PosteriorDraws

MOST_RHAT = 1.01
"""Chains agree when R-hat is below this (Vehtari et al. 2021, Bayesian Analysis 16:667)."""

LEAST_ESS = 400
"""Effective draws that a reported quantity needs, in the bulk and in the tails (Vehtari et al. 2021)."""

MOST_ERROR = 0.05
"""Monte Carlo error of a mean, in posterior SDs: what 400 independent draws have."""

LEAST_BFMI = 0.3
"""Below this the momentum moves too little energy for the tails to be reached (Betancourt 2016, arXiv:1604.00695)."""

MOST_KHAT = 0.7
"""Pareto k-hat of the importance weights up to which averages can be relied on (Vehtari et al. 2024, JMLR 25:72)."""

LEAST_EFFICIENCY = 0.01
"""Effective draws as a share of those drawn: below it the weights rest on a few draws, whatever k-hat says."""

MOST_LONGER = 8
"""How many times longer the second try may run."""

BY_NUTS = 'Sample the posterior by NUTS: Bayesian(sampler="nuts").'
"""Advice where importance sampling does not serve."""


class Settings(Protocol):
    """What advice is written in terms of: a dataclass with these fields, the Bayesian engine."""

    @property
    def draws(self) -> int: ...
    @property
    def tune(self) -> int: ...
    @property
    def target_accept(self) -> float: ...


def chain_checks(
    names: Sequence[str], draws: np.ndarray, stats: Mapping[str, np.ndarray], engine: Settings
) -> tuple[Check, ...]:
    """Checks of a No-U-Turn sample.

    names, draws : the reported quantities, (chains, draws, m); see `reported_quantities`. stats : 'diverging' and
    'energy' of each step after tuning, (chains, draws) each.
    """
    checks = [*quantity_checks(names, convergence(draws, tail=True), draws, engine)]
    checks.append(
        Check(
            "Divergences",
            float(stats["diverging"].sum()),
            "<=",
            0.0,
            "Part of the posterior may be missing. "
            f"Try Bayesian(target_accept={nearer_one(engine.target_accept):.4g}); if they stay, use fewer covariance "
            "parameters or tighter Priors.",
        )
    )
    slow = (
        "The sampler moves slowly through the tails. Use fewer covariance parameters or tighter Priors; longer "
        f"tuning may help: Bayesian(tune={2 * engine.tune})."
    )
    checks.append(Check("E-BFMI", float(e_bfmi(stats["energy"]).min()), ">=", LEAST_BFMI, slow))
    return tuple(checks)


def importance_checks(
    names: Sequence[str],
    figures: Mapping[str, np.ndarray],
    values: np.ndarray,
    khat: float,
    efficiency: float,
    engine: Settings,
) -> tuple[Check, ...]:
    """Checks of an importance sample: k-hat, efficiency (ESS / draws), and the ESS and MCSE of each quantity.

    names, values : the reported quantities, equally weighted draws (1, S, m). figures : their 'ess_bulk', 'ess_tail',
    'mcse', (m,) each, from `weighted_convergence` or exact ones of a mixture.
    """
    return (
        Check("Pareto k-hat", khat, "<=", MOST_KHAT, f"A few draws carry the answer. {BY_NUTS}"),
        Check("Efficiency", efficiency, ">=", LEAST_EFFICIENCY, f"Most draws count for nothing. {BY_NUTS}"),
        *quantity_checks(names, figures, values, engine),
    )


def quantity_checks(
    names: Sequence[str], figures: Mapping[str, np.ndarray], draws: np.ndarray, engine: Settings
) -> list[Check]:
    """The worst quantity of each criterion in `figures` (m,): rhat, ess_bulk, ess_tail, mcse; NaN where it has none.

    draws : (chains, draws, m), for the posterior SDs.
    """
    factor = _longer(min(_worst(figures[key], np.argmin)[1] for key in ("ess_bulk", "ess_tail")))
    longer = f"Too few effective draws; run longer: Bayesian(draws={factor * engine.draws})."
    checks = []
    if not np.isnan(figures["rhat"]).all():
        i, value = _worst(figures["rhat"], np.argmax)
        advice = (
            "The chains have not mixed; run longer: "
            f"Bayesian(draws={2 * engine.draws}, tune={2 * engine.tune}). If it stays, the model has more parameters "
            "than the data and its Priors determine."
        )
        checks.append(Check("R-hat", value, "<", MOST_RHAT, advice, names[i]))
    for key, name in (("ess_bulk", "Bulk ESS"), ("ess_tail", "Tail ESS")):
        i, value = _worst(figures[key], np.argmin)
        checks.append(Check(name, value, ">=", LEAST_ESS, longer, names[i]))
    sd = draws.reshape(-1, draws.shape[2]).std(axis=0)
    share = figures["mcse"] / np.where(sd > 0, sd, 1.0)
    i, value = _worst(share, np.argmax)
    checks.append(Check("MCSE / SD", value, "<=", MOST_ERROR, longer, names[i]))
    return checks


def chain_diagnostics(checks: Sequence[Check]) -> dict[str, float | int | str]:
    """The figures of a No-U-Turn sample that an outcome shows, from its `chain_checks`."""
    value = {check.name: check.value for check in checks}
    return {
        "sampler": "nuts",
        "max R-hat": value["R-hat"],
        "min bulk ESS": value["Bulk ESS"],
        "divergences": int(value["Divergences"]),
    }


def e_bfmi(energy: np.ndarray) -> np.ndarray:
    """Estimated Bayesian fraction of missing information of each chain, (chains,), from its energies (chains, draws).

    Mean squared step of the energy over its variance (Betancourt 2016, equation 11).
    """
    return (np.diff(energy, axis=1) ** 2).mean(axis=1) / energy.var(axis=1, ddof=1)


def reported_quantities(design: Design, estimate: PosteriorDraws) -> tuple[tuple[str, ...], np.ndarray]:
    """Names (m,) and draws (chains, draws, m) of all that tables report, unasked.

    Coefficients; the default contrasts and means on the scale of the linear predictor, where the design has
    them; the covariance parameters, with the SDs and correlations that they make; the family's own parameters
    and a hurdle's zero part.
    """
    parts: list[tuple[list[str], np.ndarray]] = [(list(estimate.names), estimate.draws)]
    for kind, hypothesis in default_hypotheses(design).items():
        rows = [row if isinstance(row, tuple) else (row,) for row in hypothesis.rows]
        named = [f"{kind} {', '.join(map(label, row))}" for row in rows]
        parts.append((named, estimate.of(hypothesis)))
    if estimate.theta is not None:
        parts.append((list(estimate.theta_names), estimate.theta))
        parts.append(sds_and_correlations(design.structure, estimate.theta))
    if isinstance(estimate, ConditionalDraws):
        for name, phi in estimate.phi.items():
            many = phi.shape[2] > 1
            parts.append(([f"{name} {i + 1}" if many else name for i in range(phi.shape[2])], phi))
        if estimate.zero is not None:
            parts.append(([f"zero: {name}" for name in estimate.zero_names], estimate.zero))
    names = tuple(name for named, _ in parts for name in named)
    return names, np.concatenate([values for _, values in parts], axis=2)


def default_hypotheses(design: Design) -> dict[str, LinearHypothesis]:
    """What `Fit.contrasts()` and `Fit.means()` show unasked, as far as this design has it."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # the tables warn when they are asked for
        for kind, build in (
            ("contrast", lambda: contrast_hypothesis(design)),
            ("mean", lambda: marginal_means(design, arm_and_visit(design))),
        ):
            try:
                found[kind] = build()
            except MsclongError:
                continue
    return found


def sds_and_correlations(structure: CovarianceStructure, theta: np.ndarray) -> tuple[list[str], np.ndarray]:
    """SDs of the variances in theta (..., k), and correlations of the covariances between them, with names."""
    names, columns = [], []
    for j, (name, role) in enumerate(zip(structure.parameter_names, structure.working.roles, strict=True)):
        if role.kind == "variance":
            names.append(name.replace("variance", "sd"))
            columns.append(np.sqrt(theta[..., j]))
        elif role.variances:
            a, b = role.variances
            names.append(name.replace("covariance", "correlation"))
            with np.errstate(invalid="ignore", divide="ignore"):
                correlation = theta[..., j] / np.sqrt(theta[..., a] * theta[..., b])
            # A variance of zero, to rounding, leaves no correlation.
            columns.append(np.where(np.isfinite(correlation), correlation, 0.0))
    return names, np.stack(columns, axis=-1) if columns else theta[..., :0]


def with_second_try(
    run: Callable[[Any], tuple[Any, tuple[Check, ...]]], engine: Any
) -> tuple[Any, tuple[Check, ...], tuple[str, ...]]:
    """What `run(engine)` finds, its checks, and notes; run once more, longer, where checks are missed.

    run : sample with the settings of the engine it is given; returns whatever was found, and its checks.
    The second try doubles tuning, takes as many draws as the effective sample sizes ask for (2 to MOST_LONGER times),
    and, where steps diverged, a target_accept nearer to one. Its result is returned, with a note of what was wrong.
    """
    found, checks = run(engine)
    missed = {check.name: check for check in checks if not check.passed}
    if not missed:
        return found, checks, ()
    sizes = [check.value for check in checks if check.name in ("Bulk ESS", "Tail ESS")]
    again = replace(engine, draws=_longer(min(sizes, default=0.0)) * engine.draws, tune=2 * engine.tune)
    if {"Divergences", "E-BFMI"} & missed.keys():
        again = replace(again, target_accept=nearer_one(engine.target_accept))
    found, checks = run(again)
    wrong = ", ".join(f"{name} {check.value:.4g}" for name, check in missed.items())
    note = (
        f"A first run missed its criteria ({wrong}) and was discarded; the posterior was sampled again with "
        f"draws={again.draws}, tune={again.tune}, target_accept={again.target_accept:.4g}."
    )
    return found, checks, (note,)


def complaints(checks: Sequence[Check]) -> tuple[str, ...]:
    """What was missed and what to do, for the outcome's notes and the warning; checks with one advice together."""
    found: dict[str, list[str]] = {}
    for check in checks:
        if not check.passed:
            found.setdefault(check.advice, []).append(check.finding)
    return tuple(f"{'; '.join(findings)}. {advice}" for advice, findings in found.items())


def nearer_one(target_accept: float) -> float:
    """The next acceptance rate to aim at: 0.99, 0.999, ..."""
    return 0.99 if target_accept < 0.99 else 1 - (1 - target_accept) / 10


def _longer(ess: float) -> int:
    """How many times as many draws reach LEAST_ESS, with half as many again to be sure; 2 to MOST_LONGER."""
    return math.ceil(np.clip(1.5 * LEAST_ESS / ess, 2, MOST_LONGER)) if ess > 0 else MOST_LONGER


def _worst(values: np.ndarray, argument: Callable[[np.ndarray], np.intp]) -> tuple[int, float]:
    """Position and value of the worst of values (m,), those without one (NaN) left out."""
    known = np.flatnonzero(~np.isnan(values))
    if not known.size:
        return 0, math.nan
    i = int(known[argument(values[known])])
    return i, float(values[i])
