"""A design of which sums were kept, and no patient's row: what engines and results ask of a Design."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Literal, NoReturn

import numpy as np
import pandas as pd

from msclong.covariance.structure import CovarianceStructure
from msclong.data.long_data import LongData
from msclong.data.streams.schema import Schema
from msclong.design.coordinates import Membership, Position
from msclong.design.degeneracy import has_unstructured, refuse_few, seen_together
from msclong.design.design import Design
from msclong.design.fixed_effects import refuse_aliasing
from msclong.design.streamed.prepared import reading
from msclong.design.streamed.reading import Reading
from msclong.design.streamed.streamed_fixed_effects import StreamedFixedEffects, rows_not_kept
from msclong.design.streamed.tally import Tally
from msclong.design.visit_grid import VisitGrid, visit_grid
from msclong.errors import DataError
from msclong.families.family import Family
from msclong.families.registry import family_of
from msclong.spec.model_spec import ModelSpec


class StreamedData(LongData):
    """The roles of a table that was read in parts, or stayed where it is."""

    def __init__(
        self, spec: ModelSpec, schema: Schema, tally: Tally, notes: tuple[str, ...], synthetic: str | None
    ) -> None:
        for name, value in {
            "subject": spec.subject,
            "outcome": spec.parsed.outcome,
            "visit": schema.visit,
            "time": schema.time,
            "arm": schema.arm,
            "baseline": schema.baseline,
            "visits": schema.visits,
            "arms": schema.arms,
            "n_subjects": tally.n_subjects,
            "n_obs": tally.n_obs,
            "taken_out": None,
            "notes": notes,
            "schema": schema,
            "_synthetic": synthetic,
        }.items():
            object.__setattr__(self, name, value)

    schema: Schema
    _synthetic: str | None

    # A field of `Design`; here there is none, and who asks for it is told why.
    @property
    def frame(self) -> pd.DataFrame:  # type: ignore[override]
        rows_not_kept("these results")

    @property
    def synthetic(self) -> str | None:
        return self._synthetic


class StreamedDesign(Design):
    """What an engine fits, made of sums. What needs patients' rows raises EngineError."""

    spec: ModelSpec
    data: StreamedData
    fixed: StreamedFixedEffects
    notes: tuple[str, ...]
    _reading: Reading
    _tally: Tally

    def __init__(
        self,
        read: Reading,
        tally: Tally,
        notes: tuple[str, ...],
        synthetic: str | None = None,
    ) -> None:
        """read : prepared for the subject that has most rows."""
        J = len(read.averaged)
        n = tally.sums[:, 0]
        table = read.cells(tally.cells[:, :-1])
        if not read.keys:
            table = pd.DataFrame(index=range(len(n)))
        averaged = dict(zip(read.averaged, (tally.sums[:, 1 : 1 + J] / n[:, None]).T, strict=True))
        sds = {
            name: float(
                np.sqrt(
                    max(0.0, tally.sums[:, 1 + J + j].sum() / n.sum() - np.average(values, weights=n) ** 2)
                )
            )
            for j, (name, values) in enumerate(averaged.items())
        }
        spec, schema = read.spec, read.schema
        order = {schema.visit: schema.visits} if schema.visit is not None else {}
        fixed = StreamedFixedEffects(
            read, table.assign(**averaged), sds, order, tally.moments.total(), tally.n_obs
        )
        for name, value in {
            "spec": spec,
            "data": StreamedData(spec, schema, tally, notes, synthetic),
            "fixed": fixed,
            "covariance": read.covariance,
            "notes": notes,
            "zero": None,
            "moments": tally.moments,
            "_reading": read,
            "_tally": tally,
        }.items():
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[object, ...]:
        # patsy's DesignInfo cannot be pickled; it is built again from spec and schema.
        read = self._reading
        given = (read.spec, read.schema, self._tally, self.notes, self.data.synthetic)
        return _rebuilt, given

    @property
    def rows_kept(self) -> bool:
        return False

    @property
    def family(self) -> Family:
        return family_of(self.spec.family)

    @property
    def crossed(self) -> None:  # type: ignore[override]
        return None

    @property
    def structure(self) -> CovarianceStructure:
        return self.covariance.structure

    @property
    def n_obs(self) -> int:
        return self._tally.n_obs

    @property
    def n_subjects(self) -> int:
        return self._tally.n_subjects

    @property
    def n_units(self) -> int:
        return self._tally.n_subjects

    @property
    def dispersion_levels(self) -> tuple[str, ...]:
        return ("",)

    @property
    def columns_within(self) -> np.ndarray:
        return self._tally.changing

    @property
    def columns_constant(self) -> np.ndarray:
        return np.asarray(~np.isnan(self._tally.constant))

    def coords_rms_in(self, transform: np.ndarray) -> np.ndarray:
        total = sum(block.n @ ((block.coords @ transform) ** 2).sum(axis=1) for block in self.moments.blocks)
        return np.asarray(np.sqrt(total / self.n_obs))

    @property
    def coords_rms(self) -> np.ndarray:  # type: ignore[override]
        return self.coords_rms_in(np.eye(len(self.moments.blocks[0].coords[0, 0])))

    def row_weights(self, count: Literal["rows", "subjects"]) -> np.ndarray:
        n = self._tally.sums[:, 0]
        return n if count == "rows" else n / self._tally.cells[:, -1]

    def median_times(self, factor: str, levels: Sequence[object]) -> np.ndarray:
        times = dict(zip(self.data.schema.visits, self.data.schema.times, strict=True))
        return np.array([times[level] for level in levels])

    def _constant_in_subjects(self, column: str) -> bool:
        varying = dict(zip((*self._reading.keys, *self._reading.averaged), self._tally.varying, strict=True))
        return not varying[column]

    @cached_property
    def baseline(self) -> object:
        if self.spec.baseline is not None or self.visit not in self.fixed.averaged:
            return super().baseline
        lowest = float(self._tally.lowest[self._reading.averaged.index(str(self.visit))])
        return None if np.isnan(lowest) else lowest

    @cached_property
    def continuous_time(self) -> bool:
        if self.visit is None or self.visit in self.fixed.discrete:
            return False
        if self.visit in self.fixed.averaged:
            return True
        scattered = (
            self.spec.visit_column is None and len(self.fixed.values(self.visit)) > 2 * self._tally.longest
        )
        return scattered or len(self.fixed.values(self.visit)) > 30

    @cached_property
    def visit_grid(self) -> VisitGrid | None:
        if self.visit is None or not self._reading.coords_by_cell or self.visit in self.fixed.averaged:
            return None
        table = self.fixed.table
        coords = self.covariance.coords(table)
        return visit_grid(self.covariance, coords, table, self.visit, self.fixed.values(self.visit))

    def refuse_degenerate(self) -> None:
        """As `refuse_degenerate_unstructured`, from the patterns of visits and the cross-moments of X in them."""
        if not has_unstructured(self):
            return
        position = int(self.covariance.columns(Position)[0])
        membership = self.covariance.columns(Membership)
        levels = self.covariance.group_levels
        for k, level in enumerate(levels or (None,)):
            patterns = [
                (
                    block.coords[i, :, position].astype(np.intp),
                    int(block.n[i]),
                    block.rows[block.pattern == i],
                )
                for block in self.moments.blocks
                for i in range(len(block.n))
                if level is None or block.coords[i, 0, membership[k]] == 1
            ]
            self._refuse_few_together(
                patterns, "" if level is None else f" of {self.covariance.group} {level}"
            )

    def _refuse_few_together(self, patterns: list[tuple[np.ndarray, int, np.ndarray]], whose: str) -> None:
        seen = np.zeros((len(patterns), len(self.data.visits)), dtype=bool)
        for row, (at, _, _) in zip(seen, patterns, strict=True):
            row[at] = True
        subjects = np.array([n for _, n, _ in patterns])
        p = len(self.fixed.names)
        for there in seen_together(seen)[0]:
            visits, members = np.flatnonzero(there).tolist(), np.flatnonzero((seen >= there).all(axis=1))
            n = int(subjects[members].sum())
            if n >= len(visits) + p:
                continue
            mixture = 1 + np.sqrt(np.arange(2, len(visits) + 2))
            # A square root of the subjects' rows has the rank that they have.
            mixed = [
                np.einsum(
                    "t,itp->ip", mixture, patterns[m][2][:, np.searchsorted(patterns[m][0], visits), :p]
                )
                for m in members.tolist()
            ]
            refuse_few(self, visits, n, int(np.linalg.matrix_rank(np.concatenate(mixed))), whose)

    @property
    def y(self) -> np.ndarray:  # type: ignore[override]
        rows_not_kept("these results")

    @property
    def subject(self) -> np.ndarray:  # type: ignore[override]
        rows_not_kept("these results")

    @property
    def coords(self) -> np.ndarray:  # type: ignore[override]
        rows_not_kept("these results")

    @property
    def unit(self) -> np.ndarray:
        rows_not_kept("these results")

    @property
    def observed(self) -> NoReturn:  # type: ignore[override]
        rows_not_kept("these results")


def _rebuilt(
    spec: ModelSpec,
    schema: Schema,
    tally: Tally,
    notes: tuple[str, ...],
    synthetic: str | None,
) -> StreamedDesign:
    return StreamedDesign(reading(spec, schema, tally.longest), tally, notes, synthetic)


def streamed_design(
    spec: ModelSpec, schema: Schema, tally: Tally, notes: tuple[str, ...], synthetic: str | None = None
) -> StreamedDesign:
    """The design of a tally. Raises as building the design of the same table in memory does."""
    if not tally.n_obs:
        raise DataError(f"The outcome {spec.parsed.outcome!r} is missing in every row.")
    if tally.n_subjects == 1:
        raise DataError(
            f"Only one {spec.subject} has an observed {spec.parsed.outcome!r}. A mixed model needs several; check the "
            "filter, and that the formula names the right column."
        )
    read = reading(spec, schema, tally.longest)
    group = read.covariance.group
    if group is not None and tally.varying[read.keys.index(group)]:
        raise DataError(
            f"A covariance by {group!r} needs subjects of one {group} each, but some have several. If subject numbers "
            f"are used again in each {group}, make them unique."
        )
    total = tally.moments.total()
    p = len(read.info.column_names)
    refuse_aliasing(total[:p, :p], list(read.info.column_names), tally.n_obs)
    visit = spec.parsed.visit
    design = StreamedDesign(read, tally, notes, synthetic)
    if visit in design.fixed.variables and visit not in design.fixed.discrete:
        told = (
            f"{visit} is numeric and enters the mean as a number; C({visit}) gives each visit its own mean."
        )
        design = StreamedDesign(read, tally, (*notes, told), synthetic)
    design.refuse_degenerate()
    return design
