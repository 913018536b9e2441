"""Trials of several outcomes, drawn from the priors of a joint model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

import msclong as ml
from calibration.simulated_trials import BACK, Trial, calendar, drawn_effects, log_normal, seen
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.design.joint_design import JointDesign
from msclong.engines.bayesian.checking.checks import reported_quantities, sds_and_correlations
from msclong.engines.bayesian.joint.joint_fit import in_outcome_units, of_outcome
from msclong.engines.bayesian.joint.joint_priors import joint_priors
from msclong.engines.bayesian.joint.pooled_changes import (
    HETEROGENEITY,
    MEAN_SD,
    PooledChanges,
    pooled_changes,
)
from msclong.results.posterior_draws import PosteriorDraws


@dataclass(frozen=True, eq=False)
class JointTruth(PosteriorDraws):
    """A posterior of one draw, and what was drawn with it: (T + 1,) mean changes and heterogeneity, or None."""

    pooled: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class JointModel:
    """Specs whose priors and scales do not depend on the outcomes, and the trial that they are tried on; see `Model`.

    Higher is better. The first lacking[k] subjects have no outcome k.
    """

    name: str
    specs: Mapping[str, ml.ModelSpec]
    number: int
    replicates: int
    engine: ml.Bayesian
    pool: bool = False
    subjects: int = 16
    lacking: tuple[int, ...] = (0, 5, 0)
    visits: tuple[int, ...] = (0, 1, 3)

    @property
    def formula(self) -> str:
        return "; ".join(spec.formula for spec in self.specs.values())

    @property
    def family(self) -> str:
        return ", ".join(spec.family for spec in self.specs.values())

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The calendar; outcomes are ones where they are seen."""
        rng = np.random.default_rng([self.number])
        frame = pd.DataFrame(calendar(self.subjects, self.visits))
        for name, first in zip(self.specs, self.lacking, strict=False):
            there = seen(self.subjects, len(self.visits), rng).ravel() & (frame["id"] >= first)
            frame[name] = np.where(there, 1.0, np.nan)
        return frame

    @cached_property
    def joint(self) -> JointDesign:
        """The design of the calendar."""
        designs = {name: build_design(spec, long_data(spec, self.frame)) for name, spec in self.specs.items()}
        scales = {name: spec.priors.outcome_scale for name, spec in self.specs.items()}
        return JointDesign(designs, scales, correlated=True)

    @cached_property
    def pooled(self) -> PooledChanges | None:
        if not self.pool:
            return None
        return pooled_changes(self.joint, dict.fromkeys(self.specs, 1.0), HETEROGENEITY)

    def drawn_trial(self, rng: np.random.Generator) -> Trial:
        truth, frame = self.drawn_truth(rng), self.frame.copy()
        joint = self.joint
        y = np.concatenate(
            [d.fixed.X @ of_outcome(joint, truth, name).flat[0] for name, d in joint.designs.items()]
        )
        effects = drawn_effects(joint.structure, truth.flat_theta[0], joint.unit, joint.coords, rng)[:, 0]
        start = 0
        for name, design in joint.designs.items():
            rows = slice(start, start := start + len(design.y))
            at = design.fixed.frame.index
            frame.loc[at, name] = BACK[design.family.keyword](y[rows] + joint.scales[name] * effects[rows])
        return Trial(truth, frame, 0)

    def drawn_truth(self, rng: np.random.Generator) -> JointTruth:
        """One draw of all parameters from the priors: of pooled changes the heterogeneity, the means, the changes."""
        joint, priors = self.joint, joint_priors(self.joint)
        ((_, prior),) = priors.components
        K, combination, drawn = prior.K, rng.normal(prior.location, prior.sd), None
        if self.pooled is not None:
            tau = HETEROGENEITY.scale * abs(rng.standard_t(HETEROGENEITY.df))
            mu = rng.normal(0, MEAN_SD, len(self.pooled.keys))
            changes = np.concatenate(
                [rng.normal(m, tau, len(rows)) for m, rows in zip(mu, self.pooled.rows, strict=True)]
            )
            ((_, rest),) = self.pooled.given(1.0, priors.components)
            M, drawn = len(changes), np.append(mu, tau)
            K = np.concatenate([*self.pooled.rows, rest.K[M:]])
            combination = np.append(changes, rng.normal(rest.location[M:], rest.sd[M:]))
        values = {v.name: v.draw(1, rng)[0] for v in priors.covariance.variables}
        standardised = JointTruth(
            names=joint.names,
            draws=np.linalg.solve(K, combination)[None, None],
            convergence=None,
            theta=priors.covariance.theta(values, np)[None, None],
            theta_names=joint.structure.parameter_names,
            pooled=drawn,
        )
        return in_outcome_units(standardised, joint.units)

    def fit(self, frame: pd.DataFrame, engine: ml.Bayesian) -> ml.JointFit:
        """The fit of a trial; raises AssertionError where its prior is not the one that the truth is drawn from."""
        fit = ml.fit_joint(
            self.specs,
            frame,
            engine,
            subject_effects="correlated",
            pool="time course" if self.pool else None,
            directions=dict.fromkeys(self.specs, "higher"),
        )
        if not joint_priors(fit.design).table().equals(joint_priors(self.joint).table()):
            raise AssertionError(f"{self.name}: the prior depends on the outcomes")
        return fit

    def quantities(
        self, fit: ml.JointFit, truth: JointTruth
    ) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
        """What is ranked: names (m,), posterior draws (S, m), true values (m,)."""
        names: list[str] = []
        draws, values = [], []
        for name, one in fit.items():
            own, found = reported_quantities(one.design, one.estimate)
            names += [f"{name}: {quantity}" for quantity in own]
            draws.append(found.reshape(-1, len(own)))
            values.append(reported_quantities(one.design, of_outcome(fit.design, truth, name))[1][0, 0])
        together, found = sds_and_correlations(fit.design.structure, fit.estimate.flat_theta)
        names += together
        draws.append(found)
        values.append(sds_and_correlations(fit.design.structure, truth.flat_theta)[1][0])
        if truth.pooled is not None:
            names += [*map(str, self.pooled.keys), "heterogeneity"]
            draws.append(fit.pooled_draws.reshape(-1, len(truth.pooled)))
            values.append(truth.pooled)
        return tuple(names), np.column_stack(draws), np.concatenate(values)

    def log_likelihood(self, fit: ml.JointFit, estimate: PosteriorDraws, chosen: np.ndarray) -> np.ndarray:
        """log p(y | beta, theta) at the chosen draws."""
        joint, residual = fit.design, []
        for name, design in joint.designs.items():
            beta = estimate.flat[chosen][:, joint.columns[name]]
            residual.append((design.y - beta @ design.fixed.X.T) / joint.scales[name])
        theta = estimate.flat_theta[chosen]
        return log_normal(np.hstack(residual), joint.structure, theta, joint.unit, joint.coords)
