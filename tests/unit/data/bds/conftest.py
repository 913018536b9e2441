"""A small synthetic BDS data set without a fault, and its writers in every file format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest

VISITS = {"Baseline": 0, "Week 2": 2, "Week 4": 4, "Week 8": 8}
PARAMETERS = {"QSTOT": "Questionnaire Total Score", "FLOW": "Salivary Flow (mL/15 min)"}
NUMBERS = ("TRT01PN", "PARAMN", "AVISITN", "ADY", "AVAL", "BASE", "CHG", "PCHG")
LABELS = {"USUBJID": "Unique Subject Identifier", "AVAL": "Analysis Value", "ADT": "Analysis Date"}


def synthetic_trial(subjects: int = 12) -> pd.DataFrame:
    """2 arms, 2 parameters, 4 visits: 8 records of each subject. FLOW has a BASETYPE, QSTOT has none."""
    rng = np.random.default_rng(5)
    rows = []
    for subject in range(subjects):
        arm = subject % 2
        for number, (code, name) in enumerate(PARAMETERS.items(), 1):
            centre = rng.normal(20, 4) if code == "QSTOT" else rng.lognormal(0, 0.4)
            for visit, week in VISITS.items():
                value = (
                    centre - arm * week / 4 + rng.normal(0, 1)
                    if code == "QSTOT"
                    else centre * rng.lognormal(0, 0.2)
                )
                day = 1 + 7 * week + subject % 3
                rows.append(
                    {
                        "STUDYID": "SYN-01", "USUBJID": f"SYN-01-{subject + 1:03d}", "SITEID": f"{subject % 2 + 1:02d}",
                        "TRT01P": ["Placebo", "Active"][arm], "TRT01PN": arm, "FASFL": "Y", "PPFL": "NY"[subject > 1],
                        "PARAMCD": code, "PARAM": name, "PARAMN": number, "AVISIT": visit, "AVISITN": week,
                        "ADT": pd.Timestamp("2024-03-01") + pd.Timedelta(days=day + 10 * subject), "ADY": day,
                        "AVAL": round(value, 3), "ABLFL": "Y" if week == 0 else None, "ANL01FL": "Y",
                        "DTYPE": None, "BASETYPE": "LAST" if code == "FLOW" else None,
                    }
                )  # fmt: skip
    table = pd.DataFrame(rows)
    base = (
        table["AVAL"]
        .where(table["ABLFL"] == "Y")
        .groupby([table["USUBJID"], table["PARAMCD"]])
        .transform("max")
    )
    later = table["AVISITN"] > 0
    table["BASE"] = base
    table["CHG"] = (table["AVAL"] - base).where(later)
    table["PCHG"] = (100 * (table["AVAL"] - base) / base).where(later)
    text = [name for name in table if name not in (*NUMBERS, "ADT")]
    table[text] = table[text].astype("str").where(table[text].notna())
    table.index = pd.RangeIndex(1, len(table) + 1, name="row")
    return table.astype(dict.fromkeys(NUMBERS, float))


def _xpt(table: pd.DataFrame, path: Path, version: int) -> None:
    pyreadstat.write_xport(
        table.assign(ADT=[None if pd.isna(day) else day.date() for day in table["ADT"]]),
        path,
        file_label="Synthetic trial",
        table_name="ADQS",
        column_labels=LABELS,
        variable_format={"ADT": "DATE9."},
        file_format_version=version,
    )


def _rows(table: pd.DataFrame, days: bool) -> list[list]:
    dates = (
        (table["ADT"] - pd.Timestamp("1960-01-01")).dt.days if days else table["ADT"].dt.strftime("%Y-%m-%d")
    )
    plain = table.assign(ADT=dates).astype(object)
    return plain.where(plain.notna(), None).to_numpy().tolist()


def _columns(table: pd.DataFrame, kind: str, oid: str) -> list[dict]:
    columns = []
    for name in table:
        is_number = pd.api.types.is_numeric_dtype(table[name])
        column = {oid: f"IT.ADQS.{name}", "name": name, "label": LABELS.get(name, name), "length": 8}
        column[kind] = "float" if is_number else "string"
        if name == "ADT":
            date = {kind: "integer"} if kind == "type" else {kind: "date", "targetDataType": "integer"}
            column |= {**date, "displayFormat": "DATE9."}
        columns.append(column)
    return columns


def _json_1_0(table: pd.DataFrame, path: Path) -> None:
    items = [
        {
            "OID": "ITEMGROUPDATASEQ",
            "name": "ITEMGROUPDATASEQ",
            "label": "Record Identifier",
            "type": "integer",
        }
    ]
    group = {
        "records": len(table),
        "name": "ADQS",
        "label": "Synthetic trial",
        "items": items + _columns(table, "type", "OID"),
        "itemData": [[number, *row] for number, row in enumerate(_rows(table, days=True), 1)],
    }
    content = {
        "creationDateTime": "2024-01-01T00:00:00",
        "datasetJSONVersion": "1.0.0",
        "clinicalData": {"studyOID": "SYN", "metaDataVersionOID": "1", "itemGroupData": {"IG.ADQS": group}},
    }
    path.write_text(json.dumps(content), encoding="utf-8")


def _head(table: pd.DataFrame) -> dict:
    return {
        "datasetJSONCreationDateTime": "2024-01-01T00:00:00",
        "datasetJSONVersion": "1.1.0",
        "itemGroupOID": "IG.ADQS",
        "records": len(table),
        "name": "ADQS",
        "label": "Synthetic trial",
        "columns": _columns(table, "dataType", "itemOID"),
    }


def _json_1_1(table: pd.DataFrame, path: Path) -> None:
    path.write_text(json.dumps({**_head(table), "rows": _rows(table, days=False)}), encoding="utf-8")


def _ndjson(table: pd.DataFrame, path: Path) -> None:
    lines = [_head(table), *_rows(table, days=False)]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")


WRITERS: dict[str, tuple[str, Callable[[pd.DataFrame, Path], None]]] = {
    "xpt version 5": ("adqs.xpt", lambda table, path: _xpt(table, path, 5)),
    "xpt version 8": ("adqs.xpt", lambda table, path: _xpt(table, path, 8)),
    "Dataset-JSON 1.0": ("adqs.json", _json_1_0),
    "Dataset-JSON 1.1": ("adqs.json", _json_1_1),
    "NDJSON": ("adqs.ndjson", _ndjson),
    "parquet": ("adqs.parquet", lambda table, path: table.to_parquet(path, index=False)),
    "CSV": ("adqs.csv", lambda table, path: table.to_csv(path, index=False)),
}


@pytest.fixture
def trial() -> pd.DataFrame:
    return synthetic_trial()


@pytest.fixture
def trial_of_24() -> pd.DataFrame:
    return synthetic_trial(24)


@pytest.fixture(params=WRITERS)
def file_format(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def written(tmp_path: Path) -> Callable[[pd.DataFrame, str], Path]:
    """Writes a table in a format, and gives the path."""

    def write(table: pd.DataFrame, form: str = "xpt version 8") -> Path:
        name, writer = WRITERS[form]
        writer(table, tmp_path / name)
        return tmp_path / name

    return write
