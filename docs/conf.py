"""Sphinx configuration: `make docs` builds build/docs from docs/*.md and the docstrings, and runs every page."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))

import msclong  # noqa: E402

project = "msclong"
author = "msclong developers"
release = version = msclong.__version__
html_title = "msclong"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "docstrings",
    "mathml",
    "report_pages",
]
exclude_patterns = ["reports", "_*"]

# A page is run when it, or anything of msclong itself, has changed since it was last run; a fresh clone runs them all.
nb_execution_mode = "force"
nb_execution_timeout = 180
nb_execution_in_temp = True  # files that a page writes
# A cell that fails is a warning, thus an error by -W; unlike raise_on_error, this names every page that fails at once.
nb_execution_show_tb = True
# A warning that a page does not mean to show is an error; one that does says `mystnb: {output_stderr: show}` on top.
nb_output_stderr = "warn"
nb_merge_streams = True
# No request to a network when a page is opened, and none when it is built: no widgets' scripts, no inventories.
nb_ipywidgets_js = {}
KERNELS = HERE.parent / "build" / "ipython"  # they write files beside their settings
shutil.copytree(HERE / "_ipython", KERNELS, dirs_exist_ok=True)
# Kernels inherit these: this msclong and docs/*.py, display settings, one thread each (two pages run at once).
os.environ["PYTHONPATH"] = os.pathsep.join(map(str, (Path(msclong.__file__).parents[1], HERE)))
os.environ["IPYTHONDIR"] = str(KERNELS)
os.environ["OPENBLAS_NUM_THREADS"] = "1"

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"

# `Name` in a docstring is a link where it is a documented name, else code (_ext/docstrings.py).
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
autosummary_generate = False
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True
# Documented elsewhere: without a network there is nothing to link to. The last ones are hints of names local to a file.
nitpick_ignore_regex = [
    (r"py:.*", r"(pandas|numpy|matplotlib|pymc|xarray|collections|dataclasses|typing|pathlib|os)\..*"),
    (r"py:class", r"DataTree|Figure|Noted|S|Section|datetime"),
]

html_theme = "pydata_sphinx_theme"
html_context = {"default_mode": "auto"}
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "msclong"},
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "navbar_end": ["theme-switcher"],
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
}
html_sidebars = dict.fromkeys(
    ["index", "start", "reports", "r-and-sas", "validation", "benchmarks/index"], []
)
copyright = "msclong developers, BSD-3-Clause"


def digest() -> str:
    """Of all that pages are made from beside their own text: msclong's files, this folder's modules, benchmarks."""
    results = (HERE.parent / "benchmarks" / "results").glob("*.json")
    files = [*Path(msclong.__file__).parent.rglob("*.*"), *HERE.glob("*.py"), *results]
    found = hashlib.sha256()
    for file in sorted(file for file in files if file.suffix != ".pyc"):
        found.update(file.read_bytes())
    return found.hexdigest()


sources = digest()


def setup(app):
    app.add_config_value("sources", "", "env", frozenset({str}))
