"""What a study's report is about: every outcome with its fits, and its rows under one name in each engine's table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from msclong.reporting.analysis import Analysis
from msclong.reporting.comparisons import named_rows
from msclong.reporting.names import Names
from msclong.results.posterior_draws import PosteriorDraws
from msclong.study.endpoint import ROLES, Endpoint
from msclong.study.hypothesis_families import tested_rows
from msclong.study.jobs import Failure, Fitted
from msclong.study.study_fit import StudyFit

RowKey = tuple[str, str]
"""Arm or difference of arms ('' without arms), and visit, as readers know them."""


@dataclass(frozen=True, eq=False)
class OutcomeResult:
    """One outcome of a study.

    analyses : by engine, one fit each. tables : by engine, the study's contrasts of this outcome, indexed by RowKey,
    with `tested`, whether the row is one of the outcome's hypotheses. paired : the paired t-tests, indexed alike.
    reasons : by engine, why there is no fit or no table. approximated : engines that fitted the declared approximation.
    label : the outcome without its unit; no other outcome of the study has it.
    """

    name: str
    label: str
    endpoint: Endpoint
    analyses: Mapping[str, Analysis]
    tables: Mapping[str, pd.DataFrame]
    paired: pd.DataFrame
    reasons: Mapping[str, str]
    approximated: frozenset[str]

    @property
    def title(self) -> str:
        """The outcome with its unit."""
        return self.endpoint.spec.replace(label=self.label).outcome_label

    @property
    def first(self) -> Analysis | None:
        """The leading engine's analysis, of those that have one."""
        return next(iter(self.analyses.values()), None)

    @property
    def own(self) -> Analysis | None:
        """The first analysis of the outcome's own model; else of its approximation."""
        own = (one for name, one in self.analyses.items() if name not in self.approximated)
        return next(own, self.first)

    @property
    def names(self) -> Names | None:
        return None if self.first is None else self.first.names

    @cached_property
    def rows(self) -> list[RowKey]:
        """All rows of any engine's contrasts, in order."""
        return list(dict.fromkeys(key for table in self.tables.values() for key in table.index))

    @cached_property
    def tested(self) -> list[RowKey]:
        """The rows that are the outcome's hypotheses."""
        found = (key for table in self.tables.values() for key in table.index[table["tested"]])
        return list(dict.fromkeys(found))

    @property
    def last(self) -> list[RowKey]:
        """The tested rows of the last tested visit."""
        return [key for key in self.tested if key[1] == self.tested[-1][1]]

    def row_name(self, key: RowKey) -> str:
        """'month 6', or 'TRT 2 - TRT 1, month 6'."""
        group, visit = key
        when = self.names.visit(visit) if self.names else visit
        return f"{group}, {when}" if group else when


@dataclass(frozen=True, eq=False)
class StudyResult:
    """A study's outcomes. bayesian : by engine that fitted anything, whether it has posteriors."""

    study: StudyFit
    outcomes: tuple[OutcomeResult, ...]
    bayesian: Mapping[str, bool]

    @property
    def engines(self) -> dict[str, object]:
        """Those that fitted anything."""
        return {name: self.study.engines[name] for name in self.bayesian}

    @property
    def fitted(self) -> list[OutcomeResult]:
        return [one for one in self.outcomes if one.analyses]

    def of_role(self, *roles: str) -> list[OutcomeResult]:
        """Outcomes of these roles that have contrasts."""
        return [one for one in self.outcomes if one.endpoint.role in roles and one.rows]

    @property
    def roles(self) -> list[str]:
        """Roles that occur, in order."""
        return [role for role in ROLES if any(one.endpoint.role == role for one in self.outcomes)]

    @property
    def arms(self) -> bool:
        """Whether any outcome compares arms."""
        return any(one.first is not None and len(one.first.arms) > 1 for one in self.outcomes)

    @property
    def frequentist(self) -> str | None:
        """The first engine with p-values."""
        return next((name for name, posterior in self.bayesian.items() if not posterior), None)

    @property
    def posterior(self) -> str | None:
        """The first engine with posteriors."""
        return next((name for name, posterior in self.bayesian.items() if posterior), None)


def study_result(study: StudyFit) -> StudyResult:
    """Name the rows of every table of the study as its readers do."""
    contrasts = {engine: study.contrasts(engine) for engine in study.engines}
    paired = study.paired_t_tests()
    labels = _labels(study.endpoints)
    outcomes = [_outcome(study, name, labels[name], contrasts, paired) for name in study.endpoints]
    bayesian: dict[str, bool] = {}
    for engine in study.engines:
        fits = study.fits(engine).values()
        if fits:
            bayesian[engine] = any(isinstance(fit.estimate, PosteriorDraws) for fit in fits)
    return StudyResult(study, tuple(outcomes), bayesian)


def _labels(endpoints: Mapping[str, Endpoint]) -> dict[str, str]:
    """The outcomes' labels by name; where several share one, with the name in brackets unless that is the label."""
    taken = Counter(endpoint.name for endpoint in endpoints.values())
    labels: dict[str, str] = {}
    for name, endpoint in endpoints.items():
        label = endpoint.name
        if taken[label] > 1 and label != name:
            label = f"{label} ({name})"
            while label in taken or label in labels.values():
                label = f"{label} ({name})"
        labels[name] = label
    return labels


def _outcome(
    study: StudyFit, name: str, label: str, contrasts: Mapping[str, pd.DataFrame], paired: pd.DataFrame
) -> OutcomeResult:
    endpoint = study.endpoints[name]
    analyses = {
        engine: Analysis({engine: result.fit}, label=None if label == endpoint.name else label)
        for engine, result in study.results[name].items()
        if isinstance(result, Fitted)
    }
    reasons = {
        engine: result.reason for engine, result in study.results[name].items() if isinstance(result, Failure)
    }
    tables = {}
    for engine, analysis in analyses.items():
        without = contrasts[engine].attrs["without"]
        if name in without:
            reasons[engine] = without[name]
        else:
            tables[engine] = _table(of_outcome(contrasts[engine], name), analysis, endpoint)
    approximated = frozenset(
        engine
        for engine in analyses
        if endpoint.approximation is not None
        and endpoint.spec_for(study.engines[engine]) == endpoint.approximation
    )
    first = next(iter(analyses.values()), None)
    own_paired = of_outcome(paired, name)
    if first is None or first.spec.outcome_type == "change":  # changes at two visits are no pair
        own_paired = own_paired.iloc[:0]
    if first is not None and len(own_paired):
        own_paired = own_paired.set_axis(row_keys(own_paired, first))
    return OutcomeResult(name, label, endpoint, analyses, tables, own_paired, reasons, approximated)


def of_outcome(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of one outcome of a table over all."""
    return table[table.index.get_level_values("outcome") == name]


def row_keys(table: pd.DataFrame, analysis: Analysis) -> pd.Index:
    """Readers' names of the rows of a study's table of one outcome, as one level of RowKeys."""
    levels = [table.index.get_level_values("contrast").rename(str(analysis.visit))]
    if analysis.arm is not None and "arm" in table.index.names and table.index.get_level_values("arm").all():
        levels.insert(0, table.index.get_level_values("arm").rename(analysis.arm))
    groups, labels, _ = named_rows(analysis, pd.MultiIndex.from_arrays(levels))
    return _keys(zip(groups, labels, strict=True))


def row_at(table: pd.DataFrame, key: RowKey) -> pd.Series | None:
    """The row of that name; None where the table has none."""
    return next((table.iloc[i] for i, name in enumerate(table.index) if name == key), None)


def _table(rows: pd.DataFrame, analysis: Analysis, endpoint: Endpoint) -> pd.DataFrame:
    names = analysis.first.hypothesis().rows
    groups, labels, _ = named_rows(analysis, names)
    tested = np.zeros(len(rows), dtype=bool)
    tested[tested_rows(analysis.first, endpoint)] = True
    return rows.set_axis(_keys(zip(groups, labels, strict=True))).assign(tested=tested)


def _keys(pairs: Iterable[RowKey]) -> pd.Index:
    """Tuples as one level: an outcome without arms has no level of arms."""
    return pd.Index(list(pairs), tupleize_cols=False)
