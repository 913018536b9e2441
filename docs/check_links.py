"""`check_links.py SITE`: no broken link or anchor inside the site, nothing that a page would fetch elsewhere,
and no path of the machine that built it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches when it opens the page; a link (<a>) is followed by the reader alone.
FETCHED = {
    "script": "src",
    "img": "src",
    "link": "href",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "object": "data",
}
NOT_FETCHED = {"canonical", "next", "prev", "search", "index", "author", "copyright"}
OF_A_MACHINE = re.compile(r"[^\s\"'<>()]*(?:site-packages|/tmp/|/home/|/Users/|[A-Z]:\\Users)[^\s\"'<>()]*")
IN_STYLES = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


class Page(HTMLParser):
    """The ids of one page, its links, and what it fetches."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        text = path.read_text(encoding="utf-8")
        self.places = sorted(set(OF_A_MACHINE.findall(text)))
        self.feed(text)
        for style in re.findall(r"<style[^>]*>(.*?)</style>", text, re.DOTALL):
            self.fetched += in_styles(style)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value is not None}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif (name := FETCHED.get(tag)) in given and given.get("rel") not in NOT_FETCHED:
            self.fetched.append(given[name])


def in_styles(css: str) -> list[str]:
    return [first or second for first, second in IN_STYLES.findall(css)]


def problems(site: Path) -> Iterator[str]:
    """One sentence for each thing that is wrong, with the page it is on."""
    pages = {path: Page(path) for path in html_files(site)}
    for path, page in pages.items():
        here = path.relative_to(site)
        for link in page.links:
            target = urlsplit(link)
            if target.scheme or target.netloc:
                continue
            file = (path.parent / unquote(target.path)).resolve() if target.path else path
            file = file / "index.html" if file.is_dir() else file
            if not file.exists():
                yield f"{here}: {link} is not in the site"
            elif target.fragment and file in pages and unquote(target.fragment) not in pages[file].ids:
                yield f"{here}: {link} names no anchor of that page"
        yield from elsewhere(here, page.fetched, path.parent)
        yield from (f"{here}: {place} is a path of the machine that built the site" for place in page.places)
    for path in sorted(site.rglob("*.css")):
        css = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        yield from elsewhere(path.relative_to(site), in_styles(css), path.parent)


def html_files(site: Path) -> list[Path]:
    """All pages; not the theme's templates."""
    return [path for path in sorted(site.rglob("*.html")) if "_static" not in path.relative_to(site).parts]


def elsewhere(here: Path, fetched: list[str], folder: Path) -> Iterator[str]:
    for address in fetched:
        target = urlsplit(address)
        if target.scheme == "data" or (not target.scheme and not target.netloc and not target.path):
            continue
        if target.scheme or target.netloc:
            yield f"{here}: fetches {address} from a network"
        elif not (folder / unquote(target.path)).exists():
            yield f"{here}: fetches {address}, which is not in the site"


def main() -> int:
    site = Path(sys.argv[1]).resolve()
    found = list(problems(site))
    print("\n".join(found) or f"links: all of {len(html_files(site))} pages are whole")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
