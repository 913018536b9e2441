"""Type I error of visit contrasts under `us` and Kenward-Roger, with the declared fallback: the table of the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from calibration.type_one_error import NOMINAL, VISITS, simulate

DOCS = Path(__file__).parents[2] / "docs" / "validation.md"
# Another processor's rounding may tip a p-value over 5 %: at most one or two trials in 5,000.
PRINTED = 5e-4
# The bound, on the rate of a setting's contrasts; one of 18 visits may lie further out by chance.
WITHIN, WITHIN_AT_ANY_VISIT = 2.0, 3.2

pytestmark = pytest.mark.slow


def printed() -> list[dict[str, float]]:
    """Rows of the docs' table: n, missing, fallback and the rates, as shares."""
    text = DOCS.read_text(encoding="utf-8").split("<!-- type one error -->")[1].split("\n\n")[1]
    rows = [line.strip("| ").split("|") for line in text.splitlines()[2:]]
    names = ("n", "missing", "fallback", "rate all", *(f"rate {visit}" for visit in VISITS[1:]))
    figures = [[float(re.match(r"\s*([\d.]+)", cell)[1]) for cell in row[: len(names)]] for row in rows]
    return [
        {name: value if name == "n" else value / 100 for name, value in zip(names, row, strict=True)}
        for row in figures
    ]


def test_rejections_are_as_frequent_as_they_say_and_as_the_docs_say():
    found = simulate().to_dict("records")
    assert len(found) == len(printed()) == 6
    for row, claimed in zip(found, printed(), strict=True):
        for name, value in claimed.items():
            assert row[name] == pytest.approx(value, abs=PRINTED), (name, row)
        assert abs(row["z all"]) < WITHIN, row
        assert all(abs(row[f"z {visit}"]) < WITHIN_AT_ANY_VISIT for visit in VISITS[1:]), row
        assert row["rate all"] < NOMINAL * 1.1
