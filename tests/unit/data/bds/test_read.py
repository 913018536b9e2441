"""Every file format gives the same table, and a file that cannot be read gives a reason."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import msclong as ml
from msclong.errors import DataError

FILES = Path(__file__).parents[3] / "reference" / "bds"

# IBM's floating point, in which transport files hold numbers, has 56 bits, but not always all of a double's exponent.
SAME = 1e-15


def same(read: pd.DataFrame, trial: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(read, trial, check_dtype=False, rtol=SAME, atol=0)
    for name in trial:
        if trial[name].notna().any():
            assert pd.api.types.is_numeric_dtype(read[name]) == pd.api.types.is_numeric_dtype(trial[name])
    assert pd.api.types.is_datetime64_any_dtype(read["ADT"])


def test_every_format_gives_the_same_table(trial, written, file_format):
    path = written(trial, file_format)
    bds = ml.read_bds(path)
    same(bds.frame, trial)
    assert bds.frame.attrs["source"] == path.name
    if file_format not in ("parquet", "CSV"):
        assert bds.frame.attrs["labels"]["AVAL"] == "Analysis Value"
        assert bds.frame.attrs["formats"]["ADT"].startswith("DATE9")
        assert (bds.frame.attrs["name"], bds.frame.attrs["label"]) == ("ADQS", "Synthetic trial")


@pytest.mark.parametrize("name", ["trial.sas7bdat", "trial.csv"])
def test_files_of_another_program(trial, name):
    bds = ml.read_bds(FILES / name)
    same(bds.frame, trial)
    assert bds.violations.empty


def test_special_missing_values_are_missing():
    values = ml.read_bds(FILES / "special_missing.xpt").frame["AVAL"]
    np.testing.assert_array_equal(values, [1.5, np.nan, np.nan, np.nan])


# Not duckdb.from_df itself: with Hypothesis loaded it would be alive when Python ends, and says so (test_tables).
@pytest.mark.parametrize(
    "make", [pl.from_pandas, pa.Table.from_pandas, lambda table: duckdb.from_df(table), pd.DataFrame.copy]
)
def test_a_table_in_memory(trial, make):
    before = trial.copy()
    bds = ml.read_bds(make(trial.reset_index(drop=True)))
    same(bds.frame, trial)
    pd.testing.assert_frame_equal(trial, before)


def test_rows_are_numbered_from_one_and_attrs_are_kept(trial):
    table = trial.set_axis(range(500, 596))
    table.attrs["synthetic"] = "No patient is in this."
    bds = ml.read_bds(table)
    assert bds.frame.index[[0, -1]].tolist() == [1, 96]
    assert bds.records("QSTOT").attrs["synthetic"] == "No patient is in this."


def test_bytes_are_decoded_and_blank_text_is_missing(trial):
    table = trial.assign(
        USUBJID=trial["USUBJID"].map(str.encode),
        ABLFL=trial["ABLFL"].fillna("  "),
        AVISIT=trial["AVISIT"] + "   ",
    )
    same(ml.read_bds(table).frame, trial)


def test_python_dates_and_decimals(trial):
    from decimal import Decimal

    table = trial.assign(ADT=trial["ADT"].dt.date, AVAL=[Decimal(str(value)) for value in trial["AVAL"]])
    same(ml.read_bds(table).frame, trial)


def test_names_in_lower_case_are_upper_case_in_sas_files(trial, written):
    same(ml.read_bds(written(trial.rename(columns=str.lower).rename(columns={"adt": "ADT"}))).frame, trial)


def test_text_in_another_encoding(trial, tmp_path, written):
    trial["PARAM"] = trial["PARAM"].str.replace("Flow", "Fl\N{LATIN SMALL LETTER U WITH DIAERESIS}x")
    name = trial["PARAM"].iloc[-1]
    content = written(trial).read_bytes()
    assert name.encode() in content
    path = tmp_path / "latin.xpt"
    # One byte shorter in Latin 1: a blank makes up for it.
    path.write_bytes(content.replace(name.encode(), name.encode("latin-1") + b" "))
    with pytest.raises(DataError, match="encoding='WINDOWS-1252'"):
        ml.read_bds(path)
    assert ml.read_bds(path, encoding="WINDOWS-1252").frame["PARAM"].iloc[-1] == name
    table = trial.assign(PARAM=trial["PARAM"].str.encode("latin-1"))
    with pytest.raises(DataError, match="'PARAM' is not UTF-8"):
        ml.read_bds(table)
    same(ml.read_bds(table, encoding="latin-1").frame, trial)


def test_a_csv_file_of_sas_or_r(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "SUBJID,USUBJID,PARAMCD,AVISIT,AVAL,CHG,ABLFL,SITE,ADT,ASTDT,COUNT\n"
        "007,1,P,1,.5,.A,NA,01,2024-02-29,UN-02-29,1e3\n008,2,P,2,-2,.,Y,02,,,\n"
    )
    frame = ml.read_bds(path).frame
    assert frame["SUBJID"].tolist() == ["007", "008"]
    assert frame["SITE"].tolist() == ["01", "02"]
    assert frame["USUBJID"].tolist() == ["1", "2"]
    assert frame["AVISIT"].tolist() == ["1", "2"]
    assert frame["AVAL"].tolist() == [0.5, -2]
    assert frame["ABLFL"].isna().tolist() == [True, False]
    assert frame["ADT"].iloc[0] == pd.Timestamp("2024-02-29")
    assert frame["ASTDT"].iloc[0] == "UN-02-29"
    assert frame["COUNT"].iloc[0] == 1000


def test_a_value_below_a_limit_stays_text_and_is_found(trial, written):
    trial["AVAL"] = trial["AVAL"].astype(str)
    trial.loc[8, ["AVAL", "CHG", "PCHG"]] = ["<0.05", np.nan, np.nan]
    violations = ml.read_bds(written(trial, "CSV")).violations
    assert violations[["rule", "rows"]].to_numpy().tolist() == [["numeric_values", (8,)]]


def test_decimals_datetimes_and_character_dates_of_dataset_json(tmp_path):
    columns = [
        {"name": "AVAL", "label": "", "dataType": "decimal", "targetDataType": "decimal"},
        {"name": "ADTM", "label": "", "dataType": "datetime", "targetDataType": "integer"},
        {"name": "VSDTC", "label": "", "dataType": "date"},
        {"name": "SASDTM", "label": "", "dataType": "integer", "displayFormat": "DATETIME20."},
    ]
    rows = [["1.25", "2024-01-02T10:30:00", "2024-01", 86400], ["", None, "", None]]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"columns": columns, "rows": rows}), encoding="utf-8")
    frame = ml.read_bds(path).frame
    assert frame.iloc[0].tolist() == [
        1.25, pd.Timestamp("2024-01-02 10:30"), "2024-01", pd.Timestamp("1960-01-02"),
    ]  # fmt: skip
    assert frame.iloc[1].isna().all()


def damaged(name: str, content: bytes | str, says: str) -> object:
    return pytest.param(
        name, content if isinstance(content, bytes) else content.encode(), says, id=f"{name}: {says}"
    )


ROW = '{"name": "A", "label": "", "dataType": "string"}'


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        damaged("a.xpt", b"", "is empty"),
        damaged("a.xpt", "not SAS" * 99, "does not begin with HEADER RECORD"),
        damaged("a.xpt", "**COMPRESSED** **COMPRESSED** " * 9, "PROC CPORT"),
        damaged("a.xpt", b"HEADER RECORD" + b" " * 147, "cannot be read as a SAS file"),
        damaged("a.sas7bdat", "not SAS" * 99, "cannot be read as a SAS file"),
        damaged("a.parquet", "not parquet", "cannot be read as Parquet"),
        damaged("a.parquet", "PARE" + "x" * 99, "unencrypted"),
        damaged("a.csv", "PARAMCD;AVAL\nA;1\n", "not separated by commas"),
        damaged("a.csv", "A,B\n1,2\n1,2,3\n", "3 values in line 3. Check separators and quotes"),
        damaged("a.csv", "A,B\n1,2,\n3,4,\n", "3 values in line 2. The line ends with a comma"),
        damaged("a.csv", "A,B\n1,2\n\n3\n", "1 values in line 4"),
        damaged("a.csv", "A,B,A\n1,2,3\n", "more than one column named A"),
        damaged("a.csv", b"A,B\n\xfc,2\n", "give encoding="),
        damaged("a.json", "{", "not valid JSON"),
        damaged("a.json", b"\xff\xfe\xfc", "not UTF-8"),
        damaged("a.json", '{"patients": []}', "not Dataset-JSON"),
        damaged("a.json", "[1, 2]", "not Dataset-JSON"),
        damaged("a.json", '{"clinicalData": {"itemGroupData": {"A": {}, "B": {}}}}', "holds 2 data sets"),
        damaged("a.json", '{"clinicalData": {"itemGroupData": {"A": {}}}}', "lacks 'items'"),
        damaged("a.json", '{"clinicalData": {"itemGroupData": null}}', "holds 0 data sets"),
        damaged("a.json", '{"clinicalData": {"itemGroupData": {"A": null}}}', "lacks 'items'"),
        damaged(
            "a.json",
            '{"clinicalData": {"itemGroupData": {"A": {"items": null, "itemData": []}}}}',
            "not a list",
        ),
        damaged("a.json", '{"columns": null, "rows": []}', "columns are not a list"),
        damaged("a.json", '{"columns": ["A"], "rows": []}', "columns are not a list"),
        damaged("a.json", f'{{"columns": [{ROW}], "rows": null}}', "no list of rows"),
        damaged("a.json", '{"columns": [{}], "rows": []}', "has no 'name'"),
        damaged("a.json", f'{{"columns": [{ROW}], "rows": [["x"], ["x", "y"]]}}', "row 2"),
        damaged(
            "a.json", f'{{"records": 3, "columns": [{ROW}], "rows": [["x"]]}}', "states 3 records and has 1"
        ),
        damaged("a.json", f'{{"columns": [{ROW}, {ROW}], "rows": []}}', "more than one column named A"),
        damaged("a.ndjson", '["x"]\n', "first line"),
        damaged("a.ndjson", f'{{"columns": [{ROW}]}}\n["x"\n', "not valid JSON in line 2"),
        damaged("a.xlsx", "PK", "'.xlsx' is not one of .xpt, .sas7bdat"),
        damaged("a", "x", "the ending ''"),
        damaged("a.csv", "HEADER RECORD*******LIBRARY", "is a .xpt file by its content"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, name, content, says):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        ml.read_bds(path)
    assert says in str(caught.value)
    assert name != "a.csv" or str(caught.value).count(name) == 1
    assert name in str(caught.value) or "column" in says


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="There is no file"):
        ml.read_bds(str(tmp_path / "adqs.xpt"))


@pytest.mark.parametrize("end", ["xpt", "parquet", "csv"])
def test_a_wrong_ending_is_named(tmp_path, end):
    path = tmp_path / f"trial.{end}"
    path.write_bytes((FILES / "trial.sas7bdat").read_bytes())
    with pytest.raises(
        DataError, match=r"is a \.sas7bdat file by its content\. Rename it to trial\.sas7bdat"
    ):
        ml.read_bds(path)


def test_a_transport_file_that_was_cut_short(trial, written):
    path = written(trial)
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(DataError, match="cut short"):
        ml.read_bds(path)


@pytest.mark.parametrize("form", ["xpt version 5", "xpt version 8"])
def test_a_transport_file_that_was_cut_at_a_record_of_80_bytes(trial, written, form):
    path = written(trial, form)
    whole = path.read_bytes()
    start = whole.index(b"HEADER RECORD*******OBS") + 80
    # Blanks at the end fill up the last 80 bytes.
    length = len(whole[start:]) // 96
    for cut in range(start, len(whole), 80):
        path.write_bytes(whole[:cut])
        if form == "xpt version 5" and cut > start and (cut - start) % length == 0:
            assert len(ml.read_bds(path).frame) == (cut - start) // length
            continue
        with pytest.raises(DataError, match="cut short"):
            ml.read_bds(path)


def test_short_records_are_read_whole(trial, written):
    """Of 24 bytes: the blanks at the end are more than a record."""
    short = trial[["AVAL", "BASE", "CHG"]].head(1).assign(ADT=trial["ADT"])
    path = written(short)
    assert len(path.read_bytes()) % 80 == 0
    assert len(ml.read_bds(path).frame) == 1


@pytest.mark.parametrize("encoding", ["klingon", 5])
@pytest.mark.parametrize("form", ["CSV", "NDJSON", "xpt version 5"])
def test_an_encoding_that_there_is_not(trial, written, form, encoding):
    with pytest.raises(DataError, match="There is no encoding"):
        ml.read_bds(written(trial, form), encoding=encoding)


def test_categories_lose_their_blanks(trial):
    padded = (trial["PARAMCD"] + "  ").mask(trial.index < 4, "QSTOT")
    flag = trial["ABLFL"].fillna("  ")
    table = trial.assign(PARAMCD=padded.astype("category"), ABLFL=flag.astype("category"))
    bds = ml.read_bds(table)
    same(bds.frame.astype({"PARAMCD": "str", "ABLFL": object}), trial)
    assert len(bds.records("QSTOT")) == 48
    sizes = pd.CategoricalDtype(["small", "big "], ordered=True)
    frame = ml.read_bds(trial.assign(SIZE=pd.Series(["big "] * 96, trial.index, dtype=sizes))).frame
    assert frame["SIZE"].cat.ordered
    assert frame["SIZE"].cat.categories.tolist() == ["small", "big"]


def test_dates_of_a_csv_file_as_sas_writes_them(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("USUBJID,ADT\n1,29FEB2024\n2,\n")
    assert ml.read_bds(path).frame["ADT"].tolist() == [pd.Timestamp("2024-02-29"), pd.NaT]


def test_a_transport_file_with_two_data_sets(trial, written):
    path = written(trial, "xpt version 5")
    content = path.read_bytes()
    start = content.index(b"HEADER RECORD*******MEMBER")
    path.write_bytes(content + content[start:])
    with pytest.raises(DataError, match="more than one data set"):
        ml.read_bds(path)


@pytest.mark.parametrize("date", ["2024-13-01", "2024-05", "2024"])
def test_a_date_of_dataset_json_that_there_is_not(tmp_path, date):
    column = {"name": "ADT", "label": "", "dataType": "date", "targetDataType": "integer"}
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"columns": [column], "rows": [[date]]}), encoding="utf-8")
    with pytest.raises(DataError, match="'ADT' is declared date"):
        ml.read_bds(path)
