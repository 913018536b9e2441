"""Z'Z of crossed and nested random effects, arranged so that one grouping can be eliminated level by level.

The grouping with the most effects comes first: its own part of Z'Z is block diagonal. What is left is dense, but only
within independent units; units with as many levels of each grouping as one another make a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from msclong.design.grouped_effects import GroupedEffects, Grouping
from msclong.errors import DesignError

MOST_REST = 10**8
"""Pairs of effects, within units, whose covariances are held in one array; there are about six such arrays."""


@dataclass(frozen=True)
class Batch:
    """`units` units whose other groupings have `levels` levels: m effects in all.

    start : of its effects among those of all batches; at : of its (units, m, m) numbers in a flat array.
    slices : of each grouping's effects among the m.
    """

    units: int
    levels: tuple[int, ...]
    slices: tuple[slice, ...]
    start: int
    at: int

    @property
    def m(self) -> int:
        return self.slices[-1].stop if self.slices else 0

    def square(self, flat: np.ndarray) -> np.ndarray:
        """(units, m, m), a view of a flat array of all batches."""
        return flat[self.at : self.at + self.units * self.m**2].reshape(self.units, self.m, self.m)

    def rows(self, columns: np.ndarray) -> np.ndarray:
        """(units, m, c), a view of (n, c) numbers of all effects."""
        return columns[self.start : self.start + self.units * self.m].reshape(self.units, self.m, -1)


@dataclass(frozen=True, eq=False)
class Links:
    """The effects that occur together with each level of the first grouping, level by level.

    pointer : (L + 1,) where each level's links start. effect : (n,) among all others; local : (n,) within the unit.
    base, width : (L,) of each level's unit: where its square starts in a flat array, and m.
    """

    pointer: np.ndarray
    effect: np.ndarray
    local: np.ndarray
    base: np.ndarray
    width: np.ndarray

    @cached_property
    def level(self) -> np.ndarray:
        return np.repeat(np.arange(len(self.pointer) - 1), np.diff(self.pointer))


@dataclass(frozen=True, eq=False)
class Place:
    """Where the effects of each level of another grouping stand, (levels,) each; further effects of a level follow.

    effect : the first among all others; local : within the unit. base, width : of the unit, as in Links.
    """

    effect: np.ndarray
    local: np.ndarray
    base: np.ndarray
    width: np.ndarray

    def effects(self, r: int) -> np.ndarray:
        """(levels, r), all effects of each level."""
        return self.effect[:, None] + np.arange(r)


@dataclass(frozen=True, eq=False)
class EffectProducts:
    """Z'Z by parts.

    first : the grouping to eliminate, L levels of r effects; others : the rest, n effects.
    own : (L, r, r), Z'Z within the levels of the first. links, linked : where the first meets the others, and (nnz, r)
    Z'Z there. rest : flat, Z'Z of the others within units. place : by other grouping.
    met : by two groupings, first 0, (n, r, r) Z'Z of the levels that occur in one row.
    """

    effects: GroupedEffects
    first: Grouping
    others: tuple[Grouping, ...]
    own: np.ndarray
    links: Links
    linked: np.ndarray
    rest: np.ndarray
    batches: tuple[Batch, ...]
    place: tuple[Place, ...]
    met: dict[tuple[int, int], np.ndarray]

    @property
    def n_rest(self) -> int:
        return sum(one.levels * one.r for one in self.others)

    def cross(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Z' rows: (L, r, c) of the first grouping and (n, c) of the others, for weighted rows (N, c)."""
        rest = np.zeros((self.n_rest, rows.shape[1]))
        for one, place in zip(self.others, self.place, strict=True):
            sums = _sums(one, rows)
            for a in range(one.r):
                rest[place.effect + a] = sums[:, a]
        return _sums(self.first, rows), rest

    def spread(self, first: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """Z b, (N, c), for b of the first grouping (L, r, c) and of the others (n, c)."""
        total = _gathered(self.first, first)
        for one, place in zip(self.others, self.place, strict=True):
            total += _gathered(one, rest[place.effects(one.r)])
        return total

    def product(self, first: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Z'Z b, of the first grouping and of the others."""
        shared = np.empty_like(rest)
        for batch in self.batches:
            batch.rows(shared)[...] = batch.square(self.rest) @ batch.rows(rest)
        return self.own @ first + self.to_first(rest), shared + self.to_rest(first)

    def to_rest(self, first: np.ndarray, linked: np.ndarray | None = None) -> np.ndarray:
        """Z_rest' Z_first b, (n, c), for b (L, r, c); `linked` (nnz, r) in place of Z'Z."""
        values = self.linked if linked is None else linked
        total = np.zeros((self.n_rest, first.shape[2]))
        for a in range(self.first.r):
            total += self._sparse(values[:, a]).T @ first[:, a]
        return total

    def to_first(self, rest: np.ndarray, linked: np.ndarray | None = None) -> np.ndarray:
        """Z_first' Z_rest b, (L, r, c), for b (n, c)."""
        values = self.linked if linked is None else linked
        each = [self._sparse(values[:, a]) @ rest for a in range(self.first.r)]
        return np.stack(each, axis=1)

    def alignments(self, k: int) -> np.ndarray:
        """tr(V_i V_j), (k, k), of V's derivatives over the k parameters, in coordinates where residuals are alike."""
        order = (self.first, *self.others)
        gram = np.zeros((k, k))
        residual = self.effects.residual
        gram[residual, residual] = len(self.first.code)
        for (g, h), met in self.met.items():
            squares = np.einsum("nac,nbd->abcd", met, met, optimize=True)
            for i, E in order[g].slopes.items():
                for j, F in order[h].slopes.items():
                    gram[i, j] = gram[j, i] = np.einsum("ab,cd,abcd->", E, F, squares)
                if g == h:
                    gram[i, residual] = gram[residual, i] = np.sum(E * met.sum(axis=0))
        return gram

    def _sparse(self, values: np.ndarray) -> Any:
        """Values at the links of first and other effects, as a scipy.sparse.csr_array."""
        from scipy.sparse import csr_array

        shape = (self.first.levels, self.n_rest)
        return csr_array((values, self.links.effect, self.links.pointer), shape=shape)


def effect_products(effects: GroupedEffects) -> EffectProducts:
    """Z'Z, with the grouping that has the most effects first."""
    order = sorted(effects.groupings, key=lambda one: one.levels * one.r, reverse=True)
    first, others = order[0], tuple(order[1:])
    unit = effects.unit
    n_units = int(unit.max()) + 1
    homes = [_home(one, unit) for one in order]
    counts = np.stack(
        [np.bincount(home, minlength=n_units) for home in homes[1:]] or [np.zeros(n_units, dtype=np.intp)],
        axis=1,
    )
    shapes, shape = np.unique(counts, axis=0, return_inverse=True)
    shape = shape.reshape(-1)
    batches: list[Batch] = []
    start_of, at_of, width_of = (np.zeros(n_units, dtype=np.int64) for _ in range(3))
    offset = np.zeros((n_units, max(len(others), 1)), dtype=np.int64)
    start = at = 0
    for i, levels in enumerate(shapes.tolist()):
        members = np.flatnonzero(shape == i)
        sizes = [n * one.r for n, one in zip(levels, others, strict=False)]
        ends = np.cumsum(sizes).tolist()
        slices = tuple(slice(end - size, end) for end, size in zip(ends, sizes, strict=True))
        batch = Batch(len(members), tuple(levels[: len(others)]), slices, start, at)
        start_of[members] = start + np.arange(len(members)) * batch.m
        at_of[members] = at + np.arange(len(members)) * batch.m**2
        width_of[members] = batch.m
        for g, s in enumerate(slices):
            offset[members, g] = s.start
        batches.append(batch)
        start, at = start + batch.units * batch.m, at + batch.units * batch.m**2
    if at > MOST_REST:
        raise DesignError(
            f"Random effects of {sum(one.levels * one.r for one in others):,} levels are left beside those of the "
            f"largest grouping, and too many of them occur together: covariances of {at:,} pairs, of which "
            f"{MOST_REST:,} can be held. Use fixed effects, or none, for groupings that matter least."
        )
    place = []
    for g, (one, home) in enumerate(zip(others, homes[1:], strict=True)):
        within = np.empty(one.levels, dtype=np.int64)
        by_unit = np.argsort(home, kind="stable")
        firsts = np.searchsorted(home[by_unit], np.arange(n_units))
        within[by_unit] = np.arange(one.levels) - firsts[home[by_unit]]
        local = offset[home, g] + within * one.r
        place.append(Place(start_of[home] + local, local, at_of[home], width_of[home]))
    met: dict[tuple[int, int], np.ndarray] = {}
    links, linked = _links(first, others, place, at_of[homes[0]], width_of[homes[0]], met)
    rest = np.zeros(at)
    for g, one in enumerate(others):
        base, width = place[g].base, place[g].width
        for h, other in enumerate(others[: g + 1]):
            rows, columns, values = _meetings(one, other)
            met[1 + g, 1 + h] = values
            for a in range(one.r):
                for b in range(other.r):
                    i, j = place[g].local[rows] + a, place[h].local[columns] + b
                    rest[base[rows] + i * width[rows] + j] = values[:, a, b]
                    rest[base[rows] + j * width[rows] + i] = values[:, a, b]
    pairs = _pairs(first.Z, first.Z)
    own = np.stack(
        [np.bincount(first.code, pair, minlength=first.levels) for pair in pairs.reshape(len(pairs), -1).T],
        axis=1,
    ).reshape(first.levels, first.r, first.r)
    met[0, 0] = own
    return EffectProducts(
        effects, first, others, own, links, linked, rest, tuple(b for b in batches if b.m), tuple(place), met
    )


def _links(
    first: Grouping,
    others: tuple[Grouping, ...],
    place: list[Place],
    base: np.ndarray,
    width: np.ndarray,
    met: dict[tuple[int, int], np.ndarray],
) -> tuple[Links, np.ndarray]:
    level, effect, within, value = [], [], [], []
    for g, (one, there) in enumerate(zip(others, place, strict=True)):
        rows, columns, values = _meetings(first, one)
        met[1 + g, 0] = values.transpose(0, 2, 1)
        for b in range(one.r):
            level.append(rows)
            effect.append(there.effect[columns] + b)
            within.append(there.local[columns] + b)
            value.append(values[:, :, b])
    if not level:
        none = np.zeros(0, dtype=np.int64)
        pointer = np.zeros(first.levels + 1, dtype=np.int64)
        return Links(pointer, none, none, base, width), np.zeros((0, first.r))
    levels = np.concatenate(level)
    order = np.lexsort((np.concatenate(within), levels))
    pointer = np.r_[0, np.cumsum(np.bincount(levels, minlength=first.levels))]
    links = Links(pointer, np.concatenate(effect)[order], np.concatenate(within)[order], base, width)
    return links, np.ascontiguousarray(np.concatenate(value)[order])


def _meetings(one: Grouping, other: Grouping) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Levels of two groupings that occur in one row: both, and Z'Z there (n, r, r)."""
    pairs, which = np.unique(one.code.astype(np.int64) * other.levels + other.code, return_inverse=True)
    products = _pairs(one.Z, other.Z).reshape(len(which), -1)
    sums = [np.bincount(which, column, minlength=len(pairs)) for column in products.T]
    rows, columns = np.divmod(pairs, other.levels)
    return rows, columns, np.stack(sums, axis=1).reshape(len(pairs), one.r, other.r)


def _pairs(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, :, None] * b[:, None, :]


def _sums(one: Grouping, rows: np.ndarray) -> np.ndarray:
    """(levels, r, c)."""
    result = np.empty((one.levels, one.r, rows.shape[1]))
    for a in range(one.r):
        for c in range(rows.shape[1]):
            result[:, a, c] = np.bincount(one.code, one.Z[:, a] * rows[:, c], minlength=one.levels)
    return result


def _gathered(one: Grouping, b: np.ndarray) -> np.ndarray:
    """sum over effects of Z_a b_a of each row's level, (N, c), for b (levels, r, c)."""
    total = one.Z[:, :1] * b[one.code, 0]
    for a in range(1, one.r):
        total += one.Z[:, a : a + 1] * b[one.code, a]
    return total


def _home(one: Grouping, unit: np.ndarray) -> np.ndarray:
    """(levels,) the unit of each level."""
    home = np.empty(one.levels, dtype=np.intp)
    home[one.code] = unit
    return home
