"""Places that files cannot be written to, found before they are written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from msclong.errors import ReportError, SpecError
from msclong.reporting.writers import pdf, places
from msclong.reporting.writers.places import check_places


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("trial.csv").write_text("patients")
    Path("notes.txt").write_text("notes")
    Path("folder.html").mkdir()
    Path("b_files").write_text("no folder")
    return tmp_path


def everything(folder):
    return sorted(str(path) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("outputs", "told"),
    [
        (["notes.txt/x.html"], "notes.txt/x.html cannot be written: notes.txt is a file, not a folder"),
        (["notes.txt/a/b/x.html"], "notes.txt is a file, not a folder"),
        (["folder.html"], "is a folder; name the file"),
        (["b.md"], "b.md cannot be written: b_files is a file, not a folder"),
        (
            ["trial.csv"],
            "trial.csv is the data (trial.csv), which the report would overwrite; name another output.",
        ),
        (["new/../trial.csv"], "is the data"),
        (["a.html", "new/../a.html"], "named twice"),
        (["a.html", "a.html/b.csv"], "cannot be in a.html, which is a file of the report"),
        (["fits/a.html", "fits"], "No writer for 'fits'"),
        (["a" * 260 + ".html"], "cannot be written in the folder"),
    ],
)
def test_a_place_that_cannot_be_written_to(outputs, told, folder):
    before = everything(folder)
    with pytest.raises(SpecError) as found:
        check_places(map(Path, outputs), {"the data": Path("trial.csv")})
    assert told in str(found.value).replace(os.sep, "/")
    assert everything(folder) == before


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_an_input_by_another_name(link, folder):
    link("trial.csv", "other.csv")
    with pytest.raises(SpecError, match=r"other.csv is the data \(trial.csv\)"):
        check_places([Path("other.csv")], {"the data": Path("trial.csv")})
    with pytest.raises(SpecError, match=r"trial.csv is the data \(other.csv\)"):
        check_places([Path("trial.csv")], {"the data": Path("other.csv")})


def test_good_places_are_left_as_they_are(folder):
    Path("old.html").write_text("old")
    before = everything(folder)
    outputs = [Path("old.html"), Path("new/deep/a.md"), Path("new/deep/a.csv"), Path("new/fits.json")]
    check_places(outputs, {"the data": Path("trial.csv")}, Path("new/fits"))
    assert everything(folder) == before
    assert Path("old.html").read_text() == "old"


def test_a_folder_for_other_files(folder):
    for place in ("a.html", "a.html/fits"):
        with pytest.raises(SpecError, match="cannot be both a file and the folder"):
            check_places([Path("a.html")], {}, Path(place))
    with pytest.raises(SpecError, match="notes.txt is a file"):
        check_places([Path("a.html")], {}, Path("notes.txt"))


@pytest.mark.parametrize("folder_name", [".", "new"])
def test_a_folder_that_may_not_be_written_to(folder_name, folder, monkeypatch):
    def refused(**_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(places, "NamedTemporaryFile", refused)
    with pytest.raises(SpecError, match=f"cannot be written in the folder {folder} .Permission denied."):
        check_places([Path(folder_name) / "a.html"], {})


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_protected_folder_and_file(folder):
    Path("a.html").touch(mode=0o400)
    with pytest.raises(SpecError, match="a.html exists and is write-protected"):
        check_places([Path("a.html")], {})
    folder.chmod(0o500)
    with pytest.raises(SpecError, match="cannot be written in the folder"):
        check_places([Path("b.html")], {})


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.rtf"])
def test_programs_that_write_are_sought_too(name, folder, monkeypatch):
    def missing(package):
        raise ModuleNotFoundError(name=package)

    monkeypatch.setattr(pdf, "BROWSERS", ())
    monkeypatch.setattr("msclong.reporting.writers.office.import_module", missing)
    with pytest.raises(ReportError, match="browser|pip install"):
        check_places([Path(name)], {})
