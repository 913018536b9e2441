"""Docstrings as they are written here: NumPy's sections, and bare names (`Fit`, SpecError) as references."""

from __future__ import annotations

import re

from docutils.nodes import Element
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext.napoleon import Config, NumpyDocstring
from sphinx.util.nodes import make_refnode

# Types of parameters are sentences ("Fit, or a sequence of Fits ..."), not names to be looked up.
SETTINGS = Config(napoleon_use_param=False, napoleon_use_rtype=False)


# What is not prose: examples up to the next empty line, and code.
CODE = r"^ *>>>(?:.*\n)+?(?=\s*\n|\Z)|``[^`]+``|`[^`]+`"


class Sections(NumpyDocstring):
    """NumPy's sections, of which Returns is prose, whose first colon ends no type."""

    def _parse_returns_section(self, section: str) -> list[str]:
        return self._format_block(":returns: ", self._dedent(self._consume_to_next_section()))


def sections(
    app: Sphinx, what: str, name: str, documented: object, options: object, lines: list[str]
) -> None:
    """What sphinx.ext.napoleon does, except that it takes a property's text up to a colon for its type; |x| is |x|."""
    text = re.sub(
        rf"{CODE}|\|", lambda found: r"\|" if found[0] == "|" else found[0], "\n".join(lines), flags=re.M
    )
    kind = "method" if what in ("attribute", "property") else what
    paragraphs = text.split("\n\n")
    # Two empty lines end a section.
    text = "\n\n".join(f"\n{one}" if is_prose(one) else one for one in paragraphs)
    found = Sections(text.split("\n"), SETTINGS, app, kind, name, documented, options).lines()
    lines[:] = re.sub(r"(?:^.+\n?)+", listed, "\n".join(found), flags=re.M).split("\n")


def is_prose(paragraph: str) -> bool:
    """Whether it is sentences, such as what is raised, that belong to no section, though one may stand before them."""
    lines = paragraph.split("\n")
    return paragraph.rstrip().endswith(".") and not any(re.match(r" |>>>|-+$|.* : ", line) for line in lines)


def listed(paragraph: re.Match[str]) -> str:
    """Fields, `name : what it is`, as a list, where a paragraph consists of them."""
    item = re.compile(r"(\w[\w, ]*) : (.*)", re.DOTALL)
    items = re.split(r"\n(?=\S)", paragraph[0].rstrip("\n"))
    if not all(map(item.fullmatch, items)):
        return paragraph[0]
    return "\n".join(item.sub(r"* **\1**: \2", one) for one in items) + "\n"


def signature(
    app: Sphinx,
    what: str,
    name: str,
    documented: object,
    options: object,
    arguments: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """`<factory>`, which stands for a dataclass's default, is no Python and would spoil the whole signature."""
    return arguments and arguments.replace("<factory>", "..."), returns


def resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: Element) -> Element | None:
    """The one documented object whose name ends so; else code: a backticked word, or the type of what has no page."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    objects = env.domains.python_domain.objects
    found = [name for name in objects if name == f"msclong.{target}"]
    found = found or [name for name in objects if name.endswith(f".{target}")]
    if not found and target.startswith("msclong."):  # where it is defined, not where it is documented
        last = target.rpartition(".")[2]
        found = [
            name for name in objects if name.rpartition(".")[2] == last and objects[name].objtype != "method"
        ]
    if len(found) == 1:
        entry = objects[found[0]]
        return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, content, found[0])
    return content if node["reftype"] == "obj" or target.startswith("msclong.") else None


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", sections)
    app.connect("autodoc-process-signature", signature)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
