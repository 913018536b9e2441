"""The methods of a study's report as a paragraph to paste, estimation by engine, and the literature."""

from __future__ import annotations

from collections.abc import Sequence

from msclong.contrasts.graphical import GraphicalProcedure
from msclong.reporting import say
from msclong.reporting.analysis import LEVEL
from msclong.reporting.at_random import at_random, entered
from msclong.reporting.citations import named
from msclong.reporting.covariance_words import covariance_in_words
from msclong.reporting.methods import methods, priors_in_words
from msclong.reporting.multiplicity import METHODS
from msclong.reporting.record import Block, Bullets, Definitions, Paragraph, Section, Subheading
from msclong.reporting.references import REFERENCES
from msclong.reporting.study.responders import continuity
from msclong.reporting.study.results import StudyResult
from msclong.reporting.study.tables import family_name
from msclong.reporting.wording import listed, spoken
from msclong.reporting.words import words
from msclong.study.endpoint import CONFIRMATORY

MOST_NAMED = 8
"""Outcomes with one description are named up to so many."""


def study_methods(found: StudyResult, others: Sequence[Section]) -> Section:
    """A paragraph over all outcomes, then each engine's estimation, once for all fits that were estimated alike.

    others : the report's other sections; what they cite is among the references.
    """
    items: list[tuple[str, str]] = []
    cites: set[str] = set()
    for engine in found.bayesian:
        described: dict[str, list[str]] = {}
        for one in found.fitted:
            if engine in one.analyses:
                told = methods(one.analyses[engine].first, figures=False)
                described.setdefault(told.text, []).append(one.label)
                cites |= set(told.cites)
        for text, outcomes in described.items():
            of = "" if len(described) == 1 else f"{_named(outcomes, len(found.fitted))}: "
            items.append((engine, f"{of}{text}"))
        items += _priors(found, engine)
    cites |= _cites(found) | named(" ".join(map(words, others)))
    blocks: list[Block] = [Paragraph(_paragraph(found)), Subheading("Estimation"), Definitions(tuple(items))]
    if cites:
        texts = sorted(REFERENCES[key] for key in cites)
        blocks += [Subheading("References"), Bullets(tuple(texts))]
    return Section("model", "Methods", tuple(blocks))


def _priors(found: StudyResult, engine: str) -> list[tuple[str, str]]:
    """Priors in words, once for all outcomes that have the same."""
    described: dict[str, list[str]] = {}
    for one in found.fitted:
        fit = one.analyses[engine].first if engine in one.analyses else None
        if fit is not None and fit.priors is not None:
            described.setdefault(priors_in_words(fit.design, fit.priors.index).text, []).append(one.label)
    return [
        (
            f"Priors ({spoken(engine)})",
            text if len(described) == 1 else f"{_named(outcomes, len(found.fitted))}: {text}",
        )
        for text, outcomes in described.items()
    ]


def _named(outcomes: list[str], of: int) -> str:
    return (
        listed(outcomes)
        if len(outcomes) <= MOST_NAMED
        else f"{say.count(len(outcomes))} of {say.count(of, 'N')} outcomes"
    )


def _cites(found: StudyResult) -> set[str]:
    """Of covariances, priors and multiplicity."""
    cites: set[str] = set()
    for one in found.fitted:
        for analysis in one.analyses.values():
            cites |= set(covariance_in_words(analysis.design).cites)
            if analysis.first.priors is not None:
                cites |= set(priors_in_words(analysis.design, analysis.first.priors.index).cites)
    plan = found.study.plan.multiplicity
    if found.frequentist is not None and any(role in CONFIRMATORY for role in found.roles):
        across = "graphical" if isinstance(plan.across, GraphicalProcedure) else plan.across
        cites |= {key for method in (plan.within, across) for key in METHODS[method][1]}
    return cites | {"ich"}


def _paragraph(found: StudyResult) -> str:
    """What was done, to paste into a manuscript."""
    families: dict[str, int] = {}
    for one in found.outcomes:
        families[one.endpoint.spec.family] = families.get(one.endpoint.spec.family, 0) + 1
    kinds = [f"{family_name(name)} ({say.count(n)})" for name, n in families.items()]
    count = say.counted(len(found.outcomes), "outcome")
    text = f"Each of {count} was analysed with a longitudinal mixed model of its own; families were {listed(kinds)}. "
    if found.arms:
        text += "Arms were compared at each visit. "
    else:
        text += "Each visit was compared with baseline; there was no control group. "
    engines = [spoken(engine) for engine in found.bayesian]
    text += (
        f"Models were fitted by the {listed(engines)} engine{'s' if len(engines) > 1 else ''} of msclong. "
    )
    if any(one.approximated for one in found.outcomes):
        text += "An engine without the family of an outcome fitted the approximation that the plan declares. "
    text += f"{entered(found.engines, 'entered')}, which is valid if others are missing {at_random(found.engines)}. "
    if found.frequentist is not None:
        plan = found.study.plan.multiplicity
        across = "graphical" if isinstance(plan.across, GraphicalProcedure) else plan.across
        if any(role in CONFIRMATORY for role in found.roles):
            text += (
                f"Confirmatory p-values were adjusted within outcomes by {METHODS[plan.within][0]}, and over outcomes "
                f"by {METHODS[across][0]}"
            )
            gated = plan.gatekeeping == "serial" and across != "graphical"
            both = all(role in found.roles for role in CONFIRMATORY)
            text += ", secondary outcomes after all primary ones. " if gated and both else ". "
    text += f"Intervals have {LEVEL:.0%} coverage each."
    if found.posterior is not None:
        text += (
            " Probabilities of improvement, and of a change beyond the margin, are posterior probabilities."
        )
    if corrected := [
        one.label for one in found.outcomes if any(continuity(one, name) for name in one.analyses)
    ]:
        text += (
            f" Probabilities of a responder in {listed(corrected)}, scored in steps but modelled as continuous, have "
            "half a step as correction for continuity."
        )
    return f"{text} {found.study.plan.note}" if found.study.plan.note else text
