"""The sections of a study's report, in the order in which they are read."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from msclong.reporting import say
from msclong.reporting.record import FoldOut, Section, Table
from msclong.reporting.sections.checklists import with_checklists
from msclong.reporting.study.agreement import agreement
from msclong.reporting.study.answer import answer
from msclong.reporting.study.changes import others, primary
from msclong.reporting.study.checks import checks
from msclong.reporting.study.declared import declared
from msclong.reporting.study.design_limits import design_limits
from msclong.reporting.study.estimands import estimands
from msclong.reporting.study.methods import study_methods
from msclong.reporting.study.multiplicity import multiplicity
from msclong.reporting.study.patients import patients
from msclong.reporting.study.primary_detail import primary_details
from msclong.reporting.study.published import Published, audited, in_brief, published
from msclong.reporting.study.reproducibility import reproducibility, synthetic
from msclong.reporting.study.responders import responders
from msclong.reporting.study.results import StudyResult
from msclong.reporting.study.sensitivity import sensitivity
from msclong.reporting.study.standardised import standardised
from msclong.reporting.wording import listed, spoken

MOST_ROWS = 60
"""Longer tables are folded away."""

RESULTS = ("primary", "others")
"""Sections whose tables stay open."""


def study_sections(found: StudyResult, printed: Published | None, created: datetime) -> list[Section]:
    """Every section that has something to say. Raises SpecError or DataError for `printed` that is no audit."""
    labels = {one.name: one.label for one in found.outcomes}
    table = None if printed is None else audited(printed)
    before = [
        answer(found, None if table is None else in_brief(table, labels)),
        design_limits(found),
        estimands(found),
        declared(found),
        patients(found),
        primary(found),
        others(found),
        standardised(found),
        multiplicity(found),
        responders(found),
        *primary_details(found),
        agreement(found),
        checks(found),
        sensitivity(found),
        None if table is None else published(table, labels),
    ]
    after = [synthetic(found), reproducibility(found, created, table is not None)]
    told = [section for section in (*before, *after) if section is not None]
    sections = [*before, study_methods(found, told), *after]
    folded = [_folded(section) for section in sections if section is not None]
    return with_checklists(folded, created, found.arms, any(found.bayesian.values()))


def _folded(section: Section) -> Section:
    """The section with its long tables folded away, but for those that hold the results."""
    blocks = tuple(
        FoldOut(f"{block.caption} ({say.counted(len(block.rows), 'row')})", (block,))
        if isinstance(block, Table) and len(block.rows) > MOST_ROWS and section.key not in RESULTS
        else block
        for block in section.blocks
    )
    return replace(section, blocks=blocks)


def study_subtitle(found: StudyResult) -> str:
    """'14 outcomes of up to 24 patients, single arm; frequentist and Bayesian analyses'."""
    n = max((one.first.first.n_subjects for one in found.outcomes if one.first is not None), default=0)
    arms = max((len(one.first.arms) for one in found.outcomes if one.first is not None), default=0)
    design = say.counted(arms, "arm") if found.arms else "single arm"
    text = f"{say.counted(len(found.outcomes), 'outcome')} of {say.counted(n, 'patient')}, {design}"
    engines = [spoken(engine) for engine in found.bayesian]
    return f"{text}; {listed(engines)} {'analysis' if len(engines) == 1 else 'analyses'}" if engines else text
