"""What a likelihood needs of rows that crossed or nested random effects tie together, many at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from msclong.covariance.components import components
from msclong.covariance.structure import CovarianceStructure, Scatter
from msclong.design.cross_moments import CrossMoments
from msclong.design.effect_products import EffectProducts, effect_products
from msclong.design.grouped_effects import GroupedEffects, grouped_effects


@dataclass(frozen=True, eq=False)
class CrossedMoments:
    """The N rows w = [x, y] with their random effects: in place of CrossMoments where units hold many rows.

    names : the q = p + 1 columns, the outcome last. rows : (N, q). coords : (N, d), as the structure reads them.
    effects : the same by groupings.
    """

    names: tuple[str, ...]
    rows: np.ndarray
    structure: CovarianceStructure
    coords: np.ndarray
    effects: GroupedEffects

    def __getstate__(self) -> dict[str, object]:
        """The fields alone: what was computed from them is not worth its bytes."""
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    @property
    def n_obs(self) -> int:
        return len(self.rows)

    @property
    def n_subjects(self) -> int:
        """Independent units."""
        return int(self.effects.unit.max()) + 1

    @property
    def n_fixed(self) -> int:
        return len(self.names) - 1

    @cached_property
    def products(self) -> EffectProducts:
        return effect_products(self.effects)

    @cached_property
    def weighted(self) -> np.ndarray:
        """(N, q), rows times the roots of their weights."""
        root = self.effects.root_weight
        return self.rows if root is None else self.rows * root[:, None]

    @cached_property
    def crossed(self) -> tuple[np.ndarray, np.ndarray]:
        """Z'W, of the first grouping and of the others (see EffectProducts)."""
        return self.products.cross(self.weighted)

    def total(self) -> np.ndarray:
        """Triangular R (q, q) with R'R = sum of w w' over every row."""
        return np.linalg.qr(self.rows, mode="r")

    def linear_map(self, transform: np.ndarray) -> CrossedMoments:
        """The moments of w @ transform, for a (q, q) `transform`."""
        moved = replace(self, rows=self.rows @ transform)
        if "products" in self.__dict__:
            moved.__dict__["products"] = self.products
        return moved

    def with_coordinates(self, transform: np.ndarray, structure: CovarianceStructure) -> CrossedMoments:
        """The same rows where an observation's coordinates are coords @ transform, (d, d), read by `structure`."""
        coords = self.coords @ transform
        effects = grouped_effects(structure, coords, self.effects.unit)
        assert effects is not None
        return replace(self, structure=structure, coords=coords, effects=effects)

    def scatter(self) -> list[Scatter]:
        """A few made-up observations whose mean z z' is that of the rows, and the mean square of the last column.

        What structures take their coordinates and start values from, in place of the residual scatter by pattern.
        """
        d = self.coords.shape[1]
        few = np.ones((d, d))  # group codes and roots of weights are all one
        for term in components(self.structure):
            if term.is_random:
                own = slice(term.coords.stop - term.core.coordinates, term.coords.stop)
                root = np.linalg.qr(self.coords[:, own], mode="r") * np.sqrt(d / self.n_obs)
                few[:, own] = np.vstack([root, np.zeros((d - len(root), root.shape[1]))])
        mean_square = float(np.mean(self.weighted[:, -1] ** 2))
        return [Scatter(few[:, None, :], np.ones(d, dtype=int), np.full((d, 1, 1), mean_square))]

    def with_outcome(self, y: np.ndarray) -> CrossedMoments:
        """The same rows with other outcomes (N,)."""
        moved = replace(self, rows=np.column_stack([self.rows[:, :-1], y]))
        moved.__dict__["products"] = self.products
        return moved

    def drawn(self, theta: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Z b + e, (N, n), with new effects b and e from standard normal `noise` (N, n)."""
        effects = self.effects
        values = np.sqrt(theta[effects.residual]) * noise
        for one in effects.groupings:
            variances, vectors = np.linalg.eigh(one.covariance(theta))
            root = vectors * np.sqrt(variances.clip(0, None))
            b = np.einsum("ab,lbn->lan", root, rng.standard_normal((one.levels, one.r, noise.shape[1])))
            for a in range(one.r):
                values += one.Z[:, a : a + 1] * b[one.code, a]
        return values if effects.root_weight is None else values / effects.root_weight[:, None]


AnyMoments = CrossMoments | CrossedMoments

TIED = 100
"""Observations of one unit, up to which their covariance is one small dense matrix."""

WORK = 2e7
"""Sum over units of their observations cubed, up to which dense matrices cost next to nothing."""


def crossed_moments(
    names: tuple[str, ...],
    rows: np.ndarray,
    structure: CovarianceStructure,
    coords: np.ndarray,
    unit: np.ndarray,
) -> CrossedMoments | None:
    """The rows by their groupings where that is the cheaper form; None where dense units are, or alone will do.

    names : of the q columns of rows (N, q), the outcome last. coords : (N, d); unit : (N,) codes.
    """
    effects = grouped_effects(structure, coords, unit) if tied(unit) else None
    return None if effects is None else CrossedMoments(names, rows, structure, coords, effects)


def tied(unit: np.ndarray) -> bool:
    """Whether independent units (N,) are so large that their random effects are the cheaper form."""
    t = np.bincount(unit).astype(float)
    return bool(t.max() > TIED and np.sum(t**3) > WORK)
