"""What results say of themselves, in a terminal and in a notebook: facts in words, tables as they are printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from msclong.design.design import Design
from msclong.linear_hypothesis import label
from msclong.printing.journal import journal_table
from msclong.printing.overview import Overview
from msclong.printing.table import Table
from msclong.results.outcome import Outcome

MOST_ROWS = 120
"""A summary folds what is longer: nobody reads it, and the table itself has it."""

DEGREES = {
    "kenward-roger": "Standard errors and df: Kenward and Roger.",
    "kenward-roger-second-order": "Standard errors and df: Kenward and Roger, with second derivatives.",
    "satterthwaite": "df: Satterthwaite.",
    "between-within": "df: between and within subjects.",
    "residual": "df: observations minus fixed effects.",
    "asymptotic": "df: infinite (normal distribution).",
    "modified-box": "Coefficients: least squares; tests: modified Box correction.",
}


def model_facts(design: Design, engine: object) -> list[str]:
    """The model, the engine and the data, one fact a line."""
    spec, units = design.spec, design.n_units
    stated: dict[str, str | None] = {"baseline_as": spec.baseline_as, "weights": spec.weights}
    if spec.family != "gaussian" or spec.conditional:
        stated["family"] = f"{design.family.description}{', censored' if spec.censored else ''}"
    # Random effects may tie subjects together.
    tied = "" if units == design.n_subjects else f" in {units} independent unit{'s' if units > 1 else ''}"
    return [
        spec.formula,
        *(f"{name}: {value}" for name, value in stated.items() if value is not None),
        f"engine: {engine!r}",
        f"{design.n_obs} observations of {design.n_subjects} subjects{tied}",
    ]


def table_facts(design: Design, engine: object) -> dict[str, str]:
    """What stands below a table of results (see `ResultTable`): the model, where the df are from, what is missing."""
    spec = design.spec
    family = "" if spec.family == "gaussian" else f", {design.family.description}"
    method = str(getattr(engine, "method", "")).upper()
    ddf, vcov = getattr(engine, "ddf", None), getattr(engine, "vcov", "model")
    robust = "" if vcov == "model" else f" Standard errors: robust ({vcov})."
    at_random = "completely at random" if ddf == "modified-box" else "at random"
    facts = {
        "model": f"Model: {spec.formula}{family}{f' ({method})' if method else ''}.",
        "missing": f"{design.n_obs:,} outcomes of {design.n_subjects:,} subjects were observed; others are taken to be "
        f"missing {at_random}.",
    }
    return facts | ({"df": DEGREES[ddf] + robust} if ddf in DEGREES else {})


def contrasts_caption(design: Design, table: pd.DataFrame) -> str:
    """What the default contrasts of a fit compare."""
    spec, visit = design.spec, design.visit
    arms = f"differences between levels of {design.arm}" if design.arm is not None else ""
    change = spec.outcome_type == "change" or spec.baseline_as == "change"
    if visit is None or spec.baseline_as == "covariate":
        what = f"{arms[:1].upper()}{arms[1:]}"
    else:
        start = "" if change else f" ({visit} {label(design.baseline)})"
        what = f"Changes from baseline{start}" + (f", and their {arms}" if arms else "")
    effect = str(table.attrs.get("effect", "difference")).replace("-", " ")
    kind = (
        spec.unit or "" if effect == "difference" else {"link": "linear predictor"}.get(effect, f"{effect}s")
    )
    return (what or "Contrasts") + (f"; {kind}" if kind else "")


def fit_overview(
    title: str, facts: Sequence[str], tables: Sequence[Table], outcome: Outcome, stamp: str | None
) -> Overview:
    """The first table in sight, the others folded away; how the fit went stands out where it did not converge."""
    return Overview(
        title=title,
        facts=tuple(facts),
        tables=tuple(tables[:1]),
        more=tuple(tables[1:]),
        course=tuple(str(outcome).split("\n")),
        warning=not outcome.converged,
        stamp=stamp or "",
    )


def summary_table(frame: pd.DataFrame, caption: str, **options: Any) -> Table:
    """A table of a summary: as a notebook shows it, without notes; what is not of use to every reader left out."""
    found = frame.drop(columns=["mcse"], errors="ignore")
    return journal_table(found, caption, most_rows=MOST_ROWS, **options)
