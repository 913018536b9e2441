"""The results of a study: every outcome's fits, and the tables that stand over all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from msclong.data.marks import synthetic
from msclong.engines.engine import Engine
from msclong.errors import EngineError, MsclongError, UnknownOutcomeError, listing
from msclong.linear_hypothesis import label
from msclong.printing.overview import Overview, Shown
from msclong.results.fit import Fit
from msclong.results.hypothesis_table import check_level
from msclong.results.result_table import ResultTable
from msclong.results.stamp import stamp
from msclong.results.summary import summary_table
from msclong.spec.estimand import Estimand
from msclong.study.analysis_plan import AnalysisPlan
from msclong.study.endpoint import Endpoint
from msclong.study.hypothesis_families import Tested
from msclong.study.jobs import Failure, Fitted, Result
from msclong.study.paired_t_tests import paired_t_tests
from msclong.study.study_contrasts import study_contrasts, under_each_other

SHOWN = ("effect", "estimate", "se", "lower", "upper", "df", "p_value", "p_adjusted", "prob_improved",
         "prob_beyond_margin")  # fmt: skip
"""Columns of contrasts in a summary."""

COMPLETERS = (
    "Each test is of the patients seen at baseline and at that visit; the others are taken to be missing completely at "
    "random."
)


class FitsByEngine(dict[str, Fit]):
    """One outcome's fits; asked for one that failed, it says why. Raises UnknownOutcomeError."""

    def __init__(self, fits: Mapping[str, Fit], failures: Mapping[str, str]) -> None:
        super().__init__(fits)
        self.failures = dict(failures)

    def __missing__(self, engine: str) -> Fit:
        reason = self.failures.get(engine, f"the engines that fitted it are {listing(self)}.")
        raise UnknownOutcomeError(f"There is no fit by {engine!r}: {reason}")


@dataclass(frozen=True, eq=False, repr=False)
class StudyFit(Shown, Mapping[str, Mapping[str, Fit]]):
    """Every outcome's fits; a mapping from outcomes to {engine: Fit}, of those that have one.

    plan : what was declared. engines : by name, the first one leads. results : {outcome: {engine: fit or failure}}.
    table : the data, where all outcomes are in one table.

    Tables over all outcomes are indexed by outcome, (arm and) contrast; where the data are synthetic their
    attrs["synthetic"] says so. `study["ssdai"]["Frequentist"]` is a Fit like any other.
    """

    plan: AnalysisPlan
    engines: Mapping[str, Engine]
    results: Mapping[str, Mapping[str, Result]]
    table: pd.DataFrame | None = None

    def __getitem__(self, outcome: str) -> Mapping[str, Fit]:
        if outcome not in self.results:
            raise UnknownOutcomeError(
                f"There is no outcome {outcome!r}; the outcomes are {listing(self.results, 20)}."
            )
        if outcome not in self._fits:
            reasons = [f.reason for f in self.results[outcome].values() if isinstance(f, Failure)]
            raise UnknownOutcomeError(f"{outcome!r} has no fit: {listing(dict.fromkeys(reasons))}")
        return self._fits[outcome]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fits)

    def __len__(self) -> int:
        return len(self._fits)

    @property
    def endpoints(self) -> Mapping[str, Endpoint]:
        return self.plan.endpoints

    @property
    def synthetic(self) -> str | None:
        """What says that the data are made up, where they are."""
        frames = [fit.design.data.frame for fits in self.values() for fit in fits.values()]
        frames += [] if self.table is None else [self.table]
        return next((told for told in map(synthetic, frames) if told is not None), None)

    @property
    def facts(self) -> Mapping[str, str]:
        """What a notebook prints below the tables: the rule for missing outcomes."""
        squares = [
            name for name, engine in self.engines.items() if getattr(engine, "ddf", None) == "modified-box"
        ]
        how = "completely at random" if len(squares) == len(self.engines) else "at random"
        but = f", by {listing(squares)} completely at random" if 0 < len(squares) < len(self.engines) else ""
        return {"missing": f"Outcomes that were not observed are taken to be missing {how}{but}."}

    @cached_property
    def failures(self) -> pd.DataFrame:
        """Outcomes that could not be fitted, by outcome and engine: `error`, its class, and `reason`, its message."""
        rows = {
            (outcome, engine): (result.error, result.reason)
            for outcome, by_engine in self.results.items()
            for engine, result in by_engine.items()
            if isinstance(result, Failure)
        }
        index = (
            pd.MultiIndex.from_tuples(list(rows), names=["outcome", "engine"])
            if rows
            else _no_rows("outcome", "engine")
        )
        return stamp(pd.DataFrame(list(rows.values()), index=index, columns=["error", "reason"]), self)

    @cached_property
    def notes(self) -> pd.DataFrame:
        """What each fit left out, noticed or warned of, by outcome and engine: `note`."""
        rows = [
            (outcome, engine, note)
            for outcome, by_engine in self.results.items()
            for engine, result in by_engine.items()
            if isinstance(result, Fitted)
            for note in dict.fromkeys((*result.notes, *result.fit.outcome.notes, *result.warnings))
        ]
        found = pd.DataFrame(rows, columns=["outcome", "engine", "note"])
        return stamp(found.set_index(["outcome", "engine"]), self)

    def fits(self, engine: str | None = None) -> dict[str, Fit]:
        """The fits of one engine by outcome; None: of the first engine. Raises EngineError for an unknown one."""
        name = self._engine(engine)
        return {outcome: fits[name] for outcome, fits in self._fits.items() if name in fits}

    def outcomes(self) -> pd.DataFrame:
        """What was declared and fitted of each outcome.

        label, role, better, margin, subjects and observations, visits, family, approximation (the family that engines
        without the outcome's own fitted), and a column for each engine: 'fitted', 'not converged' or 'failed'.
        """
        rows = {}
        for name, endpoint in self.endpoints.items():
            fits = self._fits.get(name, {})
            first = next(iter(fits.values()), None)
            row: dict[str, Any] = {
                "label": endpoint.spec.outcome_label,
                "role": endpoint.role,
                "better": endpoint.better or "",
                "margin": endpoint.spec.margin,
                "subjects": first.n_subjects if first else 0,
                "observations": first.n_obs if first else 0,
                "visits": ", ".join(map(label, first.design.data.visits)) if first else "",
                "family": endpoint.spec.family,
                "approximation": endpoint.approximation.family if endpoint.approximation else "",
            }
            for engine, result in self.results[name].items():
                row[engine] = (
                    "failed"
                    if isinstance(result, Failure)
                    else "fitted"
                    if result.fit.outcome.converged
                    else "not converged"
                )
            rows[name] = row
        return stamp(pd.DataFrame.from_dict(rows, orient="index").rename_axis("outcome"), self)

    def contrasts(
        self, engine: str | None = None, adjust: str | None = "plan", level: float = 0.95
    ) -> pd.DataFrame:
        """Every outcome's default contrasts (`Fit.contrasts`), by outcome, (arm and) contrast.

        Parameters
        ----------
        engine : name of an engine; None: the first.
        adjust : 'plan', a method or None
            'plan': as the plan's Multiplicity says; a failed outcome of a confirmatory family keeps its place there,
            with a p-value of 1. 'holm', 'bonferroni', 'hochberg' or 'bh' over the tested contrasts of all outcomes as
            one family. None: p-values as they are. Of posteriors nothing is adjusted.

        Columns: role; effect (what `estimate` is: difference, ratio, odds ratio); estimate, se, lower, upper; df,
        statistic, p_value, p_adjusted and `adjustment`, which says in words what was done to each row; or prob_improved
        (the probability of a change in the direction of benefit), prob_beyond_margin, ess_bulk, rhat, mcse;
        approximation, where the outcome's own family is not what was fitted. Units differ between outcomes:
        `standardised` has none. attrs["without"] : {outcome: why it has no contrasts}.
        Raises EngineError, HypothesisError or SpecError for impossible arguments.

        Examples
        --------
        >>> import msclong as ml
        >>> outcomes = {"ssdai": {"role": "primary", "margin": -1}, "vas": {"better": "lower"}}
        >>> formula = "{outcome} ~ C(month) + us(month | patient)"
        >>> study = ml.Study(ml.datasets.sjogren_msct(seed=1), outcomes, defaults={"formula": formula})
        >>> table = study.fit().contrasts()
        >>> table[["estimate", "p_value", "p_adjusted"]].head(2).round(2)
                          estimate  p_value  p_adjusted
        outcome contrast
        ssdai   1 - 0        -1.29      0.0         0.0
                3 - 0        -1.54      0.0         0.0
        """
        check_level(level)
        name = self._engine(engine)
        made = {outcome: results[name] for outcome, results in self.results.items()}
        hypotheses = {
            outcome: result.tested for outcome, result in made.items() if isinstance(result, Fitted)
        }
        tested = {outcome: found for outcome, found in hypotheses.items() if isinstance(found, Tested)}
        without = {outcome: reason for outcome, reason in hypotheses.items() if isinstance(reason, str)}
        approximated = {o for o, result in made.items() if isinstance(result, Fitted) and result.approximated}
        found = study_contrasts(
            self.fits(name), tested, approximated, self.endpoints, self.plan.multiplicity, adjust, level
        )
        found.attrs["without"] = without
        return stamp(found, self)

    def standardised(self, engine: str | None = None, level: float = 0.95) -> pd.DataFrame:
        """Every outcome's changes in standard deviations at baseline (`Fit.standardised`), positive where improved.

        Outcomes whose direction of benefit is not declared keep their sign. attrs["without"] as in `contrasts`.
        """
        check_level(level)
        return self._each(engine, lambda fit, endpoint: fit.standardised(level, better=endpoint.better))

    def responders(self, engine: str | None = None, level: float = 0.95) -> pd.DataFrame:
        """Probability that a new patient changes by the declared minimal important difference (`Fit.responders`).

        Of the outcomes that declare a `mid`, with half their `resolution` as correction for continuity.
        attrs["without"] as in `contrasts`.
        """

        check_level(level)

        def table(fit: Fit, endpoint: Endpoint) -> pd.DataFrame | None:
            if (
                endpoint.mid is None or fit.spec.family != endpoint.spec.family
            ):  # an approximation's mid is another
                return None
            step = endpoint.resolution if fit.spec.family == "gaussian" else None
            return fit.responders(endpoint.mid, level, continuity=(step or 0.0) / 2).assign(mid=endpoint.mid)

        return self._each(engine, table)

    def paired_t_tests(self, level: float = 0.95) -> pd.DataFrame:
        """For comparison: each visit against baseline by a paired t-test (`paired_t_tests`), unadjusted.

        Of the outcome as it was measured (its transform in the formula included, its family's not; grades by number,
        censored values at their limits). Not of outcomes that are changes.
        """
        check_level(level)
        tables = {}
        for name, fits in self._fits.items():
            fit = next(iter(fits.values()))
            data = fit.design.data
            if data.visit is not None and data.taken_out is None and fit.spec.outcome_type != "change":
                tables[name] = paired_t_tests(data, level)
        return ResultTable.of(stamp(under_each_other(tables), self), {"missing": COMPLETERS})

    def estimands(self) -> dict[str, list[tuple[str, str]]]:
        """Each outcome's estimand in the attributes of ICH E9(R1): (attribute, text) pairs."""
        found = {}
        for name, endpoint in self.endpoints.items():
            estimand = endpoint.estimand or self.plan.estimand or Estimand()
            visits = arms = None
            if name in self:
                design = next(iter(self[name].values())).design
                visits = design.data.visits
                arms = design.fixed.values(design.arm) if design.arm is not None else ()
            found[name] = estimand.statement(endpoint.spec, better=endpoint.better, visits=visits, arms=arms)
        return found

    def seconds(self) -> pd.DataFrame:
        """How long each fit took, by outcome and engine, and whether it was read from the cache."""
        rows = {
            (outcome, engine): (result.seconds, result.cached)
            for outcome, by_engine in self.results.items()
            for engine, result in by_engine.items()
            if isinstance(result, Fitted)
        }
        index = (
            pd.MultiIndex.from_tuples(list(rows), names=["outcome", "engine"])
            if rows
            else _no_rows("outcome", "engine")
        )
        return stamp(pd.DataFrame(list(rows.values()), index=index, columns=["seconds", "cached"]), self)

    def summary(self) -> str:
        """The study as text, at most 100 columns wide; print it."""
        return self._overview().text()

    def _overview(self) -> Overview:
        """The outcomes and what became of them, and each engine's contrasts."""
        outcomes = self.outcomes()
        shown = outcomes[["role", "better", "subjects", "observations", "family", *self.engines]]
        contrasts = [(name, self.contrasts(name)) for name in self.engines]
        tables = [
            summary_table(table[[c for c in SHOWN if c in table]], f"{name}: contrasts")
            for name, table in contrasts
            if len(table)
        ]
        failures = [
            f"{outcome}, {engine}: {reason}"
            for (outcome, engine), reason in zip(self.failures.index, self.failures["reason"], strict=True)
        ]
        return Overview(
            title=self.plan.title or "Study",
            facts=(
                f"{len(self)} of {len(self.endpoints)} outcomes fitted; engines: {', '.join(self.engines)}",
            ),
            tables=(summary_table(shown, "Outcomes"), *tables[:1]),
            more=tuple(tables[1:]),
            course=tuple(failures),
            warning=bool(failures),
            stamp=self.synthetic or "",
        )

    @cached_property
    def _fits(self) -> dict[str, dict[str, Fit]]:
        made = {
            outcome: FitsByEngine(
                {engine: result.fit for engine, result in by_engine.items() if isinstance(result, Fitted)},
                {
                    engine: result.reason
                    for engine, result in by_engine.items()
                    if isinstance(result, Failure)
                },
            )
            for outcome, by_engine in self.results.items()
        }
        return {outcome: fits for outcome, fits in made.items() if fits}

    def _engine(self, name: str | None) -> str:
        if name is None:
            return next(iter(self.engines))
        if name not in self.engines:
            raise EngineError(
                f"The study was not fitted by {name!r}; its engines are {listing(self.engines)}."
            )
        return name

    def _each(self, engine: str | None, make: Any) -> pd.DataFrame:
        tables, without = {}, {}
        for name, fit in self.fits(engine).items():
            try:
                table = make(fit, self.endpoints[name])
            except MsclongError as error:
                without[name] = str(error)
                continue
            if table is not None:
                tables[name] = table
        found = stamp(under_each_other(tables), self)
        found.attrs["without"] = without
        return found


def _no_rows(*names: str) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([[] for _ in names], names=list(names))
