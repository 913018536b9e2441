"""The frequentist engine: (restricted) maximum likelihood with small-sample inference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from msclong.covariance.structure import CovarianceStructure
from msclong.design.degeneracy import refuse_degenerate_unstructured
from msclong.design.design import Design
from msclong.design.visit_grid import VisitGrid
from msclong.engines.engine import require_gaussian
from msclong.engines.frequentist.asymptotic import asymptotic
from msclong.engines.frequentist.between_within import between_within
from msclong.engines.frequentist.boundary import estimated, on_boundary
from msclong.engines.frequentist.kenward_roger import kenward_roger
from msclong.engines.frequentist.maximum_likelihood import maximum_likelihood
from msclong.engines.frequentist.model_based import ModelBased
from msclong.engines.frequentist.modified_box import modified_box
from msclong.engines.frequentist.residual import residual
from msclong.engines.frequentist.sandwich import SANDWICHES, sandwich
from msclong.engines.frequentist.satterthwaite import satterthwaite
from msclong.engines.frequentist.second_order import kenward_roger_second_order
from msclong.engines.frequentist.theta_covariance import theta_covariance
from msclong.errors import ConvergenceWarning, SpecError, listing, warn
from msclong.results.fit import Fit
from msclong.results.outcome import Outcome
from msclong.results.point_estimate import PointEstimate, SmallSample
from msclong.results.simulation import root
from msclong.results.variance_components import VarianceComponents

DF_METHODS: dict[str, Callable[[ModelBased], SmallSample]] = {
    "kenward-roger": kenward_roger,
    "kenward-roger-second-order": kenward_roger_second_order,
    "satterthwaite": satterthwaite,
    "between-within": between_within,
    "residual": residual,
    "asymptotic": asymptotic,
    "modified-box": modified_box,
}
"""Degrees-of-freedom methods; a new one is one new file and one line here."""

OWN_ERRORS = ("kenward-roger", "kenward-roger-second-order", "modified-box")
"""Methods that bring standard errors of their own, derived under REML."""


@dataclass(frozen=True)
class Frequentist:
    """Linear mixed model by (restricted) maximum likelihood.

    Parameters
    ----------
    method : 'reml' or 'ml'
    ddf : how degrees of freedom are found
        'kenward-roger', without second derivatives of the covariance (SAS's kr(linear)), and
        'kenward-roger-second-order', with them (SAS's kr), also correct the standard errors.
        'satterthwaite', 'between-within' (as R mmrm), 'residual' (N - p), 'asymptotic' (infinite).
        'modified-box' (Skene and Kenward 2010), for very few subjects: coefficients are those of ordinary least
        squares; the covariance serves their tests.
    vcov : 'model', 'CR0', 'CR2' or 'CR3'
        Covariance of the fixed effects: model-based (corrected where ddf is Kenward-Roger), or the sandwich estimate
        with independent units as clusters: CR0 plain, CR2 bias-reduced, CR3 jackknife.
    information : 'observed' or 'expected'
        Which information gives the covariance of theta's estimate. Observed: SAS, R mmrm, lmerTest.
        Expected: Kenward and Roger (1997), R pbkrtest.

    Raises SpecError for any other value; and for Kenward-Roger and the modified Box correction, which bring standard
    errors of their own, with method='ml' or a sandwich.

    Examples
    --------
    >>> import msclong as ml
    >>> nights = ml.datasets.sleepstudy()
    >>> fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", nights, ml.Frequentist(ddf="satterthwaite"))
    >>> fit.coefficients()[["estimate", "se", "df"]].round(2)
                 estimate    se    df
    coefficient
    Intercept      251.41  6.82  17.0
    Days            10.47  1.55  17.0
    """

    method: Literal["reml", "ml"] = "reml"
    ddf: Literal[
        "kenward-roger",
        "kenward-roger-second-order",
        "satterthwaite",
        "between-within",
        "residual",
        "asymptotic",
        "modified-box",
    ] = "kenward-roger"
    vcov: Literal["model", "CR0", "CR2", "CR3"] = "model"
    information: Literal["observed", "expected"] = "observed"

    def __post_init__(self) -> None:
        allowed = {
            "method": ("reml", "ml"),
            "ddf": tuple(DF_METHODS),
            "vcov": ("model", *SANDWICHES),
            "information": ("observed", "expected"),
        }
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise SpecError(
                    f"Frequentist({name}=...) takes {listing(map(repr, values))}; got {getattr(self, name)!r}."
                )
        if self.ddf in OWN_ERRORS and (self.method == "ml" or self.vcov != "model"):
            name = "Modified Box" if self.ddf == "modified-box" else "Kenward-Roger"
            wrong = "needs REML; with method='ml'"
            if self.method != "ml":
                wrong = f"brings standard errors of its own; with vcov={self.vcov!r}"
            raise SpecError(f"{name} inference {wrong} use ddf='satterthwaite'.")

    def fit(self, design: Design) -> Fit:
        """Maximise the (restricted) likelihood and prepare inference.

        Raises DesignError for an unstructured covariance without a maximum, ConvergenceError where none is found.
        """
        require_gaussian(design, "ml.Frequentist()")
        refuse_degenerate_unstructured(design)
        reml = self.method == "reml"
        found = maximum_likelihood(design, reml)
        standardised, there, optimum = found.standardised, found.there, found.optimum
        W = theta_covariance(there.structure, optimum, self.information)
        robust = None
        if self.vcov != "model":
            coords = design.coords @ there.coords
            robust = sandwich(self.vcov, design, coords, standardised, there.structure, optimum.gls)
        model = ModelBased(
            # Only C carries the analyst's units; P and W stay in those of theta there.
            C=standardised.scale * standardised.back @ optimum.gls.C,
            P=optimum.information.P,
            W=W,
            structure=there.structure,
            gls=optimum.gls,
            standardised=standardised,
            design=design,
            robust=robust,
        )
        singular = there.structure.is_singular(optimum.gls.theta, design.coords_rms_in(there.coords))
        notes = design.notes
        if singular:
            message = (
                "The covariance lies on its boundary: a variance or a range is estimated as zero, or a correlation as "
                "one. Fixed effects are still the maximum likelihood ones; a simpler covariance (fewer random effects, "
                "cs) would fit as well."
            )
            warn(message, ConvergenceWarning)
            notes = (*notes, message)
        beta = standardised.coefficients(optimum.gls.beta)
        fixed = on_boundary(found)
        return Fit(
            engine=self,
            design=design,
            estimate=PointEstimate(
                names=design.fixed.names,
                beta=standardised.ols if self.ddf == "modified-box" else beta,
                small_sample=DF_METHODS[self.ddf](model),
            ),
            covariance=_variance_components(
                design.structure,
                estimated(found, fixed),
                there.theta @ W @ there.theta.T,
                fixed,
                standardised.scale,
                design.visit_grid,
            ),
            outcome=Outcome(
                converged=True,
                singular=singular,
                notes=notes,
                diagnostics={"iterations": found.iterations, "Newton decrement": optimum.decrement},
            ),
            loglik=-optimum.gls.minus2(reml) / 2 + standardised.log_likelihood_shift(reml),
            n_parameters=design.structure.n_parameters + (0 if reml else len(design.fixed.names)),
        )


def _variance_components(
    structure: CovarianceStructure,
    theta: np.ndarray,
    W: np.ndarray,
    fixed: np.ndarray,
    scale: float,
    grid: VisitGrid | None,
) -> VarianceComponents:
    """theta (k,) and the covariance of its estimate (k, k), from standardised units to the outcome's, `scale` times.

    fixed : (k,) bool, the parameters on their boundary, which have no standard error.
    """
    # theta is scaled parameter by parameter, so its slope is the scaled unit vector.
    slope = np.array([structure.scale(row, scale) for row in np.eye(theta.size)]).diagonal()
    estimate = structure.scale(theta, scale)
    se = np.sqrt(np.diag(W).clip(0, None))
    unit = np.where(se > 0, se, 1.0)
    errors = (slope * unit)[:, None] * root(W / np.outer(unit, unit))
    table = {"estimate": estimate, "se": np.where(fixed, np.nan, se * slope)}
    names = pd.Index(structure.parameter_names, name="parameter")
    return VarianceComponents(structure, estimate, pd.DataFrame(table, index=names), grid, errors)
