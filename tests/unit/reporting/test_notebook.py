"""A report shows itself in a notebook's cell: the whole page, shut off from the notebook."""

from __future__ import annotations

from html.parser import HTMLParser

import msclong as ml
from msclong.reporting import html


def test_the_cell_holds_the_page_in_a_frame_of_its_own():
    report = ml.report(
        ml.fit("change ~ TRT * week + us(week | PATIENT)", ml.datasets.hamd17()), title='A "trial" & <more>'
    )
    frames = []

    class Frames(HTMLParser):
        def handle_starttag(self, tag, attrs):
            frames.append((tag, dict(attrs)))

    Frames().feed(report._repr_html_())
    ((tag, attributes),) = frames
    assert (tag, attributes["sandbox"], attributes["title"]) == (
        "iframe",
        "allow-scripts",
        'A "trial" & <more>',
    )
    assert attributes["srcdoc"] == html.render(report)
