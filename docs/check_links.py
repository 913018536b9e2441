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
    "image": "href",
    "use": "href",
    "embed": "src",
    "audio": "src",
    "track": "src",
}
NOT_FETCHED = {"canonical", "next", "prev", "search", "index", "author", "copyright"}
WORD = re.compile(r"[^\s\"'<>()]+")
REPOSITORY = re.escape(str(Path(__file__).resolve().parents[1]))
OF_A_MACHINE = re.compile(
    rf"site-packages|/tmp/|/home/|/Users/|[A-Z]:\\Users|{REPOSITORY}/(?:src|docs|build)/"
)
IN_STYLES = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


class Page(HTMLParser):
    """The ids of one page, its links, and what it fetches."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        text = path.read_text(encoding="utf-8")
        self.places = sorted({word for word in WORD.findall(text) if OF_A_MACHINE.search(word)})
        self.feed(text)
        for style in re.findall(r"<style[^>]*>(.*?)</style>", text, re.DOTALL):
            self.fetched += in_styles(style)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value is not None}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        self.fetched += in_styles(given.get("style", ""))
        self.fetched += [given[name] for name in ("poster", "xlink:href") if name in given and tag != "a"]
        # Of each candidate its address; commas within one, as of data:, have no space behind them.
        self.fetched += [one.split()[0] for one in re.split(r",\s+", given.get("srcset", "")) if one.strip()]
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif (name := FETCHED.get(tag)) in given and given.get("rel") not in NOT_FETCHED:
            self.fetched.append(given[name])


def in_styles(css: str) -> list[str]:
    return [first or second for first, second in IN_STYLES.findall(css)]


def problems(site: Path) -> Iterator[str]:
    """One sentence for each thing that is wrong, with the page it is on."""
    site = site.resolve()
    pages = {path: Page(path) for path in html_files(site)}
    for path, page in pages.items():
        here = path.relative_to(site)
        for link in page.links:
            target = urlsplit(link)
            if target.scheme or target.netloc:
                continue
            file = (path.parent / unquote(target.path)).resolve() if target.path else path
            file = file / "index.html" if file.is_dir() else file
            if not (file.is_relative_to(site) and file.exists()):
                yield f"{here}: {link} is not in the site"
            elif target.fragment and file in pages and unquote(target.fragment) not in pages[file].ids:
                yield f"{here}: {link} names no anchor of that page"
        yield from elsewhere(site, path, page.fetched)
        yield from (f"{here}: {place} is a path of the machine that built the site" for place in page.places)
    for path in sorted(site.rglob("*.css")):
        css = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        yield from elsewhere(site, path, in_styles(css))


def html_files(site: Path) -> list[Path]:
    """All pages; not the theme's templates."""
    return [path for path in sorted(site.rglob("*.html")) if "_static" not in path.relative_to(site).parts]


def elsewhere(site: Path, path: Path, fetched: list[str]) -> Iterator[str]:
    here = path.relative_to(site)
    for address in fetched:
        target = urlsplit(address)
        if target.scheme == "data" or (not target.scheme and not target.netloc and not target.path):
            continue
        if target.scheme or target.netloc:
            yield f"{here}: fetches {address} from a network"
            continue
        file = (path.parent / unquote(target.path)).resolve()
        if not (file.is_relative_to(site) and file.exists()):
            yield f"{here}: fetches {address}, which is not in the site"


def main() -> int:
    site = Path(sys.argv[1]).resolve()
    found = list(problems(site))
    print("\n".join(found) or f"links: all of {len(html_files(site))} pages are whole")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
