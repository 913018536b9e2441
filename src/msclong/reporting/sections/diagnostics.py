"""Can the fit be trusted: convergence, residuals, chains."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from msclong.plots.chains import traces
from msclong.plots.residuals import residual_panels
from msclong.printing import numbers
from msclong.reporting.analysis import Analysis
from msclong.reporting.comparisons import Comparison, Refusal
from msclong.reporting.plate import plate
from msclong.reporting.record import (
    Block,
    Bullets,
    Cell,
    Column,
    Paragraph,
    Row,
    Section,
    Subheading,
    Table,
)
from msclong.reporting.wording import spoken
from msclong.results.fit import Fit
from msclong.results.posterior_draws import PosteriorDraws

EFFECTS_TRACED, PARAMETERS_TRACED = 2, 2
"""How many contrasts and covariance parameters have their chains drawn."""


def diagnostics(analysis: Analysis, found: Comparison | Refusal) -> Section:
    """Convergence of every engine, scaled residuals of the first, chains of the Bayesian ones, and what was noticed."""
    blocks: list[Block] = [_convergence(analysis), *_residuals(analysis)]
    for number, (name, fit) in enumerate(analysis.fits.items(), start=1):
        if analysis.bayesian(name):
            blocks += [
                Subheading(f"Draws of the {spoken(name)} fit"),
                *_checks(name, fit, number),
                *_chains(analysis, name, fit, found, number),
            ]
    noticed = dict.fromkeys(note for fit in analysis.fits.values() for note in fit.outcome.notes)
    blocks.append(Subheading("What was noticed on the way"))
    blocks.append(Bullets(tuple(noticed)) if noticed else Paragraph("Nothing."))
    return Section("diagnostics", "Diagnostics", tuple(blocks))


def _convergence(analysis: Analysis) -> Table:
    """Criteria by engine, engines side by side."""
    found: dict[str, dict[str, Cell]] = {}
    for name, fit in analysis.fits.items():
        for criterion, cell in _criteria(fit).items():
            found.setdefault(criterion, {})[name] = cell
    columns = (Column("Criterion"), *(Column(name, kind="interval") for name in analysis.fits))
    absent = Cell(numbers.DASH)
    rows = [
        Row((Cell(criterion), *(cells.get(name, absent) for name in analysis.fits)))
        for criterion, cells in found.items()
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
        text = numbers.significant(value, 4) if isinstance(value, float) else str(value)
        cells[label[:1].upper() + label[1:]] = Cell(text, value)
    return cells


def _residuals(analysis: Analysis) -> tuple[Block, ...]:
    name, fit = next(iter(analysis.fits.items()))
    kind: Literal["quantile", "scaled"] = "quantile" if analysis.design.conditional else "scaled"
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
    beyond, largest = float((np.abs(scaled) > 1.96).mean()), float(np.abs(scaled).max())
    text = (
        "Quantile residuals are the normal quantiles of where each outcome lies in its posterior predictive "
        "distribution, at random within its steps (Dunn and Smyth 1996): where the model holds they are standard "
        f"normal, and correlated within participants. Here {beyond:.1%} lie beyond "
        if kind == "quantile"
        else "Scaled residuals are the deviations from the fitted means after removing, by the Cholesky factor of "
        "the fitted covariance, their differing spread and their correlation within participants: where the "
        f"model holds they scatter around zero with variance one. Here {beyond:.1%} lie beyond "
    )
    text += (
        f"\N{PLUS-MINUS SIGN}1.96, where a normal distribution has 5.0%; the largest in absolute value is "
        f"{largest:.1f}."
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
        f"{beyond:.1%} beyond 1.96; largest absolute value {largest:.1f}."
    )
    drawn = residual_panels(data, visit, f"{kind.capitalize()} residual")
    return (
        Subheading("Residuals"),
        Paragraph(text),
        plate("residuals", caption, alt, drawn, data),
    )


def _checks(name: str, fit: Fit, number: int) -> tuple[Block, ...]:
    """Every criterion that the draws should meet, over all that is reported."""
    if not fit.outcome.checks:
        return (Paragraph("This engine does not say whether its draws can be relied on."),)
    columns = (
        Column("Criterion"),
        Column("Worst for"),
        Column("Value", kind="number"),
        Column("Limit"),
        Column("Met"),
    )
    rows = []
    for criterion, row in fit.checks().iterrows():
        value = Cell(numbers.significant(row["value"], 4), row["value"])
        met = Cell("yes" if row["passed"] else "no", row["passed"])
        rows.append(
            Row((Cell(str(criterion)), Cell(row["quantity"] or "all"), value, Cell(row["threshold"]), met))
        )
    text = "Each criterion is judged by its worst value over all coefficients, contrasts, means and other parameters. "
    text += (
        "All are met."
        if fit.outcome.converged
        else "Not all are met; the results of this fit should not be used as they are."
    )
    return Paragraph(text), Table(
        f"checks-{number}", f"Checks of the {spoken(name)} fit", columns, tuple(rows)
    )


def _chains(
    analysis: Analysis, name: str, fit: Fit, found: Comparison | Refusal, number: int
) -> tuple[Block, ...]:
    """Traces and ranks, where there are chains."""
    assert isinstance(fit.estimate, PosteriorDraws)
    if fit.estimate.draws.shape[0] == 1:
        return ()
    drawn = chain_draws(analysis, fit, found)
    caption = (
        f"Chains of the {spoken(name)} fit, one colour for each: traces (left), and how often each chain's "
        "draws fall in each class of the pooled ranks, relative to uniform (right). Chains that agree "
        "overlap."
    )
    alt = f"Trace and rank plots of {', '.join(drawn)}, in {fit.estimate.draws.shape[0]} chains."
    key = f"chains-{number}"
    data = pd.DataFrame({label: values.reshape(-1) for label, values in drawn.items()})
    return (plate(key, caption, alt, traces(drawn), data),)


def chain_draws(analysis: Analysis, fit: Fit, found: Comparison | Refusal) -> dict[str, np.ndarray]:
    """What is traced, (chains, draws) each: contrasts at the last visit, then covariance parameters."""
    estimate = fit.estimate
    assert isinstance(estimate, PosteriorDraws)
    drawn: dict[str, np.ndarray] = {}
    if isinstance(found, Refusal):
        drawn |= {name: estimate.draws[:, :, j] for j, name in enumerate(estimate.names[:EFFECTS_TRACED])}
    else:
        last = analysis.names.label(analysis.times[-1])
        rows = [*found.rows(last, True), *found.rows(last, False)][:EFFECTS_TRACED]
        draws = estimate.of(fit.hypothesis(at=analysis.at))
        visit = analysis.names.visit(analysis.times[-1])
        drawn |= {f"{found.groups[i]}, {visit}" if found.groups[i] else visit: draws[:, :, i] for i in rows}
    if estimate.theta is not None:
        drawn |= {
            name: estimate.theta[:, :, j] for j, name in enumerate(estimate.theta_names[:PARAMETERS_TRACED])
        }
    return drawn
