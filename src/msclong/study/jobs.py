"""The fits of a study: one job for each outcome and engine, none of which stops the others."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from threading import Lock
from time import perf_counter
from typing import Any

from msclong.api import fit
from msclong.covariance.registry import Named, known_structures, register_structure
from msclong.design.design import Design
from msclong.errors import DataError, EngineError, MsclongError, MsclongWarning, listing
from msclong.linear_hypothesis import label
from msclong.results.fit import Fit
from msclong.spec.model_spec import ModelSpec
from msclong.study.endpoint import Endpoint
from msclong.study.hypothesis_families import Tested, tested_within
from msclong.study.outcome_table import OutcomeTable


@dataclass(frozen=True, eq=False)
class Job:
    """One fit to be made. table : the outcome's own part of the study's table, or why it has none.

    within : how p-values are adjusted over the outcome's own hypotheses. approximated : whether the spec is not the
    outcome's own but its approximation. first_visits : of columns that may hold the visits, the first one at which the
    study has any outcome.
    """

    outcome: str
    endpoint: Endpoint
    within: str
    engine_name: str
    spec: ModelSpec
    table: OutcomeTable | MsclongError
    engine: Any
    first_visits: Mapping[str, Any] = field(default_factory=dict)
    approximated: bool = False
    structures: tuple[Named, ...] = ()


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fit, what was left out of its table or warned of, and the seconds that it took; cached : read, not made.

    approximated : whether it is of the outcome's approximation.
    tested : the outcome's hypotheses, adjusted within it, or why it has none. They are made with the fit, in its
    process, because joint distributions over visits take several times as long as a fit.
    """

    fit: Fit
    tested: Tested | str
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    seconds: float
    approximated: bool = False
    cached: bool = False


@dataclass(frozen=True)
class Failure:
    """Why an outcome has no fit: the error's class and message; `details` has the traceback of an unforeseen one."""

    error: str
    reason: str
    details: str = ""


Result = Fitted | Failure


START_UP = 3.0
"""Seconds in which all processors would hardly have started, and a small study is done."""

_ONE_AT_A_TIME = Lock()
"""Warnings are caught for the whole process: of fits in threads they would be told of another outcome."""


def run(job: Job) -> Result:
    """Make one fit; whatever goes wrong is its failure, with a reason."""
    with _ONE_AT_A_TIME, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start = perf_counter()
        try:
            made, tested, notes = _made(job)
        except MsclongError as error:
            return Failure(type(error).__name__, str(error))
        except (
            Exception
        ) as error:  # of 200 outcomes one that fails as nobody foresaw must not take 199 with it
            reason = (
                f"Unexpected {type(error).__name__}: {error}. This is a defect of msclong; please report it."
            )
            return Failure(type(error).__name__, reason, traceback.format_exc())
        messages = dict.fromkeys(
            str(entry.message)
            if issubclass(entry.category, MsclongWarning)
            else f"{entry.category.__name__}: {entry.message}"
            for entry in caught
        )
        return Fitted(made, tested, notes, tuple(messages), perf_counter() - start, job.approximated)


def _made(job: Job) -> tuple[Fit, Tested | str, tuple[str, ...]]:
    for structure in job.structures:  # a worker process has not seen the analyst's own
        if structure.keyword not in known_structures():
            register_structure(structure)
    if isinstance(job.table, MsclongError):
        raise job.table
    made = fit(job.spec, job.table.frame, job.engine)
    _refuse_another_question(job, made.design)
    try:
        tested: Tested | str = tested_within(made, job.endpoint, job.within)
    except MsclongError as error:
        tested = str(error)
    return made, tested, job.table.notes


def _refuse_another_question(job: Job, design: Design) -> None:
    """Raise DataError where what was not measured would turn the plan's comparison into another one."""
    assert isinstance(job.table, OutcomeTable)
    crossed = {name for names in design.fixed.term_variables if design.visit in names for name in names}
    for column, levels in job.table.gone.items():
        if column == design.arm or (column in crossed and job.table.frame[column].nunique() == 1):
            raise DataError(
                f"Nobody in {column} {listing(map(repr, levels))} has {job.outcome}, so the plan's comparison of them "
                f"is not to be had. If they are not part of it, say so: rows={{{column!r}: [...]}}, with the others."
            )
    spec = design.spec
    if spec.baseline is not None or (spec.outcome_type == "change" and spec.baseline_as is None):
        return
    first = job.first_visits.get(str(design.visit))
    start = design.baseline if design.data.taken_out is None else design.data.taken_out
    if first is not None and label(first) != label(start):
        raise DataError(
            f"Nobody has {job.outcome} at the study's first visit, {first!r}: changes would be measured from "
            f"{start!r}. If that is meant, say so: baseline=...; else leave the outcome out."
        )


def run_all(jobs: Sequence[Job], n_jobs: int | None, progress: bool | None) -> Iterator[tuple[int, Result]]:
    """Results with the position of their job, in the order in which they are ready."""
    import joblib

    if not jobs:
        return
    if n_jobs is not None and n_jobs > 0:
        n_jobs = min(n_jobs, len(jobs))
    try:
        parallel = joblib.Parallel(n_jobs, return_as="generator_unordered")
    except ValueError as error:  # of its backends, multiprocessing cannot
        raise EngineError(
            f"joblib cannot give results as they are ready ({error}); take its backend 'loky'."
        ) from None
    with _progress(len(jobs), progress) as advance:
        start, alone = perf_counter(), 0
        while n_jobs == -1 and alone < len(jobs) and perf_counter() - start < START_UP:
            yield _numbered(alone, jobs[alone])
            alone += 1
            advance()
        rest = (joblib.delayed(_numbered)(i, jobs[i]) for i in range(alone, len(jobs)))
        for numbered in parallel(rest) if alone < len(jobs) else ():
            advance()
            yield numbered


def _numbered(i: int, job: Job) -> tuple[int, Result]:
    return i, run(job)


@contextmanager
def _progress(total: int, shown: bool | None) -> Iterator[Callable[[], None]]:
    """A bar on standard error; None: where that is a terminal, or a notebook that has ipywidgets."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if console.is_jupyter and not find_spec("ipywidgets"):  # rich would warn of that at every refresh
        console = Console(stderr=True, force_jupyter=False, force_terminal=False)
    visible = (console.is_terminal or console.is_jupyter) if shown is None else shown
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not visible) as bar:
        task = bar.add_task("Fits", total=total)
        yield lambda: bar.advance(task)
