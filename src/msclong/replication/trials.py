"""Simulated trials of a scenario."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from msclong.replication.dropout import Dropout, Losses
from msclong.replication.scenario import Scenario


@dataclass(frozen=True, eq=False)
class TrialSource:
    """Draws trials; trial r of a seed is the same however many are drawn at once, and begins alike for every n.

    roots : (A, T, T) Cholesky factors of the covariances by arm. losses : None where everybody is seen.
    """

    scenario: Scenario
    roots: np.ndarray
    losses: Losses | None
    seed: int

    @classmethod
    def of(cls, scenario: Scenario, dropout: Dropout, seed: int) -> TrialSource:
        """Raises SpecError where dropout does not fit the scenario."""
        dropout.hazards(scenario.arms, len(scenario.visits))
        losses = Losses.of(dropout, scenario.arms, scenario.mean, scenario.sigma) if dropout else None
        return cls(scenario, np.linalg.cholesky(scenario.sigma), losses, seed)

    def draw(self, n: int, which: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Values (R, n, T) of the trials numbered in `which`, NaN where unobserved; and the arms (n,) as codes."""
        arm = self.scenario.allocated(n)
        shape = (n, len(self.scenario.visits))
        z = np.array([np.random.default_rng([self.seed, r, 0]).standard_normal(shape) for r in which])
        values = np.empty_like(z)
        for a, root in enumerate(self.roots):
            mine = arm == a
            values[:, mine] = self.scenario.mean[a] + z[:, mine] @ root.T
        if self.losses is not None:
            u = np.array([np.random.default_rng([self.seed, r, 1]).random(shape) for r in which])
            v = np.array([np.random.default_rng([self.seed, r, 2]).random(shape) for r in which])
            values[~self.losses.seen(values, arm, u, v)] = np.nan
        return values, arm
