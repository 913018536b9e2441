"""From covariance terms to a covariance structure and the coordinates of every observation."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from patsy import EvalEnvironment, PatsyError, dmatrix

from msclong.covariance.additive import Additive
from msclong.covariance.independent import Independent
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.registry import visit_structure
from msclong.covariance.structure import CovarianceStructure
from msclong.errors import DataError, DataWarning, DesignError, FormulaError
from msclong.spec.formula import CovarianceTerm, Formula


def build_covariance(
    parsed: Formula, frame: pd.DataFrame, visits: tuple[object, ...]
) -> tuple[CovarianceStructure, np.ndarray]:
    """The structure of a formula's covariance terms, and the (N, d) coordinates of the rows of `frame`.

    A visit structure reads the position of the visit among `visits`; random effects read their row of Z, to
    which independent residuals are added. Raises FormulaError or DataError for random effects that patsy refuses.
    """
    if parsed.visit is not None:
        _check_visits(parsed, frame, visits)
        position = {visit: i for i, visit in enumerate(visits)}
        coords = np.array([position[visit] for visit in frame[parsed.visit]], dtype=float)[:, None]
        return visit_structure(parsed.covariance[0].structure)(visits), coords
    parts: list[CovarianceStructure] = []
    columns = []
    for term in parsed.covariance:
        names, Z = _random_effects(term, frame)
        if term.correlated:
            parts.append(RandomEffects(names))
        else:
            parts += [RandomEffects((name,)) for name in names]
        columns.append(Z)
    _refuse_unidentified(parsed, frame, np.hstack(columns))
    return Additive((*parts, Independent())), np.hstack(columns)


def _check_visits(parsed: Formula, frame: pd.DataFrame, visits: tuple[object, ...]) -> None:
    """A covariance between visits needs a subject with two; far more visits than any subject has look like times."""
    largest = int(frame.groupby(parsed.subject, observed=True).size().max())
    if largest == 1:
        raise DesignError(
            f"No {parsed.subject} has more than one observation, so nothing tells how visits are correlated. "
            f"Does {parsed.subject!r} name the subjects?"
        )
    if len(visits) > 2 * largest:
        warnings.warn(
            f"{parsed.visit!r} has {len(visits)} distinct values, but no subject has more than {largest} of them: "
            f"measured times rather than planned visits? {parsed.covariance[0].structure!r} counts positions, not "
            f"time. Name the planned visit, or use random effects such as (1 + {parsed.visit} | {parsed.subject}).",
            DataWarning,
            stacklevel=5,
        )


def _random_effects(term: CovarianceTerm, frame: pd.DataFrame) -> tuple[tuple[str, ...], np.ndarray]:
    try:
        Z = dmatrix(term.variable, frame, eval_env=EvalEnvironment([{"np": np}]), NA_action="raise")
    except PatsyError as error:
        raise FormulaError(
            f"patsy cannot build the random effects {term}: {str(error).splitlines()[0]}."
        ) from None
    values = np.asarray(Z, dtype=float)
    if values.shape[1] == 0:
        raise FormulaError(
            f"{term} names no random effect; write (1 | {term.subject}) for a random intercept."
        )
    if not np.isfinite(values).all():
        raise DataError(
            f"The random effects {term} have missing or infinite values; correct or drop these rows."
        )
    return tuple(Z.design_info.column_names), values


def _refuse_unidentified(parsed: Formula, frame: pd.DataFrame, Z: np.ndarray) -> None:
    """Random effects need, somewhere, more observations in a subject than effects."""
    largest = int(frame.groupby(parsed.subject, observed=True).size().max())
    if largest <= Z.shape[1] and np.linalg.matrix_rank(Z) >= largest:
        raise DesignError(
            f"No subject has more than {largest} observations, so {Z.shape[1]} random effects and a residual "
            "cannot be told apart; use fewer random effects or a visit structure."
        )
