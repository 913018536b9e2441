"""Fits kept on disk by their content, so that a second run makes only those whose model, data or engine changed."""

from __future__ import annotations

import json
import platform
from dataclasses import replace
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from os import PathLike, getpid
from pathlib import Path
from pickle import PicklingError
from typing import Any

import numpy as np
import pandas as pd

from msclong.errors import DataError
from msclong.results.fit import Fit
from msclong.study.jobs import Fitted, Job

PACKAGES = ("numpy", "scipy", "pandas", "patsy", "pymc", "pytensor", "nutpie", "statsmodels")
"""Packages that may change a fit's figures."""


class FitCache:
    """A folder of fits, one file each, named by the hash of all that determines the fit.

    That is the spec, what is tested, the engine, the values, types and labels of the table's columns that the spec
    reads, msclong's own code, and the versions of Python and of the packages below it. Files are pickles: keep the
    folder as safe as your code, and as the patients' data, which are in it.

    Raises DataError where the folder cannot be made.
    """

    def __init__(self, folder: str | PathLike[str]) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"cache={str(folder)!r} is no folder that can be made ({error}).") from None

    def get(self, job: Job) -> Fitted | None:
        """The fit of this job, if it was made before; a file that cannot be read counts as none."""
        import joblib

        path = self._path(job)
        if path is None or not path.exists():
            return None
        try:
            found = joblib.load(path)
        # Unpickling a damaged file or one of other versions raises anything. Nothing is lost or changed by that: the
        # fit is made anew from the data, `StudyFit.seconds` shows it as not cached, and the file is replaced.
        except Exception:
            return None
        if not isinstance(found, Fitted) or not isinstance(found.fit, Fit):
            return None
        return replace(found, cached=True)

    def put(self, job: Job, made: Fitted) -> None:
        """Keep a fit; what is there stays until all is written."""
        import joblib

        path = self._path(job)
        if path is None:
            return
        partial = path.with_suffix(f".{getpid()}.partial")
        try:
            joblib.dump(made, partial, compress=3)
        except (
            PicklingError,
            TypeError,
            AttributeError,
        ):  # an analyst's own object in it: the fit is made each time
            partial.unlink(missing_ok=True)
            return
        partial.replace(path)

    def _path(self, job: Job) -> Path | None:
        key = content_hash(job)
        return None if key is None else self.folder / f"{key}.fit"


def content_hash(job: Job) -> str | None:
    """SHA-256 of all that determines a fit, as hexadecimal digits; None where that cannot be told.

    It cannot where the analyst's own covariance structures or engines are about: their code is not in the spec.
    """
    own_engine = not type(job.engine).__module__.startswith("msclong.")
    if isinstance(job.table, Exception) or job.structures or own_engine:
        return None
    parts = [
        job.spec.to_json(indent=None),
        repr((job.endpoint.role, job.endpoint.tested, job.endpoint.test, job.within, job.approximated)),
        type(job.engine).__qualname__ + json.dumps(vars(job.engine), sort_keys=True, default=repr),
        _frame_hash(job.table.frame),
        *job.table.notes,
        repr((sorted(job.table.gone.items(), key=repr), sorted(job.first_visits.items(), key=repr))),
        _code_hash(),
        platform.python_version(),
        *(version(package) for package in PACKAGES),
    ]
    return sha256("\x1f".join(parts).encode()).hexdigest()


def _frame_hash(frame: pd.DataFrame) -> str:
    digest = sha256()
    columns: list[Any] = [frame.index.to_series(), *(frame[name] for name in frame.columns)]
    for column in columns:
        digest.update(f"{column.name!r} {column.dtype}".encode())
        if isinstance(column.dtype, pd.CategoricalDtype):
            digest.update(f"{_typed(column.cat.categories)} {column.dtype.ordered}".encode())
        if column.dtype == object:
            digest.update(str(_typed(column)).encode())
        else:
            digest.update(np.ascontiguousarray(pd.util.hash_pandas_object(column, index=False)).tobytes())
    digest.update(repr(sorted(map(repr, frame.attrs.items()))).encode())
    return digest.hexdigest()


def _typed(values: Any) -> list[str]:
    """Values with their types: 1 and '1' are two patients."""
    return [f"{type(value).__name__} {value!r}" for value in values]


@cache
def _code_hash() -> str:
    """msclong's own source: while it is being developed, its version does not tell what it computes."""
    digest = sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
