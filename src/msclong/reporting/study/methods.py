"""The methods of a study's report as a paragraph to paste, estimation by engine, and the literature."""

from __future__ import annotations

from collections.abc import Sequence

from msclong.contrasts.graphical import GraphicalProcedure
from msclong.reporting import citations, say
from msclong.reporting.analysis import LEVEL
from msclong.reporting.at_random import at_random, entered
from msclong.reporting.cautions import boundary, unused, used
from msclong.reporting.covariance_words import covariance_in_words
from msclong.reporting.methods import methods
from msclong.reporting.multiplicity import METHODS
from msclong.reporting.prior_words import priors_in_words
from msclong.reporting.record import Block, Bullets, Definitions, FoldOut, Paragraph, Section, Subheading
from msclong.reporting.references import REFERENCES
from msclong.reporting.study.declared import models
from msclong.reporting.study.hypotheses import adjusted, sides
from msclong.reporting.study.named import MOST_NAMED, named
from msclong.reporting.study.priors import prior_table
from msclong.reporting.study.responders import continuity
from msclong.reporting.study.results import OutcomeResult, StudyResult
from msclong.reporting.study.tables import family_name
from msclong.reporting.wording import listed, sentence, spoken
from msclong.reporting.words import words
from msclong.study.multiplicity import Multiplicity


def study_methods(found: StudyResult, others: Sequence[Section]) -> Section:
    """A paragraph over all outcomes, every model, and each engine's estimation, once for fits estimated alike.

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
            of = "" if len(described) == 1 else f"{named(outcomes, len(found.fitted))}: "
            items.append((engine, f"{of}{text}"))
        items += _priors(found, engine)
    cites |= _cites(found) | citations.named(" ".join(map(words, others)))
    blocks: list[Block] = [Paragraph(_paragraph(found)), models(found)]
    blocks += [Subheading("Estimation"), Definitions(tuple(items)), *prior_table(found)]
    if cites:
        texts = sorted(REFERENCES[key] for key in cites)
        blocks.append(FoldOut("References", (Bullets(tuple(texts)),)))
    return Section("model", "Methods", tuple(blocks))


def _priors(found: StudyResult, engine: str) -> list[tuple[str, str]]:
    """Priors in words, once for all outcomes that have the same."""
    described: dict[str, list[str]] = {}
    for one in found.fitted:
        fit = one.analyses[engine].first if engine in one.analyses else None
        if fit is not None and fit.priors is not None:
            described.setdefault(priors_in_words(fit.design, fit.priors).text, []).append(one.label)
    return [
        (
            f"Priors ({spoken(engine)})",
            text if len(described) == 1 else f"{named(outcomes, len(found.fitted))}: {text}",
        )
        for text, outcomes in described.items()
    ]


def _cites(found: StudyResult) -> set[str]:
    """Of covariances, priors and multiplicity."""
    cites: set[str] = set()
    for one in found.fitted:
        for analysis in one.analyses.values():
            cites |= set(covariance_in_words(analysis.design).cites)
            if analysis.first.priors is not None:
                cites |= set(priors_in_words(analysis.design, analysis.first.priors).cites)
    if found.frequentist is not None:
        done, plan = adjusted(found), found.study.plan.multiplicity
        made = [plan.within] * bool(done.several) + [_across(plan)] * bool(done.over)
        cites |= {key for method in made for key in METHODS[method][1]}
    return cites | {"ich"}


def _paragraph(found: StudyResult) -> str:
    """What was done, to paste into a manuscript."""
    note = f" {found.study.plan.note}" if found.study.plan.note else ""
    text = _fitted(found)
    if not found.fitted:
        return f"{text}{note}"
    text += " "
    text += _compared(found)
    engines = [spoken(engine) for engine in found.bayesian]
    text += (
        f"Models were fitted by the {listed(engines)} engine{'s' if len(engines) > 1 else ''} of msclong. "
    )
    if any(one.approximated for one in found.outcomes):
        text += "An engine without the family of an outcome fitted the approximation that the plan declares. "
    text += _fallbacks(found) + _boundaries(found)
    text += f"{entered(found.engines, 'entered')}, which is valid if others are missing {at_random(found.engines)}. "
    if found.frequentist is not None:
        text += f"{_adjustment(found)} "
        if told := sides(found, "were"):
            text += f"{told} "
    text += f"Intervals are two-sided, with {LEVEL:.0%} coverage each."
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
    return f"{text}{note}"


def _compared(found: StudyResult) -> str:
    """What the contrasts are of; nothing of outcomes without any."""
    arms = [
        one.label for one in found.fitted if one.rows and one.first is not None and len(one.first.arms) > 1
    ]
    alone = [one.label for one in found.fitted if one.rows and one.label not in arms]
    if arms and alone:
        of = len(found.fitted)
        return (
            f"Of {named(arms, of)}, arms were compared at each visit; of {named(alone, of)}, each visit was compared "
            "with baseline. "
        )
    if arms:
        return "Arms were compared at each visit. "
    return "Each visit was compared with baseline; there was no control group. " if alone else ""


def _fitted(found: StudyResult) -> str:
    """How many outcomes were fitted, of which families, and which were not."""
    families: dict[str, int] = {}
    for one in found.fitted:
        family = one.own.spec.family if one.own is not None else one.endpoint.spec.family
        families[family] = families.get(family, 0) + 1
    n, failed = len(found.fitted), [one.label for one in found.outcomes if not one.analyses]
    text = ""
    if n == 1:
        (family,) = families
        which = f", {found.fitted[0].label}," if failed else ""
        text = (
            f"One outcome{which} was analysed, with a longitudinal mixed model; its family was "
            f"{family_name(family)}. "
        )
    elif n:
        kinds = [f"{family_name(name)} ({say.count(n)})" for name, n in families.items()]
        text = (
            f"Each of {say.count(n)} outcomes was analysed with a longitudinal mixed model of its own; families were "
            f"{listed(kinds)}. "
        )
    if failed:
        which = f": {listed(failed)}" if len(failed) <= MOST_NAMED else ""
        every = len(found.outcomes)
        was = "was" if every == 1 else "were"
        text += (
            f"{say.counted(len(failed), 'outcome')} of {say.count(every, 'N')} that {was} declared could not be fitted "
            f"by any engine{which}. "
        )
    for engine in found.bayesian:
        if without := [one.label for one in found.fitted if engine not in one.analyses]:
            text += f"The {spoken(engine)} engine could not fit {named(without, len(found.outcomes))}. "
    return text.rstrip()


def _fallbacks(found: StudyResult) -> str:
    """Declared covariances that gave way to their alternatives."""
    told: dict[tuple[str, str], list[str]] = {}
    for one in found.fitted:
        for engine, analysis in one.analyses.items():
            if tried := unused(analysis):
                key = (listed([name for name, _ in tried]), used(analysis))
                told.setdefault(key, []).append(_fit(found, one, engine))
    if not told:
        return ""
    parts = [
        f"{other} instead of {names} for {named(fits, len(found.outcomes))}"
        for (names, other), fits in told.items()
    ]
    return (
        "Where a declared covariance could not be estimated, the alternative declared beforehand was used: "
        f"{'; '.join(parts)}. "
    )


def _boundaries(found: StudyResult) -> str:
    """Singular fits."""
    told: dict[str, list[str]] = {}
    for one in found.fitted:
        for engine, analysis in one.analyses.items():
            if analysis.first.outcome.singular:
                told.setdefault(boundary(analysis.first), []).append(_fit(found, one, engine))
    if not told:
        return ""
    parts = [f"for {named(fits, len(found.outcomes))} {what}" for what, fits in told.items()]
    return sentence(f"The covariance was singular: {'; '.join(parts)}") + " "


def _fit(found: StudyResult, one: OutcomeResult, engine: str) -> str:
    return one.label if len(found.bayesian) == 1 else f"{one.label} ({spoken(engine)})"


def _across(plan: Multiplicity) -> str:
    return "graphical" if isinstance(plan.across, GraphicalProcedure) else plan.across


def _adjustment(found: StudyResult) -> str:
    """What was done to p-values, as far as it was done."""
    plan, done = found.study.plan.multiplicity, adjusted(found)
    if not done.tested:
        return "No p-value was adjusted: no confirmatory outcome was tested."
    within = METHODS[plan.within][0].replace("the rows", "the contrasts")
    ways = done.ways(within, METHODS[_across(plan)][0].replace("the rows", "the outcomes"))
    if ways:
        gate = ", secondary outcomes after all primary ones" if done.gated else ""
        text = f"Confirmatory p-values were adjusted {', and '.join(ways)}{gate}."
    elif done.gated:
        text = "Secondary outcomes were tested only where every primary hypothesis was rejected."
    else:
        alone = (
            "one confirmatory hypothesis was tested"
            if len(done.tested) == 1
            else "each role had one hypothesis"
        )
        return f"No p-value was adjusted: {alone}."
    if done.kept:
        which = named([one.label for one in done.kept], len(found.outcomes))
        text += f" In this, {which} could not be tested and counted with a p-value of 1."
    return text
