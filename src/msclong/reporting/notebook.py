"""A report in a cell of a notebook: the page itself, in a frame of its own."""

from __future__ import annotations

from html import escape

from msclong.reporting import html
from msclong.reporting.record import Document

HEIGHT = "min(80vh, 900px)"


def framed(document: Document) -> str:
    """An iframe with the whole page; its style and script stay within it, and it may reach nothing outside."""
    page = escape(html.render(document))
    return (
        f'<iframe title="{escape(document.title)}" srcdoc="{page}" sandbox="allow-scripts" '
        f'style="width:100%;height:{HEIGHT};min-height:480px;border:1px solid rgba(128,128,128,.4)"></iframe>'
    )
