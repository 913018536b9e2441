"""The code that a report prints makes the report again."""

from __future__ import annotations

import pytest

import msclong as ml
from msclong.errors import SpecError
from msclong.reporting.analysis import analysis
from msclong.reporting.record import Code, Definitions
from msclong.reporting.sections.question import question


def test_the_printed_code_runs_and_gives_the_same_tables(tmp_path, monkeypatch):
    data = ml.datasets.sleepstudy()
    spec = ml.ModelSpec("Reaction ~ Days + (1 + Days | Subject)", unit="ms", margin=10)
    fits = [
        ml.fit(spec, data, engine) for engine in (ml.Frequentist(ddf="satterthwaite"), ml.Bayesian(seed=4))
    ]
    asked = ml.Estimand(population="Adults", intercurrent_events={"nap": "hypothetical"})
    report = ml.report(fits, adjust="holm", estimand=asked)
    [code] = [b.text for b in report.sections[-1].blocks if isinstance(b, Code) and b.language == "python"]
    given, line = code.split("\n"), "data = ...  # your table: the hash above tells whether it is the same"
    assert given.count(line) == 1
    monkeypatch.chdir(tmp_path)
    names = {"data": data}
    exec("\n".join(text for text in given if text != line), names)
    assert (tmp_path / "report.html").stat().st_size > 10_000
    again = ml.report(names["fits"], adjust="holm", estimand=asked)
    assert [table.rows for table in again.tables] == [table.rows for table in report.tables]


def test_a_declared_estimand_stands_in_the_question(hamd17):
    asked = ml.Estimand(population="Adults with depression", intercurrent_events={"rescue": "hypothetical"})
    *_, last = question(analysis(hamd17[0], estimand=asked)).blocks
    assert isinstance(last, Definitions)
    stated = dict(last.items)
    assert stated["Population"] == "Adults with depression."
    assert "rescue: hypothetical" in stated["Intercurrent events"]
    assert "Compared are 2 with 1." in stated["Treatment condition"]
    with pytest.raises(SpecError, match=r"estimand takes an ml.Estimand"):
        analysis(hamd17[0], estimand="all patients")
