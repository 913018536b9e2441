"""The front door: data and a spec in, a fit out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from msclong.data.long_data import LongData
from msclong.data.tables import to_pandas
from msclong.design.design import build_design
from msclong.design.fixed_effects import columns_in
from msclong.engines.engine import Engine
from msclong.engines.frequentist.engine import Frequentist
from msclong.errors import DataError, EngineError, FormulaError, listing
from msclong.results.fit import Fit
from msclong.spec.model_spec import ModelSpec


def fit(spec: ModelSpec | str, data: Any, engine: Engine | None = None) -> Fit:
    """Fit one model to one repeated outcome.

    Parameters
    ----------
    spec : ModelSpec or str
        The model; a formula string stands for ModelSpec(formula).
    data : LongData, or a pandas, polars, pyarrow or DuckDB table in long form
        One row per subject and visit. It is not changed.
    engine : Frequentist, Bayesian or StatsmodelsMixedLM
        How to estimate; None is Frequentist(): REML with Kenward-Roger inference.

    Returns
    -------
    Fit : the same results object for every engine.

    Raises
    ------
    MsclongError
        DataError, FormulaError, SpecError, DesignError, ConvergenceError or EngineError; each message says
        what is wrong, where, and what to do.
    """
    if isinstance(spec, str):
        spec = ModelSpec(spec)
    if not isinstance(spec, ModelSpec):
        raise FormulaError(f"A model is a formula string or a ModelSpec; got {type(spec).__name__}.")
    chosen = Frequentist() if engine is None else engine
    if not callable(getattr(chosen, "fit", None)) or isinstance(chosen, type):
        raise EngineError(
            f"engine must be an engine such as ml.Frequentist() or ml.Bayesian(seed=1); got {engine!r}."
        )
    return chosen.fit(build_design(spec, long_data(spec, data)))


def long_data(spec: ModelSpec, data: Any) -> LongData:
    """`data` with the roles that `spec` gives its columns, validated."""
    parsed = spec.parsed
    if isinstance(data, LongData):
        _check_roles(spec, data)
        return data
    frame = to_pandas(data)
    if parsed.outcome not in frame.columns:
        frame = frame.assign(**{parsed.outcome: _evaluate(parsed.outcome, frame)})
    return LongData(
        frame,
        subject=parsed.subject,
        outcome=parsed.outcome,
        visit=spec.visit_column,
        time=spec.time,
        arm=spec.arm,
        baseline=spec.baseline if spec.visit_column is not None else None,
        visit_order=spec.visit_order,
    )


def _check_roles(spec: ModelSpec, data: LongData) -> None:
    stated = {
        "subject": spec.subject,
        "outcome": spec.parsed.outcome,
        "visit": spec.visit_column,
        "time": spec.time,
        "arm": spec.arm,
        "baseline": spec.baseline,
        "visits": _observed_order(spec, data),
    }
    wrong = [
        f"{role} is {getattr(data, role)!r} in the data and {value!r} in the spec"
        for role, value in stated.items()
        if value is not None and getattr(data, role) != value
    ]
    if wrong:
        raise DataError(f"LongData and spec disagree: {listing(wrong)}. Give both the same.")


def _observed_order(spec: ModelSpec, data: LongData) -> tuple[Any, ...] | None:
    """The spec's visit order without the visits at which nobody was observed."""
    if spec.visit_order is None:
        return None
    return tuple(visit for visit in spec.visit_order if visit in data.visits)


def _evaluate(expression: str, frame: pd.DataFrame) -> pd.Series:
    """The outcome of a formula such as `np.log(titre)`; raises DataError where it is undefined (a log of -1)."""
    columns = {str(name): frame[name] for name in frame.columns}
    scope = {"__builtins__": {}, "np": np, "Q": columns.__getitem__, "I": lambda x: x}
    try:
        with np.errstate(divide="ignore", invalid="ignore"):
            outcome = pd.Series(np.asarray(eval(expression, scope, columns)), index=frame.index)
    except Exception as error:  # the analyst's own code runs here, and may raise anything
        raise FormulaError(
            f"The outcome {expression!r} is neither a column nor an expression of columns ({error}); "
            f"the columns are {listing(frame.columns, 20)}."
        ) from None
    undefined = outcome.isna() & frame[columns_in(expression, frame.columns)].notna().all(axis="columns")
    if undefined.any():
        raise DataError(
            f"{expression!r} is not a number in {int(undefined.sum())} rows that have values: rows "
            f"{listing(frame.index[undefined])}. A logarithm or root needs positive values: decide what these "
            "rows mean before transforming them."
        )
    return outcome
