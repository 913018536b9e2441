"""Dates, times and days are compared in whatever form a table has them."""

from __future__ import annotations

import pandas as pd
import pytest

import msclong as ml

DATES = {
    "times": lambda table: table.rename(columns={"ADT": "ADTM"}),
    "ISO text": lambda table: table.assign(ADT=table["ADT"].dt.strftime("%Y-%m-%d")),
    "ISO text with times": lambda table: table.assign(ADT=table["ADT"].dt.strftime("%Y-%m-%dT%H:%M")),
    "DATE9 text": lambda table: table.assign(ADT=table["ADT"].dt.strftime("%d%b%Y").str.upper()),
    "days since 1960": lambda table: table.assign(ADT=(table["ADT"] - pd.Timestamp("1960-01-01")).dt.days),
}


@pytest.mark.parametrize("form", DATES)
def test_dates_in_any_form_are_compared(trial, form):
    make = DATES[form]
    assert ml.check_bds(make(trial).drop(columns="ADY")).empty
    trial.loc[7, "ADT"] += pd.Timedelta(days=60)
    violations = ml.check_bds(make(trial).drop(columns="ADY"))
    assert violations[["rule", "rows"]].to_numpy().tolist() == [["visit_dates", (7, 8)]]
