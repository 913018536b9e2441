"""Files whole or not at all, and the writer that a suffix asks for."""

from __future__ import annotations

import os

import pytest

from msclong.errors import SpecError
from msclong.reporting import writers
from msclong.reporting.writers import files


def test_folders_are_made_and_nothing_else_is_left(tmp_path):
    path = files.write(tmp_path / "a" / "b" / "c.txt", "é")
    assert path.read_bytes() == "é".encode()
    assert [each.name for each in path.parent.iterdir()] == ["c.txt"]


def test_a_failure_keeps_what_was_there(tmp_path, monkeypatch):
    path = files.write(tmp_path / "c.txt", "before")

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        files.write(path, "after")
    with pytest.raises(UnicodeEncodeError):
        files.write(path, "\ud800")
    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["c.txt"]


def test_files_can_be_read_by_whom_the_mask_allows(tmp_path):
    before = os.umask(0o027)
    try:
        assert files.write(tmp_path / "c.txt", "x").stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(before)


@pytest.mark.parametrize("suffix", sorted(set(writers.by_suffix) - {".pdf"}))
def test_the_suffix_says_what_is_written(by_hand, tmp_path, suffix):
    path = by_hand("x").save(tmp_path / f"r{suffix.upper()}")
    assert path.stat().st_size > 0


def test_every_suffix_has_a_writer(by_hand):
    assert all(callable(getattr(by_hand("x"), name)) for name in writers.by_suffix.values())
    with pytest.raises(SpecError, match=r"'r\.xlsx'.*\.docx"):
        by_hand("x").save("r.xlsx")
