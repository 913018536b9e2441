"""The estimated covariance: its parameters and, on planned visits, its matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike

from msclong.covariance.components import components
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.structure import CovarianceStructure
from msclong.covariance.working import unvech
from msclong.design.visit_grid import VisitGrid
from msclong.errors import EngineError, HypothesisError, listing


@dataclass(frozen=True, eq=False)
class VarianceComponents:
    """Covariance parameters on the natural scale.

    theta : (k,) in squared outcome units (correlations without unit, ranges in the unit of time).
    parameters : table indexed by parameter name; estimate and se, for a posterior also lower and upper.
    grid : the planned visits as the structure reads them, where there are any.
    errors : (k, k), errors errors' is the covariance of theta's estimate, where a likelihood was maximised; a posterior
    has draws.
    """

    structure: CovarianceStructure
    theta: np.ndarray
    parameters: pd.DataFrame
    grid: VisitGrid | None = None
    errors: np.ndarray | None = None

    def error_of(self, gradient: np.ndarray) -> np.ndarray:
        """Standard errors (...) of functions of theta by the delta method, from their gradients (..., k).

        Raises EngineError for an engine that keeps no covariance of theta's estimate.
        """
        if self.errors is None:
            raise EngineError(
                "This engine keeps no covariance of the variance estimates; fit with ml.Frequentist() or ml.Bayesian()."
            )
        return np.asarray(np.linalg.norm(gradient @ self.errors, axis=-1))

    @property
    def matrices(self) -> dict[str, pd.DataFrame]:
        """Sigma of one subject's outcomes over the planned visits, (T, T), by covariance group.

        The one key is '' where all groups share one covariance. Random effects count, observation weights are one.
        Raises HypothesisError where the times are irregular.
        """
        if self.grid is None:
            raise HypothesisError(
                "This covariance has no single matrix over visits, for subjects were seen at times of their own; see "
                ".parameters, .random_effects and .residual_variance."
            )
        labels = list(self.grid.visits)
        return {
            group: pd.DataFrame(
                self.structure.sigma(self.theta, coords[None])[0], index=labels, columns=labels
            )
            for group, coords in self.grid.coords.items()
        }

    @property
    def matrix(self) -> pd.DataFrame:
        """Sigma over the planned visits, (T, T). Raises HypothesisError where there is none, or one for each group."""
        found = self.matrices
        if len(found) > 1:
            raise HypothesisError(
                f"Each of {listing(found)} has its own covariance matrix; see .matrices[...] for one of them."
            )
        return next(iter(found.values()))

    @property
    def correlation(self) -> pd.DataFrame:
        """Correlations of `matrix`."""
        matrix = self.matrix
        sd = pd.Series(np.sqrt(np.diag(matrix)), index=matrix.index)
        return matrix.div(sd, axis="index").div(sd, axis="columns")

    @property
    def random_effects(self) -> pd.DataFrame:
        """G, the covariance of the random effects. Raises HypothesisError where there are none."""
        terms = [(term.core, self.theta[term.theta]) for term in components(self.structure)]
        parts = [(core, theta) for core, theta in terms if isinstance(core, RandomEffects)]
        if not parts:
            raise HypothesisError("This model has no random effects; see .matrix.")
        names = [effect for part, _ in parts for effect in part.effects]
        G = np.zeros((len(names), len(names)))
        start = 0
        for part, theta in parts:
            end = start + len(part.effects)
            G[start:end, start:end] = unvech(theta, len(part.effects))
            start = end
        return pd.DataFrame(G, index=names, columns=names)

    @property
    def residual_variance(self) -> float:
        """The independent residual's variance. Raises HypothesisError where the structure has none."""
        if "residual variance" not in self.structure.parameter_names:
            raise HypothesisError("This structure has no independent residual; see .matrix.")
        return float(self.theta[self.structure.parameter_names.index("residual variance")])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.matrix, dtype=dtype)

    def __repr__(self) -> str:
        table = self.parameters.to_string(float_format=lambda x: f"{x:.6g}")
        return f"Covariance ({self.structure.keyword}): Sigma {self.structure.description}\n{table}"
