"""Random effects by their groupings: the columns of Z, which a covariance of random effects holds implicitly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.covariance.components import components
from msclong.covariance.independent import Independent
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.scaled import Scaled
from msclong.covariance.structure import CovarianceStructure
from msclong.covariance.within_groups import WithinGroups
from msclong.covariance.working import vech_positions


@dataclass(frozen=True)
class Part:
    """A term's r effects within a grouping's. theta : where vech of their covariance stands."""

    effects: slice
    theta: slice


@dataclass(frozen=True, eq=False)
class Grouping:
    """The effects of all terms with one grouping.

    code : (N,) level of each row, from 0. labels : (levels,) what the coordinates, or the units, call them.
    Z : (N, r), times the root of the row's weight.
    """

    code: np.ndarray
    labels: np.ndarray
    Z: np.ndarray
    parts: tuple[Part, ...]

    @property
    def levels(self) -> int:
        return len(self.labels)

    @property
    def r(self) -> int:
        return self.Z.shape[1]

    def holds(self, theta: slice) -> bool:
        """Whether the term with these parameters is one of the grouping's."""
        return any(part.theta == theta for part in self.parts)

    def covariance(self, theta: np.ndarray) -> np.ndarray:
        """G of one level's effects, (r, r)."""
        G = np.zeros((self.r, self.r))
        for part in self.parts:
            size = part.effects.stop - part.effects.start
            G[part.effects, part.effects] = theta[part.theta][vech_positions(size)]
        return G

    @property
    def slopes(self) -> dict[int, np.ndarray]:
        """dG / dtheta_j, (r, r), by j."""
        last = max(part.theta.stop for part in self.parts)
        where = [j for part in self.parts for j in range(part.theta.start, part.theta.stop)]
        return {j: self.covariance(np.eye(1, last, j)[0]) for j in where}


@dataclass(frozen=True, eq=False)
class GroupedEffects:
    """Sigma = sum over groupings of Z (I x G) Z' + sigma^2 / weight, term by term.

    root_weight : (N,) or None. residual : where sigma^2 stands in theta. unit : (N,) codes of independent units.
    """

    groupings: tuple[Grouping, ...]
    root_weight: np.ndarray | None
    residual: int
    unit: np.ndarray


def grouped_effects(
    structure: CovarianceStructure,
    coords: np.ndarray,
    unit: np.ndarray,
    like: GroupedEffects | None = None,
) -> GroupedEffects | None:
    """The groupings of a structure, from the coordinates (N, d) of its rows; None where it is anything more.

    It must be random effects plus one independent residual, with or without observation weights.
    like : of the rows that were fitted, where these are to be predicted: their groupings, and no weights.
    """
    if not of_grouped_effects(structure):
        return None
    *random, residual = components(structure)
    lead = coords[:, residual.coords]
    root_weight = 1 / lead[:, 0] if lead.shape[1] and like is None else None
    groups: list[np.ndarray] = []
    members: list[list[tuple[slice, np.ndarray]]] = []
    for term in random:
        own = coords[:, term.coords]
        masked = isinstance(term.structure, WithinGroups)
        group, Z = (own[:, 0], own[:, 1:]) if masked else (unit, own)
        if like is None:
            which = next((i for i, known in enumerate(groups) if np.array_equal(known, group)), len(groups))
        else:
            which = next(i for i, known in enumerate(like.groupings) if known.holds(term.theta))
        if which == len(groups):
            groups.append(group)
            members.append([])
        members[which].append((term.theta, Z))
    groupings = []
    for group, terms in zip(groups, members, strict=True):
        labels, code = np.unique(group, return_inverse=True)
        ends = np.cumsum([Z.shape[1] for _, Z in terms]).tolist()
        parts = tuple(
            Part(slice(end - Z.shape[1], end), theta) for end, (theta, Z) in zip(ends, terms, strict=True)
        )
        Z = np.hstack([columns for _, columns in terms])
        weighted = Z if root_weight is None else Z * root_weight[:, None]
        groupings.append(Grouping(code.astype(np.intp), labels, np.ascontiguousarray(weighted), parts))
    return GroupedEffects(tuple(groupings), root_weight, residual.theta.start, unit)


def of_grouped_effects(structure: CovarianceStructure) -> bool:
    """Whether a structure is random effects plus one independent residual, weighted or not."""
    *random, residual = components(structure)
    last = residual.structure.part if isinstance(residual.structure, Scaled) else residual.structure
    return (
        bool(random)
        and isinstance(last, Independent)
        and all(
            isinstance(
                term.structure.part if isinstance(term.structure, WithinGroups) else term.structure,
                RandomEffects,
            )
            for term in random
        )
    )
