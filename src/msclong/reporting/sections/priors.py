"""Prior against posterior: what the data added."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.engines.bayesian.checking.checks import sds_and_correlations
from msclong.engines.bayesian.priors.prior_predictive import PriorSampler
from msclong.errors import MsclongError
from msclong.plots.half_eye import density
from msclong.plots.prior_posterior import prior_posterior
from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.analysis import LEVEL, Analysis
from msclong.reporting.comparisons import Comparison, Refusal
from msclong.reporting.contrast_draws import row_names
from msclong.reporting.inline import plain
from msclong.reporting.plate import plate
from msclong.reporting.record import Block, Cell, Column, FoldOut, Paragraph, Row, Table
from msclong.reporting.sections.half_eyes import last_rows
from msclong.reporting.tables import interval_cell, number_cell, shared_decimals
from msclong.reporting.wording import spoken
from msclong.results.fit import Fit
from msclong.results.posterior_draws import PosteriorDraws

CONTRASTS, PARAMETERS = 3, 6
"""How many contrasts and how many standard deviations and correlations are compared with their priors, at most."""

DRAWS, OUTCOMES = 1000, 200
"""Of the priors: draws of parameters, and how many of them outcomes are drawn for."""


def learnt_from_data(
    analysis: Analysis, name: str, fit: Fit, found: Comparison | Refusal, number: int
) -> list[Block]:
    """Densities and intervals of prior and posterior: contrasts at the last visit, SDs, correlations."""
    seed = fit.outcome.diagnostics.get("seed")
    try:
        prior = PriorSampler(DRAWS, int(seed) if isinstance(seed, int) else 0).fit(fit.design)
    except MsclongError as refusal:
        return [Paragraph(f"Nothing can be drawn from these priors. {refusal}")]
    before, after = (_quantities(analysis, one, found) for one in (prior, fit))
    draws = {label: (before[label], after[label]) for label in after}
    table = _intervals(draws, _told(analysis, name, fit, found, after), number)
    ratios = [row.cells[3].value for row in table.rows]
    scale = (
        ""
        if analysis.design.family.link == "identity"
        else f" Contrasts are {analysis.design.family.predictor_scale}."
    )
    text = (
        "Where a posterior is as wide as its prior, the data said nothing about the quantity; where it lies in "
        "the tail "
        "of its prior, the two disagree. Here the posteriors are "
        f"{_range(ratios)} as wide as the priors, the 95% intervals compared "
        f"([[table:prior-posterior-{number}]]).{_outcomes(analysis, prior)}"
    )
    caption = (
        f"Posterior (filled) and prior (dashed) densities, {spoken(name)} fit. Priors are cut where they run "
        "out of the "
        f"panel.{scale}"
    )
    alt = plain(
        f"Densities of prior and posterior of {', '.join(draws)}. Posteriors are {_range(ratios)} as wide.",
        {},
    )
    data = _densities(draws)
    return [
        Paragraph(text),
        plate(f"prior-posterior-{number}", caption, alt, prior_posterior(draws), data),
        FoldOut(table.caption, (table,)),
    ]


def _densities(draws: dict[str, tuple[np.ndarray, np.ndarray]]) -> pd.DataFrame:
    """What is drawn, a quarter of its points: quantity, distribution, value, density."""
    parts = []
    for label, pair in draws.items():
        for distribution, values in zip(("prior", "posterior"), pair, strict=True):
            x, height = density(values)
            curve = pd.DataFrame({"value": x[::4], "density": height[::4]})
            parts.append(curve.assign(quantity=label, distribution=distribution))
    return pd.concat(parts, ignore_index=True)[["quantity", "distribution", "value", "density"]]


def _quantities(analysis: Analysis, fit: Fit, found: Comparison | Refusal) -> dict[str, np.ndarray]:
    """Draws (S,) by name; contrasts are differences of linear predictors."""
    estimate = fit.estimate
    assert isinstance(estimate, PosteriorDraws)
    drawn: dict[str, np.ndarray] = {}
    if isinstance(found, Refusal):
        drawn |= {name: estimate.flat[:, j] for j, name in enumerate(estimate.names[:CONTRASTS])}
    else:
        names = row_names(analysis, found.groups, found.labels)
        values = estimate.of(fit.hypothesis(at=analysis.at))
        flat = values.reshape(-1, values.shape[2])
        drawn |= {names[i]: flat[:, i] for i in last_rows(analysis, found)[:CONTRASTS]}
    if estimate.theta is not None:
        names, values = sds_and_correlations(fit.design.structure, estimate.flat_theta)
        sds = [i for i, text in enumerate(names) if "correlation" not in text]
        others = [i for i, text in enumerate(names) if "correlation" in text]
        half = PARAMETERS // 2
        chosen = [*sds[: max(half, PARAMETERS - len(others))], *others[: max(half, PARAMETERS - len(sds))]]
        drawn |= {names[i]: values[:, i] for i in chosen}
    return drawn


def _told(
    analysis: Analysis, name: str, fit: Fit, found: Comparison | Refusal, draws: dict[str, np.ndarray]
) -> dict[str, tuple[float, float, int]]:
    """Limits and decimals by name: those of the report's tables, where they have them, else of draws."""
    told = {
        label: (*np.quantile(values, (0.025, 0.975)), numbers.decimals_for([values.std()]))
        for label, values in draws.items()
    }
    if isinstance(found, Refusal):
        table = fit.coefficients(LEVEL)
        labels, decimals = (
            [str(row) for row in table.index],
            [numbers.decimals_for([se]) for se in table["se"]],
        )
    else:
        tables = found.tables
        if analysis.design.family.link != "identity":
            tables = {name: fit.contrasts(at=analysis.at, level=LEVEL, effect="link")}
        table, labels = tables[name], row_names(analysis, found.groups, found.labels)
        decimals = [shared_decimals(tables)] * len(labels)
    limits = zip(table["lower"], table["upper"], decimals, strict=True)
    told |= {label: row for label, row in zip(labels, limits, strict=True) if label in draws}
    parameters = fit.covariance.parameters
    if not {"lower", "upper"} <= set(parameters):
        return told
    roles = zip(parameters.index, fit.design.structure.working.roles, strict=True)
    for variance in [str(parameter) for parameter, role in roles if role.kind == "variance"]:
        if (label := variance.replace("variance", "sd")) in draws:
            ends = parameters.loc[variance, ["lower", "upper"]].to_numpy(dtype=float)
            told[label] = (*np.sqrt(ends), told[label][2])
    return told


def _intervals(
    draws: dict[str, tuple[np.ndarray, np.ndarray]], told: dict[str, tuple[float, float, int]], number: int
) -> Table:
    columns = (
        Column("Quantity"),
        Column("Prior 95% interval", kind="interval", stat=("prior.low", "prior.high")),
        Column("Posterior 95% interval", kind="interval", stat=("conf.low", "conf.high")),
        Column("Width, posterior / prior", kind="number", stat="width.ratio"),
    )
    rows = []
    for label, (prior, _) in draws.items():
        a, b = np.quantile(prior, (0.025, 0.975))
        c, d, decimals = told[label]
        ratio = float((d - c) / (b - a)) if b > a else np.nan
        cells = (
            interval_cell(a, b, decimals),
            interval_cell(c, d, decimals),
            number_cell(ratio, lambda value: numbers.significant(value, 2)),
        )
        rows.append(Row((Cell(label), *cells)))
    caption = "Prior and posterior intervals"
    note = "Equal-tailed. SDs and correlations: of the covariance of [[section:covariance]]."
    return Table(f"prior-posterior-{number}", caption, columns, tuple(rows), (note,))


def _range(ratios: list[object]) -> str:
    known = [float(ratio) for ratio in ratios if isinstance(ratio, float) and np.isfinite(ratio)]
    if not known:
        return "not comparably"
    low, high = (say.significant(value, 2, "width.ratio") for value in (min(known), max(known)))
    return f"{low} to {high} times" if len(known) > 1 else f"{low} times"


def _outcomes(analysis: Analysis, prior: Fit) -> str:
    """What the priors expect of a single outcome, beside what was observed; nothing of yes or no, and of grades."""
    if analysis.of_probability or not analysis.design.family.has_intercept:
        return ""
    try:
        with np.errstate(all="ignore"):
            drawn = prior.simulate(OUTCOMES, 0).to_numpy()
    except (MsclongError, np.linalg.LinAlgError):
        return ""
    low, high = np.quantile(drawn, (0.025, 0.975))
    if not np.isfinite([low, high]).all():
        return ""
    seen = analysis.design.outcome
    ends = [
        say.significant(float(value), 3, stat)
        for value, stat in (
            (low, "prior.low"),
            (high, "prior.high"),
            (seen.min(), "min"),
            (seen.max(), "max"),
        )
    ]
    return (
        f" Before any outcome is seen, the priors expect 95% of outcomes between {ends[0]} and {ends[1]}; those "
        "observed "
        f"lie between {ends[2]} and {ends[3]}."
    )
