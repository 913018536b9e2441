"""Modes that a climb from one start has missed: looked for where the density is higher than a proposal says."""

from __future__ import annotations

import numpy as np

from msclong.engines.bayesian.importance.posterior_mode import LogDensity, Mode, find_mode
from msclong.engines.bayesian.importance.proposal import Component
from msclong.errors import ConvergenceError

ALONG = np.array([3.0, 4.5, 6.0, 8.0, 11.0])
"""Where each half-axis through a mode is searched, in standard deviations."""

SCOUTS, REACH = 100, (1.5, 8.0)
"""Random points beside these, and how many times wider than a mode they lie, on a logarithmic scale."""

SUSPECT = np.log(10)
"""Log of how many times the ratio of density and proposal at a mode it is where another mode may be near."""

SUSPECTS = 15
"""Points, those of the largest ratio, from which the way to the known mode is looked along."""

WAY = np.arange(1, 8) / 8
DIP = 0.5
"""Where the way is looked at, and by how much the log density falls on it from another mode's slope."""

CLIMBS = 3
"""Points that are climbed from, at most."""

SAME_MODE = 0.1
"""Climbs end at one mode when their distance, in its standard deviations, is below this."""

LEAST_MASS = 1e-4
"""Of a mode as a normal distribution, in units of the largest: a lesser one does not count."""


def further_modes(
    log_density: LogDensity, modes: list[Mode], proposal: Component, rng: np.random.Generator
) -> list[Mode]:
    """Modes beside the known `modes`, to which `proposal` was fitted.

    Points are searched along each coordinate's axis, and where a random set of coordinates has moved: modes that few
    subjects leave often differ in the sign of a correlation, or in what two variances share. Where the density exceeds
    the proposal's by most, measured at the mode, there is a tail or another mode: of the latter the density falls on
    the way to the known one, and only those points are climbed from. A few hundred points prove nothing: modes that
    are far off in several coordinates at once are mostly missed.
    """
    k = len(modes[0].u)
    at = np.stack([mode.u for mode in modes])
    sd = np.stack([np.sqrt(np.diag(np.linalg.inv(mode.precision))) for mode in modes])
    axes = (np.concatenate([ALONG, -ALONG])[:, None, None] * np.eye(k)).reshape(-1, k)
    moved = rng.random((SCOUTS, k)).argsort(axis=1) < rng.integers(1, k + 1, size=(SCOUTS, 1))
    reach = np.exp(rng.uniform(*np.log(REACH), size=(SCOUTS, 1)))
    steps = np.concatenate([np.zeros((1, k)), axes, reach * moved * rng.standard_normal((SCOUTS, k))])
    points = (at + steps[:, None] * sd).reshape(-1, k)
    of = np.tile(np.arange(len(modes)), len(steps))
    value = log_density(points)
    ratio = value - proposal.log_density(points)
    suspects = np.flatnonzero(ratio > ratio[: len(modes)].max() + SUSPECT)
    suspects = suspects[np.argsort(-ratio[suspects])][:SUSPECTS]
    if not suspects.size:
        return []
    here, there = points[suspects], at[of[suspects]]
    way = here + WAY[:, None, None] * (there - here)
    least = log_density(way.reshape(-1, k)).reshape(len(WAY), -1).min(axis=0)
    found = list(modes)
    for point in here[least < value[suspects] - DIP][:CLIMBS]:
        try:
            mode = find_mode(log_density, point, rng)
        except ConvergenceError:
            continue
        if is_new(mode, found) and mode.mass > max(one.mass for one in found) + np.log(LEAST_MASS):
            found.append(mode)
    return found[len(modes) :]


def is_new(mode: Mode, known: list[Mode]) -> bool:
    """Whether `mode` is none of the known ones."""
    apart = [(mode.u - other.u, other.precision) for other in known]
    return all(d @ precision @ d > SAME_MODE**2 for d, precision in apart)
