"""The frequentist engine: (restricted) maximum likelihood with small-sample inference."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from msclong.covariance.structure import CovarianceStructure, Recoordinated
from msclong.design.degeneracy import refuse_degenerate_unstructured, refuse_unidentified_random_effects
from msclong.design.design import Design
from msclong.engines.frequentist.asymptotic import asymptotic
from msclong.engines.frequentist.kenward_roger import kenward_roger
from msclong.engines.frequentist.model_based import ModelBased
from msclong.engines.frequentist.optimize import maximise, residual_scatter
from msclong.engines.frequentist.residual import residual
from msclong.engines.frequentist.satterthwaite import satterthwaite
from msclong.engines.frequentist.theta_covariance import theta_covariance
from msclong.errors import ConvergenceWarning, SpecError, listing
from msclong.likelihood.standardised import standardise
from msclong.results.fit import Fit
from msclong.results.outcome import Outcome
from msclong.results.point_estimate import PointEstimate, SmallSample
from msclong.results.variance_components import VarianceComponents

DF_METHODS: dict[str, Callable[[ModelBased], SmallSample]] = {
    "kenward-roger": kenward_roger,
    "satterthwaite": satterthwaite,
    "residual": residual,
    "asymptotic": asymptotic,
}
"""Degrees-of-freedom methods; a new one is one new file and one line here."""


@dataclass(frozen=True)
class Frequentist:
    """Linear mixed model by (restricted) maximum likelihood.

    Parameters
    ----------
    method : 'reml' or 'ml'
    ddf : 'kenward-roger', 'satterthwaite', 'residual' or 'asymptotic'
        Kenward-Roger (linear form, SAS's kr(linear)) also corrects the standard errors and needs REML.
    vcov : 'model'
        Model-based covariance of the fixed effects (corrected where ddf is Kenward-Roger).
    information : 'observed' or 'expected'
        Which information gives the covariance of theta's estimate. Observed: SAS, R mmrm, lmerTest.
        Expected: Kenward and Roger (1997), R pbkrtest.

    Raises SpecError for any other value.
    """

    method: Literal["reml", "ml"] = "reml"
    ddf: Literal["kenward-roger", "satterthwaite", "residual", "asymptotic"] = "kenward-roger"
    vcov: Literal["model"] = "model"
    information: Literal["observed", "expected"] = "observed"

    def __post_init__(self) -> None:
        allowed = {
            "method": ("reml", "ml"),
            "ddf": tuple(DF_METHODS),
            "vcov": ("model",),
            "information": ("observed", "expected"),
        }
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise SpecError(
                    f"Frequentist({name}=...) takes {listing(map(repr, values))}; got {getattr(self, name)!r}."
                )
        if self.method == "ml" and self.ddf == "kenward-roger":
            raise SpecError("Kenward-Roger inference needs REML; with method='ml' use ddf='satterthwaite'.")

    def fit(self, design: Design) -> Fit:
        """Maximise the (restricted) likelihood and prepare inference.

        Raises DesignError for an unstructured covariance without a maximum, ConvergenceError where none is found.
        """
        refuse_degenerate_unstructured(design)
        refuse_unidentified_random_effects(design)
        reml = self.method == "reml"
        standardised = standardise(design.moments)
        there = design.structure.recoordinated(residual_scatter(standardised.moments))
        moments = standardised.moments.with_coordinates(there.coords)
        optimum = maximise(there.structure, moments, reml)
        iterations = optimum.iterations
        centre = there.structure.centred(optimum.gls.theta)
        if centre is not None:  # a step or two from the optimum, with all digits of the information
            there = Recoordinated(centre.structure, there.coords, there.theta @ centre.theta)
            optimum = maximise(there.structure, moments, reml)
            iterations += optimum.iterations
        W = theta_covariance(there.structure, optimum, self.information)
        model = ModelBased(
            # Only C carries the analyst's units; P and W stay in those of theta there.
            C=standardised.scale * standardised.back @ optimum.gls.C,
            P=optimum.information.P,
            W=W,
            n_obs=design.n_obs,
            structure=there.structure,
            gls=optimum.gls,
        )
        coords_rms = np.sqrt(np.mean((design.coords @ there.coords) ** 2, axis=0))
        singular = there.structure.is_singular(optimum.gls.theta, coords_rms)
        notes = design.notes
        if singular:
            message = (
                "The covariance lies on its boundary: a variance is estimated as zero, or a correlation as one. "
                "Fixed effects are still the maximum likelihood ones; consider fewer random effects."
            )
            warnings.warn(message, ConvergenceWarning, stacklevel=3)
            notes = (*notes, message)
        return Fit(
            engine=self,
            design=design,
            estimate=PointEstimate(
                names=design.fixed.names,
                beta=standardised.coefficients(optimum.gls.beta),
                small_sample=DF_METHODS[self.ddf](model),
            ),
            covariance=_variance_components(
                design.structure,
                there.theta @ optimum.gls.theta,
                there.theta @ W @ there.theta.T,
                standardised.scale,
            ),
            outcome=Outcome(
                converged=True,
                singular=singular,
                notes=notes,
                diagnostics={"iterations": iterations, "Newton decrement": optimum.decrement},
            ),
            loglik=-optimum.gls.minus2(reml) / 2 + standardised.log_likelihood_shift(reml),
            n_parameters=design.structure.n_parameters + (0 if reml else len(design.fixed.names)),
        )


def _variance_components(
    structure: CovarianceStructure, theta: np.ndarray, W: np.ndarray, scale: float
) -> VarianceComponents:
    """theta (k,) with its covariance W, from standardised units to the outcome's: multiplied by `scale`."""
    # theta is scaled parameter by parameter, so its slope is the scaled unit vector.
    slope = np.array([structure.scale(row, scale) for row in np.eye(theta.size)]).diagonal()
    estimate = structure.scale(theta, scale)
    table = {"estimate": estimate, "se": np.sqrt(np.diag(W).clip(0, None)) * slope}
    names = pd.Index(structure.parameter_names, name="parameter")
    return VarianceComponents(structure, estimate, pd.DataFrame(table, index=names))
