"""Changes from baseline that several outcomes share: a hierarchical prior of the time course."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import helmert

from msclong.contrasts.kinds import contrast_hypothesis
from msclong.design.joint_design import JointDesign
from msclong.engines.bayesian.priors import covariance_variables
from msclong.engines.bayesian.priors.covariance_variables import Variable
from msclong.engines.bayesian.priors.model_priors import CoefficientPrior
from msclong.errors import DesignError, HypothesisError, SpecError, listing
from msclong.linear_hypothesis import label
from msclong.spec.distributions import HalfNormal, HalfT

MEAN_SD = 2.5
"""SD of the prior of a mean change, in SDs of the outcome."""

HETEROGENEITY = HalfT(3, 0.5)
"""Prior of the SD of the outcomes' changes about their mean, in SDs of the outcome: median 0.38, 95 % below 1.6."""

FINE = (0.001, 30.0, 400)
"""From where to where, in units of the prior's scale, and at how many points tau is drawn given the changes."""

Components = tuple[tuple[float, CoefficientPrior], ...]
"""Log weights and components of a prior of beta."""

DEPENDENT = 1e-9
"""Share of a row's length outside the rows before it, below which it depends on them."""


@dataclass(frozen=True, eq=False)
class PooledChanges:
    """delta_kt ~ Normal(mu_t, tau^2) for outcome k and change t; mu_t ~ Normal(0, MEAN_SD^2), tau ~ heterogeneity.

    delta = rows @ beta, beta (p,) in standardised units, is change t of outcome k in SDs of the outcome, positive where
    it is a benefit. keys : the distinct changes (visit, by arm), as an index. rows : of each, (K_t, p).
    """

    keys: pd.Index
    rows: tuple[np.ndarray, ...]
    heterogeneity: HalfT | HalfNormal

    def given(self, tau: float, components: Components) -> Components:
        """The prior given tau, in place of that of as many of the rows of each component as there are changes.

        The changes t of K_t outcomes are normal with covariance tau^2 I + MEAN_SD^2 11'. Its eigenvectors, the mean
        over outcomes and Helmert contrasts, do not depend on tau: K is the same for each. Rows of the default prior
        that depend on the changes and on the rows before them leave.
        """
        pooled = np.concatenate([helmert(len(rows), full=True) @ rows for rows in self.rows])
        names = [
            f"pooled change {self._text(i)}, {j + 1}"
            for i, rows in enumerate(self.rows)
            for j in range(len(rows))
        ]
        kept = independent_rows(pooled, components[0][1].K)
        return tuple(
            (
                log_weight,
                CoefficientPrior(
                    names=(*names, *(prior.names[j] for j in kept)),
                    K=np.concatenate([pooled, prior.K[kept]]),
                    location=np.concatenate([np.zeros(len(pooled)), prior.location[kept]]),
                    sd=np.concatenate([np.sqrt(tau**2 + self.shared_variances), prior.sd[kept]]),
                ),
            )
            for log_weight, prior in components
        )

    @property
    def shared_variances(self) -> np.ndarray:
        """(M,) what is added to tau^2 in the prior variance of each row of `given` that is a pooled change."""
        # The mean of K_t outcomes comes first, times the root of K_t; contrasts between them follow.
        return MEAN_SD**2 * np.concatenate([len(rows) * np.eye(len(rows))[0] for rows in self.rows])

    @property
    def tau(self) -> Variable:
        """The heterogeneity and its prior."""
        h, name = self.heterogeneity, "heterogeneity"
        if isinstance(h, HalfT):
            return covariance_variables.HalfT(name, (name,), (h.scale,), h.df, (1.0,))
        return covariance_variables.HalfNormal(name, (name,), (h.scale,), (1.0,))

    def log_prior(self, tau: np.ndarray) -> np.ndarray:
        """Log density of log tau at tau (S,), up to a constant."""
        return self.tau.log_density(np.log(tau)[None], self.tau.hyperparameters(1.0))

    def draw(self, beta: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """tau (S,) and mu (S, T) given beta (S, p), in standardised units."""
        grid = np.geomspace(*FINE) * self.heterogeneity.scale
        tau2 = grid**2
        changes = [beta @ rows.T for rows in self.rows]
        log_density = self.log_prior(grid) + np.zeros((len(beta), 1))
        for delta in changes:
            k, mean = delta.shape[1], delta.mean(axis=1)
            within = ((delta - mean[:, None]) ** 2).sum(axis=1)
            about = tau2 + k * MEAN_SD**2
            log_density -= ((k - 1) * np.log(tau2) + within[:, None] / tau2) / 2
            log_density -= (np.log(about) + k * mean[:, None] ** 2 / about) / 2
        density = np.exp(log_density - log_density.max(axis=1, keepdims=True))
        reached = np.cumsum(density, axis=1) - density / 2
        wanted = rng.random(len(beta)) * density.sum(axis=1)
        log_tau = [np.interp(w, r, np.log(tau2) / 2) for w, r in zip(wanted, reached, strict=True)]
        tau = np.exp(log_tau)
        mu = np.empty((len(beta), len(changes)))
        for t, delta in enumerate(changes):
            precision = delta.shape[1] / tau**2 + 1 / MEAN_SD**2
            mean = delta.sum(axis=1) / tau**2 / precision
            mu[:, t] = mean + rng.standard_normal(len(beta)) / np.sqrt(precision)
        return tau, mu

    def described(self) -> str:
        """The prior in a sentence."""
        return (
            f"The {len(self.keys)} changes from baseline, in SDs of each outcome and positive where a benefit, are "
            f"Normal(mu, tau^2) with a mu for each, mu ~ Normal(0, {MEAN_SD:.4g}^2) and tau ~ {self.tau.text(0)}."
        )

    def _text(self, i: int) -> str:
        key = self.keys[i]
        return ", ".join(map(label, key if isinstance(key, tuple) else (key,)))


def pooled_changes(
    joint: JointDesign, signs: Mapping[str, float], heterogeneity: HalfT | HalfNormal
) -> PooledChanges:
    """The default contrasts of all outcomes, each change with the same one of the others; signs are those of benefit.

    Of several arms the changes within each; where the model has differences of arms only (a baseline that is a
    covariate), these. Raises DesignError where an outcome has no contrasts, or changes that depend on each other.
    """
    found: dict[Any, list[np.ndarray]] = {}
    names: list[object] = []
    for outcome, design in joint.designs.items():
        try:
            hypothesis = contrast_hypothesis(design)
        except HypothesisError as error:
            raise DesignError(f"{outcome!r} has no changes that could be pooled: {error}") from None
        keep = np.ones(len(hypothesis), dtype=bool)
        if design.arm is not None and design.arm in hypothesis.rows.names:
            arms = [label(level) for level in design.fixed.values(design.arm)]
            within = hypothesis.rows.get_level_values(design.arm).map(label).isin(arms)
            keep = np.asarray(within) if within.any() else keep
        L = hypothesis.L[keep]
        if len(independent_rows(L[:0], L)) < len(L):
            raise DesignError(
                f"The changes of {outcome!r} determine each other: its mean is a curve over time. Pooling needs a mean "
                f"for each visit: write C({design.visit}) in its formula."
            )
        if names and names != list(hypothesis.rows.names):
            raise SpecError(
                f"The changes of {outcome!r} are listed by {listing(hypothesis.rows.names)}, those of others by "
                f"{listing(names)}; pooling needs the same arms and visits in all."
            )
        names = list(hypothesis.rows.names)
        for key, row in zip(hypothesis.rows[keep], L, strict=True):
            full = np.zeros(len(joint.names))
            full[joint.columns[outcome]] = signs[outcome] * row
            found.setdefault(key, []).append(full)
    keys = list(found)
    index = pd.MultiIndex.from_tuples(keys, names=names) if len(names) > 1 else pd.Index(keys, name=names[0])
    return PooledChanges(index, tuple(np.stack(rows) for rows in found.values()), heterogeneity)


def independent_rows(before: np.ndarray, rows: np.ndarray) -> list[int]:
    """Positions of the `rows` (m, p) that are no combination of `before` (r, p) and of the rows before them."""
    basis = np.linalg.qr(before.T)[0] if len(before) else np.zeros((rows.shape[1], 0))
    kept = []
    for j, row in enumerate(rows):
        rest = row - basis @ (basis.T @ row)
        rest -= basis @ (basis.T @ rest)
        size = np.linalg.norm(rest)
        if size > DEPENDENT * np.linalg.norm(row):
            kept.append(j)
            basis = np.column_stack([basis, rest / size])
    return kept
