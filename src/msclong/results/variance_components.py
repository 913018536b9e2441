"""The estimated covariance: its parameters and, on planned visits, its matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike

from msclong.covariance.additive import Additive
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.structure import CovarianceStructure
from msclong.covariance.visit_structure import VisitStructure
from msclong.covariance.working import unvech
from msclong.errors import HypothesisError


@dataclass(frozen=True, eq=False)
class VarianceComponents:
    """Covariance parameters on the natural scale.

    theta : (k,) in squared outcome units (correlations without unit).
    parameters : table indexed by parameter name; estimate and se, for a posterior also lower and upper.
    """

    structure: CovarianceStructure
    theta: np.ndarray
    parameters: pd.DataFrame

    @property
    def matrix(self) -> pd.DataFrame:
        """Sigma over the planned visits, (T, T). Raises HypothesisError where there is no visit grid."""
        if not isinstance(self.structure, VisitStructure):
            raise HypothesisError(
                "Random effects have no single matrix over visits; see .random_effects and .residual_variance."
            )
        labels = list(self.structure.visits)
        return pd.DataFrame(self.structure.grid(self.theta), index=labels, columns=labels)

    @property
    def correlation(self) -> pd.DataFrame:
        """Correlations of `matrix`."""
        matrix = self.matrix
        sd = pd.Series(np.sqrt(np.diag(matrix)), index=matrix.index)
        return matrix.div(sd, axis="index").div(sd, axis="columns")

    @property
    def random_effects(self) -> pd.DataFrame:
        """G, the covariance of the random effects. Raises HypothesisError where there are none."""
        blocks: list[np.ndarray] = []
        names: list[str] = []
        if isinstance(self.structure, Additive):
            for part, k, _ in self.structure.split():
                if isinstance(part, RandomEffects):
                    blocks.append(unvech(self.theta[k], len(part.effects)))
                    names += part.effects
        if not blocks:
            raise HypothesisError("This model has no random effects; see .matrix.")
        size = sum(len(block) for block in blocks)
        G = np.zeros((size, size))
        start = 0
        for block in blocks:
            G[start : start + len(block), start : start + len(block)] = block
            start += len(block)
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
