"""The Bayesian engine: the posterior of a Gaussian longitudinal model."""

from __future__ import annotations

from dataclasses import dataclass
from secrets import randbits

import numpy as np
import pandas as pd

from msclong.covariance.unstructured import Unstructured
from msclong.design.degeneracy import refuse_degenerate_unstructured, refuse_unidentified_random_effects
from msclong.design.design import Design
from msclong.engines.bayesian.coefficients import draw_coefficients
from msclong.engines.bayesian.collapsed import collapse
from msclong.engines.bayesian.convergence import convergence
from msclong.engines.bayesian.priors import model_priors
from msclong.errors import ConvergenceWarning, DesignError, SpecError, warn
from msclong.likelihood.standardised import standardise
from msclong.results.fit import Fit
from msclong.results.outcome import Outcome
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.variance_components import VarianceComponents

MOST_RHAT = 1.01
"""Chains agree when R-hat is below this (Vehtari et al. 2021)."""

LEAST_ESS = 400
"""Effective draws that a reported quantity needs (Vehtari et al. 2021)."""


@dataclass(frozen=True)
class Bayesian:
    """Posterior by Markov chain Monte Carlo: the spec's model with the spec's `Priors`.

    beta and the random effects are integrated out analytically; the covariance parameters theta are sampled by
    the No-U-Turn sampler (PyMC model, nutpie); beta is then drawn exactly, once for each draw of theta.

    Parameters
    ----------
    draws, tune : int
        Draws kept, and tuning steps dropped, in each chain.
    chains : int
        Independent chains, two or more.
    seed : int or None
        The same seed gives the same draws; None takes a new one, which `fit.outcome` records.
    target_accept : float
        Acceptance rate that tuning aims at; nearer to 1 makes smaller steps, against divergences. (0.95: an
        unstructured covariance of few subjects needs it; steps cost little here.)
    progress : bool
        Show the sampler's progress bar.

    The first fit of a model's shape in a process compiles it, which takes seconds; further ones do not.
    Raises SpecError for an impossible value.
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    seed: int | None = None
    target_accept: float = 0.95
    progress: bool = False

    def __post_init__(self) -> None:
        for name, least in (("draws", 10), ("tune", 10), ("chains", 2)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise SpecError(
                    f"Bayesian({name}=...) takes a whole number of at least {least}; got {value!r}."
                )
        if self.seed is not None and (
            not isinstance(self.seed, int) or isinstance(self.seed, bool) or not 0 <= self.seed < 2**63
        ):
            raise SpecError(f"Bayesian(seed=...) takes a whole number from 0, or None; got {self.seed!r}.")
        if not isinstance(self.target_accept, (int, float)) or not 0 < self.target_accept < 1:
            raise SpecError(f"Bayesian(target_accept=...) lies between 0 and 1; got {self.target_accept!r}.")

    def fit(self, design: Design) -> Fit:
        """Sample the posterior.

        Issues ConvergenceWarning where a diagnostic misses its threshold. Raises DesignError when the mean fits
        the outcome without error, EngineError for too many distinct patterns, ConvergenceError where sampling fails.
        """
        from msclong.engines.bayesian.sample import sample_theta  # brings PyMC: only where it is needed

        refuse_unidentified_random_effects(design)
        seed = randbits(31) if self.seed is None else self.seed
        standardised = standardise(design.moments)
        priors = model_priors(design)
        moments = collapse(standardised.moments, priors.coefficients.rows(standardised))
        sampled = sample_theta(
            design.structure,
            priors.covariance,
            moments,
            standardised.scale,
            draws=self.draws,
            tune=self.tune,
            chains=self.chains,
            seed=seed,
            target_accept=self.target_accept,
            progress=self.progress,
        )
        k = sampled.theta.shape[2]
        flat = sampled.theta.reshape(-1, k)
        gamma = draw_coefficients(design.structure, flat, moments, np.random.default_rng(seed))
        beta = standardised.coefficients(gamma).reshape(self.chains, self.draws, -1)
        theta = np.apply_along_axis(design.structure.scale, 1, flat, standardised.scale)
        theta = theta.reshape(self.chains, self.draws, k)
        parameters = _parameter_table(theta, design.structure.parameter_names)
        return Fit(
            engine=self,
            design=design,
            estimate=PosteriorDraws(
                names=design.fixed.names,
                draws=beta,
                convergence=convergence,
                theta=theta,
                theta_names=design.structure.parameter_names,
            ),
            covariance=VarianceComponents(
                design.structure, theta.mean(axis=(0, 1)), parameters, design.visit_grid
            ),
            outcome=self._outcome(
                design, convergence(np.dstack([theta, beta])), sampled.divergences, seed, priors.note()
            ),
            loglik=None,
            n_parameters=design.structure.n_parameters + len(design.fixed.names),
            priors=priors.table(),
        )

    def _outcome(
        self, design: Design, checks: dict[str, np.ndarray], divergences: int, seed: int, prior_note: str
    ) -> Outcome:
        rhat, ess = float(checks["rhat"].max()), float(checks["ess_bulk"].min())
        complaints = []
        if not rhat < MOST_RHAT:
            complaints.append(
                f"The chains have not mixed (R-hat {rhat:.3f}, should be below {MOST_RHAT}); "
                f"run longer: Bayesian(draws={2 * self.draws}, tune={2 * self.tune})."
            )
        if not ess >= LEAST_ESS:
            complaints.append(
                f"Too few effective draws ({ess:.0f}, should be {LEAST_ESS} or more); "
                f"run longer: Bayesian(draws={2 * self.draws})."
            )
        if divergences:
            nearer = 0.99 if self.target_accept < 0.99 else 1 - (1 - self.target_accept) / 10
            complaints.append(
                f"{divergences} of {self.chains * self.draws} steps diverged: part of the posterior may be missing. "
                f"Try Bayesian(target_accept={nearer:.4g}); if they stay, use fewer covariance parameters or tighter "
                "Priors."
            )
        if complaints:
            warn(" ".join(complaints), ConvergenceWarning)
        return Outcome(
            converged=not complaints,
            notes=(*design.notes, prior_note, *_weakly_identified(design), *complaints),
            diagnostics={
                "max R-hat": rhat,
                "min bulk ESS": ess,
                "divergences": divergences,
                "draws": self.chains * self.draws,
                "seed": seed,
            },
        )


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


def _parameter_table(theta: np.ndarray, names: tuple[str, ...]) -> pd.DataFrame:
    """Posterior mean, SD, equal-tailed 95 % interval and convergence of theta (chains, draws, k)."""
    flat = theta.reshape(-1, theta.shape[2])
    lower, upper = np.quantile(flat, [0.025, 0.975], axis=0)
    checks = convergence(theta)
    table = {"estimate": flat.mean(axis=0), "se": flat.std(axis=0, ddof=1), "lower": lower, "upper": upper}
    table |= {name: checks[name] for name in ("ess_bulk", "rhat")}
    return pd.DataFrame(table, index=pd.Index(names, name="parameter"))
