"""`ml.report()`: fits in, a record of the whole report out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

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
from msclong.reporting.wording import counted, listed, spoken
from msclong.results.fit import Fit
from msclong.results.hypothesis_table import Adjustment


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
    fits: Fit | Sequence[Fit],
    title: str | None = None,
    *,
    adjust: Adjustment = None,
    family: str | Sequence[str] | None = None,
) -> Report:
    """Report one model of one outcome, fitted by one engine or by several.

    Parameters
    ----------
    fits : Fit, or a sequence of Fits of the same ModelSpec to the same data by different engines
        The first one leads: its means and residuals are drawn, the others stand beside it.
    title : str, optional
        Heading of the report; the outcome's label if not given.
    adjust, family
        Multiplicity of the contrasts, as `Fit.contrasts` takes it: their table then has adjusted p-values and, where
        they exist, simultaneous intervals beside the unadjusted ones (frequentist fits).

    Returns
    -------
    Report : call `.to_html(path)` to write it.

    Raises
    ------
    SpecError
        There is no fit, the fits are of different specs or data, or `adjust` is asked of posteriors alone.
    HypothesisError
        `adjust` or `family` is unknown.
    """
    given = analysis(fits, adjust, family)
    created = datetime.now().astimezone()
    sections = _sections(given, created)
    return Report(title or given.names.outcome, _subtitle(given), numbered(sections), created)


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
