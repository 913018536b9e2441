"""What was not done as declared: one answer for each way in which an analysis can depart from its plan."""

from __future__ import annotations

import re

from msclong.reporting.analysis import Analysis
from msclong.reporting.cautions import singular, unused, used
from msclong.reporting.inline import said
from msclong.reporting.record import Block, Bullets, Definitions, Paragraph, Section, Subheading
from msclong.reporting.wording import counted, listed, sentence, spoken

AGAIN = re.compile(r"A first run missed|The draws were too few|Importance sampling (failed|missed|with)")
"""How the notes of a fit begin that was run twice, or by another sampler than the first one tried."""

LEFT_OUT = re.compile(r"left out|left the model|no observed outcome|Nobody has an observed")
"""What notes say of rows, levels and subjects that the model does not have."""

FALLBACK = re.compile(r"Declared structure|The declared fallback")
"""Told from `outcome.fallback`."""

BOUNDARY = "The covariance lies on its boundary"


def deviations(analysis: Analysis) -> Section:
    """Structure, convergence, boundary, second attempts, data left out: the departure, or that there was none.

    What else the fits noted stands below.
    """
    fits = analysis.fits
    notes = list(dict.fromkeys(note for fit in fits.values() for note in fit.outcome.notes))
    advice = {check.advice for fit in fits.values() for check in fit.outcome.checks if not check.passed}
    items = (
        ("Covariance", _structure(analysis)),
        ("Convergence", _convergence(analysis)),
        ("Boundary", _boundary(analysis)),
        (
            "Second attempts",
            _told([note for note in notes if AGAIN.match(note)], "None: each fit is the first that was run."),
        ),
        ("Data", _data(analysis, [note for note in notes if LEFT_OUT.search(note)])),
    )
    told = (AGAIN.match, LEFT_OUT.search, FALLBACK.match)
    rest = [
        note
        for note in notes
        if not any(matches(note) for matches in told)
        and not note.startswith(BOUNDARY)
        and not any(note.endswith(text) for text in advice)
    ]
    none = not any((analysis.first.outcome.fallback, _departed(analysis), *(AGAIN.match(n) for n in notes)))
    text = (
        "No fallback was taken: every fit is the one that was declared, and met its criteria at the first attempt."
        if none
        else "Not all went as declared."
    )
    blocks: list[Block] = [Paragraph(text), Definitions(items)]
    if rest:
        blocks += [Subheading("What was noticed on the way"), Bullets(tuple(rest))]
    return Section("deviations", "Deviations and fallbacks", tuple(blocks))


def _departed(analysis: Analysis) -> bool:
    return any(not fit.outcome.converged or fit.outcome.singular for fit in analysis.fits.values())


def _structure(analysis: Analysis) -> str:
    tried = unused(analysis)
    if tried:
        reasons = " ".join(sentence(reason) for _, reason in tried)
        names = listed([name for name, _ in tried])
        return (
            f"{sentence(used(analysis))[:-1]}, in place of {names}, which could not be estimated. {reasons}"
        )
    if analysis.spec.parsed.structure is None:
        return f"As declared: random effects{'' if analysis.design.conditional else ' with independent residuals'}."
    declared = (
        " There were alternatives in case it could not be estimated." if analysis.spec.fallbacks() else ""
    )
    return f"As declared first: {used(analysis)}.{declared}"


def _convergence(analysis: Analysis) -> str:
    texts = [
        f"The {spoken(name)} fit missed its criteria"
        f"{': ' + '; '.join(missed) if (missed := [c.finding for c in fit.outcome.checks if not c.passed]) else ''}."
        for name, fit in analysis.fits.items()
        if not fit.outcome.converged
    ]
    met = (
        "Every fit met its engine\u2019s criteria"
        if len(analysis.fits) > 1
        else "The fit met its engine\u2019s criteria"
    )
    return _told(texts, f"{met} ([[table:convergence]]).")


def _boundary(analysis: Analysis) -> str:
    texts = [singular(spoken(name), fit) for name, fit in analysis.fits.items() if fit.outcome.singular]
    return _told(texts, "No variance was estimated as zero, and no correlation as one.")


def _data(analysis: Analysis, notes: list[str]) -> str:
    rows = len(analysis.data.frame)
    gone = rows - analysis.first.n_obs
    were = "was" if gone == 1 else "were"
    text = (
        "Every row of the table has an outcome and is in the model."
        if gone == 0
        else f"{said(counted(gone, 'row'), gone, 'n')} of {said(f'{rows:,}', rows, 'n')} had no outcome and {were} "
        "left out; every other row is in the model."
    )
    return " ".join([text, *map(sentence, notes)])


def _told(texts: list[str], otherwise: str) -> str:
    return " ".join(map(sentence, texts)) or otherwise
