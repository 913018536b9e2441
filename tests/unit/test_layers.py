"""The arrows between the parts of msclong. Every import counts, inside functions and TYPE_CHECKING too.

A part imports only parts listed before it. `engines.frequentist` and `engines.bayesian` stand on the same
step, so that they never import each other. The package's own `__init__` may import everything, lazily.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "msclong"

ORDER = (
    ("errors",),
    ("printing",),
    ("linear_hypothesis",),
    ("covariance",),
    ("families",),
    ("data",),
    ("spec",),
    ("design",),
    ("likelihood",),
    ("contrasts",),
    ("results",),
    ("engines.engine",),
    ("engines.statsmodels_engine",),
    ("engines.frequentist", "engines.bayesian"),
    ("engines",),
    ("diagnostics",),
    ("storage",),
    ("api",),
    ("joint",),
    ("plots",),
    ("many",),
    ("replication",),
    ("study",),
    ("sensitivity",),
    ("published",),
    ("single_arm",),
    ("datasets",),
    ("reporting",),
    ("command_line",),
    ("__main__",),
)
STEP = {part: step for step, parts in enumerate(ORDER) for part in parts}

# The folders of the Bayesian engine, and its front door, in the same sense.
BAYESIAN = "msclong.engines.bayesian."
BAYESIAN_ORDER = (
    "priors",
    "importance",
    "checking",
    "nuts",
    "gaussian",
    "conditional",
    "joint",
    "engine",
    "criticism",
)

HEAVY = {"pymc", "arviz", "arviz_base", "arviz_plots", "arviz_stats", "nutpie", "pytensor"}
HEAVY_ALLOWED = ("msclong.engines.bayesian", "msclong.plots.chains")

MOST_LINES = 399


def modules(root: Path) -> dict[str, Path]:
    """Dotted module name -> file, for every Python file below the package folder `root`."""
    named = {}
    for path in sorted(root.rglob("*.py")):
        parts = [root.name, *path.relative_to(root).with_suffix("").parts]
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return named


def imports(module: str, path: Path) -> Iterator[tuple[str, int]]:
    """Every imported dotted name and its line; `from a import b` yields `a.b`, also where relative."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
        match node:
            case ast.Import(names=names):
                yield from ((alias.name, node.lineno) for alias in names)
            case ast.ImportFrom(module=source, names=names, level=level):
                base = package[: len(package) - level + 1] if level else []
                stem = ".".join([*base, *([source] if source else [])])
                yield from ((f"{stem}.{alias.name}", node.lineno) for alias in names)
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield name, node.lineno


def arrows(root: Path) -> Iterator[tuple[str, str, int]]:
    """(importer, imported module, line) within the package."""
    known = modules(root)
    for module, path in known.items():
        for name, line in imports(module, path):
            target = name if name in known else name.rpartition(".")[0]
            if target in known:
                yield module, target, line
            elif name.split(".")[0] == root.name:
                yield module, name, line


def part(module: str) -> str | None:
    """The part of the layout that a module belongs to; None for the package's own `__init__`."""
    names = module.split(".")[1:]
    two = ".".join(names[:2])
    return two if two in STEP else (names[0] if names else None)


def wrong_arrows(root: Path) -> list[str]:
    found = []
    for importer, target, line in arrows(root):
        here, there = part(importer), part(target)
        if here is None or here == there:
            continue
        if there is None:
            found.append(f"{importer}:{line} imports the package's __init__; name the module instead")
        elif here not in STEP or there not in STEP:
            unknown = here if here not in STEP else there
            found.append(f"{importer}:{line} imports {target}: {unknown} is not a part of the layout")
        elif STEP[there] >= STEP[here]:
            found.append(f"{importer}:{line} imports {target}: {there} does not stand before {here}")
    return found


def wrong_arrows_within_bayesian(root: Path) -> list[str]:
    found = []
    for importer, target, line in arrows(root):
        if importer.startswith(BAYESIAN) and target.startswith(BAYESIAN):
            here, there = (name.removeprefix(BAYESIAN).split(".")[0] for name in (importer, target))
            if here != there and BAYESIAN_ORDER.index(there) >= BAYESIAN_ORDER.index(here):
                found.append(f"{importer}:{line} imports {target}: {there} does not stand before {here}")
    return found


def circle(root: Path) -> list[str]:
    """The modules of one circle of imports, or an empty list."""
    graph: dict[str, set[str]] = {}
    for importer, target, _ in arrows(root):
        if part(importer) is not None:
            graph.setdefault(importer, set()).add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def heavy_imports(root: Path) -> list[str]:
    return [
        f"{module}:{line} imports {name}"
        for module, path in modules(root).items()
        for name, line in imports(module, path)
        if name.split(".")[0] in HEAVY and not module.startswith(HEAVY_ALLOWED)
    ]


def long_files(root: Path) -> list[str]:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules(root).values()}
    return [f"{path.relative_to(root)}: {count} lines" for path, count in lines.items() if count > MOST_LINES]


def test_every_import_runs_down_the_list():
    assert wrong_arrows(SOURCE) == []


def test_folders_of_the_bayesian_engine_import_one_way():
    assert wrong_arrows_within_bayesian(SOURCE) == []


def test_a_wrong_arrow_between_folders_of_the_bayesian_engine_is_seen(tmp_path):
    root = tree(
        tmp_path,
        engines__bayesian__priors__one="from msclong.engines.bayesian.nuts.two import a",
        engines__bayesian__nuts__two="a = 1",
    )
    assert len(wrong_arrows_within_bayesian(root)) == 1


def test_no_circle_between_modules():
    assert circle(SOURCE) == []


def test_the_sampler_stays_in_its_places():
    assert heavy_imports(SOURCE) == []


def test_no_file_grows_beyond_reading():
    assert long_files(SOURCE) == []


def tree(folder: Path, **files: str) -> Path:
    """A package `msclong` in `folder`; keys name the files, `__` separating folders (`data__datasets`)."""
    root = folder / "msclong"
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.py" if name != "init" else root / "__init__.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    "statement",
    [
        "import msclong.study",
        "from msclong.study import Study",
        "from msclong import study",
        "from .. import study",
        "from ..study import Study",
        "def late():\n    from msclong.study import Study",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from msclong.study import Study",
        "import importlib\nimportlib.import_module('msclong.study')",
    ],
)
def test_an_arrow_upwards_is_seen_however_it_is_written(tmp_path, statement):
    root = tree(tmp_path, data__roles=statement, study="class Study: ...")
    assert len(wrong_arrows(root)) == 1
    assert "study does not stand before data" in wrong_arrows(root)[0]


def test_the_two_engines_may_not_meet(tmp_path):
    root = tree(
        tmp_path,
        engines__frequentist__engine="from msclong.engines.bayesian.engine import Bayesian",
        engines__bayesian__engine="from msclong.engines.engine import Engine",
        engines__engine="class Engine: ...",
    )
    assert wrong_arrows(root) == [
        "msclong.engines.frequentist.engine:1 imports msclong.engines.bayesian.engine: "
        "engines.bayesian does not stand before engines.frequentist"
    ]


def test_the_package_init_may_import_all_and_nobody_imports_it(tmp_path):
    root = tree(tmp_path, init="from msclong.study import Study", study="from msclong import Fit")
    assert wrong_arrows(root) == ["msclong.study:1 imports the package's __init__; name the module instead"]


def test_a_part_outside_the_layout_is_named(tmp_path):
    root = tree(tmp_path, utils="from msclong.errors import DataError", errors="")
    assert "utils is not a part of the layout" in wrong_arrows(root)[0]


def test_a_circle_within_a_part_is_found(tmp_path):
    root = tree(tmp_path, data__one="from msclong.data import two", data__two="from .one import a")
    assert wrong_arrows(root) == []
    assert set(circle(root)) == {"msclong.data.one", "msclong.data.two"}


def test_a_heavy_import_outside_its_places_is_found(tmp_path):
    root = tree(
        tmp_path,
        study="def late():\n    import pymc as pm",
        plots__chains="import arviz as az",
        engines__bayesian__sample="import nutpie",
    )
    assert heavy_imports(root) == ["msclong.study:2 imports pymc"]


def test_a_long_file_is_found(tmp_path):
    root = tree(tmp_path, study="\n" * 400, api="\n" * 399)
    assert long_files(root) == ["study.py: 400 lines"]
