"""The figures of other programs in tests/reference, and how to line them up with ours."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

FOLDER = Path(__file__).parent.parent / "reference"
VISIT_FACTORS = {"DaysF", "ageF", "visit", "AVISIT"}


@cache
def load(name: str) -> dict[str, Any]:
    """The reference file `name` (sleepstudy, ...): `source`, `data`, `fits`. Shared: do not change it."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def frame(name: str) -> pd.DataFrame:
    """The data that R fitted: factors in R's level order, visit factors ordered, NA rows kept.

    Dots in column names become underscores (`bdi.pre` is `bdi_pre`): patsy reads a dot as attribute access.
    """
    data = load(name)["data"]
    table = pd.DataFrame(data["columns"])
    for factor, levels in data["factor_levels"].items():
        table[factor] = pd.Categorical(table[factor], categories=levels, ordered=factor in VISIT_FACTORS)
    return table.rename(columns=_underscored)


def patsy_name(r_name: str, factors: Mapping[str, Iterable[str]]) -> str:
    """R's name of a treatment-coded coefficient as patsy writes it.

    With `factors = {"treatment": ["TAU", "BtheB"], "visit": ["2", "3"]}` (each factor's levels),
    `treatmentBtheB:visit3` is `treatment[T.BtheB]:visit[T.3]`, and `(Intercept)` is `Intercept`.
    """
    if r_name == "(Intercept)":
        return "Intercept"
    coded = {
        f"{factor}{level}": f"{_underscored(factor)}[T.{level}]"
        for factor, levels in factors.items()
        for level in levels
    }
    return ":".join(coded.get(part, _underscored(part)) for part in r_name.split(":"))


def _underscored(name: str) -> str:
    return name.replace(".", "_")
