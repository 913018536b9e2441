"""The likelihood of a conditional model with its random effects integrated out, subject by subject."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from msclong.covariance.batch import batched_sigma
from msclong.covariance.components import components
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.structure import CovarianceStructure
from msclong.design.design import Design
from msclong.engines.bayesian.conditional.censored_likelihood import CensoredLikelihood
from msclong.engines.bayesian.conditional.latent_likelihood import POINTS, latent_log_likelihood
from msclong.engines.bayesian.conditional.quadrature import Integrals, integrate, joined
from msclong.engines.bayesian.conditional.subject_likelihood import ByPoints, SubjectLikelihood
from msclong.engines.bayesian.conditional.subject_rows import SubjectRows, subject_rows
from msclong.errors import EngineError, listing

MOST_EFFECTS = 2
"""Random effects of a subject that a product rule of nodes serves."""

MOST_LATENT = 10
"""Predictors of a subject that importance sampling integrates over."""

MOST_PARAMETERS = 6
"""Covariance parameters up to which the importance sample is efficient enough: of counts with us over four visits, ten
of them, one draw in twenty was effective, and NUTS took less time."""

MOST_ROWS = 200
"""Observations up to which importance sampling takes less time than NUTS, a minute: half of it for 140 with ar1,
more than four times as much for 300."""

MOST_TIED = 50
"""Correlated outcomes, some of them censored, up to which importance sampling serves: 48 subjects of four sites, 48
outcomes in each, took it five seconds."""

AT_ONCE = 4_000_000
"""Elements of the linear predictors of one pass (32 MB)."""


@dataclass(frozen=True, eq=False)
class SampledLikelihood(ByPoints):
    """A `SubjectLikelihood` of any covariance of the predictors, by importance sampling (`latent_log_likelihood`)."""

    def log_likelihood(
        self,
        coefficients: tuple[np.ndarray, ...],
        phi: Mapping[str, np.ndarray],
        theta: np.ndarray,
        n_nodes: int | None = None,
    ) -> np.ndarray:
        """See `SubjectLikelihood`."""
        points = n_nodes or POINTS
        parts = [
            latent_log_likelihood(self.rows, self.structure, eta, each, theta[some], points, self.rng)
            for some, eta, each in _passes(self.rows, self.X, coefficients, phi, len(theta))
        ]
        return np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class MarginalLikelihood:
    """log p(y_i | beta, phi, theta) of n subjects.

    X : (N, p_m) by predictor, in the order of `rows`. structure : the covariance of the q random effects, whose
    coordinates are their rows of Z.
    """

    rows: SubjectRows
    X: tuple[np.ndarray, ...]
    structure: CovarianceStructure

    @property
    def n_effects(self) -> int:
        """q, the random effects of a subject."""
        return self.rows.Z.shape[2]

    def log_likelihood(
        self,
        coefficients: tuple[np.ndarray, ...],
        phi: Mapping[str, np.ndarray],
        theta: np.ndarray,
        n_nodes: int | None = None,
    ) -> np.ndarray:
        """See `SubjectLikelihood`."""
        return self.integrals(coefficients, phi, theta, n_nodes).log_likelihood

    def integrals(
        self,
        coefficients: tuple[np.ndarray, ...],
        phi: Mapping[str, np.ndarray],
        theta: np.ndarray,
        n_nodes: int | None = None,
        moments: bool = False,
    ) -> Integrals:
        """For S draws: coefficients (S, p_m) by predictor, phi (S, size) each, theta (S, k); see `integrate`."""
        root = self._root(theta)
        return joined(
            [
                integrate(self.rows, eta, each, root[some], n_nodes, moments)
                for some, eta, each in _passes(self.rows, self.X, coefficients, phi, len(theta))
            ]
        )

    def _root(self, theta: np.ndarray) -> np.ndarray:
        """(S, q, q), root root' = G(theta); G may be singular."""
        q = self.n_effects
        G = np.moveaxis(batched_sigma(self.structure, theta.T, np.eye(q)[None])[0], -1, 0)
        if q == 1:
            return np.sqrt(G)
        values, vectors = np.linalg.eigh(np.where(np.isfinite(G), G, 0.0))
        return vectors * np.sqrt(values.clip(0, None))[:, None, :]


def _passes(
    rows: SubjectRows,
    X: tuple[np.ndarray, ...],
    coefficients: tuple[np.ndarray, ...],
    phi: Mapping[str, np.ndarray],
    draws: int,
) -> Iterator[tuple[slice, tuple[np.ndarray, ...], dict[str, np.ndarray]]]:
    """Which draws each pass takes, within AT_ONCE, with their linear predictors and family parameters."""
    step = max(1, AT_ONCE // rows.n_obs)
    for start in range(0, draws, step):
        some = slice(start, start + step)
        eta = _predictors(rows, X, [c[some] for c in coefficients])
        yield some, eta, {name: value[some] for name, value in phi.items()}


def marginal_likelihood(design: Design) -> MarginalLikelihood:
    """The marginal likelihood of a conditional design; raises EngineError where it is no integral over two effects."""
    reason = not_served(design)
    if reason:
        raise EngineError(f"Subjects' marginal likelihoods need one or two random effects: {reason}.")
    rows = subject_rows(design)
    return MarginalLikelihood(rows, _fixed_parts(design, rows), design.structure)


def sampled_likelihood(design: Design) -> SampledLikelihood:
    """The marginal likelihood of a conditional design with one grouping, by importance sampling."""
    rows = subject_rows(design)
    return SampledLikelihood(rows, _fixed_parts(design, rows), design.structure)


def censored_likelihood(design: Design) -> CensoredLikelihood:
    """The likelihood of a censored, jointly normal design, by independent unit."""
    rows = subject_rows(design)
    rows = replace(rows, Z=design.pattern_coords[rows.order][:, None])
    return CensoredLikelihood(rows, _fixed_parts(design, rows), design.structure)


def likelihood_of(design: Design) -> SubjectLikelihood:
    """The likelihood of a conditional design: exact but for censored outcomes, by quadrature, or by sampling."""
    if design.censored_normal:
        return censored_likelihood(design)
    return sampled_likelihood(design) if not_served(design) else marginal_likelihood(design)


def _fixed_parts(design: Design, rows: SubjectRows) -> tuple[np.ndarray, ...]:
    """X of each predictor, (N, p_m), in the order of `rows`."""
    parts = [design.fixed.X, *([] if design.zero is None else [design.zero.X])]
    return tuple(X[rows.order] for X in parts)


def _predictors(
    rows: SubjectRows, parts: tuple[np.ndarray, ...], coefficients: Sequence[np.ndarray]
) -> tuple[np.ndarray, ...]:
    """X beta of each predictor, and the offset, (S, N)."""
    eta = [c @ X.T for c, X in zip(coefficients, parts, strict=True)]
    eta[0] = eta[0] + rows.offset
    return tuple(eta)


def not_served(design: Design) -> str:
    """Why quadrature does not serve a conditional design; empty where it does."""
    if len(design.spec.parsed.groupings) > 1:
        return "this model has random effects of several groupings"
    parts = [part.structure for part in components(design.structure)]
    others = [part.keyword for part in parts if not isinstance(part, RandomEffects)]
    if others:
        return f"this model has {listing(others)}"
    effects = [effect for part in parts if isinstance(part, RandomEffects) for effect in part.effects]
    if len(effects) > MOST_EFFECTS:
        return f"this model has {len(effects)} for each subject ({listing(effects)})"
    return ""


def not_sampled(design: Design) -> str:
    """Why importance sampling of its subjects' effects does not serve a conditional design; empty where it does."""
    if design.censored_normal:
        longest = int(np.bincount(design.unit).max())
        return (
            ""
            if longest <= MOST_TIED
            else f"{longest} of its outcomes are tied together, more than {MOST_TIED}"
        )
    if len(design.spec.parsed.groupings) > 1:
        return "this model has random effects of several groupings"
    latent = int(np.bincount(design.subject).max()) * design.latent_coords().shape[1]
    if latent > MOST_LATENT:
        return f"a subject here has {latent} linear predictors, more than {MOST_LATENT}"
    if design.structure.n_parameters > MOST_PARAMETERS:
        return f"its covariance has {design.structure.n_parameters} parameters, more than {MOST_PARAMETERS}"
    if len(design.subject) > MOST_ROWS:
        return f"it has {len(design.subject)} observations, more than {MOST_ROWS}"
    return ""


def marginal_log_likelihood(
    design: Design,
    beta: np.ndarray,
    zero: np.ndarray | None,
    phi: Mapping[str, np.ndarray],
    theta: np.ndarray,
) -> np.ndarray:
    """log p(y_i | draw) of each subject with its latent effects integrated out, (S, n), subjects by their code.

    beta : (S, p). zero : (S, p0), or None where the family has no zero part. phi : (S, size) each. theta : (S, k).
    One or two random effects by quadrature, other covariances by importance sampling (see `latent_likelihood`).
    Raises EngineError where subjects are not independent of each other: for several groupings.
    """
    if len(design.spec.parsed.groupings) > 1 and not design.censored_normal:
        raise EngineError(
            "Random effects of several groupings tie subjects together: the likelihood is no product over subjects."
        )
    coefficients = (beta,) if zero is None else (beta, zero)
    return likelihood_of(design).log_likelihood(coefficients, phi, theta)


def subject_effects(
    design: Design,
    beta: np.ndarray,
    zero: np.ndarray | None,
    phi: Mapping[str, np.ndarray],
    theta: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Posterior mean (S, n, q) and covariance (S, n, q, q) of each subject's random effects given each draw.

    Arguments as in `marginal_log_likelihood`. Raises EngineError for other than one or two random effects.
    """
    coefficients = (beta,) if zero is None else (beta, zero)
    found = marginal_likelihood(design).integrals(coefficients, phi, theta, moments=True)
    return found.mean, found.covariance
