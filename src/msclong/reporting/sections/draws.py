"""Can a posterior's draws be relied on: criteria with their worst values, traces and ranks of chains."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.engines.bayesian.checking.checks import MOST_KHAT
from msclong.plots.chains import traces
from msclong.reporting import say
from msclong.reporting.analysis import Analysis
from msclong.reporting.comparisons import Comparison, Refusal
from msclong.reporting.criteria import criterion
from msclong.reporting.inline import said
from msclong.reporting.plate import plate
from msclong.reporting.record import Block, Cell, Column, Paragraph, Row, Table
from msclong.reporting.wording import spoken
from msclong.results.fit import Fit
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.posterior_mixture import PosteriorMixture

EFFECTS_TRACED, PARAMETERS_TRACED = 2, 2
"""How many contrasts and covariance parameters have their chains drawn."""


def checks_of_draws(name: str, fit: Fit, number: int) -> tuple[Block, ...]:
    """Every criterion that the draws should meet, over all that is reported."""
    if not fit.outcome.checks:
        return (Paragraph("This engine does not say whether its draws can be relied on."),)
    of = (("engine", name),)
    columns = (
        Column("Criterion"), Column("Worst for", of=of), Column("Value", kind="interval", of=of),
        Column("Limit", of=of), Column("Met", of=of),
    )  # fmt: skip
    rows = []
    for name_of, row in fit.checks().iterrows():
        bound = float(row["threshold"].split()[-1])
        value = Cell(criterion(str(name_of), row["value"], bound), row["value"])
        met = Cell("yes" if row["passed"] else "no", row["passed"])
        limit = (
            row["threshold"]
            .replace("<=", "\N{LESS-THAN OR EQUAL TO}")
            .replace(">=", "\N{GREATER-THAN OR EQUAL TO}")
        )
        rows.append(Row((Cell(str(name_of)), Cell(row["quantity"] or "all"), value, Cell(limit), met)))
    text = "Each criterion is judged by its worst value over all coefficients, contrasts, means and other parameters. "
    text += (
        "All are met."
        if fit.outcome.converged
        else "Not all are met; the results of this fit should not be used as they are."
    )
    notes: tuple[str, ...] = ()
    if isinstance(fit.estimate, PosteriorMixture):
        notes = (
            "ESS and MCSE here are of the draws themselves, of coefficients too. Given a draw of the covariance "
            "the distribution of the coefficients is known exactly, and tables of coefficients and contrasts average "
            "it over those draws: their ESS and MCSE are of these averages, and better.",
        )
    caption = f"Checks of the {spoken(name)} fit"
    return Paragraph(text), Table(f"checks-{number}", caption, columns, tuple(rows), notes, context="checks")


def errors_note(fit: Fit, number: int) -> tuple[str, ...]:
    """What ESS and MCSE are in a table of what is known exactly given the draws of the covariance."""
    if not isinstance(fit.estimate, PosteriorMixture):
        return ()
    checks = (
        f"; those of [[table:checks-{number}]] are of draws of the coefficients" if fit.outcome.checks else ""
    )
    return (
        "ESS and MCSE: of averages, over the draws of the covariance, of what is known exactly given each of "
        f"them{checks}.",
    )


def chains(
    analysis: Analysis, name: str, fit: Fit, found: Comparison | Refusal, number: int
) -> tuple[Block, ...]:
    """Traces and ranks; of an importance sample, which has no chains, what stands in their place."""
    assert isinstance(fit.estimate, PosteriorDraws)
    if fit.estimate.draws.shape[0] == 1:
        told = fit.outcome.diagnostics
        if told.get("sampler") != "importance":
            return ()
        khat, efficiency = float(told["Pareto k-hat"]), float(told["efficiency"])
        text = (
            "These draws are an importance sample: they are independent of each other, so that there are no "
            "chains to be "
            "traced or ranked. What can go wrong is that a few draws carry most of the weight. Pareto "
            f"k\N{COMBINING CIRCUMFLEX ACCENT} of the weights, {say.fixed(khat, 2, 'pareto.k')}, says how heavy "
            "their tail "
            f"is (reliable up to {MOST_KHAT:g}); the draws are worth "
            f"{said(f'{efficiency:.0%}', efficiency, 'efficiency')} of as many from the posterior itself."
        )
        return (Paragraph(text),)
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
