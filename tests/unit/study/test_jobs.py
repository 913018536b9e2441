"""The bar of a study's fits."""

from __future__ import annotations

import sys
import warnings

import pytest
from rich.console import Console

from msclong.study.jobs import _progress


@pytest.mark.parametrize("shown", [None, True])
def test_a_notebook_without_ipywidgets_has_no_warning_for_each_refresh(monkeypatch, capsys, shown):
    monkeypatch.setenv("FORCE_COLOR", "1")  # a kernel's stream passes for a terminal
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert Console(stderr=True).is_jupyter
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with _progress(2, shown) as advance:
            advance()
            advance()
    assert not warned
    assert ("2/2" in capsys.readouterr().err) == (shown is True)
