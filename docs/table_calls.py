"""Runs what a page says of msclong's calls outside its cells, so that a wrong name fails the build."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msclong.errors import MsclongError

CALLS = {
    "ddf": "ml.fit(spec, trial, engine=ml.Frequentist({}))",
    "vcov": "ml.fit(spec, trial, engine=ml.Frequentist({}, ddf='satterthwaite'))",
    "weights": "fit.means(by=['TRT', 'week'], {})",
    "at": "fit.means(by=['TRT', 'week'], {})",
    "versus": "fit.contrasts(factor='TRT', by='week', {})",
    "kind": "fit.contrasts(factor='week', by='TRT', {})",
    "adjust": "fit.contrasts(**arms, {})",
    "family": "fit.contrasts(kind='pairwise', factor='week', by='TRT', adjust='mvt', {})",
    "method": "ml.variance_intervals(fit, {})",
    "strategy": "sensitivity.reference_based(fit, {})",
    "inference": "sensitivity.reference_based(fit, 'J2R', {})",
}
"""Where an argument that stands alone is tried."""

STRUCTURES = re.compile(r"[a-z_0-9]+( [a-z_0-9]+)+")
TERM = re.compile(r"(\w+)?\([^()]*\|[^()]*\)( \+ .*)?")


def run(page: str, fits: Sequence[Any], known: Mapping[str, Any]) -> None:
    """Evaluate each code of the page's msclong columns, and each `ml.`, `fit.` or `sensitivity.` in its text.

    `fit` is each of the fits in turn until one takes the call. Raises RuntimeError: with every call that no fit takes.
    """
    text = (Path(__file__).parent / page).read_text(encoding="utf-8")
    failed = []
    for call in dict.fromkeys([*in_columns(text), *in_sentences(text)]):
        tried = []
        for fit in fits:
            try:
                eval(call, {**known, "fit": fit})
            except (MsclongError, TypeError, AttributeError, NameError, SyntaxError, ValueError) as error:
                tried.append(f"{type(error).__name__}: {error}")
            else:
                break
        else:
            failed.append(f"{call}: {tried}")
    if failed:
        raise RuntimeError("\n".join(failed))


def in_columns(text: str) -> Iterator[str]:
    """The codes of columns headed msclong, as calls."""
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        head, _, *rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table.splitlines()]
        column = [name.strip() for name in head].index("msclong")
        for row in rows:
            argument = ""
            for code in re.findall(r"`([^`]+)`", row[column].replace("\\|", "|")):
                argument = code.partition("=")[0] if re.match(r"\w+=", code) else argument
                yield from calls(code, argument)


def calls(code: str, argument: str) -> Iterator[str]:
    """argument : the last one named in the same cell; a text alone is another value of it."""
    if TERM.fullmatch(code):
        yield f"ml.ModelSpec({'change ~ TRT * week + ' + code!r})"
    elif STRUCTURES.fullmatch(code):
        for structure in code.split():
            yield f"ml.ModelSpec('change ~ TRT * week + {structure}(week | PATIENT)')"
    elif re.match(r"\w+=", code):
        yield CALLS[argument].format(code)
    elif code.startswith('"'):
        yield CALLS[argument].format(f"{argument}={code}")
    else:
        yield code


def in_sentences(text: str) -> Iterator[str]:
    """Calls and names that begin with a module of ours or with `fit`."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"(?<!`)`((?:ml|fit|sensitivity)\.[^`]+)`", prose.replace("\\|", "|"))
