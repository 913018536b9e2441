"""The reports that `make report` wrote, beside the pages: reports/*.html, which Markdown links to by that path.

Each has a picture beside it, reports/*.svg.
"""

from __future__ import annotations

import re
import shutil
import textwrap
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform

REPORTS = Path(__file__).resolve().parents[2] / "build" / "reports"
# Each report, and the figure that its picture shows.
NAMES = {"sjogren_msct": "forest", "hamd17": "means", "sleepstudy": "observed"}


class ReportLinks(SphinxPostTransform):
    """`[...](../reports/hamd17.html)` is no page of Sphinx's: the link stays as it is written."""

    default_priority = 8  # before MyST's own resolver

    def run(self, **kwargs: object) -> None:
        for node in list(self.document.findall(pending_xref)):
            target = node["reftarget"]
            if node["reftype"] == "myst" and re.fullmatch(r"(\.\./)*reports/\w+\.html(#.*)?", target):
                node.replace_self(nodes.reference("", "", *node.children, refuri=target))


def copy(app: Sphinx, error: Exception | None) -> None:
    """Put the reports into the site; raise ExtensionError for one that was not made."""
    if error is not None:
        return
    target = Path(app.outdir) / "reports"
    target.mkdir(exist_ok=True)
    for name, figure in NAMES.items():
        report = REPORTS / f"{name}.html"
        if not report.exists():
            raise ExtensionError(f"{report} is missing: run `make report` first.")
        shutil.copy(report, target)
        (target / f"{name}.svg").write_text(
            picture(report.read_text(encoding="utf-8"), figure), encoding="utf-8"
        )


def picture(html: str, key: str) -> str:
    """A report's title and one of its figures on a sheet of light paper, at whose lower edge the figure is cut."""
    lines = textwrap.wrap(re.search(r"<h1>(.*?)</h1>", html, re.DOTALL)[1].strip(), 42)
    title = "".join(f'<text x="20" y="{38 + 22 * i}">{line}</text>' for i, line in enumerate(lines))
    figure = re.search(r"<svg.*?</svg>", html[html.index(f'id="figure-{key}"') :], re.DOTALL)[0]
    top = 34 + 22 * len(lines)
    placed = f'<svg x="20" y="{top}" width="380" height="{300 - top}" preserveAspectRatio="xMinYMin slice" '
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 420 300">'
        '<rect width="420" height="300" fill="#ffffff"/><rect x="20" y="14" width="380" height="2.5" fill="#1d1d1b"/>'
        f'<g font-family="Palatino, Georgia, serif" font-size="17" font-weight="600" fill="#1d1d1b">{title}</g>'
        f'<g font-family="Helvetica, Arial, sans-serif">{figure.replace("<svg ", placed, 1)}</g></svg>'
    )


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_post_transform(ReportLinks)
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
