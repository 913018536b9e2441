"""Whether one fit's covariance is a special case of another's, and how many variances vanish in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from msclong.design.coordinates import GroupCode
from msclong.design.design import Design
from msclong.engines.frequentist.maximum_likelihood import MaximumLikelihood, maximum_likelihood
from msclong.results.fit import Fit

REPRODUCED = 1e-5
"""Sigma is reproduced when no element is off by more than this share of the largest."""

VANISHED = 1e-3
"""A direction of the working coordinates that moves Sigma by less than this share is that of a vanished variance."""

NEARBY = (0.0, 0.1, 0.2)
"""How far, in working coordinates, the parameters lie from the smaller model's estimate."""

MOST_UNITS = 50
MOST_OF_LEVEL = 60
MOST_ELEMENTS = 200_000
"""More Sigmas, or larger ones, would say nothing new of a few parameters."""


@dataclass(frozen=True, eq=False)
class Family:
    """A fit's covariances: Sigma of any unit of rows, from working coordinates."""

    design: Design
    found: MaximumLikelihood

    @classmethod
    def of(cls, fit: Fit) -> Family:
        return cls(
            fit.design, maximum_likelihood(fit.design, getattr(fit.engine, "method", "reml") == "reml")
        )

    def sigma(self, w: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """(t, t), in squared outcome units, of the rows (t,); zero between independent units."""
        structure, unit = self.found.there.structure, self.design.unit[rows]
        theta, coords = structure.working.to_theta(w), self._coords(rows)
        result = np.zeros((len(rows), len(rows)))
        for code in np.unique(unit):
            where = np.flatnonzero(unit == code)
            result[np.ix_(where, where)] = structure.sigma(theta, coords[:, where])[0]
        return self.found.standardised.scale**2 * result

    def slopes(self, w: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """dSigma / dw, (k, t, t), of the rows of one unit."""
        structure = self.found.there.structure
        first = structure.first(structure.working.to_theta(w), self._coords(rows))[:, 0]
        return self.found.standardised.scale**2 * np.einsum(
            "jab,jk->kab", first, structure.working.jacobian(w)
        )

    def _coords(self, rows: np.ndarray) -> np.ndarray:
        return (self.design.coords[rows] @ self.found.there.coords)[None]


def covariance_nesting(smaller: Fit, larger: Fit) -> int | None:
    """None where the larger family of covariances does not hold the smaller's; else how many variances vanish there.

    At the smaller model's estimate, and at parameters near it, those of the larger are sought that give every
    independent unit the same Sigma, by least squares. Vanished variances are counted as the directions of the
    larger's working coordinates that do not move Sigma at the solution: none inside the parameter space, one where
    one random effect has dropped out (or a range has come down to zero).
    """
    inner, outer = Family.of(smaller), Family.of(larger)
    owner: dict[int, int] = {}
    for small, large in zip(inner.design.unit, outer.design.unit, strict=True):
        if owner.setdefault(small, large) != large:
            return None  # rows that only the smaller model holds to be correlated
    units = _some_units(inner.design, outer.design)
    rng = np.random.default_rng(0)
    vanished = []
    for distance in NEARBY:
        w = inner.found.optimum.w + distance * rng.standard_normal(inner.found.optimum.w.size)
        target = [inner.sigma(w, rows) for rows in units]
        if min(np.linalg.eigvalsh(sigma)[0] for sigma in target) <= 0:
            continue
        slopes = _reproduced(outer, units, target)
        if slopes is None:
            return None
        moves = np.linalg.svd(slopes, compute_uv=False) / np.sqrt(len(slopes))
        vanished.append(int((moves < VANISHED).sum()))
    return min(vanished)


def _some_units(inner: Design, design: Design) -> list[np.ndarray]:
    """Rows of units that differ in size or coordinates, spread over all such units; of large units some rows."""
    order = np.argsort(design.unit, kind="stable")
    ends = np.cumsum(np.bincount(design.unit))[:-1]
    different = {design.coords[rows].tobytes(): rows for rows in np.split(order, ends)}
    units = [_some_rows((inner, design), rows) for rows in sorted(different.values(), key=len, reverse=True)]
    elements = np.cumsum([len(rows) ** 2 for rows in units])
    count = min(MOST_UNITS, max(1, int(np.searchsorted(elements, MOST_ELEMENTS))))
    return [units[i] for i in np.unique(np.linspace(0, len(units) - 1, count).astype(int))]


def _some_rows(designs: Sequence[Design], rows: np.ndarray) -> np.ndarray:
    """A unit's rows, or of very many those of a few levels of each grouping: some share it, some do not."""
    if len(rows) ** 2 <= MOST_ELEMENTS:
        return rows
    few = rows[: MOST_OF_LEVEL // 2]
    for design in designs:
        for column in design.covariance.columns(GroupCode):
            few = np.r_[few, rows[np.argsort(design.coords[rows, column], kind="stable")[:MOST_OF_LEVEL]]]
    return np.unique(few)


def _reproduced(family: Family, units: list[np.ndarray], target: list[np.ndarray]) -> np.ndarray | None:
    """dSigma / dw, (elements, k), where the family has the Sigmas of `target`; None where it never has."""
    size = max(np.abs(sigma).max() for sigma in target)
    wanted = np.concatenate([sigma.ravel() for sigma in target]) / size

    # Counted from one: the search's first step is as long as its start, which may be the origin.
    origin = family.found.optimum.w - 1

    def error(w: np.ndarray) -> np.ndarray:
        return np.concatenate([family.sigma(origin + w, rows).ravel() for rows in units]) / size - wanted

    def slope(w: np.ndarray) -> np.ndarray:
        blocks = [family.slopes(origin + w, rows) for rows in units]
        return np.concatenate([block.reshape(len(block), -1) for block in blocks], axis=1).T / size

    start = np.ones(origin.size)
    with np.errstate(divide="ignore", invalid="ignore"):  # where it starts at the solution
        best = least_squares(error, start, slope, ftol=1e-15, xtol=1e-15, gtol=1e-15, max_nfev=200)
    return np.asarray(best.jac) if np.abs(best.fun).max() < REPRODUCED else None
