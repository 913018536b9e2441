"""Can the fit be trusted: convergence, residuals, influence of single participants."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import norm

from msclong.design.units import has_large_units
from msclong.plots.residuals import residual_panels
from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.analysis import Analysis
from msclong.reporting.comparisons import Comparison, Refusal
from msclong.reporting.criteria import criterion
from msclong.reporting.inline import said
from msclong.reporting.plate import plate
from msclong.reporting.record import (
    Block,
    Cell,
    Column,
    Paragraph,
    Row,
    Section,
    Subheading,
    Table,
)
from msclong.reporting.sections.influence import influence_blocks
from msclong.reporting.stat_names import slug
from msclong.reporting.wording import spoken
from msclong.results.fit import Fit

CRITERIA = {
    "Log-likelihood": "logLik",
    "AIC": "AIC",
    "AICc": "AICc",
    "BIC": "BIC",
    "Pareto k-hat": "pareto.k",
}
"""The ARD's names of criteria, where they are not the criterion in small letters."""

LIMIT = 1.96
NORMAL_SHARE = 2 * float(norm.sf(LIMIT))
"""Of a standard normal distribution, beyond the limit on either side."""


def diagnostics(analysis: Analysis, found: Comparison | Refusal) -> Section:
    """Convergence of every engine, scaled residuals of the first, and what single participants do to the answer."""
    blocks: list[Block] = [_convergence(analysis), *_residuals(analysis), *influence_blocks(analysis, found)]
    return Section("diagnostics", "Diagnostics", tuple(blocks))


def _convergence(analysis: Analysis) -> Table:
    """Criteria by engine, engines side by side."""
    found: dict[str, dict[str, Cell]] = {}
    for name, fit in analysis.fits.items():
        for label, cell in _criteria(fit).items():
            found.setdefault(label, {})[name] = cell
    columns = (
        Column("Criterion"), *(Column(name, kind="interval", of=(("engine", name),)) for name in analysis.fits)
    )  # fmt: skip
    absent = Cell(numbers.DASH)
    rows = [
        Row(
            (Cell(label), *(cells.get(name, absent) for name in analysis.fits)),
            stat=CRITERIA.get(label, slug(label)),
        )
        for label, cells in found.items()
    ]
    return Table("convergence", "Convergence and fit statistics", columns, tuple(rows))


def _criteria(fit: Fit) -> dict[str, Cell]:
    outcome = fit.outcome
    cells = {
        "Converged": Cell("yes" if outcome.converged else "no", outcome.converged),
        "Covariance on its boundary": Cell("yes" if outcome.singular else "no", outcome.singular),
    }
    if fit.loglik is not None:
        values = {
            "Log-likelihood": (fit.loglik, 3),
            "AIC": (fit.aic, 1),
            "AICc": (fit.aicc, 1),
            "BIC": (fit.bic, 1),
        }
        cells |= {
            label: Cell(numbers.fixed(value, places), value) for label, (value, places) in values.items()
        }
    for label, value in outcome.diagnostics.items():
        if label == "seed":  # stands under reproducibility
            continue
        cells[label[:1].upper() + label[1:]] = Cell(criterion(label, value), value)
    return cells


def _residuals(analysis: Analysis) -> tuple[Block, ...]:
    name, fit = next(iter(analysis.fits.items()))
    kind: Literal["quantile", "scaled", "pearson"] = "quantile" if analysis.design.conditional else "scaled"
    if kind == "scaled" and has_large_units(analysis.design.unit):
        kind = "pearson"
    data = pd.DataFrame({"scaled": fit.residuals(kind), "fitted": fit.fitted()}).reset_index(drop=True)
    visit = None
    if analysis.visit is not None and not analysis.continuous_time:
        visit = analysis.visit
        levels = (
            analysis.design.fixed.frame[visit].map(analysis.names.label).astype(object).reset_index(drop=True)
        )
        order = {analysis.names.label(time): i for i, time in enumerate(analysis.times)}
        data["visit"] = levels
        data = data.sort_values(
            "visit", key=lambda column: column.map(order), kind="stable", ignore_index=True
        )
    scaled = data["scaled"].to_numpy()
    beyond, largest = float((np.abs(scaled) > LIMIT).mean()), float(np.abs(scaled).max())
    share = said(f"{beyond:.1%}", beyond, "p.beyond")
    text = (
        "Quantile residuals are the normal quantiles of where each outcome lies in its posterior predictive "
        "distribution, at random within its steps (Dunn and Smyth 1996): where the model holds they are standard "
        f"normal, and correlated within participants. Here {share} lie beyond "
        if kind == "quantile"
        else "Pearson residuals are the deviations from the fitted means over their standard deviations: where the "
        "model holds they are standard normal, and correlated as the random effects tie them together. "
        f"Here {share} lie beyond "
        if kind == "pearson"
        else "Scaled residuals are the deviations from the fitted means after removing, by the Cholesky factor of "
        "the fitted covariance, their differing spread and their correlation within participants: where the "
        f"model holds they scatter around zero with variance one. Here {share} lie beyond "
    )
    text += (
        f"{said(f'\N{PLUS-MINUS SIGN}{LIMIT}', LIMIT, 'limit')}, where a normal distribution has "
        f"{said(f'{NORMAL_SHARE:.1%}', NORMAL_SHARE, 'p.beyond.normal')}; the largest in absolute value is "
        f"{say.fixed(largest, 1, 'residual.largest')}."
    )
    caption = (
        f"{kind.capitalize()} residuals of the {spoken(name)} fit: (a) against normal quantiles, (b) against fitted "
        "means"
    )
    caption += (
        "." if visit is None else ", (c) by visit (box: quartiles; whiskers: up to 1.5 interquartile ranges)."
    )
    alt = (
        f"Panels of {len(scaled)} {kind} residuals. Standard deviation {scaled.std(ddof=1):.2f}; "
        f"{beyond:.1%} beyond {LIMIT}; largest absolute value {largest:.1f}."
    )
    drawn = residual_panels(data, visit, f"{kind.capitalize()} residual")
    return (
        Subheading("Residuals"),
        Paragraph(text),
        plate("residuals", caption, alt, drawn, data),
    )
