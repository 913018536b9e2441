"""What one model says of each of many outcomes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from msclong.api import fit
from msclong.contrasts.kinds import arm_and_visit, as_list, contrast_hypothesis
from msclong.contrasts.marginal_means import means_of_cells
from msclong.contrasts.student_t import t_quantile, t_tail
from msclong.data.marks import synthetic
from msclong.design.design import Design
from msclong.engines.frequentist.batched.settings import SINGULAR
from msclong.engines.frequentist.engine import Frequentist
from msclong.errors import DataWarning, HypothesisError, MsclongError, SpecError, listing, warn
from msclong.linear_hypothesis import LinearHypothesis
from msclong.many.adjust import adjusted
from msclong.many.batch import Batch
from msclong.many.outcome_matrix import OutcomeMatrix
from msclong.printing.overview import Overview, Shown
from msclong.results.fit import Fit
from msclong.results.hypothesis_table import check_level
from msclong.results.stamp import stamped
from msclong.results.summary import DEGREES, summary_table
from msclong.spec.model_spec import ModelSpec

SHOWN = 20
"""Rows of the contrasts that an overview shows: those of the smallest p-values."""


class ManyFits(Shown):
    """One model fitted to each of many outcomes, by `ml.fit_many`.

    spec : the model, whose outcome is a placeholder. engine : how it was fitted.

    Every table is indexed by the outcome, in the order given, and by what its rows are. Outcomes without an estimate
    have no rows; `failures` lists them.
    """

    def __init__(self, spec: ModelSpec, engine: Frequentist, matrix: OutcomeMatrix) -> None:
        self.spec, self.engine, self.matrix = spec, engine, matrix
        self.batches: list[Batch] = []
        self.alone: dict[int, Fit] = {}
        self.reasons: dict[int, str] = {}

    @property
    def synthetic(self) -> str | None:
        """What the table's attrs["synthetic"] says, where its subjects are made up; every table repeats it."""
        return synthetic(self.matrix.frame)

    @property
    def facts(self) -> Mapping[str, str]:
        """What a notebook prints below the tables."""
        return {
            "model": f"Model: {self.spec.formula} ({self.engine.method.upper()}), for each outcome.",
            "df": DEGREES[self.engine.ddf],
        }

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """Each outcome that has an estimate: n_obs, n_subjects, loglik, covariance (its structure), boundary (whether
        that lies on it), route ('compiled', 'one by one').
        """
        found: dict[int, tuple[object, ...]] = {}
        for batch in self.batches:
            seen = np.isfinite(batch.replicates.Y)
            structure = _covariance(batch.design)
            for r in np.flatnonzero(batch.fit.fitted):
                found[int(batch.outcomes[r])] = (
                    int(seen[r].sum()),
                    int(seen[r].any(axis=1).sum()),
                    float(batch.fit.loglik[r]),
                    structure,
                    bool(batch.fit.status[r] == SINGULAR),
                    "compiled",
                )
        for i, one in self.alone.items():
            found[i] = (
                one.n_obs,
                one.n_subjects,
                one.loglik,
                _covariance(one.design),
                one.outcome.singular,
                "one by one",
            )
        columns = ["n_obs", "n_subjects", "loglik", "covariance", "boundary", "route"]
        order = sorted(found)
        return pd.DataFrame([found[i] for i in order], index=self.matrix.names[order], columns=columns)

    @property
    def failures(self) -> pd.DataFrame:
        """The outcomes that could not be fitted, with the reason that `ml.fit` gives."""
        order = sorted(self.reasons)
        # Empty, it would be of objects.
        reasons = pd.Series([self.reasons[i] for i in order], self.matrix.names[order], str, "reason")
        return reasons.to_frame()

    def fit(self, outcome: object) -> Fit:
        """The ordinary fit of one outcome, by its name (or its position, as an integer that is no name).

        A name that a formula would read otherwise ('C', a column of the model, one with quotes) is the label of a fit
        to the column 'outcome_1', and so on. Raises what `ml.fit` raises.
        """
        i = self._position(outcome)
        name, column = str(self.matrix.names[i]), self.matrix.column(i)
        asked = column if column.isidentifier() else f'Q("{column}")'
        spec = self.spec.replace(formula=f"{asked} ~{self.spec.formula.split('~', 1)[1]}")
        table = self.matrix.frame.assign(**{column: self.matrix.values[:, i]})
        if column == name:
            return fit(spec, table, self.engine)
        try:
            return fit(spec.replace(label=spec.label or name), table, self.engine)
        except MsclongError as error:
            raise type(error)(str(error).replace(column, name)) from None

    @stamped
    def contrasts(
        self,
        versus: object = None,
        factor: str | None = None,
        by: str | Sequence[str] | None = None,
        adjust: str | None = "bh",
        level: float = 0.95,
        at: Mapping[str, Sequence[object]] | None = None,
        *,
        kind: str | None = None,
        weights: str = "equal",
        across: str = "outcomes",
    ) -> pd.DataFrame:
        """Contrasts of each outcome: estimate, se, lower, upper, df, statistic, p_value, p_adjusted.

        versus, factor, by, at, kind, weights : as for `Fit.contrasts`; without them, each visit minus baseline, by arm,
        and the arms' differences. Limits are not adjusted.

        adjust : 'bh' (Benjamini and Hochberg), 'by' (Benjamini and Yekutieli), 'holm', 'hochberg', 'bonferroni';
            'fdr_bh' and 'fdr_by' are the first two; None.
        across : 'outcomes': for each contrast by itself, over the outcomes. 'all': all rows of the table together.

        Raises HypothesisError or SpecError.
        """
        asked: dict[str, Any] = {
            "versus": versus,
            "factor": factor,
            "by": by,
            "at": at,
            "kind": kind,
            "weights": weights,
        }
        table = self._table(
            lambda design: contrast_hypothesis(design, **asked),
            lambda one: one.contrasts(level=level, **asked),
            level,
        )
        return adjusted(table, adjust, across)

    @stamped
    def coefficients(self, level: float = 0.95) -> pd.DataFrame:
        """Fixed effects of each outcome, as `Fit.coefficients`."""

        def rows(design: Design) -> LinearHypothesis:
            names = pd.Index(design.fixed.names, name="coefficient")
            return LinearHypothesis(np.eye(len(names)), names)

        return self._table(rows, lambda one: one.coefficients(level), level)

    @stamped
    def means(
        self,
        by: str | Sequence[str] | None = None,
        at: Mapping[str, Sequence[object]] | None = None,
        level: float = 0.95,
        *,
        weights: str = "equal",
    ) -> pd.DataFrame:
        """Marginal means of each outcome, as `Fit.means`."""

        def rows(design: Design) -> LinearHypothesis:
            chosen = as_list(by) if by is not None else arm_and_visit(design)
            return means_of_cells(design, chosen, at, weights).hypothesis

        return self._table(rows, lambda one: one.means(by, at, level, weights=weights), level)

    @property
    def covariance(self) -> pd.DataFrame:
        """Covariance parameters of each outcome as `fit.covariance.parameters`: estimate, se (none on the boundary)."""
        parts = []
        for batch in self.batches:
            names = pd.Index(batch.design.structure.parameter_names, name="parameter")
            fitted = np.flatnonzero(batch.fit.fitted)
            values = (batch.fit.theta[fitted], batch.fit.theta_se[fitted])
            parts.append(
                _long(batch.outcomes[fitted], names, dict(zip(("estimate", "se"), values, strict=True)))
            )
        for i, one in self.alone.items():
            parts.append(_indexed(one.covariance.parameters[["estimate", "se"]], i))
        return self._joined(parts)

    def _table(
        self,
        rows: Callable[[Design], LinearHypothesis],
        of_one: Callable[[Fit], pd.DataFrame],
        level: float,
    ) -> pd.DataFrame:
        """The rows of each outcome: of batches in one go, of others by their own fits."""
        check_level(level)
        parts, lacking = [], []
        for batch in self.batches:
            try:
                asked = rows(batch.design)
            except HypothesisError:  # of a level that these outcomes were never observed at
                if batch is self.batches[0]:
                    raise
                lacking += self.matrix.names[batch.outcomes[batch.fit.fitted]].tolist()
                continue
            if not (tested := asked.L.any(axis=1)).all():
                raise HypothesisError(
                    f"Rows {list(asked.rows[~tested])} are zero for every coefficient; leave them out."
                )
            estimate, se, df = batch.answers(asked.L)
            fitted = np.flatnonzero(batch.fit.fitted)
            parts.append(
                _long(
                    batch.outcomes[fitted],
                    asked.rows,
                    _columns(estimate[fitted], se[fitted], df[fitted], level),
                )
            )
        for i, one in self.alone.items():
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found = of_one(one)
            except HypothesisError:  # of a level that it was never observed at, or of too few subjects
                lacking.append(self.matrix.names[i])
                continue
            parts.append(_indexed(pd.DataFrame(found), i))
        if lacking:
            if len(lacking) == len(self.outcomes):
                of_one(next(iter(self.alone.values())))  # says why
            warn(
                f"{len(lacking)} outcomes were not observed at the levels that are asked for, or in too few subjects "
                f"for an answer by this method, and are left out: {listing(lacking)}. fit(outcome) says which.",
                DataWarning,
            )
        table = self._joined(parts)
        table.attrs["interval"] = f"{100 * level:.4g} % confidence"
        return table

    def _joined(self, parts: list[pd.DataFrame]) -> pd.DataFrame:
        """Parts whose first index level is an outcome's position, in the order of the outcomes, which it is then."""
        parts = [part for part in parts if len(part)]
        if not parts:
            raise HypothesisError("No outcome could be fitted; .failures says why.")
        table = pd.concat(parts) if len(parts) > 1 else parts[0]
        position = table.index.get_level_values(0).to_numpy()
        order = np.argsort(position, kind="stable")
        table = table.iloc[order]
        levels = [table.index.get_level_values(i) for i in range(1, table.index.nlevels)]
        table.index = pd.MultiIndex.from_arrays([self.matrix.names[position[order]], *levels])
        return table

    def _position(self, outcome: object) -> int:
        if outcome in self.matrix.names:
            return list(self.matrix.names).index(outcome)
        if isinstance(outcome, (int, np.integer)) and 0 <= outcome < len(self.matrix.names):
            return int(outcome)
        raise SpecError(f"{outcome!r} is none of the outcomes {listing(map(repr, self.matrix.names))}.")

    def _overview(self) -> Overview:
        facts = [
            self.spec.formula,
            f"engine: {self.engine!r}",
            f"{len(self.matrix.names):,} outcomes: {len(self.outcomes):,} fitted, {len(self.reasons):,} not",
        ]
        for column, said in (
            ("boundary", "on the boundary of their covariance"),
            ("route", "fitted one by one"),
        ):
            count = int((self.outcomes[column].isin([True, "one by one"])).sum())
            facts += [f"{count:,} {said}"] if count else []
        tables = []
        try:
            contrasts = self.contrasts()
        except MsclongError:
            contrasts = None
        if contrasts is not None:
            least = pd.DataFrame(contrasts).nsmallest(SHOWN, "p_value")
            tables.append(
                summary_table(
                    least, f"The {len(least)} contrasts of the smallest p-values, of {len(contrasts):,}"
                )
            )
        more = [summary_table(self.failures, "Not fitted")] if self.reasons else []
        return Overview(
            title=f"{len(self.matrix.names):,} outcomes: Frequentist fits",
            facts=tuple(facts),
            tables=tuple(tables),
            more=tuple(more),
            stamp=self.synthetic or "",
        )


def _covariance(design: Design) -> str:
    return " + ".join(map(str, design.spec.parsed.covariance))


def _columns(estimate: np.ndarray, se: np.ndarray, df: np.ndarray, level: float) -> dict[str, np.ndarray]:
    """The columns of every table of tests, (m, c) each: see `PointEstimate`."""
    half, statistic = t_quantile(df, (1 + level) / 2) * se, estimate / se
    return {
        "estimate": estimate,
        "se": se,
        "lower": estimate - half,
        "upper": estimate + half,
        "df": df,
        "statistic": statistic,
        "p_value": 2 * t_tail(df, np.abs(statistic)),
    }


def _long(outcomes: np.ndarray, rows: pd.Index, columns: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """(m, c) columns as a table of m c rows, indexed by the outcome's position and the rows."""
    m, c = len(outcomes), len(rows)
    levels: list[Any] = [
        np.repeat(outcomes, c),
        *(_tiled(rows.get_level_values(i), m) for i in range(rows.nlevels)),
    ]
    index = pd.MultiIndex.from_arrays(levels, names=["outcome", *rows.names])
    return pd.DataFrame({name: values.reshape(-1) for name, values in columns.items()}, index=index)


def _tiled(level: pd.Index, times: int) -> pd.Index:
    return level.take(np.tile(np.arange(len(level)), times))


def _indexed(table: pd.DataFrame, outcome: int) -> pd.DataFrame:
    return _long(
        np.array([outcome]), table.index, {str(name): table[name].to_numpy() for name in table.columns}
    )
