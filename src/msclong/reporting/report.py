"""`ml.report()`: fits in, a record of the whole report out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from msclong.errors import SpecError
from msclong.reporting import ard as results
from msclong.reporting import comparisons, html, say, writers
from msclong.reporting.analysis import Analysis, analysis
from msclong.reporting.cautions import noted, warned
from msclong.reporting.inline import plain
from msclong.reporting.notebook import framed
from msclong.reporting.numbering import numbered
from msclong.reporting.record import Document, Section
from msclong.reporting.sections.agreement import agreement
from msclong.reporting.sections.answer import answer
from msclong.reporting.sections.checklists import with_checklists
from msclong.reporting.sections.coefficients import coefficients
from msclong.reporting.sections.covariance import covariance
from msclong.reporting.sections.deviations import deviations
from msclong.reporting.sections.diagnostics import diagnostics
from msclong.reporting.sections.effects import contrasts_section, means_section
from msclong.reporting.sections.individuals import individuals
from msclong.reporting.sections.methods import methods_text
from msclong.reporting.sections.model import model
from msclong.reporting.sections.observed import observed
from msclong.reporting.sections.participants import participants
from msclong.reporting.sections.posterior_checks import posterior_checks
from msclong.reporting.sections.question import question
from msclong.reporting.sections.reproducibility import reproducibility
from msclong.reporting.sections.sensitivity import sensitivity
from msclong.reporting.stamp import WORD, stamped
from msclong.reporting.study.checks import noted_of, warned_of
from msclong.reporting.study.published import Published
from msclong.reporting.study.results import study_result
from msclong.reporting.study.study_report import study_sections, study_subtitle
from msclong.reporting.wording import listed, spoken
from msclong.reporting.writers import docx, files, markdown, pdf, rtf
from msclong.results.fit import Fit
from msclong.results.hypothesis_table import Adjustment
from msclong.spec.estimand import Estimand
from msclong.study.study_fit import StudyFit


@dataclass(frozen=True, eq=False, repr=False)
class Report(Document):
    """A report as a frozen record (sections, tables, figures, text) that can write itself."""

    def __repr__(self) -> str:
        counts = {"section": len(self.sections), "table": len(self.tables), "figure": len(self.figures)}
        held = ", ".join(f"{n} {what}{'s' * (n != 1)}" for what, n in counts.items())
        return (
            f"Report {plain(self.title)!r}: {held}; made {self.created:%Y-%m-%d %H:%M}.\n"
            "Write it: .save('report.html'), or another suffix: "
            f"{', '.join(suffix for suffix in writers.by_suffix if suffix not in ('.html', '.htm'))}."
        )

    def to_html(self, path: str | Path) -> Path:
        """Write one self-contained HTML file: no network, complete without JavaScript. Returns its path."""
        return files.write(path, html.render(self))

    def _repr_html_(self) -> str:
        return framed(self)

    def to_markdown(self, path: str | Path) -> Path:
        """Write Markdown as GitHub reads it; figures as SVG in `<stem>_files` beside it. Returns its path."""
        return markdown.write(self, path)

    def to_docx(self, path: str | Path) -> Path:
        """Write a Word document with its own captions and contents (extra `office`). Returns its path."""
        return docx.write(self, path)

    def to_rtf(self, path: str | Path) -> Path:
        """Write the tables as one RTF file, or one each if `path` is a folder (extra `office`). Returns the path."""
        return rtf.write(self, path)

    def to_pdf(self, path: str | Path, *, browser: str | Path | None = None) -> Path:
        """Print the HTML with headless Chromium, found on PATH or at `browser`. Returns its path."""
        return pdf.write(self, path, browser)

    def save(self, path: str | Path) -> Path:
        """Write what the suffix says: .html, .md, .docx, .rtf, .pdf; .parquet, .csv or .json for the ARD."""
        written: Path = getattr(self, writers.method_for(path))(path)
        return written

    def ard(self) -> pd.DataFrame:
        """Every statistic of the report once, a row each, as R's {cards} has them (`msclong.reporting.ard.ard`)."""
        return results.ard(self)

    def to_ard(self, path: str | Path) -> Path:
        """Write the ARD at full precision: Parquet, CSV or JSON by the suffix. Returns its path.

        Raises SpecError for another suffix. See `msclong.reporting.ard.write`.
        """
        return results.write(results.ard(self), path)


def report(
    fits: Fit | Sequence[Fit] | StudyFit,
    title: str | None = None,
    *,
    adjust: Adjustment = None,
    family: str | Sequence[str] | None = None,
    published: Published | None = None,
    estimand: Estimand | None = None,
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
    estimand : ml.Estimand, optional
        What is to be estimated, in the attributes of ICH E9(R1). A study's are in its plan.

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

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import msclong as ml
    >>> fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy())
    >>> report = ml.report(fit, title="Sleep and reaction time")
    >>> report.to_html(Path(tempfile.mkdtemp()) / "report.html").name
    'report.html'
    """
    created = datetime.now().astimezone()
    if isinstance(fits, StudyFit):
        if adjust is not None or family is not None:
            raise SpecError("The multiplicity of a study is declared in its plan: ml.Multiplicity(...).")
        if estimand is not None:
            raise SpecError(
                "The estimands of a study are declared in its plan: ml.Endpoint(..., estimand=...)."
            )
        found = study_result(fits)
        sections, made_up = study_sections(found, published, created), fits.synthetic
        heading, subtitle = title or fits.plan.title or "Study", study_subtitle(found)
        outcome, warnings, notes = "", warned_of(found), noted_of(found)
    else:
        if published is not None:
            raise SpecError("published is for the report of a study; leave it out.")
        given = analysis(fits, adjust, family, estimand)
        sections, made_up = _sections(given, created), given.first.synthetic
        heading, subtitle = title or given.names.outcome, _subtitle(given)
        outcome = given.names.outcome
        warnings, notes = warned(given, outcome), noted(given, outcome)
    if made_up:
        sections = stamped(sections, WORD)
    stamp = made_up or ""
    return Report(
        heading, subtitle, numbered(sections), created, stamp, outcome, tuple(warnings), tuple(notes)
    )


def _sections(given: Analysis, created: datetime) -> list[Section]:
    means, contrasts = comparisons.means(given), comparisons.contrasts(given)
    sections = [
        answer(given, contrasts),
        question(given),
        participants(given),
        model(given),
        means_section(given, means),
        contrasts_section(given, contrasts),
        agreement(given, contrasts),
        observed(given),
        individuals(given),
        covariance(given),
        coefficients(given),
        sensitivity(given, contrasts),
        diagnostics(given, contrasts),
        posterior_checks(given, contrasts),
        deviations(given),
    ]
    found = [section for section in sections if section is not None]
    found += [methods_text(given, contrasts, found), reproducibility(given, created)]
    posterior = any(map(given.bayesian, given.fits))
    return with_checklists(found, created, len(given.arms) > 1, posterior)


def _subtitle(given: Analysis) -> str:
    fit = given.first
    planned = given.times and not given.continuous_time
    visits = f" at {say.counted(len(given.times), 'visit', stat='n.visits')}" if planned else ""
    return (
        f"Longitudinal mixed model of {say.counted(fit.n_obs, 'outcome', stat='n.obs')} of "
        f"{say.counted(fit.n_subjects, 'participant')}{visits}; {listed([spoken(name) for name in given.fits])} "
        f"{'analysis' if len(given.fits) == 1 else 'analyses'}"
    )
