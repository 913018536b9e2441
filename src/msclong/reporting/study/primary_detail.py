"""Each primary outcome as a report of its own has it: its model, single participants, covariance, and every check."""

from __future__ import annotations

from dataclasses import replace

from msclong.reporting import comparisons, say
from msclong.reporting.analysis import Analysis
from msclong.reporting.covariance_words import covariance_in_words
from msclong.reporting.record import Block, Equation, Paragraph, Section, Subheading
from msclong.reporting.rekeyed import rekeyed
from msclong.reporting.sections.covariance import covariance
from msclong.reporting.sections.diagnostics import diagnostics
from msclong.reporting.sections.individuals import individuals
from msclong.reporting.sections.posterior_checks import posterior_checks
from msclong.reporting.study.answer import slug
from msclong.reporting.study.results import OutcomeResult, StudyResult
from msclong.reporting.wording import listed, spoken

MOST = 2
"""Primary outcomes that are told in detail."""


def primary_details(found: StudyResult) -> list[Section]:
    """A section for each of the first primary outcomes, its keys made its own."""
    outcomes = found.of_role("primary")
    return [_section(one, i, len(outcomes)) for i, one in enumerate(outcomes[:MOST])]


def _section(one: OutcomeResult, place: int, of: int) -> Section:
    key, suffix = f"detail-{slug(one.name)}", slug(one.name)
    given = together(one)
    blocks: list[Block] = []
    if place == 0 and of > MOST:
        text = f"In detail are the first {say.count(MOST)} of {say.count(of, 'N')} primary outcomes."
        blocks.append(Paragraph(text, "note"))
    blocks += [*_model(one, given), *_parts(one, given)]
    title = "The primary outcome in detail" if of == 1 else f"In detail: {one.label}"
    parts = rekeyed(blocks, suffix, {"covariance": key}, one.label if of > 1 else "")
    return Section(key, title, parts, outcome=one.label)


def together(one: OutcomeResult) -> Analysis:
    """The outcome's own model with all engines that fitted it; approximations and fallbacks are other models."""
    own = one.own
    assert own is not None
    fits = [(engine, each.first) for engine, each in one.analyses.items()]
    return replace(own, fits={engine: fit for engine, fit in fits if fit.spec == own.first.spec})


def _model(one: OutcomeResult, given: Analysis) -> list[Block]:
    text = f"{covariance_in_words(given.design).text} How it was estimated is in [[section:model]]."
    if others := [engine for engine in one.analyses if engine not in given.fits]:
        text += (
            f" The {listed([spoken(engine) for engine in others])} fit is of another model and is not in this section, "
            "but for its posterior checks where there are no others."
        )
    return [Subheading("Model"), Equation(given.spec.equation()), Paragraph(text)]


def _parts(one: OutcomeResult, given: Analysis) -> list[Block]:
    contrasts = comparisons.contrasts(given)
    blocks: list[Block] = []
    if (single := individuals(given)) is not None:
        blocks += single.blocks
    blocks += [Subheading("Covariance within participants"), *covariance(given).blocks]
    blocks += [Subheading("Fit"), *diagnostics(given, contrasts).blocks]
    posterior = next(
        (each for each in (given, *one.analyses.values()) if any(map(each.bayesian, each.fits))), None
    )
    if posterior is not None:
        checks = posterior_checks(posterior, comparisons.contrasts(posterior))
        blocks += [] if checks is None else checks.blocks
    return blocks
