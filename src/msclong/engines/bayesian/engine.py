"""The Bayesian engine: the posterior of a longitudinal model."""

from __future__ import annotations

from dataclasses import dataclass
from secrets import randbits
from typing import Any, get_args

from msclong.design.design import Design
from msclong.engines.bayesian.checking.found import Sampler
from msclong.engines.bayesian.gaussian.gaussian_fit import fit_gaussian
from msclong.engines.bayesian.gaussian.gaussian_posterior import gaussian_posterior
from msclong.engines.bayesian.priors.conditional_priors import conditional_priors
from msclong.engines.bayesian.priors.far_origin import warn_of_far_origins
from msclong.errors import SpecError
from msclong.results.fit import Fit


@dataclass(frozen=True)
class Bayesian:
    """Posterior of the spec's model under the spec's `Priors`.

    Of a Gaussian model beta and the random effects are integrated out analytically. The covariance parameters theta are
    sampled by importance sampling around their mode, in one batch of NumPy and in a fraction of a second; beta given
    theta is known exactly, so that tables of beta have the moments and quantiles of a mixture of normals. Where the
    weights say that this cannot be relied on, theta is sampled by the No-U-Turn sampler (PyMC model, nutpie), and beta
    is drawn once for each of its draws. `fit.outcome` says which it was.

    Of other families, and of censored outcomes, one or two random effects of each subject are integrated out by
    adaptive quadrature, and beta, the family's parameters and theta are importance sampled together, in seconds. Under
    any other covariance all of them and the effects are sampled by NUTS.

    Parameters
    ----------
    draws, tune : int
        Draws kept, and tuning steps dropped, in each chain. Importance sampling draws draws * chains (of a Gaussian
        model 4,000 or more, and up to 40,000 of a small one, on which its tables rest) and has no tuning.
    chains : int
        Independent chains, two or more.
    seed : int or None
        The same seed gives the same draws; None takes a new one, which `fit.outcome` records.
    target_accept : float
        Acceptance rate that tuning aims at; nearer to 1 makes smaller steps, against divergences. (0.95: an
        unstructured covariance of few subjects needs it; steps cost little here.)
    progress : bool
        Show the sampler's progress bar.
    sampler : 'auto', 'importance' or 'nuts'
        'auto': importance sampling where Pareto k-hat is at most 0.7 and the other checks are met, else NUTS.
        'importance': never NUTS; a missed check is a ConvergenceWarning. 'nuts': always.

    The first fit by NUTS of a model's shape in a process compiles it, which takes seconds; further ones do not.
    Raises SpecError for an impossible value.

    Examples
    --------
    >>> import msclong as ml
    >>> nights = ml.datasets.sleepstudy()
    >>> fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", nights, ml.Bayesian(seed=1))
    >>> fit.outcome.converged
    True
    >>> float(fit.coefficients().loc["Days", "prob_negative"].round(2))
    0.0
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    seed: int | None = None
    target_accept: float = 0.95
    progress: bool = False
    sampler: Sampler = "auto"

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
        if self.sampler not in get_args(Sampler):
            raise SpecError(f"Bayesian(sampler=...) is 'auto', 'importance' or 'nuts'; got {self.sampler!r}.")
        if not isinstance(self.target_accept, (int, float)) or not 0 < self.target_accept < 1:
            raise SpecError(f"Bayesian(target_accept=...) lies between 0 and 1; got {self.target_accept!r}.")

    def fit(self, design: Design) -> Fit:
        """Sample the posterior.

        Issues ConvergenceWarning where a diagnostic misses its threshold, DataWarning where random slopes that are
        independent of the intercept are against a covariate whose zero is far from the data. Raises DesignError when
        the mean fits the outcome without error or the posterior is improper, EngineError for too many distinct
        patterns or a model that the sampler asked for does not serve, ConvergenceError where sampling fails.
        """
        seed = randbits(31) if self.seed is None else self.seed
        warn_of_far_origins(design)
        if design.conditional:
            from msclong.engines.bayesian.conditional.conditional_fit import fit_conditional

            return fit_conditional(design, self, seed)
        return fit_gaussian(design, self, seed)

    def pymc_model(self, design: Design) -> Any:
        """The posterior of a design as a pm.Model; see `Fit.pymc_model`."""
        if design.conditional:
            from msclong.engines.bayesian.conditional.conditional_model import (
                conditional_data,
                conditional_model,
            )

            return conditional_model(conditional_data(design, conditional_priors(design)))
        from msclong.engines.bayesian.gaussian.theta_model import (
            model_of,  # brings PyMC: only where it is needed
        )

        return model_of(gaussian_posterior(design))
