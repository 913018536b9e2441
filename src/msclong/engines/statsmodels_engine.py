"""The second opinion: statsmodels' MixedLM, independent code for what it can express."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from msclong.covariance.additive import Additive
from msclong.covariance.independent import Independent
from msclong.covariance.random_effects import RandomEffects
from msclong.design.design import Design
from msclong.engines.engine import require_gaussian
from msclong.errors import ConvergenceError, EngineError, SpecError
from msclong.results.fit import Fit
from msclong.results.outcome import Outcome
from msclong.results.point_estimate import PointEstimate
from msclong.results.variance_components import VarianceComponents
from msclong.results.wald import FixedDf


@dataclass(frozen=True)
class StatsmodelsMixedLM:
    """Random effects with one residual variance, by statsmodels' MixedLM; normal-theory inference.

    method : 'reml' or 'ml'. Raises EngineError for models that MixedLM cannot express, ConvergenceError
    where it does not converge, or stops at a variance of zero.

    Examples
    --------
    >>> import msclong as ml
    >>> nights = ml.datasets.sleepstudy()
    >>> fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", nights, ml.StatsmodelsMixedLM())
    >>> fit.coefficients()["estimate"].round(2)
    coefficient
    Intercept    251.41
    Days          10.47
    Name: estimate, dtype: float64
    """

    method: Literal["reml", "ml"] = "reml"

    def __post_init__(self) -> None:
        if self.method not in ("reml", "ml"):
            raise SpecError(f"StatsmodelsMixedLM(method=...) takes 'reml' or 'ml'; got {self.method!r}.")

    def fit(self, design: Design) -> Fit:
        """Fit by MixedLM (L-BFGS, then Powell where that fails)."""
        from statsmodels.regression.mixed_linear_model import MixedLM
        from statsmodels.tools.sm_exceptions import ConvergenceWarning as StatsmodelsWarning

        require_gaussian(design, "statsmodels' MixedLM")
        structure = design.structure
        parts = structure.parts if isinstance(structure, Additive) else ()
        if [type(part) for part in parts] != [RandomEffects, Independent]:
            raise EngineError(
                "statsmodels' MixedLM expresses one set of correlated random effects, such as (1 + time | subject); "
                f"this model has Sigma {structure.description}. Use ml.Frequentist()."
            )
        model = MixedLM(design.y, design.fixed.X, design.subject, exog_re=design.coords)
        with warnings.catch_warnings():
            # Its convergence warnings are turned into our error below.
            warnings.simplefilter("ignore", StatsmodelsWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            try:
                result = model.fit(reml=self.method == "reml", method=["lbfgs", "powell"], full_output=True)
            except np.linalg.LinAlgError as error:
                raise ConvergenceError(
                    f"statsmodels' MixedLM stopped ({error}), as it does where the variance of a random effect is "
                    "near zero; use ml.Frequentist(), whose covariance may lie on its boundary."
                ) from error
        if not result.converged:
            raise ConvergenceError(
                "statsmodels' MixedLM did not converge on this model; use ml.Frequentist()."
            )
        G = np.asarray(result.cov_re)
        p = design.fixed.X.shape[1]
        theta = np.append(G[np.tril_indices(len(G))], result.scale)
        parameters = pd.DataFrame(
            {"estimate": theta, "se": np.nan}, index=pd.Index(structure.parameter_names, name="parameter")
        )
        return Fit(
            engine=self,
            design=design,
            estimate=PointEstimate(
                names=design.fixed.names,
                beta=np.asarray(result.fe_params),
                small_sample=FixedDf(np.asarray(result.cov_params())[:p, :p], float("inf")),
            ),
            covariance=VarianceComponents(structure, theta, parameters, design.visit_grid),
            outcome=Outcome(
                converged=True,
                singular=structure.is_singular(theta / float(result.scale), design.coords_rms),
                notes=design.notes,
            ),
            loglik=float(result.llf),
            n_parameters=structure.n_parameters + (0 if self.method == "reml" else p),
        )
