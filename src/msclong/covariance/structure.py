"""What every covariance structure provides: Sigma(theta), its derivatives, names, and start values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from msclong.covariance.markov_chain import MarkovChain
from msclong.covariance.working import Working

Theta = Any
"""Covariance parameters: a NumPy array, or a PyTensor vector (which NumPy's types cannot express)."""

SINGULAR = 1e-8
"""Smallest eigenvalue, in units of the residual variance, that counts as more than zero."""

Sigma = Any
"""A covariance of the same kind as the Theta that it was computed from."""


@dataclass(frozen=True, eq=False)
class Scatter:
    """Residual scatter of the subjects that share one number of observations (for start values).

    coords : (P, t, d) coordinates of the P distinct patterns; n : (P,) subjects in each;
    cross_products : (P, t, t) sums over subjects of residual r r'.
    """

    coords: np.ndarray
    n: np.ndarray
    cross_products: np.ndarray


@dataclass(frozen=True, eq=False)
class Recoordinated:
    """An equal family of covariances in other coordinates.

    structure : the family there. coords : (d, d), an observation's coordinates there are coords @ this.
    theta : (k, k), theta here is this @ theta there.
    """

    structure: CovarianceStructure
    coords: np.ndarray
    theta: np.ndarray


class CovarianceStructure(ABC):
    """A map theta -> Sigma for the observations of one subject.

    A subject's t observations have coordinates, a (t, d) array: the position on the visit grid for
    visit structures, the row of Z for random effects. All methods take a batch of P patterns,
    `coords` of shape (P, t, d), and `theta` of shape (k,) on the *natural* scale: the parameters
    that SAS PROC MIXED prints (variances, covariances, correlations).

    `sigma` is written in operators and integer indexing only, so that it takes a NumPy array and a
    PyTensor vector alike: one definition serves both engines.
    """

    @property
    @abstractmethod
    def keyword(self) -> str:
        """The name of the structure in a formula."""

    @property
    @abstractmethod
    def description(self) -> str:
        """The structure in words, to follow 'Sigma'."""

    @property
    def several_maxima(self) -> bool:
        """Whether the likelihood of few subjects often has more than one maximum: start values are then varied."""
        return False

    @property
    def coordinates(self) -> int:
        """d, the number of coordinate columns that the structure reads."""
        return 1

    @property
    def is_chain(self) -> bool:
        """Whether a pattern's observations, in their order, are a Markov chain, which `chain` then gives."""
        return False

    @property
    def linear(self) -> bool:
        """Whether Sigma is linear in theta: second derivatives vanish, theta is in squared outcome units."""
        return False

    @property
    @abstractmethod
    def parameter_names(self) -> tuple[str, ...]:
        """Names of theta in the field's terms, k of them."""

    @property
    @abstractmethod
    def working(self) -> Working:
        """The map from the optimiser's unconstrained coordinates to theta."""

    @abstractmethod
    def sigma(self, theta: Theta, coords: np.ndarray) -> Sigma:
        """Sigma of each pattern, (P, t, t), in squared outcome units."""

    @abstractmethod
    def first(self, theta: np.ndarray, coords: np.ndarray) -> np.ndarray:
        """dSigma / dtheta_j, (k, P, t, t)."""

    def congruent_first(self, theta: np.ndarray, coords: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
        """B (P, t, s) and U (k, P, s, s) with dSigma / dtheta_j = B U_j B', B None where it is the identity.

        A structure whose U hold few numbers that are not zero says so here: sums over them are then short.
        """
        return None, self.first(theta, coords)

    def chain(self, theta: np.ndarray, coords: np.ndarray) -> MarkovChain:
        """Sigma of each pattern as a Markov chain; asked where `is_chain` only."""
        raise NotImplementedError(f"{type(self).__name__} is no Markov chain.")

    def second_contracted(self, theta: np.ndarray, coords: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """sum over patterns of tr(weight d2Sigma / dtheta_j dtheta_k), (k, k); `weight` is (P, t, t) symmetric.

        Zero unless a structure that is not linear overrides it.
        """
        return np.zeros((self.n_parameters, self.n_parameters))

    def second_combined(self, theta: np.ndarray, coords: np.ndarray, W: np.ndarray) -> np.ndarray:
        """sum over j, k of W_jk d2Sigma / dtheta_j dtheta_k, (P, t, t), for symmetric W (k, k).

        Asked of structures that are not linear by Kenward and Roger's second-order form only.
        """
        if not self.linear:
            raise NotImplementedError(
                f"{type(self).__name__} is not linear and must combine its second derivatives."
            )
        n_patterns, t = coords.shape[:2]
        return np.zeros((n_patterns, t, t))

    @abstractmethod
    def start(self, scatter: Sequence[Scatter]) -> np.ndarray:
        """Start values of theta from ordinary-least-squares residuals."""

    def scale(self, theta: np.ndarray, factor: float) -> np.ndarray:
        """theta after the outcome has been multiplied by `factor`; a structure with correlations overrides it."""
        return theta * factor**2

    def recoordinated(self, scatter: Sequence[Scatter]) -> Recoordinated:
        """The same covariances where theta is well conditioned; here as they stand.

        Estimates, df and p-values do not depend on such a choice, their rounding errors do: a random slope against
        calendar years, or visits correlated at 0.999, leave few digits otherwise.
        """
        return self.unchanged()

    def unchanged(self) -> Recoordinated:
        """This structure in its own coordinates."""
        return Recoordinated(self, np.eye(self.coordinates), np.eye(self.n_parameters))

    def centred(self, theta: np.ndarray) -> Recoordinated | None:
        """The same covariances in coordinates around Sigma(theta), where there are better ones than these."""
        return None

    @cached_property
    def n_parameters(self) -> int:
        return len(self.parameter_names)

    def check(self, coords: np.ndarray, subject: np.ndarray, column: str, rows: Iterable[object]) -> None:
        """Raise DataError for observations whose Sigma is singular whatever theta; most structures have none.

        coords : (N, d) read from `column`; subject : (N,) codes; rows : the N row labels, for the message.
        """
        return None

    def is_singular(self, theta: np.ndarray, coords_rms: np.ndarray) -> bool:
        """Whether theta lies on the boundary (a zero variance, a correlation of one).

        theta is in standardised units (residual variance about one), coords_rms (d,) the root mean square of
        each coordinate: what is below SINGULAR there moves no observation.
        """
        return False


def pooled_variance(scatter: Sequence[Scatter]) -> float:
    """Mean squared residual over all observations."""
    total = sum(float(np.einsum("paa->", part.cross_products)) for part in scatter)
    count = sum(float(part.n.sum()) * part.coords.shape[1] for part in scatter)
    return total / count
