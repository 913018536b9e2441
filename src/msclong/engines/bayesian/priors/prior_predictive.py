"""What the priors say before any outcome is seen: trajectories, contrasts and outcomes drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from secrets import randbits
from typing import Any

import numpy as np
import pandas as pd

from msclong.design.design import Design
from msclong.engines.bayesian.priors.conditional_priors import ConditionalPriors, conditional_priors
from msclong.engines.bayesian.priors.covariance_variables import CovariancePrior
from msclong.engines.bayesian.priors.model_priors import CoefficientPrior, ModelPriors, model_priors
from msclong.errors import EngineError, SpecError
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.fit import Fit
from msclong.results.hypothesis_table import check_level
from msclong.results.outcome import Outcome
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.variance_components import VarianceComponents

STREAM = 1
"""Added to the seed for draws of the parameters: the outcomes that are simulated from them take the seed itself."""


@dataclass(frozen=True)
class PriorSampler:
    """An engine that learns nothing: a fit whose draws are of the prior.

    draws : independent draws of beta and theta. seed : the same seed gives the same draws.
    Raises SpecError for an impossible value.
    """

    draws: int = 1000
    seed: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.draws, int) or isinstance(self.draws, bool) or self.draws < 10:
            raise SpecError(
                f"n, the draws from the prior, is a whole number of at least 10; got {self.draws!r}."
            )
        if self.seed is not None and (
            not isinstance(self.seed, int) or isinstance(self.seed, bool) or self.seed < 0
        ):
            raise SpecError(f"seed must be None or a whole number from 0; got {self.seed!r}.")

    def fit(self, design: Design) -> Fit:
        """Draw from the priors of the design. Raises EngineError where a prior is improper."""
        seed = randbits(31) if self.seed is None else self.seed
        rng = np.random.default_rng((seed, STREAM))
        priors: ModelPriors | ConditionalPriors
        if design.conditional:
            priors = conditional_priors(design)
            estimate: PosteriorDraws = _conditional(design, priors, self.draws, rng)
            note = priors.note
        else:
            priors = model_priors(design)
            estimate = PosteriorDraws(
                names=design.fixed.names,
                draws=coefficient_draws(priors.components, self.draws, rng)[None],
                convergence=_independent,
                theta=theta_draws(priors.covariance, self.draws, rng)[None],
                theta_names=design.structure.parameter_names,
            )
            note = priors.note()
        theta = estimate.flat_theta
        parameters = pd.DataFrame(
            {"estimate": theta.mean(axis=0), "se": theta.std(axis=0, ddof=1)},
            index=pd.Index(estimate.theta_names, name="parameter"),
        )
        return Fit(
            engine=replace(self, seed=seed),
            design=design,
            estimate=estimate,
            covariance=VarianceComponents(
                design.structure, theta.mean(axis=0), parameters, design.visit_grid
            ),
            outcome=Outcome(
                converged=True, notes=(*design.notes, note), diagnostics={"draws": self.draws, "seed": seed}
            ),
            loglik=None,
            n_parameters=design.structure.n_parameters + len(design.fixed.names),
            priors=priors.table(),
        )


@dataclass(frozen=True, eq=False, repr=False)
class PriorPredictive:
    """Draws from the prior of a model, as tables on the outcome's own scale.

    Means of a log-linear model may have no finite prior mean and SD; the limits always are.

    fit : the draws as a results object, whose other methods answer as for a posterior. Its data are the design alone
    (visits, arms, covariates) and, where the priors take them from there, the mean and the SD of the outcome.
    """

    fit: Fit

    def contrasts(self, level: float = 0.95, **arguments: Any) -> pd.DataFrame:
        """Prior mean, SD and equal-tailed `level` interval of the contrasts that `Fit.contrasts(**arguments)` makes."""
        with np.errstate(over="ignore", invalid="ignore"):
            return _without_checks(self.fit.contrasts(level=level, **arguments))

    def trajectories(self, level: float = 0.95, **arguments: Any) -> pd.DataFrame:
        """Prior mean, SD and equal-tailed `level` interval of the marginal means, by default by arm and visit."""
        with np.errstate(over="ignore", invalid="ignore"):
            return _without_checks(self.fit.means(level=level, **arguments))

    def outcomes(self, level: float = 0.95) -> pd.DataFrame:
        """Quantiles of single outcomes drawn for the observed rows, each draw with beta and theta of its own.

        By arm and planned visit, as far as the design has them, in the outcome's unit: median, quartiles q25 and q75,
        equal-tailed `level` limits.
        Raises EngineError where drawn covariances are singular to rounding.
        """
        check_level(level)
        design, told = self.fit.design, self.fit.outcome.diagnostics
        try:
            simulated = self.fit.simulate(int(told["draws"]), seed=int(told["seed"]))
        except np.linalg.LinAlgError:
            raise EngineError(
                "Some covariances drawn from the prior are singular to rounding, so that no outcomes can be drawn from "
                "them (ranges far beyond the span of times, say); state a tighter prior: Priors(ranges={...})."
            ) from None
        tail = (1 - level) / 2
        columns = {"lower": tail, "q25": 0.25, "median": 0.5, "q75": 0.75, "upper": 1 - tail}
        by = [name for name in (design.arm, design.visit if design.visit_grid else None) if name is not None]
        every = pd.Series("all", index=simulated.index, name="rows")
        grouped = simulated.groupby([design.fixed.frame[name] for name in by] or every, observed=True)
        rows = [np.quantile(group, list(columns.values())) for _, group in grouped]
        return pd.DataFrame(rows, index=grouped.size().index, columns=list(columns))

    def __repr__(self) -> str:
        return f"Prior draws: {self.fit.spec.formula}\n{self.trajectories().to_string(float_format='{:.4g}'.format)}"


def coefficient_draws(
    components: Sequence[tuple[float, CoefficientPrior]], n: int, rng: np.random.Generator
) -> np.ndarray:
    """`n` independent draws of beta from a mixture of priors with log weights, (n, p)."""
    weights = np.exp([log_weight for log_weight, _ in components])
    chosen = rng.choice(len(weights), size=n, p=weights / weights.sum())
    location, sd = (
        np.stack([getattr(prior, name) for _, prior in components]) for name in ("location", "sd")
    )
    combination = location[chosen] + sd[chosen] * rng.standard_normal((n, location.shape[1]))
    return np.linalg.solve(components[0][1].K, combination.T).T


def theta_draws(prior: CovariancePrior, n: int, rng: np.random.Generator) -> np.ndarray:
    """`n` independent draws of theta, (n, k), in outcome units. Raises EngineError where the prior is improper."""
    values = {variable.name: variable.draw(n, rng) for variable in prior.variables}
    return np.stack([prior.theta({name: v[i] for name, v in values.items()}, np) for i in range(n)])


def _conditional(
    design: Design, priors: ConditionalPriors, n: int, rng: np.random.Generator
) -> ConditionalDraws:
    beta, *zero = [coefficient_draws(components, n, rng)[None] for components in priors.coefficients]
    values = {variable.name: variable.draw(n, rng) for variable in priors.family.variables}
    phi = priors.family.phi(values, (beta[0] @ design.fixed.X.mean(axis=0))[:, None])
    return ConditionalDraws(
        names=design.fixed.names,
        draws=beta,
        convergence=_independent,
        theta=theta_draws(priors.covariance, n, rng)[None],
        theta_names=design.structure.parameter_names,
        family=design.family,
        phi={name: value[None] for name, value in phi.items()},
        zero=zero[0] if zero else None,
        zero_names=() if design.zero is None else design.zero.names,
    )


def _independent(draws: np.ndarray) -> dict[str, np.ndarray]:
    """Independent draws need no diagnostics: the effective sample size is their number."""
    n, m = draws.shape[0] * draws.shape[1], draws.shape[2]
    sd = draws.reshape(n, m).std(axis=0, ddof=1)
    return {"ess_bulk": np.full(m, float(n)), "rhat": np.full(m, np.nan), "mcse": sd / np.sqrt(n)}


def _without_checks(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns=["ess_bulk", "ess_tail", "rhat", "mcse"], errors="ignore")
