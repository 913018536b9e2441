"""Names of statistics in the ARD: those of R's broom and {cards} where they have one."""

from __future__ import annotations

import re

from msclong.reporting.record import Column, Stat

OF_COLUMNS = {
    "estimate": "estimate",
    "se": "std.error",
    "lower": "conf.low",
    "upper": "conf.high",
    "df": "df",
    "statistic": "statistic",
    "p_value": "p.value",
    "p_adjusted": "adj.p.value",
    "p_margin": "p.value.margin",
    "lower_adjusted": "adj.conf.low",
    "upper_adjusted": "adj.conf.high",
    "prob_improved": "prob.improved",
    "prob_negative": "prob.negative",
    "prob_below_1": "prob.below.1",
    "prob_beyond_margin": "prob.beyond.margin",
    "ess_bulk": "ess.bulk",
    "rhat": "rhat",
    "mcse": "mcse",
}
"""Columns of results tables."""

LIMITS = ("conf.low", "conf.high")

_OF_LABELS = {
    "Estimate": "estimate",
    "Mean": "estimate",
    "SE": "std.error",
    "SD": "sd",
    "Lower": "conf.low",
    "Upper": "conf.high",
    "df": "df",
    "p": "p.value",
    "n": "n",
    "%": "p",
}
"""Headings of tables that do not name their statistics."""


def stat_of(column: Column) -> Stat:
    """The name that a column declares; else one from its heading."""
    if column.stat:
        return column.stat
    if column.kind == "interval" and re.search(r"\bC[Ir]*I\b|interval", column.label):
        return LIMITS
    return _OF_LABELS.get(column.label) or slug(column.label)


def slug(text: str) -> str:
    """'Largest difference, SEs' -> 'largest.difference.ses'."""
    return ".".join(re.findall(r"\w+", text.lower())) or "value"
