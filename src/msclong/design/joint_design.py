"""Several outcomes of the same subjects, side by side in one Gaussian model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.linalg import block_diag

from msclong.covariance.additive import Additive
from msclong.covariance.by_group import ByGroup
from msclong.covariance.components import Component, components
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.scaled import Scaled
from msclong.covariance.structure import CovarianceStructure
from msclong.covariance.working import vech_positions
from msclong.design.cross_moments import CrossMoments, cross_moments
from msclong.design.design import Design
from msclong.errors import DesignError, EngineError, SpecError

FEW_SHARED = 3
"""Subjects with both of two outcomes: of fewer a correlation of any size has a likelihood that is almost flat."""


@dataclass(frozen=True, eq=False)
class JointDesign:
    """K designs, each outcome counted in units of its own scale s_k, with one covariance.

    designs : by outcome, in their own units. scales : s_k.
    correlated : whether the subject effects of all outcomes have one unstructured covariance; else outcomes are
    independent given their means.

    Rows of all outcomes are stacked; beta is that of the outcomes one after the other, each divided by its s_k.
    Correlated: Sigma = Z G Z' with the effects of all outcomes in Z, plus for each pair of rows of one outcome that
    outcome's residual structure. The independent unit is the subject, matched by label. Not correlated: each outcome's
    own structure and units.
    """

    designs: Mapping[str, Design]
    scales: Mapping[str, float]
    correlated: bool

    def __post_init__(self) -> None:
        subjects = {name: design.data.subject for name, design in self.designs.items()}
        visits = {name: design.visit for name, design in self.designs.items()}
        for what, found in (("subjects", subjects), ("visits", visits)):
            if len(set(found.values())) > 1:
                raise SpecError(
                    f"A joint model needs one column of {what}, and its specs name several: {found}."
                )
        for name, design in self.designs.items():
            if design.conditional:
                censored = ", censored" if design.spec.censored else ""
                raise EngineError(
                    "A joint model integrates coefficients and subject effects out exactly: it takes gaussian, "
                    f"lognormal and logitnormal outcomes without censoring, and {name!r} has "
                    f"family={design.spec.family!r}{censored}. Fit it by itself with ml.fit; or, where that describes "
                    "it, use family='lognormal' (positive values) or 'logitnormal' (proportions)."
                )
            if not self.scales[name] > 0:
                raise DesignError(
                    f"Every value of {name!r} is the same, so there is no variation to model; leave it out."
                )
            if self.correlated:
                _subject_effects(name, design)

    @property
    def outcomes(self) -> tuple[str, ...]:
        return tuple(self.designs)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The p coefficients of all outcomes: 'outcome: name'."""
        return tuple(f"{outcome}: {name}" for outcome, d in self.designs.items() for name in d.fixed.names)

    @cached_property
    def columns(self) -> dict[str, slice]:
        """Each outcome's coefficients among all."""
        found, start = {}, 0
        for name, design in self.designs.items():
            found[name] = slice(start, start := start + len(design.fixed.names))
        return found

    @cached_property
    def units(self) -> np.ndarray:
        """(p,) the s_k of each coefficient."""
        return np.repeat(
            [self.scales[name] for name in self.designs], [len(d.fixed.names) for d in self.designs.values()]
        )

    @cached_property
    def structure(self) -> CovarianceStructure:
        """Sigma of one unit's standardised outcomes."""
        own = ByGroup(tuple(Scaled(part) for part in self.own_parts.values()), self.outcomes)
        return Additive((RandomEffects(self.effects), own)) if self.correlated else own

    @cached_property
    def effects(self) -> tuple[str, ...]:
        """The correlated subject effects: 'effect | outcome'."""
        return tuple(
            f"{effect} | {name}"
            for name in self.designs
            if isinstance(part := self.random_part(name).structure, RandomEffects)
            for effect in part.effects
        )

    @cached_property
    def effect_outcomes(self) -> tuple[str, ...]:
        """Whose each of `effects` is."""
        return tuple(
            name for name in self.designs for _ in range(self.random_part(name).structure.coordinates)
        )

    @cached_property
    def own_parts(self) -> dict[str, CovarianceStructure]:
        """What of each outcome's covariance is its own: its residual, or all of it."""
        if not self.correlated:
            return {name: design.structure for name, design in self.designs.items()}
        found: dict[str, CovarianceStructure] = {}
        for name, design in self.designs.items():
            rest = [part.structure for part in components(design.structure) if not part.is_random]
            found[name] = rest[0] if len(rest) == 1 else Additive(tuple(rest))
        return found

    def random_part(self, outcome: str) -> Component:
        """The subject effects of one outcome, where they are correlated with those of the others."""
        return _subject_effects(outcome, self.designs[outcome])

    @cached_property
    def coords(self) -> np.ndarray:
        """(N, d): the columns of Z of all outcomes; then for each whether the row is its own, and its coordinates."""
        random, own = [], []
        for name, design in self.designs.items():
            coords, first = design.pattern_coords, 0
            if self.correlated:
                first = self.random_part(name).coords.stop
                random.append(coords[:, :first])
            own.append(np.column_stack([np.ones(len(coords)), coords[:, first:]]))
        return np.hstack([block_diag(*part) for part in (random, own) if part])

    @cached_property
    def unit(self) -> np.ndarray:
        """(N,) codes of the independent units."""
        if self.correlated:
            labels = [d.fixed.frame[d.data.subject].astype(object) for d in self.designs.values()]
            return pd.factorize(np.concatenate(labels))[0]
        starts = np.cumsum([0, *(int(d.unit.max()) + 1 for d in self.designs.values())])
        return np.concatenate(
            [d.unit + start for d, start in zip(self.designs.values(), starts, strict=False)]
        )

    @property
    def n_subjects(self) -> int:
        """Subjects with an observation of any outcome."""
        return len(set().union(*(set(d.fixed.frame[d.data.subject].tolist()) for d in self.designs.values())))

    @cached_property
    def hardly_shared(self) -> dict[tuple[str, str], int]:
        """Pairs of outcomes that fewer than FEW_SHARED subjects have both of, with their number."""
        subjects = {name: set(d.fixed.frame[d.data.subject]) for name, d in self.designs.items()}
        shared = {pair: len(subjects[pair[0]] & subjects[pair[1]]) for pair in combinations(subjects, 2)}
        return {pair: number for pair, number in shared.items() if number < FEW_SHARED}

    @cached_property
    def moments(self) -> CrossMoments:
        """Cross-moments of the stacked rows [X, y / s]."""
        X = block_diag(*(design.fixed.X for design in self.designs.values()))
        y = np.concatenate([design.y / self.scales[name] for name, design in self.designs.items()])
        return cross_moments(np.column_stack([X, y]), self.unit, self.coords, (*self.names, "the outcomes"))

    def own_theta(self, outcome: str) -> tuple[np.ndarray, np.ndarray]:
        """Positions (k,) in theta of the parameters of one outcome's own structure, and their units there."""
        design = self.designs[outcome]
        k = self.outcomes.index(outcome)
        sizes = [part.n_parameters for part in self.own_parts.values()]
        positions = np.arange(sizes[k]) + sum(sizes[:k])
        if self.correlated:
            whose = np.flatnonzero(np.array(self.effect_outcomes) == outcome)
            low, high = np.tril_indices(len(whose))
            m = len(self.effects)
            G = vech_positions(m)[whose[low], whose[high]]
            positions = np.concatenate([G, m * (m + 1) // 2 + positions])
        # In units of its outcome: a variance in squared ones, a correlation in none.
        return positions, design.structure.scale(np.ones(len(positions)), self.scales[outcome])


def _subject_effects(name: str, design: Design) -> Component:
    """The one term of subject effects; raises DesignError where there is another number, or other groups."""
    found = [part for part in components(design.structure) if part.is_random]
    if len(design.spec.parsed.groupings) > 1:
        raise DesignError(
            f"{name!r} has random effects of groups other than the subject; correlated subject effects need formulas "
            "with effects of the subject alone. Leave the others out, or use subject_effects='independent'."
        )
    if len(found) != 1 or not isinstance(found[0].structure, RandomEffects):
        what = "several independent terms of them" if found else "none"
        raise DesignError(
            f"Outcomes are correlated through their subject effects, and {name!r} has {what}. Add one term such as "
            f"(1 | {design.data.subject}) to its formula, or use subject_effects='independent'."
        )
    return found[0]
