"""`ml.report()`: fits in, a record of the whole report out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from msclong.errors import SpecError
from msclong.reporting import comparisons, html
from msclong.reporting.analysis import Analysis, analysis
from msclong.reporting.numbering import numbered
from msclong.reporting.record import Document, Section
from msclong.reporting.sections.agreement import agreement
from msclong.reporting.sections.answer import answer
from msclong.reporting.sections.coefficients import coefficients
from msclong.reporting.sections.covariance import covariance
from msclong.reporting.sections.diagnostics import diagnostics
from msclong.reporting.sections.effects import contrasts_section, means_section
from msclong.reporting.sections.model import model
from msclong.reporting.sections.observed import observed
from msclong.reporting.sections.participants import participants
from msclong.reporting.sections.question import question
from msclong.reporting.sections.reproducibility import reproducibility
from msclong.reporting.stamp import WORD, stamped
from msclong.reporting.study.published import Published
from msclong.reporting.study.results import study_result
from msclong.reporting.study.study_report import study_sections, study_subtitle
from msclong.reporting.wording import counted, listed, spoken
from msclong.results.fit import Fit
from msclong.results.hypothesis_table import Adjustment
from msclong.study.study_fit import StudyFit


@dataclass(frozen=True, eq=False)
class Report(Document):
    """A report as a frozen record (sections, tables, figures, text) that can write itself."""

    def to_html(self, path: str | Path) -> Path:
        """Write one self-contained HTML file (no network, no JavaScript); folders are made. Returns its path."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(html.render(self), encoding="utf-8")
        return target


def report(
    fits: Fit | Sequence[Fit] | StudyFit,
    title: str | None = None,
    *,
    adjust: Adjustment = None,
    family: str | Sequence[str] | None = None,
    published: Published | None = None,
) -> Report:
    """Report one model of one outcome, fitted by one engine or by several; or a study of many outcomes.

    Parameters
    ----------
    fits : Fit, or a sequence of Fits of the same ModelSpec to the same data by different engines; or a StudyFit
        The first one (of a study, its first engine) leads: its means and residuals are drawn, the others stand
        beside it.
    title : str, optional
        Heading of the report; the outcome's label, or the title of the study's plan, if not given.
    adjust, family
        Multiplicity of the contrasts, as `Fit.contrasts` takes it: their table then has adjusted p-values and, where
        they exist, simultaneous intervals beside the unadjusted ones (frequentist fits). A study's is in its plan.
    published : table of `msclong.published.audit`, or what it takes
        With a study: the audit of what a paper printed, as a section of its own.

    Data whose table is marked `attrs["synthetic"]` are stamped so on top of the page, on each table and each figure.

    Returns
    -------
    Report : call `.to_html(path)` to write it.

    Raises
    ------
    SpecError
        There is no fit, the fits are of different specs or data, `adjust` is asked of posteriors alone, or an argument
        is not for what is reported.
    HypothesisError
        `adjust` or `family` is unknown.
    DataError
        `published` is no audit.
    """
    created = datetime.now().astimezone()
    if isinstance(fits, StudyFit):
        if adjust is not None or family is not None:
            raise SpecError("The multiplicity of a study is declared in its plan: ml.Multiplicity(...).")
        found = study_result(fits)
        sections, made_up = study_sections(found, published, created), fits.synthetic
        heading, subtitle = title or fits.plan.title or "Study", study_subtitle(found)
    else:
        if published is not None:
            raise SpecError("published is for the report of a study; leave it out.")
        given = analysis(fits, adjust, family)
        sections, made_up = _sections(given, created), given.first.synthetic
        heading, subtitle = title or given.names.outcome, _subtitle(given)
    if made_up:
        sections = stamped(sections, WORD)
    return Report(heading, subtitle, numbered(sections), created, made_up or "")


def _sections(given: Analysis, created: datetime) -> list[Section]:
    means, contrasts = comparisons.means(given), comparisons.contrasts(given)
    sections = [
        answer(given, contrasts),
        question(given),
        participants(given),
        model(given),
        means_section(given, means),
        contrasts_section(given, contrasts),
        observed(given),
        covariance(given),
        diagnostics(given, contrasts),
        agreement(given, contrasts),
        coefficients(given),
        reproducibility(given, created),
    ]
    return [section for section in sections if section is not None]


def _subtitle(given: Analysis) -> str:
    fit = given.first
    visits = f" at {counted(len(given.times), 'visit')}" if given.times and not given.continuous_time else ""
    return (
        f"Longitudinal mixed model of {counted(fit.n_obs, 'outcome')} of "
        f"{counted(fit.n_subjects, 'participant')}{visits}; {listed([spoken(name) for name in given.fits])} "
        f"{'analysis' if len(given.fits) == 1 else 'analyses'}"
    )
