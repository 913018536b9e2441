"""Importance sampling of a posterior whose log density is evaluated in batches, with Pareto-smoothed weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from msclong.engines.bayesian.importance.fitted_proposal import around, refitted
from msclong.engines.bayesian.importance.further_modes import further_modes, is_new
from msclong.engines.bayesian.importance.pareto_smoothing import pareto_smooth
from msclong.engines.bayesian.importance.posterior_mode import LogDensity, Mode, find_mode
from msclong.engines.bayesian.importance.proposal import Component, Mixture
from msclong.errors import ConvergenceError

GOOD_KHAT = 0.5
"""Below this the weights have a finite variance: accepted at once."""

GOOD_EFFICIENCY = 0.1
"""Share of effective draws below which a proposal is refitted all the same."""

AT_ONCE = 1000
"""Rows that the log density is asked for at a time: bounds its memory."""

ROUNDS = 3
"""Proposals tried at most: around the mode, then refitted."""


@dataclass(frozen=True, eq=False)
class Weighted:
    """Weighted draws of u.

    u : (S, k), where the density is above zero. log_weights : (S,), Pareto-smoothed, weights sum to one. khat : the
    Pareto shape of the largest weights. drawn : how many were made, S or more. notes : what was done, as sentences.
    """

    u: np.ndarray
    log_weights: np.ndarray
    khat: float
    drawn: int
    notes: tuple[str, ...] = ()

    @property
    def weights(self) -> np.ndarray:
        """(S,), they sum to one."""
        return np.exp(self.log_weights)

    @property
    def rank(self) -> tuple[bool, float]:
        """The least is the best: good ones by effective draws, others by k-hat."""
        good = self.khat < GOOD_KHAT
        return not good, -self.ess if good else self.khat

    @property
    def ess(self) -> float:
        """Effective draws of the mean of a typical quantity, 1 / sum of squared weights."""
        return float(1 / np.exp(2 * self.log_weights).sum())

    @property
    def efficiency(self) -> float:
        """Effective draws as a share of those made."""
        return self.ess / self.drawn


def importance_sample(
    log_density: LogDensity,
    start: np.ndarray,
    *,
    draws: int,
    rng: np.random.Generator,
    defensive: Sequence[Component] = (),
    at_once: int = AT_ONCE,
    smooth: LogDensity | None = None,
    good_khat: float = GOOD_KHAT,
) -> Weighted:
    """Weighted draws from the distribution with the given unnormalised log density.

    The proposal is a split-t distribution around the mode, with a wide and heavy-tailed component beside it, and the
    same around every further mode that `further_modes` finds. Where k-hat reaches 0.5, or fewer than one draw in ten is
    effective, it is refitted to the weighted draws, and twice as many are drawn; twice at most. The best round is
    returned, by `Weighted.rank`: whether it will do is the caller's question (`checks.importance_checks`).

    Parameters
    ----------
    log_density : (S, k) -> (S,)
        On the whole of R^k: the Jacobian of any transformation to u included. -inf or NaN where the density is zero.
        Called with at most `at_once` rows.
    start : (k,) or (m, k)
        Where to climb from; of several starts, distinct modes each have their component.
    draws : int
        S of the first round.
    defensive : components to share the defensive part of the proposal.
    smooth : what the mode is searched in, where the log density is that of an unbiased random estimate of a density:
        its weights are as good, but more uneven (Tran et al. 2021, Behavior Research Methods 53:1148).
    good_khat : below it a round is accepted at once, where one draw in ten is effective.

    Raises ConvergenceError where no mode is found.
    """

    evaluate = _in_parts(log_density, at_once)
    even = evaluate if smooth is None else _in_parts(smooth, at_once)
    modes = _modes(even, np.atleast_2d(start), rng)
    proposal = around(even, modes, defensive)
    rounds: list[Weighted] = []
    notes: list[str] = []
    if further := further_modes(even, modes, proposal, rng):
        proposal = around(even, [*modes, *further], defensive)
        notes.append(
            f"The posterior has several modes ({len(modes) + len(further)} were found): each has a proposal of its own."
        )
    while True:
        S = draws if not rounds else 2 * draws
        rounds.append(_weigh(evaluate, proposal, S, rng))
        best = min(rounds, key=lambda one: one.rank)
        if len(rounds) == ROUNDS or (best.khat < good_khat and best.efficiency >= GOOD_EFFICIENCY):
            return replace(best, notes=tuple(notes))
        notes.append(
            f"Importance sampling with {S} draws had Pareto k-hat {rounds[-1].khat:.2f} and efficiency "
            f"{rounds[-1].efficiency:.2f}: the proposal was refitted."
        )
        widest = max(rounds, key=lambda one: one.ess)
        proposal = refitted(widest.u, widest.weights, proposal, rng)


def _in_parts(log_density: LogDensity, at_once: int) -> LogDensity:
    def evaluate(u: np.ndarray) -> np.ndarray:
        parts = [log_density(u[i : i + at_once]) for i in range(0, len(u), at_once)]
        values = np.concatenate([np.empty(0), *parts])
        return np.where(np.isnan(values), -np.inf, values)

    return evaluate


def _weigh(log_density: LogDensity, proposal: Mixture, draws: int, rng: np.random.Generator) -> Weighted:
    u = proposal.draw(draws, rng)
    values = log_density(u)
    possible = values > -np.inf
    if not possible.any():
        raise ConvergenceError(
            f"The posterior density is zero at all {draws} draws around its mode. Use Bayesian(sampler='nuts'), a "
            "structure with fewer parameters or tighter Priors."
        )
    log_weights, khat = pareto_smooth(values - proposal.log_density(u))
    # Nothing of the model is defined at the others: zero times NaN is no zero.
    return Weighted(u[possible], log_weights[possible], khat, draws)


def systematic(weights: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """n positions drawn by weights (S,) with sum one, in random order: each its share of times, to within one."""
    positions = np.searchsorted(np.cumsum(weights), (np.arange(n) + rng.random()) / n)
    return rng.permutation(np.minimum(positions, len(weights) - 1))


def _modes(log_density: LogDensity, starts: np.ndarray, rng: np.random.Generator) -> list[Mode]:
    """The distinct modes that the starts lead to, the highest first."""
    found: list[Mode] = []
    failure: ConvergenceError | None = None
    for start in starts:
        try:
            mode = find_mode(log_density, start, rng)
        except ConvergenceError as error:
            failure = error
            continue
        if is_new(mode, found):
            found.append(mode)
    if not found and failure is not None:
        raise failure
    return sorted(found, key=lambda mode: -mode.value)
