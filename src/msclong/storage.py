"""Bayesian fits saved to disk and read back: the draws, and all that they are draws of."""

from __future__ import annotations

import json
import shutil
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, fields
from hashlib import sha256
from io import BytesIO
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from msclong.data.long_data import LongData
from msclong.design.design import Design, build_design
from msclong.engines.bayesian.checking.convergence import Resampled, convergence
from msclong.engines.bayesian.engine import Bayesian
from msclong.engines.bayesian.joint.joint_engine import JointBayesian
from msclong.errors import DataError, EngineError, MsclongError, SpecError, listing
from msclong.results.check import Check
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.fit import Fit
from msclong.results.outcome import Outcome
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.posterior_mixture import PosteriorMixture
from msclong.results.variance_components import VarianceComponents
from msclong.spec.model_spec import ModelSpec

if TYPE_CHECKING:
    from xarray import Dataset

FORMAT = 1
"""Version of the group `fit`, which `load` reads."""

ESTIMATES: dict[str, type[PosteriorDraws]] = {
    kind.__name__: kind for kind in (PosteriorDraws, PosteriorMixture, ConditionalDraws)
}


STATS = "sample_stats: "
"""What the names of figures of the sampler's steps start with."""


def save(fit: Fit, path: str | Path, overwrite: bool = False) -> None:
    """Save a Bayesian fit: a DataTree that ArviZ reads (`Fit.to_datatree`), and what `load` needs to restore the fit.

    fit : of a joint model one outcome's fit; the rows of the draws of all still belong together when they are read.
    path : a Zarr folder, such as 'fit.zarr'; one file where it ends in '.zip'. The data that were fitted are in it:
    treat it as you treat them.

    Raises EngineError for a fit without draws (fit it again from its spec: that takes milliseconds), DataError where
    `path` exists and `overwrite` is not set, its folder does not exist, or a column cannot be written, SpecError for
    what is no path.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import msclong as ml
    >>> fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy(), ml.Bayesian(seed=1))
    >>> path = Path(tempfile.mkdtemp()) / "fit.zip"
    >>> ml.save(fit, path)
    >>> ml.load(path).contrasts().equals(fit.contrasts())
    True
    """
    if not isinstance(fit, Fit):
        raise SpecError(
            f"fit must be a fit, as ml.fit(...) returns it; got {type(fit).__name__}"
            f"{'; save each of its fits, fit[name], by itself' if isinstance(fit, Mapping) else ''}."
        )
    if not isinstance(fit.engine, (Bayesian, JointBayesian)):
        raise EngineError(
            f"A fit by {type(fit.engine).__name__} has no draws to save; keep its spec (ModelSpec.to_json), fit again."
        )
    from xarray import DataTree

    target = _path(path)
    if target.exists() and not overwrite:
        raise DataError(f"{target} exists already; say overwrite=True to replace it.")
    if target.is_dir() and not (target / ".zgroup").exists():
        raise DataError(f"The folder {target} is no saved fit, so it is not replaced; choose another name.")
    if not target.absolute().parent.is_dir():
        raise DataError(f"There is no folder {target.absolute().parent} to save in; make it first.")
    tree = fit.to_datatree()
    tree["fit"] = DataTree(_saved(fit))
    with TemporaryDirectory(
        dir=target.absolute().parent
    ) as folder:  # what is there stays until all is written
        written = Path(folder) / "fit"
        # Version 2 of Zarr has a place for text; version 3 does not yet.
        tree.to_zarr(written, mode="w", zarr_format=2, consolidated=False)
        if target.suffix == ".zip":
            written = Path(shutil.make_archive(str(written), "zip", written))
        if target.is_dir():
            shutil.rmtree(target)
        written.replace(target)


def load(path: str | Path) -> Fit:
    """The fit that `save` wrote: the same draws and data, and the same tables.

    Raises DataError for what is no saved fit, one that is incomplete or damaged (each array has a checksum), or one
    that this version cannot read, SpecError for what is no path.
    """
    from xarray import open_datatree

    target = _path(path)
    if not target.exists():
        raise DataError(f"There is no {target}.")
    try:
        with _store(target) as store:
            tree = open_datatree(store, engine="zarr", consolidated=False).load()
        saved = tree["fit"].to_dataset()
        record = json.loads(saved.attrs["record"])
        written = record["format"]
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{target} is no fit that ml.save wrote, or is incomplete or damaged ({type(error).__name__}: {error}). "
            "Save the fit again."
        ) from None
    if written != FORMAT:
        raise DataError(
            f"{target} has format {written!r}; this msclong reads format {FORMAT}. Load it with the msclong that wrote "
            f"it: versions {tree.attrs.get('versions')}."
        )
    try:
        return _restored(saved, record)
    except (KeyError, TypeError, ValueError, MsclongError) as error:
        raise DataError(
            f"The fit in {target} cannot be restored ({type(error).__name__}: {error}); it was written by versions "
            f"{tree.attrs.get('versions')}."
        ) from error


def _saved(fit: Fit) -> Dataset:
    """All that is in a fit beside code: arrays, tables as Arrow bytes, the rest as JSON."""
    from xarray import Dataset

    assert isinstance(fit.engine, (Bayesian, JointBayesian))
    assert isinstance(fit.estimate, PosteriorDraws)
    data, outcome = fit.design.data, fit.outcome
    arrays = _arrays(fit.estimate)
    arrays["covariance"] = fit.covariance.theta
    tables = {"data": data.frame, "covariance parameters": fit.covariance.parameters}
    if fit.priors is not None:
        tables["priors"] = fit.priors
    variables: dict[str, Any] = {name: _variable(name, values) for name, values in arrays.items()}
    variables |= {name: _variable(name, _bytes(table, name)) for name, table in tables.items()}
    saved = Dataset(variables)
    record = {
        "format": FORMAT,
        "checksums": {name: _checksum(saved, name) for name in variables},
        "spec": fit.spec.to_dict(),
        "engine": asdict(fit.engine),
        "data": {entry.name: getattr(data, entry.name) for entry in fields(data) if entry.name != "frame"},
        "estimate": type(fit.estimate).__name__,
        "n_parameters": fit.n_parameters,
        "outcome": {
            **{entry.name: getattr(outcome, entry.name) for entry in fields(outcome)},
            "diagnostics": dict(outcome.diagnostics),
            "checks": [asdict(check) for check in outcome.checks],
        },
    }
    return saved.assign_attrs(record=json.dumps(record, default=_plain))


def _restored(saved: Dataset, record: dict[str, Any]) -> Fit:
    # Zarr reads a chunk that is not there as NaN.
    if lost := [name for name, checksum in record["checksums"].items() if checksum != _checksum(saved, name)]:
        raise DataError(
            f"it is incomplete or damaged: {listing(map(repr, lost))} changed since ml.save wrote it. Save the fit "
            "again."
        )
    data = object.__new__(LongData)  # as it was validated, its baseline taken out or not
    for name, value in {**record["data"], "frame": _table(saved, "data")}.items():
        object.__setattr__(data, name, tuple(value) if isinstance(value, list) else value)
    design = build_design(ModelSpec.from_dict(record["spec"]), data)
    estimate = _estimate(saved, ESTIMATES[record["estimate"]], design)
    outcome = record["outcome"]
    return Fit(
        engine=_engine(record["engine"]),
        design=design,
        estimate=estimate,
        covariance=VarianceComponents(
            design.structure,
            saved["covariance"].to_numpy(),
            _table(saved, "covariance parameters"),
            design.visit_grid,
        ),
        outcome=Outcome(
            **{
                **outcome,
                "notes": tuple(outcome["notes"]),
                "fallback": tuple(outcome["fallback"]),
                "checks": tuple(Check(**check) for check in outcome["checks"]),
            }
        ),
        loglik=None,
        n_parameters=record["n_parameters"],
        priors=_table(saved, "priors") if "priors" in saved else None,
    )


def _engine(record: dict[str, Any]) -> Bayesian | JointBayesian:
    if "outcomes" in record:
        return JointBayesian(Bayesian(**record["engine"]), tuple(record["outcomes"]), record["shared"])
    return Bayesian(**record)


def _arrays(estimate: PosteriorDraws) -> dict[str, np.ndarray]:
    """The arrays of a posterior, by name; those of phi as 'phi: name'."""
    found = {entry.name: getattr(estimate, entry.name) for entry in fields(estimate)}
    arrays = {name: value for name, value in found.items() if isinstance(value, np.ndarray)}
    if isinstance(estimate, ConditionalDraws):
        arrays |= {f"phi: {name}": values for name, values in estimate.phi.items()}
    arrays |= {f"{STATS}{name}": values for name, values in estimate.sample_stats.items()}
    if isinstance(estimate.convergence, Resampled):
        arrays["chosen"] = estimate.convergence.chosen
    return arrays


def _estimate(saved: Dataset, kind: type[PosteriorDraws], design: Design) -> PosteriorDraws:
    """The posterior whose arrays were saved."""
    names = {entry.name for entry in fields(kind)}
    arrays = {str(name): saved[name].to_numpy() for name in saved if name in names}
    if arrays["draws"].shape[2] != len(design.fixed.names):
        raise DataError("the draws have another number of coefficients than the model has now.")
    further: dict[str, Any] = {}
    if kind is ConditionalDraws:
        sizes = design.family.parameters
        further["family"] = design.family
        further["phi"] = {p.name: saved[f"phi: {p.name}"].to_numpy() for p in sizes}
        further["zero_names"] = () if design.zero is None else design.zero.names
    figures: Callable[..., Any] = Resampled(saved["chosen"].to_numpy()) if "chosen" in saved else convergence
    return kind(
        names=design.fixed.names,
        convergence=figures,
        sample_stats={
            n.removeprefix(STATS): saved[n].to_numpy() for n in map(str, saved) if n.startswith(STATS)
        },
        theta_names=design.structure.parameter_names,
        **arrays,
        **further,
    )


def _variable(name: str, values: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    return tuple(f"{name} {i}" for i in range(values.ndim)), values


def _bytes(table: pd.DataFrame, name: str) -> np.ndarray:
    """A table with its index, dtypes and categories, as the bytes of an Arrow stream."""
    import pyarrow as pa  # nutpie brings it

    try:
        arrow = pa.Table.from_pandas(table)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise DataError(
            f"The {name} cannot be saved: {error}. A column may hold values of several types; convert it or leave it "
            "out."
        ) from None
    sink = BytesIO()
    with pa.ipc.new_stream(sink, arrow.schema) as writer:
        writer.write_table(arrow)
    return np.frombuffer(sink.getvalue(), dtype=np.uint8)


def _table(saved: Dataset, name: str) -> pd.DataFrame:
    import pyarrow as pa

    with pa.ipc.open_stream(saved[name].to_numpy().tobytes()) as reader:
        table: pd.DataFrame = reader.read_pandas()
    return table


def _checksum(saved: Dataset, name: str) -> str | None:
    """SHA-256 of an array with its type and shape; None where there is no such array."""
    if name not in saved:
        return None
    values = saved[name].to_numpy()
    return sha256(f"{values.dtype.str} {values.shape}".encode() + values.tobytes()).hexdigest()


def _path(path: object) -> Path:
    if not isinstance(path, (str, PathLike)):
        raise SpecError(f"path is the name of a file or folder, such as 'fit.zarr'; got {path!r}.")
    return Path(path)


def _store(path: Path) -> AbstractContextManager[Any]:
    """Where Zarr reads: a folder, or one zip file."""
    if path.suffix != ".zip":
        return nullcontext(path)
    from zarr.storage import ZipStore

    with zipfile.ZipFile(path) as archive:
        if (damaged := archive.testzip()) is not None:  # before Zarr, whose tasks report an error each
            raise zipfile.BadZipFile(f"bad checksum of {damaged}")
    store: AbstractContextManager[Any] = ZipStore(path, mode="r")
    return store


def _plain(value: Any) -> Any:
    """What JSON lacks: NumPy's scalars as Python's, dates as text."""
    if isinstance(value, np.generic):
        return value.item()
    raise DataError(
        f"A level or role of type {type(value).__name__} cannot be saved: {value!r}. Use text or numbers."
    )
