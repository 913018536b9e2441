"""The plan file of the founding study fits its data: every outcome and event is there, every model can be declared."""

from __future__ import annotations

from pathlib import Path

import msclong as ml
from msclong.study.outcome_table import outcome_table

PLAN = Path(__file__).parents[3] / "docs" / "reports" / "sjogren_msct.toml"


def test_the_plan_declares_the_fourteen_outcomes_of_the_data():
    plan, data = ml.AnalysisPlan.from_toml(PLAN), ml.datasets.sjogren_msct()
    described = data.attrs["outcomes"]
    assert set(plan.endpoints) == set(described)
    for name, endpoint in plan.endpoints.items():
        assert endpoint.better == described[name]["better"], name
        table = outcome_table(endpoint.spec, data, endpoint.rows).frame
        assert table["patient"].nunique() == described[name]["n"], name
        assert sorted(table["month"].unique()) == described[name]["months"], name
    assert [name for name, endpoint in plan.endpoints.items() if endpoint.role == "primary"] == ["ssdai"]
    assert set(plan.events.values()) <= set(data.columns)
    assert ml.AnalysisPlan.from_toml(plan.to_toml()) == plan
