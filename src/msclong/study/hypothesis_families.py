"""The confirmatory hypotheses of a study: which rows they are, and their p-values under one family-wise error rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from msclong.contrasts.gatekeeping import graph_over_families, serial_gatekeeping
from msclong.contrasts.graphical import GraphicalProcedure
from msclong.contrasts.margins import alternative
from msclong.contrasts.multiplicity import WORDS, adjusted_p_values
from msclong.errors import HypothesisError, listing
from msclong.families.registry import family_of
from msclong.linear_hypothesis import LinearHypothesis, difference_label, label
from msclong.results.effect_scale import SCALES
from msclong.results.fit import Fit
from msclong.results.posterior_draws import PosteriorDraws
from msclong.study.endpoint import CONFIRMATORY, Endpoint
from msclong.study.multiplicity import Multiplicity

GRAPHS = {
    "holm": GraphicalProcedure.holm,
    "bonferroni": GraphicalProcedure.bonferroni,
    "fixed-sequence": GraphicalProcedure.fixed_sequence,
}


@dataclass(frozen=True, eq=False)
class Tested:
    """An outcome's hypotheses. rows : their positions in its table of contrasts. p : adjusted within the outcome.

    Of an outcome without a fit p is a single 1: it keeps its place in the family, and is never rejected.
    """

    rows: np.ndarray
    p: np.ndarray


def tested_rows(fit: Fit, endpoint: Endpoint) -> np.ndarray:
    """Positions of the contrasts that are the endpoint's hypotheses: of its visits; with arms, the arms' differences.

    In the order of `tested`, that of a fixed sequence. Raises HypothesisError for a visit that has no contrast.
    """
    rows, design = fit.hypothesis().rows, fit.design
    keep = np.ones(len(rows), dtype=bool)
    if design.arm is not None and design.arm in rows.names:
        own = {label(arm) for arm in design.fixed.values(design.arm)}
        between = ~rows.get_level_values(design.arm).isin(own)
        keep = between if between.any() else keep
    found = np.flatnonzero(keep)
    if endpoint.tested is None:
        return found
    changes = design.spec.outcome_type == "change" or design.spec.baseline_as == "covariate"
    names = {
        visit: label(visit) if changes else difference_label(visit, design.baseline)
        for visit in design.fixed.values(str(design.visit))
    }
    contrasts = rows.get_level_values(-1)
    chosen = []
    for visit in endpoint.tested:
        name = next((name for level, name in names.items() if label(level) == label(visit)), None)
        at = [int(row) for row in found if contrasts[int(row)] == name]
        if not at:
            there = [level for level, name in names.items() if name in contrasts]
            raise HypothesisError(
                f"{endpoint.name} is to be tested at {visit!r}, and has contrasts at {listing(map(label, there))}."
            )
        chosen += at
    return np.array(chosen)


def tested_within(fit: Fit, endpoint: Endpoint, within: str) -> Tested:
    """The outcome's hypotheses with p-values adjusted over them; of posteriors and exploratory outcomes an empty p."""
    rows, every = tested_rows(fit, endpoint), fit.hypothesis()
    if isinstance(fit.estimate, PosteriorDraws) or endpoint.role not in CONFIRMATORY:
        return Tested(rows, np.array([]))
    hypothesis = LinearHypothesis(every.L[rows], every.rows[rows], every.value[rows])
    scale = SCALES[family_of(fit.spec.family).effects[0]]
    against = alternative(endpoint.test, scale.distance(fit.spec.margin, "margin"))
    tests = fit.estimate.row_tests(hypothesis, against)
    return Tested(rows, adjusted_p_values(tests, within) if len(rows) > 1 else tests.p_value)


def adjusted_over_outcomes(
    tested: Mapping[str, Tested], endpoints: Mapping[str, Endpoint], multiplicity: Multiplicity
) -> dict[str, np.ndarray]:
    """p-values of the confirmatory outcomes, adjusted over all that the plan says, by outcome."""
    roles = [[name for name in tested if endpoints[name].role == role] for role in CONFIRMATORY]
    if isinstance(graph := multiplicity.across, GraphicalProcedure):
        return graph_over_families({name: tested[name].p for names in roles for name in names}, graph)
    make = GRAPHS[graph]
    families = [
        graph_over_families({name: tested[name].p for name in names}, make(names)) for names in roles if names
    ]
    if multiplicity.gatekeeping == "serial":
        families = serial_gatekeeping(families)
    return {name: p for family in families for name, p in family.items()}


def adjustment_words(
    name: str, rows: int, endpoints: Mapping[str, Endpoint], multiplicity: Multiplicity
) -> str:
    """What was done to the p-values of an outcome's tested rows, in words for a table."""
    role = endpoints[name].role
    if role not in CONFIRMATORY:
        return "none (exploratory)"
    parts = [f"{WORDS[multiplicity.within]} over {rows} contrasts"] if rows > 1 else []
    peers = sum(endpoint.role == role for endpoint in endpoints.values())
    if isinstance(multiplicity.across, GraphicalProcedure):
        parts.append("graph over outcomes")
    else:
        if peers > 1:
            parts.append(f"{WORDS[str(multiplicity.across)]} over {peers} {role} outcomes")
        primary = any(endpoint.role == "primary" for endpoint in endpoints.values())
        if role == "secondary" and primary and multiplicity.gatekeeping == "serial":
            parts.append("after the primary family")
    return "; ".join(parts) or "none needed (one hypothesis)"
