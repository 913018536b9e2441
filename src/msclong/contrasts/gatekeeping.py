"""Multiplicity across outcomes, each of which brings p-values that are adjusted within it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from msclong.contrasts.graphical import GraphicalProcedure, rejected_at
from msclong.errors import HypothesisError, listing


def graph_over_families[Label: Hashable](
    adjusted_within: Mapping[Label, np.ndarray], procedure: GraphicalProcedure
) -> dict[Label, np.ndarray]:
    """p-values adjusted over several families (outcomes), from those that are adjusted within each.

    adjusted_within : by family the p-values of its rows, (m_i,), adjusted by any method that strongly controls the
    familywise error rate of the family at every level (mvt, Holm, ...). One that could not be tested has ones.
    procedure : a graph whose labels are the families, such as GraphicalProcedure.holm(labels).

    At level alpha a family has the local level w_i alpha: its rows with p_ij <= w_i alpha are rejected. Once all of
    them are, the graph passes its weight on, as it does for one hypothesis with p-value max_j p_ij. Weights never fall,
    so row ij is rejected at alpha where p_ij <= w_i alpha in any stage k that is reached by then, which is from alpha_k
    on: its adjusted p-value is min over k of max(alpha_k, p_ij / w_i(k)).

    Strong control for any dependence between families: before the first error none that holds a true null hypothesis
    is rejected completely, so that weights are at most those w_i after all other families are; the first error thus is
    a true p_ij <= w_i alpha in one of them, of probability at most sum w_i alpha <= alpha.

    With one row a family it is the procedure of Bretz, Maurer, Brannath and Posch (2009, Statistics in Medicine
    28:586); the proof is the sequential rejection principle (Goeman and Solari 2010, Annals of Statistics 38:3782).
    Superchain procedures (Kordzakhia and Dmitrienko 2013, Statistics in Medicine 32:486) likewise use distributional
    information within families.

    Raises HypothesisError unless the labels of the graph are exactly the families, and for what are no p-values.
    """
    families = {label: _p_values(label, p) for label, p in adjusted_within.items()}
    if set(procedure.weights) != set(families):
        raise HypothesisError(
            f"The labels of the graph are {listing(map(repr, procedure.weights))}, the families are "
            f"{listing(map(repr, families))}; they must be the same."
        )
    largest = np.array([p.max() for p in families.values()])
    adjusted = {label: np.ones(len(p)) for label, p in families.items()}
    for level, weights in procedure.stages(largest, list(families)):
        for (label, p), w in zip(families.items(), weights, strict=True):
            adjusted[label] = np.minimum(adjusted[label], rejected_at(p, w, level))
    return adjusted


def serial_gatekeeping[Label: Hashable](
    families: Sequence[Mapping[Label, np.ndarray]],
) -> list[dict[Label, np.ndarray]]:
    """p-values of families in order (primary, secondary, ...), each tested only if all before it was rejected.

    families : of each the p-values by outcome, adjusted over the whole family: `graph_over_families`. A family's are
    raised to the largest of those before it. Each family is tested at full alpha, since an error in it needs that all
    true null hypotheses of an earlier one were rejected: strong control (Westfall and Krishen 2001, Journal of
    Statistical Planning and Inference 99:25; Maurer, Hothorn and Lehmacher 1995).
    """
    gate, passed = 0.0, []
    for family in families:
        checked = {label: _p_values(label, p) for label, p in family.items()}
        passed.append({label: np.maximum(gate, p) for label, p in checked.items()})
        gate = max([gate, *(float(p.max()) for p in checked.values())])
    return passed


def _p_values(label: Hashable, given: np.ndarray) -> np.ndarray:
    p = np.asarray(given, dtype=float)
    if p.ndim != 1 or not p.size or not ((p >= 0) & (p <= 1)).all():
        raise HypothesisError(
            f"{label!r} needs p-values between 0 and 1, one or more, none missing; got {given!r}. One that could not "
            "be tested counts as 1."
        )
    return p
