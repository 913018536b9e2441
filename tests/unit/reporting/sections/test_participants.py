"""Planned visits: what the question says of them and what the participants' section counts follow one rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.reporting.analysis import analysis
from msclong.reporting.inline import plain
from msclong.reporting.record import Definitions, Table
from msclong.reporting.sections.participants import participants
from msclong.reporting.sections.question import question
from msclong.reporting.words import words

VISITS = ["Screening", "Wk 4", "Wk 12"]


@pytest.fixture(scope="module")
def trial() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"id": np.repeat(np.arange(30), 3), "visit_name": VISITS * 30})
    table["visit_name"] = pd.Categorical(table["visit_name"], VISITS, ordered=True)
    table["arm"] = np.where(table["id"] % 2 == 0, "drug", "placebo")
    table["y"] = rng.normal(size=30)[table["id"]] + rng.normal(size=90)
    return table.drop(index=[2, 5, 8])


def told(given) -> str:
    [items] = [block for block in question(given).blocks if isinstance(block, Definitions)]
    return plain(dict(items.items)["Visits (visit_name)"])


def counts(given) -> Table:
    return next(
        block for block in participants(given).blocks if isinstance(block, Table) and block.key == "visits"
    )


def test_visits_that_nobody_named_are_counted_but_none_is_missing(trial):
    given = analysis(ml.fit(ml.ModelSpec("y ~ arm * visit_name + (1 | id)", arm="arm"), trial))
    text, table = plain(words(participants(given))), counts(given)
    assert told(given) == "Screening, Wk 4 and Wk 12. The model does not say which of them were planned."
    assert (
        "The visits are the values of visit_name in the data. The model does not say which of them were"
        in text
    )
    assert "names no planned visits" not in text
    assert [[cell.value for cell in row.cells[1:]] for row in table.rows] == [[15, 15], [15, 15], [13, 14]]
    assert [row.cells[0].text for row in table.rows] == VISITS
    assert [column.label for column in table.columns[1:]] == ["Observed", "Observed"]


def test_one_arm_has_one_column(trial):
    given = analysis(ml.fit("y ~ visit_name + (1 | id)", trial))
    assert [row.cells[1].value for row in counts(given).rows] == [30, 30, 27]


def test_visits_that_are_named_are_counted_with_those_missed(trial):
    spec = ml.ModelSpec("y ~ arm * visit_name + (1 | id)", arm="arm", visit="visit_name")
    given = analysis(ml.fit(spec, trial))
    assert told(given) == "Screening, Wk 4 and Wk 12."
    assert [column.label for column in counts(given).columns[1:4]] == ["Observed", "Missing", "%"]
