"""Sums that a hospital may give away: cross-moments and counts of groups, without a patient's row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from msclong.data.streams.schema import Schema
from msclong.design.coordinates import Effects, Membership, Position
from msclong.design.cross_moments import CrossMoments, PatternBlock, total_of
from msclong.design.streamed.columns import columns_of
from msclong.design.streamed.echelon import echelon
from msclong.design.streamed.prepared import reading
from msclong.design.streamed.reading import Reading, columns_of_reader
from msclong.design.streamed.shared_file import read_record, write_record
from msclong.design.streamed.streamed_design import StreamedDesign, streamed_design
from msclong.design.streamed.tally import Tally
from msclong.errors import DataError, DesignError, SpecError, listing
from msclong.spec.model_spec import ModelSpec


@dataclass(frozen=True)
class Site:
    """Where sums came from: its name, what was counted there, and how disclosure was prevented.

    minimum_count : patients that a group had to have. left_out : patients of smaller groups, who are not in the sums.
    """

    name: str
    n_subjects: int
    n_obs: int
    minimum_count: int
    left_out: int = 0

    def __str__(self) -> str:
        out = f", {self.left_out} left out" if self.left_out else ""
        return (
            f"{self.name} ({self.n_subjects:,} patients, {self.n_obs:,} observations, groups of at least "
            f"{self.minimum_count}{out})"
        )


@dataclass(frozen=True, eq=False)
class SharedMoments:
    """All that the fit of a Gaussian model needs of one or several sites: `a + b` is the data of both.

    What it holds: for each set of visits, the number of patients and a triangular square root of the cross-products of
    [X, y]; for each combination of levels, the number of observations, and the sums and sums of squares of covariates.
    No identifier, no patient's row, no extreme value, and nothing of the order of rows. See `msclong.cross_moments`,
    which makes it. A file's checksum tells damage, not who wrote it.

    schema : what the sites agreed on.
    names : the columns of [X, y].
    reads : what the covariance reads of a row.
    sites : who contributed.
    n_subjects, n_obs : patients and observations in the sums.

    Raises DesignError where sums of different models or schemas, or of one site twice, are added. That a patient was
    seen at two sites cannot be noticed.
    """

    schema: Schema
    names: tuple[str, ...]
    reads: tuple[str, ...]
    sites: tuple[Site, ...]
    synthetic: str | None
    _tally: Tally

    @property
    def n_subjects(self) -> int:
        return self._tally.n_subjects

    @property
    def n_obs(self) -> int:
        return self._tally.n_obs

    def __repr__(self) -> str:
        return f"SharedMoments({'; '.join(map(str, self.sites))})"

    def __add__(self, other: SharedMoments) -> SharedMoments:
        if not isinstance(other, SharedMoments):
            return NotImplemented
        differs = self.schema.agrees(other.schema)
        one_model = (
            set(self.schema.columns) == set(other.schema.columns) and self.names[-1] == other.names[-1]
        )
        if not one_model or (differs is None and (self.names, self.reads) != (other.names, other.reads)):
            raise DesignError(
                f"The sums are of different models: {listing(self.names, 20)}, read by {listing(self.reads)}; and "
                f"{listing(other.names, 20)}, read by {listing(other.reads)}. Make all with one spec and schema."
            )
        if differs is not None:
            raise DesignError(
                f"The sums were made with different schemas: {differs}. Send all sites one schema."
            )
        twice = {site.name for site in self.sites} & {site.name for site in other.sites}
        if twice:
            raise DesignError(
                f"{listing(sorted(twice))} would be counted twice. Add the sums of each site once; sites of one name "
                "need names of their own: cross_moments(..., site='...')."
            )
        tally = Tally.empty(self.names, self._tally.cells.shape[1] - 1, (self._tally.sums.shape[1] - 1) // 2)
        tally.add(self._tally)
        tally.add(other._tally)
        return replace(
            self,
            sites=self.sites + other.sites,
            synthetic=self.synthetic or other.synthetic,
            _tally=without_rows(tally.merged()),
        )

    def design(self, spec: ModelSpec) -> StreamedDesign:
        """What an engine fits. Raises SpecError for a model of which these are not the sums."""
        schema = self.schema
        columns_of(spec, [spec.subject, self.names[-1], *schema.columns])
        if spec.baseline is not None and spec.baseline not in schema.visits:
            raise SpecError(
                f"The baseline {spec.baseline!r} is no visit of the schema, which has {listing(schema.visits, 20)}."
            )
        if spec.baseline is not None:
            schema = replace(schema, baseline=spec.baseline)
        read = reading(spec, schema)
        if (read.names, reads_of(read)) != (self.names, self.reads):
            raise SpecError(
                f"These sums are of the columns {listing(self.names, 30)}, read by {listing(self.reads)}, and cannot "
                f"be fitted with {spec.formula!r}. Ask the sites for sums of that model."
            )
        if not _fits(read, self._tally):
            raise DataError(
                "The sums are of levels or visits that their schema does not list. Ask their site to save them again."
            )
        return streamed_design(spec, schema, self._tally, self._notes(), self.synthetic)

    def _notes(self) -> tuple[str, ...]:
        told = [
            f"Sums of {len(self.sites)} site{'s' if len(self.sites) > 1 else ''} were combined: "
            f"{'; '.join(map(str, self.sites))}. A patient counted at two of them cannot be noticed."
        ]
        if gone := sum(site.left_out for site in self.sites):
            told.append(
                f"{gone} patients are not in the sums, which would have told of them: too few others were seen at the "
                "same visits with the same levels. The fit is of the other patients."
            )
        return (*self.schema.notes, *told)

    def save(self, path: str | Path) -> None:
        """Write a JSON file, which anybody can read before it leaves the site."""
        write_record(path, self._record())

    @classmethod
    def load(cls, path: str | Path) -> SharedMoments:
        """Read what `save` wrote. Raises DataError for a file that is another, damaged, or of another version."""
        record = read_record(path)
        try:
            found = _shared(record)
            wrong = _contradiction(found)
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise DataError(f"{path} is not complete ({error!r}); ask its site to save it again.") from None
        if wrong is not None:
            raise DataError(f"{path} contradicts itself: {wrong}. Ask its site to save it again.")
        return found

    def _record(self) -> dict[str, Any]:
        tally = self._tally
        return {
            "sites": [vars(site) for site in self.sites],
            "synthetic": self.synthetic,
            "schema": self.schema.to_dict(),
            "names": list(self.names),
            "reads": list(self.reads),
            "observations of a patient at most": tally.longest,
            "changes within patients": {
                "columns": tally.changing.tolist(),
                "variables": tally.varying.tolist(),
            },
            "constant columns": [None if np.isnan(value) else value for value in tally.constant.tolist()],
            "patterns": [
                {"patients": int(block.n[i]), "coordinates": block.coords[i].tolist(), "root": flat.tolist()}
                for block in tally.moments.blocks
                for i in range(len(block.n))
                for flat in [block.rows[block.pattern == i].reshape(int((block.pattern == i).sum()), -1)]
            ],
            "cells": {"levels": tally.cells.tolist(), "sums": tally.sums.tolist()},
        }


def _shared(record: Mapping[str, Any]) -> SharedMoments:
    names, changes = tuple(record["names"]), record["changes within patients"]
    moments = total_of([_of_pattern(names, pattern) for pattern in record["patterns"]])
    cells = np.array(record["cells"]["levels"], dtype=np.int64)
    tally = Tally(
        moments=moments,
        cells=cells.reshape(len(cells), -1),
        sums=np.array(record["cells"]["sums"], dtype=float).reshape(len(cells), -1),
        varying=np.array(changes["variables"], dtype=bool),
        changing=np.array(changes["columns"], dtype=bool),
        constant=np.array([np.nan if value is None else value for value in record["constant columns"]]),
        lowest=np.full((len(record["cells"]["sums"][0]) - 1) // 2, np.nan),
        n_subjects=moments.n_subjects,
        n_obs=moments.n_obs,
        longest=int(record["observations of a patient at most"]),
    )
    sites = tuple(Site(**site) for site in record["sites"])
    schema = Schema.from_dict(record["schema"])
    return SharedMoments(schema, names, tuple(record["reads"]), sites, record["synthetic"], tally)


def _of_pattern(names: tuple[str, ...], record: Mapping[str, Any]) -> CrossMoments:
    coords = np.array(record["coordinates"], dtype=float)
    t = len(coords)
    rows = np.array(record["root"], dtype=float).reshape(-1, t, len(names))
    if not len(rows):
        raise ValueError("a pattern without a root")
    n = np.array([int(record["patients"])])
    return CrossMoments(
        names, (PatternBlock(coords.reshape(1, t, -1), n, rows, np.zeros(len(rows), dtype=np.intp)),)
    )


def _contradiction(shared: SharedMoments) -> str | None:
    """What in sums cannot be, in words; None where nothing is found. Whether they are the site's, nothing tells."""
    tally, sites = shared._tally, shared.sites
    whole = [(site.n_subjects, site.n_obs, site.minimum_count, site.left_out) for site in sites]
    if not all(isinstance(n, int) and n >= 0 for numbers in whole for n in numbers):
        return "a count of patients is no whole number"
    if (sum(n for n, *_ in whole), sum(n for _, n, *_ in whole)) != (tally.n_subjects, tally.n_obs):
        return "its patterns have other patients than its sites"
    if tally.sums[:, 0].sum() != tally.n_obs or len(tally.cells) != len(tally.sums):
        return "its cells have other observations than its patterns"
    numbers = [tally.sums, *(part for block in tally.moments.blocks for part in (block.coords, block.rows))]
    if not all(np.isfinite(part).all() for part in numbers):
        return "a sum is no number"
    if any((block.n < 1).any() for block in tally.moments.blocks) or (tally.sums[:, 0] < 1).any():
        return "a group has no patients"
    p, columns = len(shared.names) - 1, shared.schema.columns
    sizes = (len(tally.changing), len(tally.constant), len(tally.varying), tally.cells.shape[1] - 1)
    J = len(tally.lowest)
    if sizes != (p, p, sizes[3] + J, sizes[3]) or sizes[3] + J > len(columns):
        return "it has sums of other columns than it names"
    return None


def _fits(read: Reading, tally: Tally) -> bool:
    """Whether the cells of a tally are combinations of the levels of a reading."""
    levels = [len(read.schema.columns[name].levels or ()) for name in read.keys]
    if tally.cells.shape[1] - 1 != len(levels) or len(tally.lowest) != len(read.averaged):
        return False
    codes = tally.cells[:, :-1]
    visits = [
        position
        for block in tally.moments.blocks
        for position in block.coords[..., read.covariance.columns(Position)].ravel().tolist()
    ]
    return bool(
        (codes >= 0).all()
        and (codes < levels).all()
        and (tally.cells[:, -1] >= 1).all()
        and set(visits) <= set(range(len(read.schema.visits)))
    )


def without_rows(tally: Tally) -> Tally:
    """The tally with nothing of patients' rows but their inner products, without names, in an order of its own."""
    moments = CrossMoments(tally.moments.names, tuple(map(_echelons, tally.moments.blocks)))
    order = np.lexsort(tally.cells.T[::-1])  # cells stand by first appearance, which tells who came first
    return replace(
        tally,
        moments=moments,
        cells=tally.cells[order],
        sums=tally.sums[order],
        lowest=np.full_like(tally.lowest, np.nan),
        never=0,
        never_named=(),
    )


def _echelons(block: PatternBlock) -> PatternBlock:
    flat = block.rows.reshape(len(block.rows), -1)
    roots = [echelon(flat[block.pattern == i]) for i in range(len(block.n))]
    pattern = np.repeat(np.arange(len(roots)), [len(root) for root in roots])
    return replace(block, rows=np.concatenate(roots).reshape(-1, *block.rows.shape[1:]), pattern=pattern)


def reads_of(read: Reading) -> tuple[str, ...]:
    """What the coordinates of a row are, in words that are equal where coordinates are."""
    told = []
    for reader in read.covariance.readers:
        what = f"{type(reader).__name__.lower()} of {', '.join(columns_of_reader(reader))}"
        if isinstance(reader, Effects):
            what = f"effects {', '.join(reader.names)} of {reader.formula}"
        elif isinstance(reader, Position):
            what += f" among {listing(reader.visits, 100)}"
        elif isinstance(reader, Membership):
            what += f" in {reader.level}"
        told.append(what)
    return tuple(told)
