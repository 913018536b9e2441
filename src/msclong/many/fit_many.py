"""The door for thousands of outcomes of one design."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from msclong.api import long_data
from msclong.contrasts.kinds import contrast_hypothesis
from msclong.design.design import Design, build_design
from msclong.engines.frequentist.batched.settings import DEGENERATE, LEFT
from msclong.engines.frequentist.engine import Frequentist
from msclong.engines.frequentist.progress import Progress
from msclong.errors import (
    ConvergenceWarning,
    EngineError,
    FormulaError,
    MsclongError,
    SpecError,
    warn,
)
from msclong.many.batch import Batch
from msclong.many.many_fits import ManyFits
from msclong.many.outcome_matrix import PLACEHOLDER, OutcomeMatrix, outcome_matrix
from msclong.many.planned import planned
from msclong.spec.model_spec import ModelSpec

WORTH = 5
"""Outcomes seen at the same visits, and not at all, for which a design of their own is worth its making."""


def fit_many(
    spec: ModelSpec | str,
    data: Any,
    outcomes: Any,
    engine: Frequentist | None = None,
    *,
    names: Sequence[object] | None = None,
    progress: bool | None = None,
) -> ManyFits:
    """Fit one model to each of many outcomes (proteins, genes, cytokines) of the same subjects, in compiled code.

    Parameters
    ----------
    spec : ModelSpec or str
        The model. Its formula names the outcome by a word that is no column, as 'outcome ~ ...', or '{outcome} ~ ...'.
    data : a pandas, polars, pyarrow or DuckDB table in long form
        One row per subject and visit.
    outcomes : list of columns of `data`, or a table or NumPy matrix (N, m) of as many rows as `data`
        Each has its own missing values, whose rows it does without.
    engine : Frequentist
        None is Frequentist(): REML with Kenward-Roger inference.
    names : m names, with a NumPy matrix
    progress : None shows a bar where standard error is a terminal

    Returns
    -------
    ManyFits : tables over all outcomes. Numbers are those of `ml.fit` for each of them; covariates are averaged, where
        contrasts or means depend on that, over all rows with any outcome, alike for all (`ml.fit`: its own rows).

    The design is built once. Compiled code (the first call on a machine compiles, for about half a minute) takes us,
    cs, csh, ar1, ar1h, diag and homdiag, random intercepts and slopes and their sums, at up to 20 planned visits, with
    ddf 'kenward-roger', 'satterthwaite', 'residual' or 'asymptotic'. `ml.fit` does all else, one by one: other
    structures, sandwiches, weights, a spec's own baseline_as; and outcomes that leave the common design (a level or a
    visit without any), that are on the edge, or that cannot be fitted, which are listed with its reason
    (`ManyFits.failures`). The spec's fallbacks are followed for each outcome by itself.

    Raises SpecError, FormulaError, DataError, DesignError or EngineError where there is no design of all rows with any
    outcome: a column that is not there, outcomes that do not fit the table, terms that all rows together cannot tell.
    Warns (ConvergenceWarning) of outcomes that could not be fitted, or whose covariance lies on its boundary.

    Examples
    --------
    >>> import msclong as ml
    >>> trial = ml.datasets.sjogren_msct(seed=1)
    >>> blood = trial[trial["month"].isin([0, 1])]
    >>> fits = ml.fit_many("outcome ~ C(month) + us(month | patient)", blood, ["th17", "treg", "tgf_beta", "il_17"])
    >>> fits.contrasts()[["estimate", "se", "df", "p_value", "p_adjusted"]].round(4)
                    estimate      se    df  p_value  p_adjusted
    outcome  month
    th17     1 - 0   -0.7829  0.1808  23.0   0.0002      0.0003
    treg     1 - 0    0.8662  0.1809  23.0   0.0001      0.0002
    tgf_beta 1 - 0    4.4042  1.1377  23.0   0.0008      0.0008
    il_17    1 - 0  -11.8583  2.5459  23.0   0.0001      0.0002
    """
    chosen, model = _engine(engine), _model(spec)
    matrix = outcome_matrix(data, outcomes, names, model.parsed.outcome)
    found = ManyFits(model, chosen, matrix)
    with Progress("Fitting outcomes", len(matrix.names), progress) as bar:
        _fit_all(found, bar)
    _warn(found)
    return found


def _engine(engine: Frequentist | None) -> Frequentist:
    if engine is None:
        return Frequentist()
    if not isinstance(engine, Frequentist):
        raise EngineError(
            f"fit_many takes ml.Frequentist(...); got {engine!r}. Any engine fits many in an ml.Study."
        )
    return engine


def _model(spec: ModelSpec | str) -> ModelSpec:
    if isinstance(spec, str):
        spec = ModelSpec(spec.replace("{outcome}", PLACEHOLDER))
    if not isinstance(spec, ModelSpec):
        raise FormulaError(f"A model is a formula string or a ModelSpec; got {type(spec).__name__}.")
    if not spec.parsed.outcome.isidentifier():
        raise FormulaError(
            f"fit_many takes the name of the outcome alone, 'outcome ~ ...'; got {spec.parsed.outcome!r}. Transform "
            "the outcomes beforehand: np.log(table[outcomes])."
        )
    if spec.conditional or spec.family != "gaussian":
        raise SpecError(
            f"fit_many takes normal outcomes, and this spec has family {spec.family!r}. An ml.Study fits any."
        )
    return spec


def _fit_all(found: ManyFits, bar: Progress) -> None:
    """Fit all outcomes: in batches, structure after structure, and what is left one by one."""
    left = np.arange(len(found.matrix.names))
    baseline = _baseline(common_design(found.spec, found.matrix, left))
    alone: list[np.ndarray] = []
    attempts = (found.spec, *found.spec.fallbacks())
    batched = found.engine.vcov == "model" and found.spec.baseline_as not in ("covariate", "change")
    for attempt in attempts if batched else ():
        try:
            made = _batches(found, attempt, left, baseline, bar)
        except MsclongError:  # a fallback of which those left have no design together
            made = []
        found.batches += made
        alone.append(np.setdiff1d(left, np.concatenate([left[:0], *(batch.outcomes for batch in made)])))
        alone += [batch.outcomes[batch.fit.status == LEFT] for batch in made]
        if len(attempts) == 1:
            found.reasons |= {i: reason for batch in made for i, reason in batch.degenerate()}
        left = np.concatenate([left[:0], *(batch.outcomes[batch.fit.status == DEGENERATE] for batch in made)])
        if not len(left):
            break
    counted = set(np.concatenate([left[:0], *(batch.outcomes for batch in found.batches)]).tolist())
    for i in sorted(set(np.concatenate([left, *alone]).tolist()) - set(found.reasons)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                one = found.fit(found.matrix.names[i])
        except MsclongError as error:
            found.reasons[i] = str(error)
        else:
            if _baseline(one.design) == baseline:
                found.alone[i] = one
            else:  # whose contrasts would answer another question than those beside them
                found.reasons[i] = (
                    f"Nobody has an observed {str(found.matrix.names[i])!r} at {baseline}, the visit from which the "
                    "other outcomes' changes are measured. Fit it by itself."
                )
        bar.advance(i not in counted)


def _batches(
    found: ManyFits, spec: ModelSpec, outcomes: np.ndarray, baseline: object, bar: Progress
) -> list[Batch]:
    """Batches of outcomes that were seen at the same visits, where there are enough of them; none for other engines."""
    design = common_design(spec, found.matrix, outcomes)
    laid = planned(design, found.engine.ddf)
    if laid is None or _baseline(design) != baseline:
        return []
    rows = found.matrix.frame.index.get_indexer(design.fixed.frame.index)
    values = found.matrix.values[np.ix_(rows, outcomes)]
    attended = laid.attended(values)
    whole = attended.all(axis=1)
    made = []
    if whole.any():
        made.append(Batch.of(found.engine, laid, outcomes[whole], values[:, whole], _asked(design), bar))
    signatures, group = np.unique(attended[~whole], axis=0, return_inverse=True)
    for g in range(len(signatures)):
        members = outcomes[~whole][group.reshape(-1) == g]
        if len(members) >= WORTH and len(members) < len(outcomes):
            with suppress(MsclongError):  # of a design that they have not: each of them is told so by itself
                made += _batches(found, spec, members, baseline, bar)
    return made


def _baseline(design: Design) -> object:
    """The visit that changes are measured from; None where visits are times."""
    return design.baseline if design.visit in design.fixed.discrete else None


def common_design(spec: ModelSpec, matrix: OutcomeMatrix, outcomes: np.ndarray) -> Design:
    """The design of all rows with any of these outcomes."""
    observed = np.isfinite(matrix.values[:, outcomes]).any(axis=1)
    frame = matrix.frame.assign(**{spec.parsed.outcome: np.where(observed, 0.0, np.nan)})
    if len(outcomes) == len(matrix.names):
        return build_design(spec, long_data(spec, frame))
    with warnings.catch_warnings():  # of levels that these outcomes have not
        warnings.simplefilter("ignore")
        return build_design(spec, long_data(spec, frame))


def _asked(design: Design) -> np.ndarray:
    """What is likely to be asked: coefficients and the default contrasts, where there are any."""
    L = np.eye(len(design.fixed.names))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.vstack([L, contrast_hypothesis(design).L])
    except MsclongError:
        return L


def _warn(found: ManyFits) -> None:
    m, failed = len(found.matrix.names), len(found.reasons)
    boundary = int(found.outcomes["boundary"].sum())
    told = []
    if failed:
        told.append(f"{failed:,} of {m:,} outcomes could not be fitted; .failures says why")
    if boundary:
        told.append(
            f"the covariance of {boundary:,} of {m:,} outcomes lies on its boundary (a variance of zero, a correlation "
            "of one); fixed effects are still the maximum likelihood ones"
        )
    if told:
        text = "; ".join(told)
        warn(f"{text[:1].upper()}{text[1:]}.", ConvergenceWarning)
