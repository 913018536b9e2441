"""Every public name is on a page of the API reference."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import msclong

PAGES = Path(__file__).parents[2] / "docs" / "reference"


def documented() -> set[str]:
    """Names of autodoc's directives, with the module that was current where they stand."""
    found = set()
    for page in PAGES.glob("*.rst"):
        module = ""
        for kind, name in re.findall(
            r"^\.\. (currentmodule|auto\w+):: (\S+)$", page.read_text(), re.MULTILINE
        ):
            if kind == "currentmodule":
                module = name
            elif kind != "autosummary":
                found.add(f"{module}.{name}")
    return found


def public(module: ModuleType) -> set[str]:
    """What `module` exports, and what the modules that it exports do."""
    names = getattr(module, "__all__", None) or [
        name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__
    ]
    found = set()
    for name in names:
        value = getattr(module, name)
        if isinstance(value, ModuleType):
            found |= public(value)
        elif not name.startswith("_"):
            found.add(f"{module.__name__}.{name}")
    return found


def test_every_public_name_has_a_place():
    # Helpers of messages, which users have no need of.
    assert public(msclong) - documented() == {"msclong.errors.listing", "msclong.errors.warn"}
