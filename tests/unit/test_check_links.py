"""What docs/check_links.py complains of, on sites of two pages."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "check_links.py"


@pytest.fixture(scope="module")
def problems():
    spec = importlib.util.spec_from_file_location("check_links", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda site: list(module.problems(site))


@pytest.fixture
def site(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    (tmp_path / "outside.html").write_text("beside the site")
    (tmp_path / "outside.png").write_text("beside the site")
    (site / "a.png").write_text("a picture")
    (site / "b.html").write_text('<p id="there"></p>')
    return site


def test_a_whole_site_is_without_complaint(problems, site):
    (site / "index.html").write_text(
        '<a href="b.html#there">b</a> <a href="https://a.org">out</a> <img src="a.png" srcset="a.png 1x, a.png 2x">'
        '<p style="background: url(a.png)"></p> <svg><use href="#x"/><image href="data:image/png;base64,AA"/></svg>'
        '<img srcset="data:image/png;base64,AA 1x, a.png 2x">'
    )
    assert problems(site) == []


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ('<a href="../outside.html">x</a>', "../outside.html is not in the site"),
        ('<a href="none.html">x</a>', "none.html is not in the site"),
        ('<a href="b.html#nowhere">x</a>', "names no anchor"),
        ('<img src="../outside.png">', "fetches ../outside.png, which is not in the site"),
        ('<img srcset="a.png 1x, ../outside.png 2x">', "fetches ../outside.png, which is not in the site"),
        ('<img srcset="a.png, https://example.org/x.png 2x">', "https://example.org/x.png from a network"),
        ('<p style="background: url(https://example.org/x.png)">', "https://example.org/x.png from a network"),
        ('<svg><image href="https://example.org/x.png"/></svg>', "https://example.org/x.png from a network"),
        ('<svg><image xlink:href="https://example.org/x.png"/></svg>', "https://example.org/x.png from a network"),
        ("<style>p { background: url('//example.org/x.png') }</style>", "//example.org/x.png from a network"),
        ("<p>see /home/someone/x.py</p>", "/home/someone/x.py is a path of the machine"),
        (f"<p>see {SCRIPT.parents[1]}/src/x.py</p>", "/src/x.py is a path of the machine"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(problems, site, page, message):
    (site / "index.html").write_text(page)
    (found,) = problems(site)
    assert found.startswith("index.html: ")
    assert message in found


def test_a_megabyte_of_data_is_no_link(problems, site):
    (site / "index.html").write_text(f'<a download href="data:text/csv,{"1,2;3" * 200_000}">x</a>')
    assert problems(site) == []  # a search that goes back over it would not end
