"""Whether files can be written as and where they are asked for: known before hours of work, leaving nothing behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import W_OK, access
from os.path import exists, isdir, lexists, samefile
from pathlib import Path
from tempfile import NamedTemporaryFile

from msclong.errors import SpecError
from msclong.reporting.writers import method_for, pdf
from msclong.reporting.writers.office import need


def check_places(outputs: Iterable[Path], inputs: Mapping[str, Path], folder: Path | None = None) -> None:
    """Raise SpecError unless each of `outputs` can be written by `Report.save`, to a place of its own.

    inputs : files that must stay as they are, by what they are ('the data'). folder : where other files are to be
    written. Raises ReportError where a package or a program that writes an output is missing.
    """
    places: dict[Path, Path] = {}
    for path in outputs:
        method = method_for(path)
        for what, other in inputs.items():
            if _same(path, other):
                raise SpecError(
                    f"{path} is {what} ({other}), which the report would overwrite; name another output."
                )
        place = path.resolve()
        if place in places:
            raise SpecError(f"The output {path} is named twice; leave one out, or name another file.")
        places[place] = path
        if isdir(path):
            raise SpecError(f"{path} is a folder; name the file that the report is written to.")
        if exists(path) and not access(path, W_OK):
            raise SpecError(f"{path} exists and is write-protected; name another output, or permit writing.")
        _check_folder(path, path.parent, path.name)
        if method == "to_markdown":
            _check_folder(path, path.parent / f"{path.stem}_files", "figure-1.svg")
        elif method == "to_docx":
            need("docx", "Word document")
        elif method == "to_rtf":
            need("rtflite", "RTF file")
        elif method == "to_pdf":
            pdf.program()
    if folder is not None:
        _check_folder(folder, folder, "fit")
    for place, path in places.items():
        if above := next((given for other, given in places.items() if other in place.parents), None):
            raise SpecError(
                f"{path} cannot be in {above}, which is a file of the report; name another folder."
            )
        if folder is not None and place in (folder.resolve(), *folder.resolve().parents):
            raise SpecError(f"{path} cannot be both a file and the folder {folder}; name another one.")


def _same(path: Path, other: Path) -> bool:
    """Whether two names are of one file, by whatever link."""
    if exists(path) and exists(other):
        return samefile(path, other)
    return path.resolve() == other.resolve()


def _check_folder(path: Path, folder: Path, name: str) -> None:
    """Raise SpecError unless a file `name` can be made in `folder`, or `folder` in what there is of it."""
    there = folder
    while not lexists(there) and there != there.parent:
        there = there.parent
    if not isdir(there):
        raise SpecError(f"{path} cannot be written: {there} is a file, not a folder; name another folder.")
    try:
        with NamedTemporaryFile(dir=there, prefix=f".{name}."):  # as `files.write` will
            pass
    except OSError as error:
        raise SpecError(
            f"{path} cannot be written in the folder {there.resolve()} ({error.strerror or error}); "
            "name another place, or permit writing there."
        ) from None
