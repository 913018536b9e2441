"""A study: data, and a plan for each of its outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd

from msclong.covariance.registry import registered_structures
from msclong.data.bds.bds import BDS
from msclong.data.marks import synthetic
from msclong.data.tables import to_pandas
from msclong.engines.engine import Engine
from msclong.engines.frequentist.engine import Frequentist
from msclong.errors import ConvergenceWarning, DataError, EngineError, MsclongError, SpecError, listing, warn
from msclong.printing.overview import Overview
from msclong.results.summary import summary_table
from msclong.spec.model_spec import ModelSpec
from msclong.study.analysis_plan import AnalysisPlan, Declared
from msclong.study.cache import FitCache
from msclong.study.endpoint import CONFIRMATORY, Endpoint
from msclong.study.engine_names import engine_names
from msclong.study.jobs import Fitted, Job, Result, run_all
from msclong.study.outcome_table import (
    OutcomeTable,
    first_visit,
    observed_rows,
    outcome_table,
    roles_of,
    with_visits_of,
)
from msclong.study.plan_check import plan_check
from msclong.study.study_fit import StudyFit


class Study:
    """Many outcomes of the same patients, each with its own model, declared and fitted together.

    Parameters
    ----------
    data : a table in long form, {outcome: table}, or a BDS
        One row per patient and visit; outcomes are columns, or rows that an endpoint's `rows` selects (of a BDS by
        {'PARAMCD': ...}). It is not changed.
    outcomes : AnalysisPlan, or {name: formula, fields, ModelSpec or Endpoint}
        The latter as `AnalysisPlan.declare` takes it.
    defaults, study
        With a mapping of outcomes: what they leave open, and the other fields of the plan (title, estimand,
        multiplicity, engines, events).

    Raises SpecError, FormulaError or DataError.

    Examples
    --------
    >>> import msclong as ml
    >>> outcomes = {"ssdai": {"role": "primary", "margin": -1}, "vas": {"better": "lower"}}
    >>> formula = "{outcome} ~ C(month) + us(month | patient)"
    >>> study = ml.Study(ml.datasets.sjogren_msct(seed=1), outcomes, defaults={"formula": formula})
    >>> found = study.fit([ml.Frequentist(), ml.Bayesian(seed=1)])
    >>> found["ssdai"]["Bayesian"].n_subjects, found.failures.empty
    (24, True)
    """

    def __init__(
        self,
        data: Any,
        outcomes: AnalysisPlan | Mapping[str, Declared],
        defaults: Mapping[str, Any] | None = None,
        **study: Any,
    ) -> None:
        if isinstance(outcomes, AnalysisPlan):
            if defaults is not None:
                raise SpecError("An analysis plan is whole: it takes no defaults.")
            if unknown := sorted(set(study) - {entry.name for entry in fields(AnalysisPlan)}):
                raise SpecError(f"A plan has no field {listing(unknown)}.")
            self.plan = outcomes.replace(**study)
        else:
            self.plan = AnalysisPlan.declare(outcomes, defaults, **study)
        self._data = data if isinstance(data, BDS) else self._tables(data)

    def fit(
        self,
        engines: Engine | Sequence[Engine] | None = None,
        *,
        n_jobs: int | None = -1,
        progress: bool | None = None,
        cache: str | PathLike[str] | None = None,
    ) -> StudyFit:
        """Fit every outcome by every engine.

        Parameters
        ----------
        engines : engine or sequence of engines
            None: those of the plan, else Frequentist(). The first one leads in reports.
        n_jobs : int, optional
            Processes, by joblib, on the backend that `joblib.parallel_config` names (a Dask cluster is 'dask'); -1 is
            all there are, once this process has not been done in three seconds; None what parallel_config says, else
            one. The figures do not depend on it.
        progress : bool, optional
            Show a progress bar on standard error; None: where that is a terminal or a notebook.
        cache : folder, optional
            Where fits are kept by the hash of their content (see `FitCache`): a second run makes only those whose
            model, data or engine changed.

        An outcome that cannot be fitted never stops the others: `StudyFit.failures` has its reason, and a
        ConvergenceWarning counts them. What single fits warn of is in `StudyFit.notes`.
        Raises EngineError for what is no engine, or no number of processes.
        """
        if n_jobs is not None and (not isinstance(n_jobs, int) or isinstance(n_jobs, bool) or n_jobs == 0):
            raise EngineError(
                f"n_jobs is a number of processes, -1 for all processors, or None; got {n_jobs!r}."
            )
        chosen = _engines(engines, self.plan)
        names = engine_names(chosen)
        kept = None if cache is None else FitCache(cache)
        jobs = self._jobs(chosen, names)
        results: dict[int, Result] = {}
        for i, job in enumerate(jobs):
            if kept is not None and (before := kept.get(job)) is not None:
                results[i] = before
        open_jobs = [i for i in range(len(jobs)) if i not in results]
        for j, result in run_all([jobs[i] for i in open_jobs], n_jobs, progress):
            i = open_jobs[j]
            results[i] = result
            if kept is not None and isinstance(result, Fitted):
                kept.put(jobs[i], result)
        by_outcome: dict[str, dict[str, Result]] = {name: {} for name in self.plan.endpoints}
        for i, job in enumerate(jobs):
            by_outcome[job.outcome][job.engine_name] = results[i]
        plan = self.plan.replace(engines=tuple(chosen))
        found = StudyFit(plan, dict(zip(names, chosen, strict=True)), by_outcome, self._shared_table())
        if len(found.failures):
            failed = found.failures.index.get_level_values("outcome").unique()
            warn(
                f"{len(failed)} of {len(by_outcome)} outcomes could not be fitted by every engine: {listing(failed)}. "
                "The failures of the study say why.",
                ConvergenceWarning,
            )
        untested = [
            name
            for name, made in by_outcome.items()
            if self.plan.endpoints[name].role in CONFIRMATORY
            and any(isinstance(result, Fitted) and isinstance(result.tested, str) for result in made.values())
        ]
        if untested:
            warn(
                f"The plan's hypotheses of {listing(untested)} cannot be tested, and count as not rejected; "
                "contrasts().attrs['without'] says why.",
                ConvergenceWarning,
            )
        return found

    def check(self, engines: Engine | Sequence[Engine] | None = None) -> pd.DataFrame:
        """What `fit` would fit, by outcome and engine, and what stands in the way of it; nothing is fitted.

        Columns: model, subjects, observations, visits, missing (percent of subjects' visits), problem (empty: none).
        """
        chosen = _engines(engines, self.plan)
        return plan_check(self._jobs(chosen, engine_names(chosen)))

    def __repr__(self) -> str:
        return f"Study of {len(self.plan.endpoints)} outcomes: {listing(self.plan.endpoints)}"

    def _repr_html_(self) -> str:
        """What is declared, for a notebook."""
        rows = {
            name: {
                "role": endpoint.role,
                "label": endpoint.spec.outcome_label,
                "family": endpoint.spec.family,
                "better": endpoint.better or "",
                "margin": endpoint.spec.margin,
                "model": endpoint.spec.formula,
            }
            for name, endpoint in self.plan.endpoints.items()
        }
        declared = pd.DataFrame.from_dict(rows, orient="index").rename_axis("outcome")
        engines = ", ".join(engine_names(self.plan.engines)) or "Frequentist"
        return Overview(
            title=self.plan.title or "Study",
            facts=tuple(filter(None, (self.plan.note, f"Engines: {engines}; not fitted yet."))),
            tables=(summary_table(declared, "Outcomes as declared"),),
            stamp=next((told for frame in self._frames() if (told := synthetic(frame))), ""),
        ).html()

    def _tables(self, data: Any) -> pd.DataFrame | dict[str, pd.DataFrame]:
        if not isinstance(data, Mapping):
            return to_pandas(data)
        if set(data) != set(self.plan.endpoints):
            raise SpecError(
                f"data has tables for {listing(data)}, and the outcomes are {listing(self.plan.endpoints)}."
            )
        return {name: to_pandas(table) for name, table in data.items()}

    def _frames(self) -> list[pd.DataFrame]:
        shared = self._shared_table()
        tables = self._data if isinstance(self._data, dict) else {}
        return list(tables.values()) if shared is None else [shared]

    def _shared_table(self) -> pd.DataFrame | None:
        """The table that all outcomes are in, if they are in one."""
        if isinstance(self._data, BDS):
            return self._data.frame
        return self._data if isinstance(self._data, pd.DataFrame) else None

    def _jobs(self, engines: Sequence[Engine], names: Sequence[str]) -> list[Job]:
        structures = registered_structures()
        jobs = []
        for outcome, endpoint in self.plan.endpoints.items():
            for name, engine in zip(names, engines, strict=True):
                spec = endpoint.spec_for(engine)
                table = self._table(outcome, endpoint, spec)
                if isinstance(table, OutcomeTable):
                    spec_here = with_visits_of(spec, table.frame, self._levels(spec.visit_column))
                    firsts = self._first_visits(spec, table.frame)
                else:
                    spec_here, firsts = spec, {}
                job = Job(
                    outcome=outcome,
                    endpoint=endpoint,
                    within=self.plan.multiplicity.within,
                    engine_name=name,
                    spec=spec_here,
                    table=table,
                    engine=engine,
                    first_visits=firsts,
                    approximated=spec is not endpoint.spec,
                    structures=structures,
                )
                jobs.append(job)
        return jobs

    @cached_property
    def _measured(self) -> list[pd.DataFrame]:
        """The study's tables, without rows that have no outcome; none of a BDS, whose baselines are flagged."""
        if isinstance(self._data, BDS):
            return []
        specs = {name: endpoint.spec for name, endpoint in self.plan.endpoints.items()}
        if isinstance(self._data, pd.DataFrame):
            table = self._data
            any_of = np.logical_or.reduce([observed_rows(spec, table).to_numpy() for spec in specs.values()])
            return [table.loc[any_of]]
        return [table.loc[observed_rows(specs[name], table)] for name, table in self._data.items()]

    def _levels(self, column: str | None) -> set[Any]:
        """Visits at which the study has any outcome."""
        return {level for table in self._measured if column in table for level in table[column].unique()}

    def _first_visits(self, spec: ModelSpec, frame: pd.DataFrame) -> dict[str, Any]:
        """Of columns that may hold the visits, the study's first one."""
        time = spec.time or spec.parsed.time
        candidates = (
            {spec.visit_column} if spec.visit_column is not None else set(frame.columns) - roles_of(spec)
        )
        found = {}
        for column in candidates | ({time} if spec.visit_column is None and time is not None else set()):
            tables = [table for table in self._measured if column in table]
            if not tables:
                continue
            visits = pd.concat([table[column] for table in tables], ignore_index=True)
            timed = time is not None and time != column and all(time in table for table in tables)
            times = pd.concat([table[time] for table in tables], ignore_index=True) if timed else None
            if (first := first_visit(visits, times, spec)) is not None:
                found[str(column)] = first
        return found

    def _table(self, outcome: str, endpoint: Endpoint, spec: ModelSpec) -> OutcomeTable | MsclongError:
        """The outcome's table, or the error that says why it has none: it is that outcome's failure."""
        try:
            if isinstance(self._data, BDS):
                rows = dict(endpoint.rows)
                parameter = rows.pop("PARAMCD", outcome)
                records = self._data.records(parameter)
                _refuse_without_baseline(records, parameter, spec)
                chosen = outcome_table(spec, records, rows, spec is not endpoint.spec)
                return replace(chosen, notes=(*records.attrs["notes"], *chosen.notes))
            table = self._data if isinstance(self._data, pd.DataFrame) else self._data[outcome]
            return outcome_table(spec, table, endpoint.rows, spec is not endpoint.spec)
        except MsclongError as error:
            return error


def _refuse_without_baseline(records: pd.DataFrame, parameter: object, spec: ModelSpec) -> None:
    """Raise DataError for a parameter whose values would be compared with a visit that is no baseline."""
    changes = spec.outcome_type == "change" and spec.baseline_as is None
    if "ABLFL" not in records or (records["ABLFL"] == "Y").any() or changes or spec.baseline is not None:
        return
    raise DataError(
        f"Parameter {parameter!r} has no baseline record (ABLFL 'Y'), so its visits would be compared with the first "
        "of them. Name the visit, baseline=..., if that is meant; or analyse CHG with outcome_type='change'."
    )


def _engines(engines: Engine | Sequence[Engine] | None, plan: AnalysisPlan) -> list[Engine]:
    given: Any = engines if engines is not None else plan.engines or Frequentist()
    chosen = list(given) if isinstance(given, (list, tuple)) else [given]
    wrong = [one for one in chosen if not callable(getattr(one, "fit", None)) or isinstance(one, type)]
    if wrong or not chosen:
        raise EngineError(
            f"engines is an engine or a list of them, such as [ml.Frequentist(), ml.Bayesian(seed=1)]; got {engines!r}."
        )
    return chosen
