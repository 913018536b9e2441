"""Render docs/*.md and the reports of build/reports as a static site in build/docs."""

import shutil
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

HERE = Path(__file__).parent
BUILD = HERE.parent / "build"
SITE = BUILD / "docs"

PAGES = {
    "index": "Start here",
    "covariance": "Covariance",
    "contrasts": "Contrasts",
    "study": "Studies",
    "bayesian": "Bayesian",
    "families": "Families",
    "joint": "Several outcomes",
    "methods": "Methods",
    "priors": "Priors",
    "checking": "Checking",
    "published": "Published figures",
    "single_arm": "Single-arm trials",
    "validation": "Validation",
    "data": "Data",
}

TEMPLATE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - msclong</title>
<style>
  :root {{ color-scheme: light dark; --ink: light-dark(#1d2530, #dde3ea); --paper: light-dark(#fff, #14181d);
    --quiet: light-dark(#5b6775, #95a1af); --line: light-dark(#dde2e8, #2c343d);
    --tint: light-dark(#f4f6f8, #1c2229); --link: light-dark(#0b5cad, #7db8f2); }}
  body {{ margin: 0 auto; padding: 1.5rem; max-width: 46rem; font: 1rem/1.6 system-ui, sans-serif;
    color: var(--ink); background: var(--paper); }}
  nav {{ display: flex; flex-wrap: wrap; gap: 1.2rem; padding-bottom: .8rem; border-bottom: 1px solid var(--line); }}
  nav a {{ color: var(--quiet); text-decoration: none; }}
  nav a[aria-current] {{ color: var(--ink); font-weight: 600; }}
  a {{ color: var(--link); }}
  h1, h2, h3 {{ line-height: 1.25; margin: 2.2rem 0 .6rem; }}
  pre {{ overflow-x: auto; padding: .8rem 1rem; background: var(--tint); border-radius: 6px; }}
  code {{ font: .9em/1.5 ui-monospace, monospace; }}
  :not(pre) > code {{ padding: .1em .3em; background: var(--tint); border-radius: 4px; }}
  img {{ max-width: 100%; }}
  table {{ display: block; overflow-x: auto; border-collapse: collapse; }}
  th, td {{ padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line); text-align: left;
    vertical-align: top; }}
</style>
<nav>{navigation}</nav>
<main>
{body}</main>
</html>
"""


def page(name: str, title: str) -> str:
    markdown = MarkdownIt("commonmark").enable("table")
    tokens = markdown.parse((HERE / f"{name}.md").read_text(encoding="utf-8"))
    for token in tokens:
        link_to_html(token)
    body = markdown.renderer.render(tokens, markdown.options, {})
    return TEMPLATE.format(title=title, navigation=navigation(name), body=body)


def link_to_html(token: Token) -> None:
    """Point links at other pages to what is rendered from them: methods.md -> methods.html."""
    for child in token.children or []:
        target = child.attrGet("href")
        if isinstance(target, str) and target.removesuffix(".md") in PAGES:
            child.attrSet("href", target.removesuffix(".md") + ".html")


def navigation(current: str) -> str:
    return "\n".join(
        f'<a href="{name}.html"{" aria-current=page" if name == current else ""}>{title}</a>'
        for name, title in PAGES.items()
    )


def main() -> None:
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.copytree(BUILD / "reports", SITE / "reports")
    shutil.copytree(HERE / "figures", SITE / "figures")
    for name, title in PAGES.items():
        (SITE / f"{name}.html").write_text(page(name, title), encoding="utf-8")
    print(f"wrote {SITE / 'index.html'}")


if __name__ == "__main__":
    main()
