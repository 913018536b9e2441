"""From covariance terms to a covariance structure and the coordinates of every observation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from msclong.covariance.additive import Additive
from msclong.covariance.by_group import ByGroup
from msclong.covariance.independent import Independent
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.registry import structure_class
from msclong.covariance.scaled import Scaled
from msclong.covariance.structure import CovarianceStructure
from msclong.covariance.time_structure import TimeStructure
from msclong.covariance.visit_structure import VisitStructure
from msclong.covariance.within_groups import WithinGroups
from msclong.design.coordinates import (
    MEAN,
    Effects,
    GroupCode,
    InverseRootWeight,
    Measured,
    Membership,
    Position,
    Reader,
    codes,
    effects,
    keys,
)
from msclong.design.grouped_effects import of_grouped_effects
from msclong.design.units import independent_units, refuse_large_units
from msclong.errors import DataError, DataWarning, DesignError, FormulaError, listing, warn
from msclong.linear_hypothesis import label
from msclong.spec.formula import CovarianceTerm, Formula


@dataclass(frozen=True, eq=False)
class CovarianceDesign:
    """A covariance structure and how its coordinates are read from a table.

    structure : Sigma(theta) of the observations of one independent unit. readers : give its d coordinates side by side.
    unit : (N,) codes of the independent units of the rows it was built from.
    group : the column whose levels have a covariance of their own, if there is one, with the levels.
    """

    structure: CovarianceStructure
    readers: tuple[Reader, ...]
    unit: np.ndarray
    group: str | None = None
    group_levels: tuple[object, ...] = ()

    def coords(self, frame: pd.DataFrame, alone: bool = False) -> np.ndarray:
        """(N, d) coordinates of the rows of a table, with the columns that the readers read.

        alone : each row is a unit by itself, so that its groups are not read.
        """
        columns = [
            np.zeros((len(frame), 1)) if alone and isinstance(reader, GroupCode) else reader(frame)
            for reader in self.readers
        ]
        if len(columns) == 1:
            return columns[0]
        return np.hstack(columns) if columns else np.zeros((len(frame), 0))

    def of_predictor(self, predictor: str) -> CovarianceDesign:
        """The same covariance, reading the coordinates of another linear predictor."""
        readers = tuple(
            replace(reader, of=predictor) if isinstance(reader, Effects) else reader
            for reader in self.readers
        )
        return replace(self, readers=readers)

    def columns(self, kind: type) -> np.ndarray:
        """(m,) positions of the coordinates that readers of this kind give; each of them gives one."""
        result, start = [], 0
        for reader in self.readers:
            if isinstance(reader, kind):
                result.append(start)
            start += len(reader.names) if isinstance(reader, Effects) else 1
        return np.array(result, dtype=np.intp)


@dataclass(frozen=True)
class _Part:
    """A structure under construction, with the readers of its coordinates."""

    structure: CovarianceStructure
    readers: tuple[Reader, ...]


def build_covariance(
    parsed: Formula,
    frame: pd.DataFrame,
    visits: tuple[object, ...],
    weights: str | None = None,
    latent: tuple[str, ...] = (),
) -> CovarianceDesign:
    """The covariance that a formula describes, for the rows of `frame`.

    Random effects, each within its grouping, plus a residual structure (independent residuals where the formula names
    none), the residual scaled by observation weights. A grouping that is the independent unit itself needs no mask.
    latent : the linear predictors, where the terms describe these and not the outcome: there is no residual then.
    Raises FormulaError, DataError or DesignError for terms that these rows cannot give.
    """
    groups = {grouping: codes(frame, grouping) for grouping in parsed.groupings}
    several = len(groups) > 1
    unit = independent_units(list(groups.values())) if several else next(iter(groups.values()))
    parts: list[_Part] = []
    for term in parsed.random:
        parts += [
            _within(part, term, frame, groups, unit)
            for part in _random_parts(term, frame, several, latent or (MEAN,))
        ]
    if latent:
        refuse_large_units(unit)
    if latent and parsed.structure is None:
        return CovarianceDesign(
            structure=parts[0].structure if len(parts) == 1 else Additive(tuple(p.structure for p in parts)),
            readers=tuple(reader for part in parts for reader in part.readers),
            unit=unit,
        )
    if not several:
        _refuse_unidentified(parsed, unit, parts)
    residual = _residual(parsed, frame, visits, unit if not several else groups[parsed.groupings[0]])
    if weights is not None:
        residual = _Part(Scaled(residual.structure), (InverseRootWeight(weights), *residual.readers))
    own = parsed.structure
    if own is not None:
        residual = _within(residual, own, frame, groups, unit)
    structure = residual.structure if not parts else Additive(tuple(p.structure for p in (*parts, residual)))
    if not of_grouped_effects(structure):
        refuse_large_units(unit)
    group = None if own is None else own.group
    return CovarianceDesign(
        structure=structure,
        readers=tuple(reader for part in (*parts, residual) for reader in part.readers),
        unit=unit,
        group=group,
        group_levels=() if group is None else _levels(frame[group]),
    )


def _random_parts(
    term: CovarianceTerm, frame: pd.DataFrame, several: bool, predictors: tuple[str, ...]
) -> list[_Part]:
    """Random effects of one term, on every linear predictor; each by itself where they are uncorrelated."""
    read = effects(term.variable, frame, serves=predictors)
    if not read.names:
        raise FormulaError(
            f"{term} names no random effect; write (1 | {term.grouping_name}) for a random intercept."
        )
    read(frame)  # refuses missing values, naming the rows
    # With several groupings a parameter must say whose it is.
    names = tuple(f"{name} | {term.grouping_name}" for name in read.names) if several else read.names
    if term.correlated:
        return [_Part(RandomEffects(names), (read,))]
    width = len(names) // len(predictors)
    return [
        _Part(RandomEffects((name,)), (replace(read, only=i % width, serves=(predictors[i // width],)),))
        for i, name in enumerate(names)
    ]


def _residual(parsed: Formula, frame: pd.DataFrame, visits: tuple[object, ...], subject: np.ndarray) -> _Part:
    """The residual structure of a subject, by group where the formula names one."""
    term = parsed.structure
    if term is None:
        return _Part(Independent(), ())
    chosen = structure_class(term.structure)
    part: VisitStructure | TimeStructure
    reader: Reader
    if issubclass(chosen, VisitStructure):
        _check_visits(term, visits, int(np.bincount(subject).max()))
        part, reader = chosen(visits), Position(term.variable, visits)
    else:
        part, reader = chosen(), Measured(term.variable)
    part.check(reader(frame), subject, term.variable, frame.index)
    if term.group is None:
        return _Part(part, (reader,))
    return _by_group(term.group, part, reader, frame, subject)


def _by_group(
    group: str, part: CovarianceStructure, reader: Reader, frame: pd.DataFrame, subject: np.ndarray
) -> _Part:
    keys(frame, (group,))  # refuses missing groups, naming the rows
    if (frame.groupby(subject)[group].nunique() > 1).any():
        raise DataError(
            f"A covariance by {group!r} needs subjects of one {group} each, but some have several. If subject numbers "
            f"are used again in each {group}, make them unique."
        )
    levels = _levels(frame[group])
    readers = tuple(r for level in levels for r in (Membership(group, level, levels), reader))
    return _Part(ByGroup(tuple(Scaled(part) for _ in levels), tuple(map(label, levels))), readers)


def _within(
    part: _Part,
    term: CovarianceTerm,
    frame: pd.DataFrame,
    groups: dict[tuple[str, ...], np.ndarray],
    unit: np.ndarray,
) -> _Part:
    """The part masked to the term's groups, where a unit holds several of them."""
    own = groups[term.grouping]
    if own.max() == unit.max():
        return part
    levels = tuple(dict.fromkeys(keys(frame, term.grouping)))
    return _Part(WithinGroups(part.structure), (GroupCode(term.grouping, levels), *part.readers))


def _levels(column: pd.Series) -> tuple[object, ...]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return tuple(column.cat.categories)
    return tuple(sorted(column.unique().tolist()))


def _check_visits(term: CovarianceTerm, visits: tuple[object, ...], largest: int) -> None:
    """A covariance between visits needs a subject with two; far more visits than any subject has look like times."""
    if largest == 1:
        raise DesignError(
            f"No {term.subject} has more than one observation, so nothing tells how visits are correlated. "
            f"Does {term.subject!r} name the subjects?"
        )
    if len(visits) > 2 * largest:
        warn(
            f"{term.variable!r} has {len(visits)} distinct values, but no subject has more than {largest} of them: "
            f"measured times rather than planned visits? {term.structure!r} counts positions, not "
            f"time. Name the planned visit, or use sp_exp({term.variable} | {term.subject}) or random effects such as "
            f"(1 + {term.variable} | {term.subject}).",
            DataWarning,
        )


def _refuse_unidentified(parsed: Formula, unit: np.ndarray, parts: Sequence[_Part]) -> None:
    """Random effects need, somewhere, more observations in a subject than effects."""
    if parsed.structure is not None or not parts:
        return
    largest = int(np.bincount(unit).max())
    n_effects = sum(part.structure.coordinates for part in parts)
    if largest <= n_effects:
        raise DesignError(
            f"No subject has more than {largest} observation(s), so {n_effects} random effect(s) and a residual "
            f"cannot be told apart; use fewer random effects or a visit structure ({listing(map(str, parsed.random))})."
        )
