"""The command line: the same figures as in memory, clear errors, and honest exit states."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong import command_line
from msclong.command_line import main
from msclong.data.files import read_file, remarks
from msclong.errors import DataError, DataWarning

SOURCE = str(Path(__file__).parents[2] / "src")
PLAN = Path(__file__).parents[2] / "docs" / "reports" / "sjogren_msct.toml"

EXACT = 1e-9
"""A CSV file holds shortest decimals that read back as the same doubles; what is left is the order of sums."""

GRADES = {
    "sialectasia": "none,mild,moderate,severe",
    "duct_dilation": "none,mild,moderate,severe",
    "excretory_function": "absent,poor,reduced,normal",
}


@pytest.fixture
def csv(tmp_path):
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"id": np.repeat(range(12), 3), "week": [0, 2, 4] * 12, "site": ["007"] * 36})
    table["y"] = rng.normal(size=36) + np.repeat(rng.normal(size=12), 3)
    table["hba1c"] = 5 + table["y"]
    table["constant"] = 1.0
    table["seen"] = table["week"] > 0
    path = tmp_path / "trial.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.toml"
    ml.AnalysisPlan.declare(
        {"y": {"role": "primary"}, "hba1c": {"better": "lower"}},
        {"formula": "{outcome} ~ C(week) + us(week | id)"},
        title="A trial",
    ).to_toml(path)
    return path


@pytest.mark.filterwarnings("ignore::msclong.errors.MsclongWarning")
def test_the_founding_plan_gives_the_contrasts_that_it_gives_in_memory(tmp_path, monkeypatch):
    data = ml.datasets.sjogren_msct(seed=1)
    data.to_csv(tmp_path / "sjogren.csv", index=False)
    reported = []
    from msclong.reporting import report

    def remembered(found, title=None):
        reported.append(found)
        return written(found, title)

    written = report.report
    monkeypatch.setattr(report, "report", remembered)
    levels = [word for column, order in GRADES.items() for word in ("--levels", f"{column}={order}")]
    words = ["--engine", "frequentist", "--jobs", "1", "--quiet", "-o", str(tmp_path / "report.html")]
    assert main(["report", str(PLAN), str(tmp_path / "sjogren.csv"), *levels, *words]) == 0
    memory = ml.Study(data, ml.AnalysisPlan.from_toml(PLAN)).fit(ml.Frequentist(), n_jobs=1)
    pd.testing.assert_frame_equal(reported[0].contrasts(), memory.contrasts(), rtol=EXACT)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Data as they were read" in page
    assert "none, mild, moderate, severe" in page
    assert "msclong report" in page


def test_a_report_in_a_process_of_its_own(csv, plan, tmp_path):
    command = [
        sys.executable,
        "-m",
        "msclong",
        "report",
        str(plan),
        str(csv),
        "-o",
        "out/a.html",
        "out/a.csv",
    ]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": SOURCE}
    )
    assert (done.returncode, done.stdout.split()) == (0, [str(Path("out/a.html")), str(Path("out/a.csv"))])
    assert "Traceback" not in done.stderr
    assert "A trial" in (tmp_path / "out" / "a.html").read_text(encoding="utf-8")
    assert len(pd.read_csv(tmp_path / "out" / "a.csv")) > 50


def test_a_reader_who_leaves_early_is_no_error(csv, plan, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "msclong", "check", str(plan), str(csv), "--quiet"]
    done = subprocess.run(
        command, stdout=writing, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": SOURCE}
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_one_formula_in_place_of_a_plan(csv, tmp_path, capsys):
    words = [
        "--engine",
        "bayesian",
        "--seed",
        "1",
        "--title",
        "Weeks",
        "--synthetic",
        "Synthetic: random numbers.",
    ]
    output = tmp_path / "report.html"
    assert main(["report", "y ~ C(week) + (1 | id)", str(csv), *words, "-o", str(output)]) == 0
    page = output.read_text(encoding="utf-8")
    assert "Weeks" in page
    assert "Synthetic: random numbers." in page


def test_an_outcome_that_fails_is_told_and_the_others_are_reported(csv, tmp_path, capsys):
    plan = tmp_path / "plan.toml"
    outcomes = {"y": "y ~ C(week) + us(week | id)", "site": "site ~ C(week) + us(week | id)"}
    ml.AnalysisPlan.declare(outcomes).to_toml(plan)
    output = tmp_path / "report.html"
    assert main(["report", str(plan), str(csv), "-o", str(output), "--jobs", "1"]) == 1
    told = capsys.readouterr().err
    assert "failed: site, Frequentist: The outcome column 'site' holds numbers as text" in told
    assert output.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["report", "nowhere.toml", "{csv}", "-o", "a.html"], "There is no plan nowhere.toml"),
        (["report", "{plan}", "nowhere.csv", "-o", "a.html"], "There is no file 'nowhere.csv'"),
        (["report", "{plan}", "{csv}", "-o", "a.odt"], "No writer for 'a.odt'"),
        (["report", "{plan}", "{csv}", "-o", "{folder}.html"], "is a folder"),
        (["report", "{plan}", "{csv}", "-o", "a.html", "{csv}"], "is the data"),
        (["report", "plan.json", "{csv}", "-o", "a.html", "folder.html/../plan.json"], "is the plan"),
        (["report", "y ~ week + us(week | id)", "{csv}", "-o", "a.html", "./a.html"], "named twice"),
        (["report", "{plan}", "{csv}", "-o", "a.html", "{plan}/x.html"], "plan.toml is a file, not a folder"),
        (["report", "{plan}", "{csv}", "-o", "a.html", "--cache", "a.html"], "both a file and the folder"),
        (["check", "{plan}", "."], "'.' is a folder; name the file that holds the data."),
        (["check", ".", "{csv}"], ". is a folder; name the file that holds the plan."),
        (["check", "{wrong}", "{csv}"], "wrong.toml: Outcome 'flow': margin must be a number"),
        (["report", "y ~ C(week", "{csv}", "-o", "a.html"], "y ~ C(week"),
        (["check", "{plan}", "{plan}"], "'.toml' is not one of"),
        (["check", "{plan}", "{csv}", "--levels", "grade=a,b"], "write COLUMN=A,B,C"),
        (["check", "{plan}", "{csv}", "--levels", "site=a,b"], "the column has 007 too"),
        (["check", "{plan}", "{csv}", "--encoding", "none"], "There is no encoding 'none'"),
    ],
)
def test_what_cannot_be_used_is_one_clear_error(words, told, csv, plan, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("msclong.study.study.run_all", None)
    (tmp_path / "folder.html").mkdir()
    ml.AnalysisPlan.from_toml(plan).to_json(tmp_path / "plan.json")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[outcomes.y]\nformula = 'y ~ week + us(week | id)'\n"
                     "[outcomes.flow]\nmargin = 'big'\nformula = 'y ~ week + us(week | id)'\n")  # fmt: skip
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    given = [word.format(csv=csv, plan=plan, wrong=wrong, folder=tmp_path / "folder") for word in words]
    assert main(given) == 2
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert told in error
    assert "Traceback" not in error


def test_a_mistyped_column_is_told_with_those_of_the_file(csv, tmp_path, capsys):
    output = str(tmp_path / "a.html")
    assert main(["report", "yy ~ weak + us(week | id)", str(csv), "-o", output]) == 1
    assert (
        "Did you mean 'y'? The table has id, week, site, y, hba1c, constant, seen." in capsys.readouterr().err
    )
    assert main(["check", "y ~ weak + us(week | id)", str(csv)]) == 2
    told = " ".join(capsys.readouterr().out.split())
    assert "Did you mean 'week'? The table has id, week, site, y, hba1c, constant, seen." in told


def test_a_defect_shows_its_traceback(csv, plan, monkeypatch):
    def defect(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(command_line, "read_file", defect)
    with pytest.raises(ZeroDivisionError):
        main(["check", str(plan), str(csv)])


def test_check_compares_data_and_plan_without_fitting(csv, plan, monkeypatch, capsys):
    monkeypatch.setattr("msclong.study.study.run_all", None)
    assert main(["check", str(plan), str(csv)]) == 0
    told = capsys.readouterr().out
    assert "trial.csv: 36 rows, 7 columns" in told
    assert next(line for line in told.split("\n") if line.startswith("hba1c")).split() == [
        "hba1c", "Frequentist", "12", "36", "0,", "2,", "4", "0",
    ]  # fmt: skip
    assert "does not read: site, constant, seen" in told
    assert main(["check", "site ~ C(week) + us(week | id)", str(csv)]) == 2
    told = capsys.readouterr().out
    assert "holds numbers as text" in told
    assert "state their order with --levels: site" in told


def test_columns_of_a_csv_file_are_typed_by_what_stands_in_them(csv):
    table = read_file(csv)
    assert table["hba1c"].dtype == "float64"
    assert table["week"].dtype == "int64"
    assert table["seen"].dtype == "bool"
    assert set(table["site"]) == {"007"}
    assert table.attrs["source"] == "trial.csv"


def test_version_and_help(capsys):
    for word, told in (("--version", "msclong "), ("--help", "report")):
        with pytest.raises(SystemExit, match="0"):
            main([word])
        assert told in capsys.readouterr().out


@pytest.fixture
def trial():
    """100 patients of arms NA (a placebo) and B at three visits with names, the second without some outcomes."""
    rng = np.random.default_rng(2)
    table = pd.DataFrame(
        {
            "id": np.repeat(range(100), 3),
            "arm": np.repeat(["NA", "B"], 150),
            "visit": ["first", "mid", "last"] * 100,
        }
    )
    table["score"] = rng.normal(20, 4, size=300).round(1)
    return table


MODEL = "score ~ arm * visit + us(visit | id)"
ORDER = ["--levels", "visit=first,mid,last"]


def written(table, tmp_path, **how):
    path = tmp_path / "trial.csv"
    table.to_csv(path, index=False, **how)
    return str(path)


def test_errors_say_what_to_write_on_the_command_line(trial, tmp_path, capsys):
    path = written(trial.assign(arm="A"), tmp_path)
    assert main(["check", "score ~ visit + us(visit | id)", path]) == 2
    assert "On the command line: --levels COLUMN=A,B,C" in " ".join(capsys.readouterr().out.split())
    (tmp_path / "latin.csv").write_bytes("id,Größe\n1,2\n".encode("latin-1"))
    assert main(["check", MODEL, str(tmp_path / "latin.csv")]) == 2
    assert "On the command line: --encoding NAME" in capsys.readouterr().err
    assert (
        main(["report", "arm ~ C(visit) + us(visit | id)", path, *ORDER, "-o", str(tmp_path / "a.html")]) == 1
    )
    assert "On the command line: --levels" in capsys.readouterr().err
    assert main(["check", "absent ~ visit + us(visit | id)", path]) == 2
    assert "On the command line" not in capsys.readouterr().out


@pytest.mark.parametrize("code", [-99, 999])
def test_a_code_for_missing_is_pointed_at_and_read_as_missing_where_it_is_stated(
    code, trial, tmp_path, capsys
):
    trial = trial.assign(arm=trial["arm"].replace("NA", "A"))
    trial.loc[[4, 100, 200], "score"] = code
    path = written(trial, tmp_path)
    assert main(["check", MODEL, path, *ORDER]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"score has {code} in 3 rows, far from all its other values" in told
    assert f"--missing {code}" in told
    assert "arm: A (50, reference), B (50)." in told
    low, high = trial["score"].min(), trial["score"].max()
    assert f"{low:.10g} to {high:.10g}" in told
    assert read_file(path, missing=[str(code)])["score"].count() == 297
    assert read_file(path, missing=[f"score={code}.0"])["score"].count() == 297
    assert main(["check", MODEL, path, *ORDER, "--missing", str(code)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"{code} was read as missing in score (3 rows)." in told
    assert "far from all" not in told


def test_a_report_tells_codes_for_missing_and_the_arms(trial, tmp_path, capsys):
    trial.loc[[4, 100, 200], "score"] = -99
    words = ["report", MODEL, written(trial, tmp_path), *ORDER, "--keep-na", "-o", str(tmp_path / "a.md")]
    for missing, told in (
        ([], "is -99 a code for missing?"),
        (["--missing", "-99"], "-99 was read as missing in score (3 rows)"),
    ):
        assert main([*words, *missing]) == 0
        assert told in capsys.readouterr().err
        text = (tmp_path / "a.md").read_text(encoding="utf-8")
        assert told in text
        assert "arm: B (50, reference), NA (50)" in text


def test_what_is_no_code_is_not_remarked_on(trial, tmp_path):
    scores = pd.DataFrame(
        {"grade": [1, 2, 3, 4, 5, 9] * 5, "wide": [-200, -99, 0, 99, 200, 3] * 5, "seen": 1}
    )
    assert remarks(read_file(written(scores, tmp_path))) == []
    assert remarks(read_file(written(pd.DataFrame({"a": [1, 1, 1, -9], "b": 2}), tmp_path))) != []


def test_a_code_that_does_not_occur_is_told(trial, tmp_path):
    with pytest.warns(DataWarning, match="no value of score is -1"):
        read_file(written(trial, tmp_path), missing=["score=-1"])
    with pytest.raises(DataError, match="state a code"):
        read_file(written(trial, tmp_path), missing=["score="])


def test_text_codes_and_other_formats(trial, tmp_path):
    text = trial.assign(score=trial["score"].astype(str).replace(str(trial["score"][0]), "unknown"))
    table = read_file(written(text, tmp_path), missing=["unknown"])
    assert table["score"].dtype == "float64"
    assert np.isnan(table["score"].iloc[0])
    trial.to_parquet(tmp_path / "trial.parquet")
    assert read_file(tmp_path / "trial.parquet", missing=["visit=mid"])["visit"].isna().sum() == 100
    with pytest.raises(DataError, match="of .csv files only"):
        read_file(tmp_path / "trial.parquet", separator=";")


def test_semicolons_and_decimal_commas(trial, tmp_path, capsys):
    path = written(trial, tmp_path, sep=";", decimal=",")
    assert main(["check", MODEL, path]) == 2
    error = capsys.readouterr().err
    assert "not separated by commas, but by semicolons" in error
    assert "--separator ';', with --decimal ," in error
    table = read_file(path, separator=";", decimal=",", keep_na=True)
    assert table["score"].tolist() == trial["score"].tolist()
    assert table["arm"].tolist() == trial["arm"].tolist()
    assert main(["check", MODEL, path, *ORDER, "--separator", ";", "--decimal", ",", "--keep-na"]) == 0
    tabs = written(trial, tmp_path, sep="\t")
    assert main(["check", MODEL, tabs, *ORDER, "--keep-na"]) == 2
    assert "--separator tab" in capsys.readouterr().err
    assert main(["check", MODEL, tabs, *ORDER, "--keep-na", "--separator", "tab"]) == 0
    for words in (["--decimal", "x"], ["--separator", "ab"], ["--separator", ","]):
        given = [*words, "--decimal", ","] if words[0] == "--separator" else words
        assert main(["check", MODEL, tabs, *given]) == 2


def test_thousands_are_not_taken_for_decimals(tmp_path):
    path = written(pd.DataFrame({"a": ["1.234,5", "2,5"], "b": ["1,5", "NA"]}), tmp_path, sep=";")
    table = read_file(path, separator=";", decimal=",")
    assert table["a"].tolist() == ["1.234,5", "2,5"]
    assert table["b"].iloc[0] == 1.5


def test_an_arm_named_na(trial, tmp_path, capsys):
    path = written(
        trial.assign(score=trial["score"].mask(trial["id"] == 7).astype(object)), tmp_path, na_rep="NA"
    )
    assert main(["check", MODEL, path, *ORDER]) == 2
    told = " ".join(capsys.readouterr().out.split())
    assert "NA was read as missing in arm (150 rows)" in told
    assert "On the command line: --keep-na" in told
    assert main(["check", MODEL, path, *ORDER, "--keep-na"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "arm: B (50, reference), NA (49)" in told
    assert read_file(path, keep_na=True)["score"].isna().sum() == 3
