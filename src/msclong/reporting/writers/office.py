"""The packages of the extra `office`, imported when a writer needs them."""

from __future__ import annotations

from importlib import import_module

from msclong.errors import ReportError


def need(package: str, file: str) -> None:
    """ReportError that says how to install `package`, which writes a `file`, where it is missing."""
    try:
        import_module(package)
    except ModuleNotFoundError as error:
        raise ReportError(
            f'A {file} is written with a package that is missing here ({error.name}): pip install "msclong[office]".'
        ) from error
