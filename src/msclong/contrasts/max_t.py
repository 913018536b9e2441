"""Multiplicity by the joint distribution of the rows' t statistics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from msclong.contrasts.row_tests import RowTests
from msclong.errors import HypothesisError

NODES = 5
"""Values of 1 / df at which critical values are computed where rows have more different df than that."""


def single_step(tests: RowTests) -> np.ndarray:
    """P(the largest of all statistics >= t_i), each row with its own degrees of freedom.

    With df_i in the probability of row i (Hasler and Hothorn 2008, Biometrical Journal 50:793; emmeans too), one row
    alone keeps its p-value, and p_i <= p_adjusted_i <= m p_i. With equal df and one control: Dunnett's test; all pairs
    of equal variance: Tukey's.
    """
    _refuse_equivalence(tests)
    return np.array([tests.largest.exceedance(t, df) for t, df in zip(tests.evidence, tests.df, strict=True)])


def step_down(tests: RowTests) -> np.ndarray:
    """Single steps over the rows not yet rejected, from the smallest p-value up (multcomp's 'free').

    Closed testing with max-t tests, without logical restrictions among the hypotheses (Hothorn, Bretz and Westfall
    2008, Biometrical Journal 50:346; Westfall 1997, JASA 92:299).
    """
    _refuse_equivalence(tests)
    order = np.argsort(tests.p_value, kind="stable")
    ordered = tests.subset(order)
    largest = replace(ordered.largest, nested=True)
    rows = enumerate(zip(ordered.evidence, ordered.df, strict=True))
    steps = [largest.exceedance(t, df, first) for first, (t, df) in rows]
    return np.maximum.accumulate(steps)[np.argsort(order)]


def critical_values(tests: RowTests, probability: float) -> np.ndarray:
    """(m,) bounds that the largest statistic exceeds with `probability`, for each row's df."""
    inverse, which = np.unique(1 / tests.df, return_inverse=True)
    if len(inverse) <= NODES:
        return np.array([tests.largest.critical(probability, _df(x)) for x in inverse])[which]
    # Critical values are smooth in 1 / df: a polynomial through Chebyshev's nodes is right to 1e-5 and better.
    nodes = np.polynomial.chebyshev.chebpts2(NODES)
    centre, half = (inverse[-1] + inverse[0]) / 2, (inverse[-1] - inverse[0]) / 2
    values = [tests.largest.critical(probability, _df(x)) for x in centre + half * nodes]
    through = np.polynomial.chebyshev.chebfit(nodes, values, NODES - 1)
    return np.polynomial.chebyshev.chebval((inverse - centre) / half, through)[which]


def _df(inverse: float) -> float:
    return 1 / inverse if inverse > 0 else np.inf


def _refuse_equivalence(tests: RowTests) -> None:
    if tests.alternative.name == "equivalence":
        raise HypothesisError(
            "adjust='mvt' and 'mvt-stepdown' adjust two-sided and one-sided tests; for test='equivalence', whose rows "
            "are two tests each, use 'holm', 'bonferroni', 'fixed-sequence' or a GraphicalProcedure."
        )
