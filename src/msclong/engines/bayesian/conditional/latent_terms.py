"""The terms of a conditional model's linear predictors beside X beta: random effects and visit-level deviations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from msclong.covariance.additive import Additive
from msclong.covariance.by_group import ByGroup
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.scaled import Scaled
from msclong.covariance.structure import CovarianceStructure
from msclong.covariance.unstructured import Unstructured
from msclong.covariance.visit_structure import VisitStructure
from msclong.covariance.within_groups import WithinGroups
from msclong.design.design import Design
from msclong.engines.bayesian.priors.covariance_priors import TO_ZEROS
from msclong.engines.bayesian.priors.covariance_variables import Values
from msclong.engines.bayesian.priors.partial_correlations import factor_from_partials
from msclong.errors import EngineError

MOST_POSITIONS = 50
"""Times at which a subject may have a deviation of its own: the covariance over all of them is one matrix."""

FEWEST_SLOTS = 8
"""A model is compiled for at least as many groups."""


@dataclass(frozen=True, eq=False)
class LatentTerm:
    """Effects z L' of groups, each with a row of `width` standard normal z; L L' is their covariance.

    slots : rows of z; those beyond the number of groups are read by nothing, see `slots_for`.
    name : of z, in the model; terms of one name share it. structure : gives L L' at `grid` (width, d) from its slice of
    theta; without a grid it is `RandomEffects` over the width. suffix : of its prior's variables.
    rows : (k, N) arrays by name: "group" codes; "Z" (m * width, N), the effects' rows for each predictor, or
    "position", which of the effects a row has; "scale", what its share is multiplied by, where it is.
    """

    name: str
    slots: int
    width: int
    structure: CovarianceStructure
    theta: slice
    grid: np.ndarray | None
    suffix: str
    rows: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def key(self) -> tuple[object, ...]:
        """What of the term is compiled into a model."""
        grid = None if self.grid is None else self.grid.tobytes()
        return (
            self.name,
            self.slots,
            self.width,
            self.structure,
            grid,
            self.suffix,
            tuple((name, len(values)) for name, values in self.rows.items()),
        )

    def factor(self, values: Values, theta: Any, xp: Any) -> Any:
        """L (width, width), triangular or not, from values of the prior's variables, its data, and theta.

        xp is NumPy or PyTensor.
        """
        sd, partial = (values.get(f"{name}{self.suffix}") for name in ("sd", "partial"))
        # Never singular, as the Cholesky factor of a computed covariance may be to the last digit.
        if isinstance(self.structure, (RandomEffects, Unstructured)) and sd is not None:
            if self.width == 1:
                return sd[:, None]
            if partial is not None:
                factor = factor_from_partials(sd, partial, self.width, xp)
                centred = isinstance(self.structure, RandomEffects)
                return values[f"{TO_ZEROS}{self.suffix}"] @ factor if centred else factor
        grid = np.eye(self.width) if self.grid is None else self.grid
        return xp.linalg.cholesky(self.structure.sigma(theta[self.theta], grid[None])[0])

    def share(self, effects: Any, rows: Mapping[str, Any], predictors: int) -> list[Any]:
        """What the term adds to each predictor, (N,), from effects (slots, width) and `rows` as tensors."""
        group = rows["group"][0].astype("int64")
        scale = rows["scale"][0] if "scale" in rows else 1.0
        if "position" in rows:
            at = group * self.width + rows["position"][0].astype("int64")
            return [scale * effects.reshape((-1,))[at]]
        own = effects[group].T
        Z = [rows["Z"][k * self.width : (k + 1) * self.width] for k in range(predictors)]
        return [scale * (part * own).sum(axis=0) for part in Z]


def latent_terms(design: Design) -> tuple[LatentTerm, ...]:
    """The terms of a conditional design.

    Raises EngineError for a covariance in time over more than MOST_POSITIONS distinct times, or of an unknown kind.
    """
    structure = design.structure
    whole = slice(0, structure.n_parameters)
    return tuple(_terms(structure, design.latent_coords(), design.unit, whole, "", "z"))


def slots_for(n_groups: int) -> int:
    """The next of 8, 12, 16, 24, 32, 48, ...: a model that is compiled for so many groups serves fewer as well.

    Standard normal z of no group leave the posterior of everything else as it is.
    """
    power = FEWEST_SLOTS
    while 2 * power < n_groups:
        power *= 2
    return next(slots for slots in (power, 3 * power // 2, 2 * power) if n_groups <= slots)


def _terms(
    structure: CovarianceStructure,
    coords: np.ndarray,
    group: np.ndarray,
    theta: slice,
    suffix: str,
    name: str,
) -> Iterator[LatentTerm]:
    """coords : (N, m, d) of this structure. group : (N,) codes of the units within which it correlates rows."""
    if isinstance(structure, Additive):
        for i, (part, k, d) in enumerate(structure.split()):
            own = slice(theta.start + k.start, theta.start + k.stop)
            # A subject is of one group: its effects are those of the group's part, and one z serves all parts.
            shared = name if isinstance(structure, ByGroup) else f"{name}_{i}"
            yield from _terms(part, coords[:, :, d], group, own, f"_{i}{suffix}", shared)
    elif isinstance(structure, WithinGroups):
        own_group = np.unique(coords[:, 0, 0], return_inverse=True)[1]
        yield from _terms(structure.part, coords[:, :, 1:], own_group, theta, suffix, name)
    elif isinstance(structure, Scaled):
        for term in _terms(structure.part, coords[:, :, 1:], group, theta, suffix, name):
            yield replace(term, rows={**term.rows, "scale": coords[:, 0, :1].T})
    elif isinstance(structure, RandomEffects):
        Z = coords.transpose(1, 2, 0).reshape(-1, len(coords))
        yield _leaf(structure, name, group, theta, None, suffix, {"Z": Z})
    else:
        grid, position = np.unique(coords[:, 0], axis=0, return_inverse=True)
        if isinstance(structure, VisitStructure):
            grid, position = np.arange(structure.n_visits)[:, None], coords[:, 0, 0]
        if len(grid) > MOST_POSITIONS or coords.shape[1] > 1:
            raise EngineError(
                f"{structure.keyword!r} over {len(grid)} distinct times is more than a latent covariance serves "
                f"({MOST_POSITIONS}); round the times, or use planned visits (ar1, us) or random effects such as "
                "(1 + time | subject)."
            )
        yield _leaf(structure, name, group, theta, grid, suffix, {"position": position.reshape(1, -1)})


def _leaf(
    structure: CovarianceStructure,
    name: str,
    group: np.ndarray,
    theta: slice,
    grid: np.ndarray | None,
    suffix: str,
    rows: dict[str, np.ndarray],
) -> LatentTerm:
    width = structure.coordinates if grid is None else len(grid)
    return LatentTerm(
        name=name,
        slots=slots_for(int(group.max()) + 1),
        width=width,
        structure=structure,
        theta=theta,
        grid=grid,
        suffix=suffix,
        rows={"group": group[None], **rows},
    )
