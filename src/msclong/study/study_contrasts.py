"""The contrasts of all outcomes of a study in one table, with what was adjusted and how."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import numpy as np
import pandas as pd

from msclong.contrasts.multiplicity import WORDS
from msclong.contrasts.stepwise import benjamini_hochberg, bonferroni, hochberg, holm
from msclong.errors import HypothesisError, listing
from msclong.results.fit import Fit
from msclong.study.endpoint import CONFIRMATORY, Endpoint
from msclong.study.hypothesis_families import (
    Tested,
    adjusted_over_outcomes,
    adjustment_words,
)
from msclong.study.multiplicity import Multiplicity

OVER_ALL = {"holm": holm, "bonferroni": bonferroni, "hochberg": hochberg, "bh": benjamini_hochberg}
"""Adjustments over the tested rows of all outcomes as one family."""

ORDER = ("role", "effect", "estimate", "se", "lower", "upper", "df", "statistic", "p_value", "p_adjusted",
         "adjustment", "prob_improved", "prob_beyond_margin", "ess_bulk", "rhat", "mcse", "approximation")  # fmt: skip

OF_ALL = ("interval", "estimate")
"""Attrs that tables under each other keep where all have the same."""


def study_contrasts(
    fits: Mapping[str, Fit],
    tested: Mapping[str, Tested],
    approximated: Set[str],
    endpoints: Mapping[str, Endpoint],
    multiplicity: Multiplicity,
    adjust: str | None,
    level: float,
) -> pd.DataFrame:
    """See `StudyFit.contrasts`. fits, tested : of one engine, of the outcomes that have contrasts.

    approximated : outcomes whose fit is of their approximation.
    """
    tables = {name: _table(fits[name], endpoints[name], level) for name in tested}
    if any(endpoint.approximation is not None for endpoint in endpoints.values()):
        for name, table in tables.items():
            table["approximation"] = fits[name].spec.family if name in approximated else ""
    if tables and all("p_value" in table for table in tables.values()):
        if adjust == "plan":
            _by_plan(tables, tested, endpoints, multiplicity)
        elif adjust is not None:
            _over_all(tables, tested, adjust)
    elif tables and adjust not in (None, "plan"):
        raise HypothesisError(f"adjust={adjust!r} adjusts p-values, and a posterior has none; leave it out.")
    found = under_each_other(tables)
    return (
        found[[column for column in ORDER if column in found.columns]]
        if tables
        else found.reindex(columns=ORDER)
    )


def under_each_other(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Tables of several outcomes as one, indexed by outcome, arm (where any has arms) and contrast."""
    arms = any(table.index.nlevels > 1 for table in tables.values())
    names = ["outcome", "arm", "contrast"] if arms else ["outcome", "contrast"]
    parts = []
    for name, table in tables.items():
        contrast = table.index.get_level_values(-1).astype(str)
        arm = table.index.get_level_values(0).astype(str) if table.index.nlevels > 1 else [""] * len(table)
        levels = (
            [[name] * len(table), list(arm), list(contrast)]
            if arms
            else [[name] * len(table), list(contrast)]
        )
        parts.append(table.set_axis(pd.MultiIndex.from_arrays(levels, names=names)))
    if not parts:
        return pd.DataFrame(index=pd.MultiIndex.from_arrays([[] for _ in names], names=names))
    shared = {
        name: value
        for name, value in parts[0].attrs.items()
        if name in OF_ALL and all(part.attrs.get(name) == value for part in parts)
    }
    for part in parts:
        part.attrs = {}
    together = pd.concat(parts)
    together.attrs.update(shared)
    return together


def _table(fit: Fit, endpoint: Endpoint, level: float) -> pd.DataFrame:
    table = fit.contrasts(level=level, test=endpoint.test)
    effect = table.attrs.get("effect", "difference")
    table = table.assign(role=endpoint.role, effect=str(effect).replace("-", " "))
    for column in ("prob_negative", "prob_below_1"):
        if column in table and endpoint.sign is not None:
            table["prob_improved"] = table[column] if endpoint.sign < 0 else 1 - table[column]
    return table


def _by_plan(
    tables: Mapping[str, pd.DataFrame],
    tested: Mapping[str, Tested],
    endpoints: Mapping[str, Endpoint],
    multiplicity: Multiplicity,
) -> None:
    """Adjust as the plan says; a confirmatory outcome without contrasts keeps its place, and is never rejected."""
    nothing = Tested(np.array([], dtype=int), np.ones(1))
    confirmatory = {
        name: tested.get(name, nothing) for name, e in endpoints.items() if e.role in CONFIRMATORY
    }
    adjusted = adjusted_over_outcomes(confirmatory, endpoints, multiplicity)
    for name, table in tables.items():
        rows = tested[name].rows
        _write(table, rows, adjusted.get(name), adjustment_words(name, len(rows), endpoints, multiplicity))


def _over_all(tables: Mapping[str, pd.DataFrame], tested: Mapping[str, Tested], adjust: str) -> None:
    if not isinstance(adjust, str) or adjust not in OVER_ALL:
        raise HypothesisError(
            f"adjust takes 'plan', {listing(map(repr, OVER_ALL))} or None over all outcomes; got {adjust!r}. What is "
            "adjusted within outcomes belongs to the plan: ml.Multiplicity(within='mvt')."
        )
    every = np.concatenate([table["p_value"].to_numpy()[tested[name].rows] for name, table in tables.items()])
    adjusted, start = OVER_ALL[adjust](every), 0
    words = f"{WORDS.get(adjust, adjust)} over {len(every)} contrasts of {len(tables)} outcomes"
    for name, table in tables.items():
        stop = start + len(tested[name].rows)
        _write(table, tested[name].rows, adjusted[start:stop], words)
        start = stop


def _write(table: pd.DataFrame, rows: np.ndarray, adjusted: np.ndarray | None, words: str) -> None:
    p = np.full(len(table), np.nan)
    text: Any = np.full(len(table), "not among the tested contrasts", dtype=object)
    text[rows] = words
    if adjusted is not None:
        p[rows] = adjusted
    table["p_adjusted"] = p
    table["adjustment"] = text
