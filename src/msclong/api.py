"""The front door: data and a spec in, a fit out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Never

from msclong.data.baseline import baseline_taken_out
from msclong.data.coded_outcome import coded_outcome
from msclong.data.long_data import LongData
from msclong.data.marks import marked
from msclong.data.nested_subjects import with_subject
from msclong.data.streams.opened import opened
from msclong.data.tables import to_pandas
from msclong.design.design import Design, build_design
from msclong.design.named_columns import refuse_unknown_columns
from msclong.design.outcome_expression import evaluated_outcome
from msclong.design.streamed.shared_moments import SharedMoments
from msclong.design.streamed.stream import design_of_source
from msclong.engines.engine import Engine
from msclong.engines.frequentist.engine import Frequentist
from msclong.errors import (
    ConvergenceError,
    DataError,
    DegenerateCovarianceError,
    EngineError,
    FormulaError,
    MsclongError,
    SpecError,
    listing,
)
from msclong.results.fit import Fit
from msclong.spec.model_spec import ModelSpec

if TYPE_CHECKING:
    from msclong.engines.bayesian.priors.prior_predictive import PriorPredictive


def fit(spec: ModelSpec | str, data: Any, engine: Engine | None = None, **misplaced: Never) -> Fit:
    """Fit one model to one repeated outcome.

    Parameters
    ----------
    spec : ModelSpec or str
        The model; a formula string stands for ModelSpec(formula).
    data : LongData, or a pandas, polars, pyarrow or DuckDB table in long form
        One row per subject and visit. It is not changed. A path of a Parquet file, or of a folder of them, a polars
        LazyFrame and a Dask DataFrame are read in parts, of which sums are kept: tables larger than memory, the same
        numbers, and no results that need patients' rows. The sums of several hospitals (`ml.cross_moments`) likewise.
    engine : Frequentist, Bayesian or StatsmodelsMixedLM
        How to estimate; None is Frequentist(): REML with Kenward-Roger inference.
    misplaced
        Nothing: fields of the model, such as family, belong to ModelSpec, and are refused with SpecError.

    Returns
    -------
    Fit : the same results object for every engine.

    Raises
    ------
    MsclongError
        DataError, FormulaError, SpecError, DesignError, ConvergenceError or EngineError; each message says
        what is wrong, where, and what to do.

    Examples
    --------
    >>> import msclong as ml
    >>> trial = ml.datasets.hamd17()
    >>> fit = ml.fit("change ~ basval + TRT * week + us(week | PATIENT)", trial)
    >>> fit.test("TRT:week").round(3)
              num_df   den_df  statistic  p_value
    term
    TRT:week       4  156.057      1.731    0.146
    >>> posterior = ml.fit(fit.spec, trial, engine=ml.Bayesian(seed=1))
    >>> posterior.outcome.converged
    True
    """
    _refuse_misplaced(spec, misplaced)
    if isinstance(spec, str):
        spec = ModelSpec(spec)
    if not isinstance(spec, ModelSpec):
        raise FormulaError(f"A model is a formula string or a ModelSpec; got {type(spec).__name__}.")
    chosen = Frequentist() if engine is None else engine
    if not callable(getattr(chosen, "fit", None)) or isinstance(chosen, type):
        raise EngineError(
            f"engine must be an engine such as ml.Frequentist() or ml.Bayesian(seed=1); got {engine!r}."
        )
    if isinstance(data, SharedMoments):
        _refuse_engine_of_rows(chosen, "what sites have summed")
        return _first_that_fits(spec, chosen, data.design)
    with opened(data) as source:
        if source is None:
            return fit_with_fallback(spec, long_data(spec, data), chosen)
        _refuse_engine_of_rows(chosen, source.what)
        return _first_that_fits(spec, chosen, partial(design_of_source, source=source))


def _refuse_engine_of_rows(engine: Engine, what: str) -> None:
    """Raise EngineError, before anything is read, for an engine that needs patients' rows."""
    plain = isinstance(engine, Frequentist) and engine.vcov == "model"
    if not plain:
        name = type(engine).__name__
        named = "prior_predictive" if name == "PriorSampler" else name
        asked = f"vcov={engine.vcov!r}" if isinstance(engine, Frequentist) else f"ml.{named}(...)"
        raise EngineError(
            f"{asked} needs patients' rows, and {what} is fitted by sums, of which ml.Frequentist() makes (restricted) "
            "maximum likelihood with model-based standard errors. Use that, or read the table into memory "
            "(pd.read_parquet(path), lazy.collect(), dask_frame.compute()), which must have room for it."
        )


def _refuse_misplaced(spec: ModelSpec | str, misplaced: Mapping[str, object]) -> None:
    """Raise SpecError for what belongs to the spec, or to the engine."""
    if not misplaced:
        return
    given = ", ".join(f"{name}={value!r}" for name, value in misplaced.items())
    formula = repr(spec if isinstance(spec, str) else getattr(spec, "formula", "..."))
    ours = {field.name for field in fields(ModelSpec)}
    where = (
        f"ml.fit(ml.ModelSpec({formula}, {given}), data)"
        if ours.issuperset(misplaced)
        else f"fields of the model as ml.ModelSpec({formula}, ...), settings of the engine as engine=ml.Bayesian(...)"
    )
    raise SpecError(f"fit takes a model, data and engine=, and not {given}. Write {where}.")


def prior_predictive(
    spec: ModelSpec | str, data: Any, n: int = 1000, seed: int | None = None
) -> PriorPredictive:
    """`n` draws of trajectories, contrasts and outcomes from the spec's priors, without learning from the outcome.

    data : as for `fit`; its visits, arms and covariates are the design, and where the spec states no
    Priors(outcome_scale=...) the SD of its outcome is the scale of the priors.
    Raises what `fit` raises, EngineError where a prior is improper.

    Examples
    --------
    >>> import msclong as ml
    >>> prior = ml.prior_predictive("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy(), n=500, seed=1)
    >>> prior.contrasts().columns.tolist()
    ['estimate', 'se', 'lower', 'upper', 'prob_negative', 'prob_beyond_margin']
    """
    from msclong.engines.bayesian.priors.prior_predictive import PriorPredictive, PriorSampler

    return PriorPredictive(fit(spec, data, PriorSampler(n, seed)))


def fit_with_fallback(spec: ModelSpec, data: LongData, engine: Engine) -> Fit:
    """Fit the spec, or the first of its declared fallbacks that has an estimate, with what was tried in the outcome.

    Raises the first error where every structure fails, with the failures of the others in its message.
    """
    return _first_that_fits(spec, engine, lambda attempt: build_design(attempt, data))


def _first_that_fits(spec: ModelSpec, engine: Engine, design: Callable[[ModelSpec], Design]) -> Fit:
    attempts = (spec, *spec.fallbacks())
    failures: list[tuple[str, MsclongError]] = []
    for attempt in attempts:
        try:
            result = engine.fit(design(attempt))
        except (DegenerateCovarianceError, ConvergenceError) as error:
            failures.append((str(attempt.parsed.structure), error))
            continue
        if not failures:
            return result
        tried = tuple(f"Declared structure {name} was not used: {error}" for name, error in failures)
        used = f"The declared fallback {attempt.parsed.structure} was used instead."
        outcome = replace(result.outcome, notes=(*result.outcome.notes, *tried, used), fallback=tried)
        return replace(result, outcome=outcome)
    if len(attempts) == 1:
        raise failures[0][1]
    told = "; ".join(f"{name}: {error}" for name, error in failures)
    raise ConvergenceError(f"No structure of the declared chain can be fitted. {told}")


def long_data(spec: ModelSpec, data: Any) -> LongData:
    """`data` with the roles that `spec` gives its columns, validated; the baseline visit taken out where it says so."""
    if isinstance(data, LongData):
        _check_roles(spec, data)
        refuse_unknown_columns(spec, data.frame)
        checked = data
    else:
        frame = marked(to_pandas(data, copy=False))
        refuse_unknown_columns(spec, frame)
        outcome = spec.parsed.outcome
        if outcome not in frame.columns:
            frame = frame.assign(**{outcome: evaluated_outcome(outcome, frame)})
        coding: tuple[str, ...] = ()
        if spec.conditional:
            values, coding = coded_outcome(frame[outcome])
            frame = frame.assign(**{outcome: values})
        frame, subject = with_subject(frame, spec.parsed.groupings)
        checked = LongData(
            frame,
            subject=subject,
            outcome=outcome,
            visit=spec.visit_column,
            time=spec.time or spec.parsed.time,
            arm=spec.arm,
            baseline=spec.baseline if spec.visit_column is not None else None,
            visit_order=spec.visit_order,
        )
        object.__setattr__(checked, "notes", (*checked.notes, *coding))
    return (
        baseline_taken_out(checked, spec.baseline_as)
        if spec.baseline_as in ("covariate", "change")
        else checked
    )


def _check_roles(spec: ModelSpec, data: LongData) -> None:
    stated = {
        "outcome": spec.parsed.outcome,
        "visit": spec.visit_column,
        "time": spec.time,
        "arm": spec.arm,
        "baseline": spec.baseline,
        "visits": _observed_order(spec, data),
    }
    columns = {column for grouping in spec.parsed.groupings for column in grouping}
    if data.subject not in columns and data.subject != spec.subject:
        raise DataError(
            f"LongData names the subject {data.subject!r}, the spec {spec.subject!r}. Give both the same."
        )
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
