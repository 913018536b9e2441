"""Adjusted p-values and simultaneous intervals for a family of hypotheses."""

from __future__ import annotations

import numpy as np

from msclong.contrasts import max_t, stepwise
from msclong.contrasts.graphical import GraphicalProcedure
from msclong.contrasts.row_tests import RowTests
from msclong.contrasts.student_t import t_quantile
from msclong.errors import HypothesisError, listing

OF_P_VALUES = {
    "bonferroni": stepwise.bonferroni,
    "holm": stepwise.holm,
    "hochberg": stepwise.hochberg,
    "bh": stepwise.benjamini_hochberg,
    "fixed-sequence": stepwise.fixed_sequence,
}
JOINT = {"mvt": max_t.single_step, "mvt-stepdown": max_t.step_down}
ADJUSTMENTS = (*OF_P_VALUES, *JOINT)

WORDS = {
    "mvt": "single-step max-t",
    "mvt-stepdown": "step-down max-t",
    "holm": "Holm",
    "bonferroni": "Bonferroni",
    "fixed-sequence": "fixed sequence",
    "hochberg": "Hochberg",
    "bh": "Benjamini-Hochberg (false discovery rate)",
}
"""Adjustments as a table names them."""


def adjusted_p_values(tests: RowTests, method: str | GraphicalProcedure) -> np.ndarray:
    """p-values of one family, shape (m,), adjusted by `method`; raises HypothesisError for an unknown one."""
    if isinstance(method, GraphicalProcedure):
        return method.adjusted(tests.p_value, tests.rows)
    if isinstance(method, str) and method in OF_P_VALUES:
        return OF_P_VALUES[method](tests.p_value)
    if isinstance(method, str) and method in JOINT:
        return JOINT[method](tests)
    raise HypothesisError(
        f"Unknown adjustment {method!r}; known are {listing(ADJUSTMENTS)}, a GraphicalProcedure, or None."
    )


def simultaneous_bounds(
    tests: RowTests, method: str | GraphicalProcedure, level: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """How many standard errors the simultaneous intervals reach below and above the estimates, (m,) each.

    Two-sided tests: joint coverage `level`. One-sided: bounds in the direction that the test excludes, infinite in the
    other, with joint coverage (1 + level) / 2, so that each bound errs as often as one of a two-sided interval of
    coverage `level`. Bonferroni's and single-step mvt intervals exist; None for other methods and for equivalence.
    """
    if method not in ("bonferroni", "mvt") or tests.alternative.name == "equivalence":
        return None
    direction = tests.alternative.direction
    error = (1 - level) / (1 if direction == 0 else 2)
    if method == "mvt":
        reach = max_t.critical_values(tests, error)
    else:
        reach = -t_quantile(tests.df, error / len(tests) / (2 if direction == 0 else 1))
    nowhere = np.full(len(tests), np.inf)
    return (nowhere if direction < 0 else reach), (nowhere if direction > 0 else reach)
