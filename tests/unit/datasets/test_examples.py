"""The example data: known sizes, dtypes and dropout, and a fresh copy each time."""

import pandas as pd
import pytest

from msclong import datasets
from msclong.data import LongData, visit_counts
from parity import reference


def test_hamd17_is_the_published_trial():
    trial = datasets.hamd17()
    facts = reference.load("hamd17")
    assert (len(trial), trial["PATIENT"].nunique()) == (facts["rows"], facts["patients"])
    assert list(trial.columns) == ["PATIENT", "TRT", "POOLINV", "basval", "week", "change"]
    assert trial["week"].cat.ordered
    assert trial["week"].cat.categories.tolist() == [1, 2, 4, 6, 8]
    assert trial["TRT"].cat.categories.tolist() == ["1", "2"]
    assert trial["POOLINV"].cat.categories.tolist() == ["001", "002", "003", "005", "028", "999"]
    assert trial["PATIENT"].iloc[0] == "1503"


def test_a_third_of_hamd17_is_gone_by_week_8():
    counts = visit_counts(LongData(datasets.hamd17(), "PATIENT", "change", "week"))
    assert counts["missing"].tolist() == [0, 18, 30, 52, 69]


def test_sleepstudy_is_what_r_fitted():
    theirs = reference.frame("sleepstudy")[["Reaction", "Days", "Subject"]]
    pd.testing.assert_frame_equal(datasets.sleepstudy(), theirs, check_categorical=False)


@pytest.mark.parametrize("dataset", [datasets.hamd17, datasets.sleepstudy])
def test_each_call_gives_a_fresh_frame_that_names_its_source(dataset):
    first = dataset()
    assert {"source", "licence", "units"} <= set(first.attrs)
    first.iloc[0, 0] = first.iloc[1, 0] = first.iloc[-1, 0]
    assert not dataset().equals(first)
    assert len(pd.concat([dataset(), dataset()])) == 2 * len(first)
    dataset().merge(dataset().head(3))
