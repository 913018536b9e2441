"""The prior of beta as observations: a mixture of normals, fixed or given further variables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from msclong.engines.bayesian.priors.covariance_variables import Values, Variable


@dataclass(frozen=True, eq=False)
class BetaPriors:
    """C normal components.

    log_weights : (C,), constants included. squares : (C, W), half-vectorised squares of the rows of each, observations
    with unit variance.
    """

    log_weights: np.ndarray
    squares: np.ndarray

    @property
    def variables(self) -> tuple[Variable, ...]:
        """What the prior depends on, beside theta."""
        return ()

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The numbers of the prior, as `given` takes them: data of a compiled model."""
        return self.log_weights, self.squares

    def given(self, values: Values, arrays: Sequence[Any], xp: Any) -> tuple[Any, Any]:
        """Log weights (C,) and squares (C, W), or (C, S) and (C, W, S) given S values of each variable, (1, S).

        arrays : those above, or tensors in their place. xp : NumPy or PyTensor.
        """
        log_weights, squares = arrays
        return log_weights, squares
