"""The density of a censored, jointly normal design in PyMC: with the censored outcomes as variables.

A transformed outcome y* that is known to lie below c is c - exp(a), above it c + exp(a), between c and d
c + (d - c) / (1 + exp(-a)), a on the whole line; with the Jacobian of that (data augmentation: Tanner and Wong 1987,
JASA 82:528). All y* of a unit together are Normal(X beta + offset, Sigma(theta)).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from msclong.covariance.structure import CovarianceStructure
from msclong.design.design import Design
from msclong.engines.bayesian.conditional.latent_terms import slots_for
from msclong.engines.bayesian.nuts.tensors import TENSORS
from msclong.errors import EngineError
from msclong.families.transformed_gaussian import TransformedGaussian

MOST_PATTERNS = 30
"""Sets of visits (or times) at which units may have been seen: each takes a Cholesky factor in the model's code."""


@dataclass(frozen=True, eq=False)
class CensoredOutcomes:
    """What the density reads beside outcomes and linear predictors.

    slots : of variables a, of which those beyond the number of censored rows are read by nothing. patterns : distinct
    coordinates (t, d) of units, and how many have them. rows : (1, N) arrays: "slot" of each row, -1 where it is
    observed; "place", the rows in the order of patterns and units.
    """

    family: TransformedGaussian
    structure: CovarianceStructure
    slots: int
    patterns: tuple[tuple[np.ndarray, int], ...]
    rows: Mapping[str, np.ndarray]

    @property
    def key(self) -> tuple[object, ...]:
        """What is compiled into a model."""
        patterns = tuple((coords.shape, coords.tobytes(), n) for coords, n in self.patterns)
        return (self.structure, self.slots, patterns)

    def log_likelihood(self, data: Mapping[str, Any], eta: Any, theta: Any, rows: Mapping[str, Any]) -> Any:
        """log p(y*, the censored part as variables | eta, theta); within a model. data : what the family reads."""
        slot = rows["slot"][0].astype("int64")
        a = pm.Flat("censored", shape=self.slots, initval=np.zeros(self.slots))
        unread = pt.arange(self.slots) > slot.max()
        own = a[pt.maximum(slot, 0)]
        censored = data["censored"]
        between = censored > 1
        limit = self.family.normal(data["y"], TENSORS)
        width = pt.where(
            between, self.family.normal(pt.where(between, data["upper"], data["y"]), TENSORS) - limit, 1.0
        )
        away = pt.where(
            between, width * pt.sigmoid(own), pt.sign(censored) * pt.exp(own)
        )  # none where observed
        y = limit + away
        jacobian = pt.where(between, pt.log(width) - pt.softplus(own) - pt.softplus(-own), own)
        total = pt.where(slot < 0, self.family.log_derivative(data["y"], TENSORS), jacobian).sum()
        total = total - 0.5 * pt.where(unread, a**2, 0.0).sum()
        residual = (y - eta)[rows["place"][0].astype("int64")]
        start = 0
        for coords, n in self.patterns:
            end = start + n * len(coords)
            root = pt.linalg.cholesky(self.structure.sigma(theta, coords[None])[0])
            z = pt.linalg.solve_triangular(
                root, residual[start:end].reshape((n, len(coords))).T, lower=True, b_ndim=2
            )
            total = total - n * pt.log(pt.diag(root)).sum() - 0.5 * (z**2).sum()
            start = end
        return total


def censored_outcomes(design: Design) -> CensoredOutcomes:
    """Of a design that is `Design.censored_normal`; raises EngineError for more than MOST_PATTERNS patterns."""
    coords, censored = design.pattern_coords, design.observation["censored"] != 0
    order = np.lexsort((*coords.T[::-1], design.unit))
    units = np.split(order, np.flatnonzero(np.diff(design.unit[order])) + 1)
    found: dict[tuple[int, bytes], list[np.ndarray]] = {}
    for rows in units:
        found.setdefault((len(rows), coords[rows].tobytes()), []).append(rows)
    if len(found) > MOST_PATTERNS:
        raise EngineError(
            f"The subjects were seen at {len(found)} different sets of visits or times; NUTS serves up to "
            f"{MOST_PATTERNS} with censored outcomes. Use Bayesian(sampler='importance')."
        )
    family = design.family
    assert isinstance(family, TransformedGaussian)
    return CensoredOutcomes(
        family=family,
        structure=design.structure,
        slots=slots_for(int(censored.sum())),
        patterns=tuple((coords[rows[0]], len(rows)) for rows in found.values()),
        rows={
            "slot": np.where(censored, np.cumsum(censored) - 1, -1)[None],
            "place": np.concatenate([row for rows in found.values() for row in rows])[None],
        },
    )
