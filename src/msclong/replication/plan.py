"""The analysis of a planned trial: its table, its design, what it is asked, and the true answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from msclong.api import long_data
from msclong.contrasts.mean_contrasts import MeanContrasts
from msclong.data.baseline import COLUMN
from msclong.design.design import Design, build_design
from msclong.errors import SpecError
from msclong.replication.columns import Columns, columns_of
from msclong.replication.question import Question
from msclong.replication.scenario import Scenario
from msclong.spec.model_spec import ModelSpec

EXACT = 1e-8
"""Share of the means' spread that a model may miss them by and still have them."""


@dataclass(frozen=True, eq=False)
class Plan:
    """One spec applied to trials of one scenario, and what is asked of each."""

    spec: ModelSpec
    scenario: Scenario
    columns: Columns
    question: Question

    @classmethod
    def of(cls, spec: ModelSpec, scenario: Scenario, contrast: Any, n: int) -> Plan:
        """n : subjects of the trial by which it is seen that all fits together; raises a MsclongError."""
        if spec.conditional or spec.family != "gaussian":
            raise SpecError(
                f"Power is simulated of normal outcomes, and this spec has family {spec.family!r}"
                f"{' or is censored' if spec.censored else ''}. Of a logarithm or logit, write it as the outcome: "
                "'np.log(y) ~ ...', with a scenario of logarithms."
            )
        plan = cls(spec, scenario, Columns.of(spec, scenario), Question({}))
        return replace(plan, question=Question.of(contrast, plan.template(n)))

    @property
    def first(self) -> int:
        """Position of the first visit that is an outcome."""
        taken = self.scenario.baseline is not None or self.spec.baseline_as in ("covariate", "change")
        return int(taken)

    @property
    def covariate(self) -> str | None:
        """The column that holds the value of the first visit, where that is no outcome."""
        return (self.scenario.baseline or COLUMN) if self.first else None

    @property
    def changes(self) -> bool:
        """Whether outcomes are differences from the first visit."""
        return bool(self.first) and self.spec.outcome_type == "change"

    @cached_property
    def reads_baseline(self) -> bool:
        """Whether the mean depends on the value of the first visit, as a covariate."""
        return self.covariate in set(columns_of(self.spec.parsed.fixed))

    @property
    def visits(self) -> tuple[Any, ...]:
        """The visits that are outcomes."""
        return tuple(self.scenario.visits)[self.first :]

    def outcomes(self, values: np.ndarray) -> np.ndarray:
        """(..., n, T) outcomes of the analysis, from the values (..., n, T or T + 1) of the scenario's visits."""
        return values[..., self.first :] - (values[..., :1] if self.changes else 0.0)

    def frame(self, values: np.ndarray, arm: np.ndarray, analysed: bool = False) -> pd.DataFrame:
        """The table of values (n, T) as an analyst would have it, rows without an outcome included.

        analysed : as the door leaves it, where the spec takes the baseline visit out.
        """
        first = self.first if analysed or self.scenario.baseline is not None else 0
        (n, T), times = values.shape, self.scenario.numeric_times
        visits = self.scenario.visits[first:]
        data: dict[str, Any] = {self.columns.subject: np.repeat(np.arange(1, n + 1), T - first)}
        if self.columns.timed and times is not None:
            data[self.columns.visit] = np.tile(times[first:], n)
        elif all(isinstance(visit, (int, float)) for visit in visits):
            data[self.columns.visit] = np.tile(np.array(visits), n)
        else:
            dtype = pd.CategoricalDtype(list(visits), ordered=True)
            data[self.columns.visit] = pd.Categorical.from_codes(
                np.tile(np.arange(len(visits)), n), dtype=dtype
            )
        if self.columns.time is not None:
            data[self.columns.time] = np.tile(np.asarray(times)[first:], n)
        if self.columns.arm is not None:
            dtype = pd.CategoricalDtype(list(self.scenario.arms))
            data[self.columns.arm] = pd.Categorical.from_codes(np.repeat(arm, T - first), dtype=dtype)
        if first and self.covariate is not None:
            data[self.covariate] = np.repeat(values[:, 0], T - first)
        data[self.columns.outcome] = (self.outcomes(values) if first else values).reshape(-1)
        return pd.DataFrame(data)

    def template(self, n: int, altered: bool = False) -> Design:
        """The design of a complete trial of n subjects, whose baseline values have the scenario's means.

        altered : baseline values have another mean and spread, and every other pair of subjects lacks the last visit:
        what differs then is read off the data of a trial.
        """
        arm = self.scenario.allocated(n)
        rng = np.random.default_rng(0)
        z = rng.standard_normal((n, len(self.scenario.visits)))
        for a in range(len(self.scenario.arms)):
            mine = np.flatnonzero(arm == a)
            z[mine, 0] = ndtri((np.arange(len(mine)) + 0.5) / max(len(mine), 1))
        if altered:
            z[:, 0] = 1 + 2 * z[:, 0]
        roots = np.linalg.cholesky(self.scenario.sigma)
        values = self.scenario.mean[arm] + np.einsum("nst,nt->ns", roots[arm], z)
        if altered:
            values[np.arange(n) // 2 % 2 == 1, -1] = np.nan
        frame = self.frame(values, arm)
        return build_design(self.spec, long_data(self.spec, frame[frame[self.columns.outcome].notna()]))

    def truth(self, design: Design) -> np.ndarray:
        """The true value of each row; not a number where the analysis model does not have the scenario's means."""
        asked = self.question.on(design)
        if isinstance(asked, MeanContrasts):
            means = sum(weights @ self._means(cells) for cells, weights in asked.batches())
            found = asked.contrasts.L @ means
        else:
            X, mean = design.fixed.X, self._means(design.fixed.frame)
            beta = np.linalg.lstsq(X, mean, rcond=None)[0]
            spread = max(np.ptp(mean), np.sqrt(np.diag(self.scenario.sigma[0]).max()))
            reached = np.abs(X @ beta - mean).max() <= EXACT * spread
            found = asked.L @ beta if reached else np.full(len(asked), np.nan)
        rows = asked.contrasts.rows if isinstance(asked, MeanContrasts) else asked.rows
        return np.asarray(found[self.question.chosen(rows)])

    def _means(self, rows: pd.DataFrame) -> np.ndarray:
        """The scenario's mean outcome at rows with a visit, an arm, a baseline value."""
        scenario, first = self.scenario, self.first
        arm = np.zeros(len(rows), dtype=np.intp)
        if self.columns.arm is not None:
            place = {a: i for i, a in enumerate(scenario.arms)}
            arm = np.array([place[a] for a in rows[self.columns.arm]])
        mean, sigma = scenario.mean, scenario.sigma
        place = {v: i for i, v in enumerate(scenario.visits)}
        times = scenario.numeric_times if self.columns.timed else None
        at = rows[self.columns.visit]
        if times is None and all(v in place for v in at):
            where = np.array([place[v] for v in at], dtype=float)
        else:  # where time is a number, the mean runs straight between visits
            axis = np.array(scenario.visits, dtype=float) if times is None else times
            where = np.interp(at.to_numpy(dtype=float), axis, np.arange(len(axis)))
        low = np.minimum(where.astype(np.intp), mean.shape[1] - 2)
        share = where - low

        def between(of: np.ndarray) -> np.ndarray:
            return (1 - share) * of[arm, low] + share * of[arm, low + 1]

        found = between(mean)
        if not first:
            return found
        x = mean[arm, 0]
        if self.reads_baseline:
            x = rows[str(self.covariate)].to_numpy(dtype=float)
            found = found + between(sigma[:, 0, :] / sigma[:, :1, 0]) * (x - mean[arm, 0])
        return found - x if self.changes else found
