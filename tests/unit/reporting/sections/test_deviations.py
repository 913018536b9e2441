"""Deviations: each is told where it happened, and their absence where they did not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.engines.bayesian.checking.checks import with_second_try
from msclong.engines.bayesian.checking.found import Found, importance_or_nuts, with_more_draws
from msclong.errors import ConvergenceWarning
from msclong.reporting.analysis import analysis
from msclong.reporting.inline import plain
from msclong.reporting.record import Bullets, Definitions
from msclong.reporting.sections.deviations import AGAIN, deviations
from msclong.results.check import Check

REFERENCES = {"table:convergence": "Table 9"}


def told(*fits) -> tuple[str, dict[str, str], list[str]]:
    section = deviations(analysis(list(fits)))
    [items] = [block.items for block in section.blocks if isinstance(block, Definitions)]
    notes = [note for block in section.blocks if isinstance(block, Bullets) for note in block.items]
    return section.blocks[0].text, {term: plain(text, REFERENCES) for term, text in items}, notes


def with_notes(fit, *notes, **outcome):
    return replace(fit, outcome=replace(fit.outcome, notes=notes, **outcome))


def test_where_all_went_as_declared_it_is_said_plainly(hamd17):
    head, items, notes = told(hamd17[0])
    assert head.startswith("No fallback was taken")
    assert items == {
        "Covariance": "As declared first: unstructured (us).",
        "Convergence": "The fit met its engine\u2019s criteria (Table 9).",
        "Boundary": "No variance was estimated as zero, and no correlation as one.",
        "Second attempts": "None: each fit is the first that was run.",
        "Data": "Every row of the table has an outcome and is in the model.",
    }
    assert notes == ["The order of the visits is taken from the ordered categories."]


def test_a_fallback_and_rows_and_levels_that_were_left_out():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        [(i, t, "ab"[i % 2]) for i in range(12) for t in range(4)], columns=["id", "visit", "arm"]
    )
    table["y"] = rng.normal(size=48) + rng.normal(size=12)[table["id"]]
    # Three completers do not determine an unstructured covariance of four visits.
    table.loc[(table["visit"] == 3) & (table["id"] > 2), "y"] = np.nan
    table["arm"] = pd.Categorical(table["arm"], categories=["a", "b", "c"])
    fit = ml.fit(ml.ModelSpec("y ~ arm * C(visit) + us(visit | id)", fallback=("cs",)), table)
    head, items, notes = told(fit)
    assert head == "Not all went as declared."
    assert items["Covariance"].startswith(
        "Compound symmetric (cs), in place of unstructured (us), which could not be estimated. An unstructured "
        "covariance"
    )
    assert items["Data"].startswith("9 rows of 48 had no outcome and were left out")
    assert "No row has 'c' in 'arm'; left out of its levels." in items["Data"]
    assert not any("Declared" in note or "left out" in note for note in notes)


def test_a_boundary():
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {"id": np.repeat(range(20), 3), "visit": np.tile(range(3), 20), "y": rng.normal(size=60)}
    )
    # Residuals that are less alike within subjects than by chance.
    table["y"] -= table.groupby("id")["y"].transform("mean")
    with pytest.warns(ConvergenceWarning):
        fit = ml.fit("y ~ visit + (1 | id)", table)
    head, items, notes = told(fit)
    assert head == "Not all went as declared."
    assert "was estimated as zero" in items["Boundary"]
    assert not any("boundary" in note for note in notes)


def test_a_fit_that_misses_its_criteria(hamd17):
    missed = Check("Bulk ESS", 100, ">=", 400, "Run longer.", "week[T.8]")
    fit = with_notes(hamd17[0], "Bulk ESS is low. Run longer.", converged=False, checks=(missed,))
    head, items, notes = told(fit)
    assert head == "Not all went as declared."
    assert items["Convergence"] == (
        "The frequentist fit missed its criteria: Bulk ESS of week[T.8] is 100, should be >= 400."
    )
    assert notes == []


@dataclass(frozen=True)
class Settings:
    draws: int = 10
    tune: int = 10
    target_accept: float = 0.9


def notes_of_second_attempts() -> list[str]:
    """Whatever the engine says when it samples again or otherwise."""
    few = Check("Bulk ESS", 100, ">=", 400, "")
    found = Found(None, pd.DataFrame(), (few,), {}, ())
    heavy = replace(found, checks=(Check("Pareto k-hat", 0.9, "<=", 0.7, ""),))
    return [
        *with_second_try(lambda engine: (None, (few,)), Settings())[2],
        *importance_or_nuts("auto", lambda: heavy, lambda: found).notes,
        *with_more_draws(lambda times: found).notes,
    ]


def test_second_attempts_are_known_by_what_the_engine_says(hamd17):
    notes = notes_of_second_attempts()
    assert len(notes) == 3
    assert all(AGAIN.match(note) for note in notes)
    head, items, rest = told(with_notes(hamd17[0], *notes, "Something else."))
    assert head == "Not all went as declared."
    assert items["Second attempts"] == " ".join(notes)
    assert rest == ["Something else."]
