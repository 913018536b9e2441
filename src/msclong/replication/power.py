"""The power of a planned trial, by simulation of its analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from msclong.contrasts.graphical import GraphicalProcedure
from msclong.contrasts.margins import alternative
from msclong.engines.frequentist.arguments import check_flag, is_count, random_generator
from msclong.engines.frequentist.engine import Frequentist
from msclong.engines.frequentist.progress import Progress
from msclong.errors import EngineError, SpecError
from msclong.replication.analyses import Analyses, one_by_one
from msclong.replication.batches import Batched
from msclong.replication.dropout import Dropout
from msclong.replication.plan import Plan
from msclong.replication.power_result import Power
from msclong.replication.power_table import adjusted, check_adjustment, power_of_several, power_table
from msclong.replication.question import row_names
from msclong.replication.refits import at_a_time
from msclong.replication.scenario import Scenario
from msclong.replication.trials import TrialSource
from msclong.spec.model_spec import ModelSpec

BATCH = 500
"""Trials that are simulated and analysed at a time at most; results do not depend on it."""


def power(
    spec: ModelSpec | str,
    scenario: Scenario,
    n: int | Sequence[int],
    dropout: Dropout | float | Sequence[float] | Mapping[Any, Any] | None = None,
    n_sim: int = 5000,
    contrast: Any = None,
    alpha: float = 0.05,
    test: str | None = None,
    margin: float | None = None,
    adjust: str | GraphicalProcedure | None = None,
    seed: int | None = None,
    engine: Frequentist | None = None,
    progress: bool | None = None,
) -> Power:
    """Simulate trials of a scenario, analyse each as planned, and count how often the answer is significant.

    Parameters
    ----------
    spec : the analysis, as `fit` takes it. Its columns are given the scenario's visits, times, arms and first visit.
    scenario : what is assumed true.
    n : subjects of all arms together who start the trial; one number or several.
    dropout : share lost by the last visit, cumulative shares by visit, either by arm, or a `Dropout`; None: nobody.
    n_sim : trials for each n.
    contrast
        What is tested: None, every row of `Fit.contrasts()`; names of such rows ('12 - 0'; 'drug - placebo, 12 - 0'); a
        mapping of arguments of Fit.contrasts (versus, factor, by, at, kind); else what its `hypothesis` takes.
    alpha : level of each test. Of one-sided tests (test='less', ..., 'non-inferiority') often 0.025.
    test, margin : as for Fit.contrasts.
    adjust
        How the p-values of a trial are adjusted, all rows one family: 'holm', 'hochberg', 'bonferroni', 'bh',
        'fixed-sequence' (rows in their order) or a GraphicalProcedure.
    seed : the same seed gives the same trials, and for every n trials that begin alike.
    engine : Frequentist(...); None: REML with Kenward and Roger's df.
    progress : whether a bar on standard error counts; None: where that is a terminal.

    Returns
    -------
    Power : the table of power by n and contrast, `n_for(0.8)`, `plot()`.

    An analysis without an answer (no convergence, too few completers for an unstructured covariance) counts as not
    significant; the spec's fallbacks are followed. Where the compiled batches do not know the model (a covariance by
    arm, toep, ad, sandwich errors, ...) each trial is fitted by itself, which takes some 10 ms.

    Raises SpecError for a scenario that does not fit the spec, or where even a complete trial cannot be analysed;
    HypothesisError or FormulaError as `fit` and `Fit.contrasts` do, EngineError for other engines.

    Examples
    --------
    >>> import msclong as ml
    >>> scenario = ml.Scenario([0, 1, 3], [10, 9, 8], sd=3, correlation=0.6)
    >>> found = ml.power("y ~ C(month) + us(month | id)", scenario, n=[12, 24], dropout=0.1, n_sim=200, seed=1)
    >>> found.table.loc[24, "true"].tolist()
    [-1.0, -2.0]
    """
    spec = ModelSpec(spec) if isinstance(spec, str) else spec
    if not isinstance(spec, ModelSpec):
        raise SpecError(f"A model is a formula string or a ModelSpec; got {type(spec).__name__}.")
    if not isinstance(scenario, Scenario):
        raise SpecError(f"scenario must be a ml.Scenario; got {type(scenario).__name__}.")
    engine = Frequentist() if engine is None else engine
    if not isinstance(engine, Frequentist):
        raise EngineError(f"Power counts p-values of ml.Frequentist(); got {type(engine).__name__}.")
    dropout = dropout if isinstance(dropout, Dropout) else Dropout(0.0 if dropout is None else dropout)
    if not is_count(n_sim, 2):
        raise SpecError(f"n_sim is the number of trials to simulate, such as 5000; got {n_sim!r}.")
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 0 < alpha < 1:
        raise SpecError(f"alpha must lie between 0 and 1, such as 0.05; got {alpha!r}.")
    against = alternative(test, margin)
    check_adjustment(adjust)
    check_flag(progress, "progress")
    sizes = _sizes(n, len(scenario.arms))
    random_generator(seed)
    seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else int(seed)
    plan = Plan.of(spec, scenario, contrast, sizes[-1])
    source = TrialSource.of(scenario, dropout, seed)
    complete, arm = TrialSource.of(scenario, Dropout(), seed).draw(sizes[-1], [0])
    design = plan.template(sizes[-1])
    hypothesis, true = plan.question.hypothesis(design), plan.truth(design)
    rows = row_names(hypothesis.rows)
    tried = one_by_one(plan, engine, rows, complete, arm)
    if tried.reasons:
        raise SpecError(
            f"Even a complete trial of {sizes[-1]} subjects cannot be analysed so: {tried.reasons[0]}"
        )
    tables, together, seen, reasons = {}, {}, {}, {}
    with Progress("power", n_sim * len(sizes), progress) as bar:
        for size in sizes:
            batched = Batched.of(plan, engine, size)
            parts, counts = [], []
            step = at_a_time(
                BATCH, size * len(scenario.visits) * (hypothesis.L.shape[1] if plan.first else 1)
            )
            for start in range(0, n_sim, step):
                values, arm = source.draw(size, range(start, min(start + step, n_sim)))
                parts.append(batched.analyses(values, arm))
                counts.append(_observed(plan, values, arm))
                bar.advance(len(values))
            found = Analyses.joined(parts)
            p = adjusted(found.p_values(against, hypothesis.value), adjust, hypothesis.rows)
            tables[size] = power_table(found, p, hypothesis.rows, true, alpha)
            together[size] = power_of_several(p, alpha)
            seen[size] = pd.DataFrame(
                np.concatenate(counts).mean(axis=0),
                index=pd.Index(scenario.arms, name="arm"),
                columns=pd.Index(plan.visits, name="visit"),
            )
            reasons[size] = found.reasons
    table = pd.concat(tables, names=["n"])
    table.attrs["interval"] = "95 % confidence"
    return Power(
        table=table,
        together=pd.DataFrame.from_dict(together, orient="index").rename_axis("n"),
        observed=pd.concat(seen, names=["n"]),
        spec=spec,
        scenario=scenario,
        dropout=dropout,
        engine=engine,
        n_sim=n_sim,
        alpha=alpha,
        test=against.name,
        margin=margin,
        adjust=adjust,
        seed=seed,
        failures={size: why for size, why in reasons.items() if why},
        notes=tuple(note for note in design.notes if note not in design.data.notes),
    )


def _sizes(n: int | Sequence[int], arms: int) -> list[int]:
    sizes = list(n) if np.iterable(n) else [n]
    if not sizes or not all(is_count(size, max(2, arms)) for size in sizes):
        raise SpecError(
            f"n counts the subjects of a trial, of all arms together, such as [20, 30]; got {n!r}."
        )
    return sorted({int(size) for size in sizes})


def _observed(plan: Plan, values: np.ndarray, arm: np.ndarray) -> np.ndarray:
    """(R, A, visits) outcomes observed."""
    seen = ~np.isnan(plan.outcomes(values))
    return np.stack([seen[:, arm == a].sum(axis=1) for a in range(len(plan.scenario.arms))], axis=1)
