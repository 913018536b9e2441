"""The estimated covariance within participants."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.errors import HypothesisError
from msclong.plots.covariance import covariance_heatmap, sd_and_correlation
from msclong.plots.style import to_svg
from msclong.reporting import numbers
from msclong.reporting.analysis import Analysis
from msclong.reporting.record import Block, Cell, Column, Figure, FoldOut, Row, Section, Table
from msclong.reporting.tables import interval_name, number_cell
from msclong.reporting.wording import spoken
from msclong.results.fit import Fit


def covariance(analysis: Analysis) -> Section:
    """Sigma over the visits as a heat map, or the random effects as a table; the parameters of every engine."""
    engine, fit = next(iter(analysis.fits.items()))
    blocks: list[Block] = []
    try:
        blocks.append(_heatmap(analysis, engine, fit.covariance.matrix))
    except HypothesisError:  # no planned visits: the covariance is that of random effects
        blocks.append(_random_effects(analysis))
    blocks.append(FoldOut("Covariance parameters", (_parameters(analysis),)))
    return Section("covariance", "Covariance within participants", tuple(blocks))


def _heatmap(analysis: Analysis, engine: str, sigma: pd.DataFrame) -> Figure:
    values = sd_and_correlation(sigma)
    sd = np.diag(values)
    decimals = numbers.decimals_for([sd.min() / 10])
    labels = [analysis.names.label(level) for level in sigma.index]
    drawn = covariance_heatmap(values, labels, str(analysis.visit), decimals)
    kind = "posterior mean" if analysis.bayesian(engine) else "estimate"
    caption = (
        f"Covariance of the outcomes of one participant, {kind} of the {spoken(engine)} fit: standard "
        f"deviations{f' ({analysis.spec.unit})' if analysis.spec.unit else ''} on the diagonal, correlations "
        "below."
    )
    spread = f"Standard deviations run from {numbers.fixed(sd.min(), decimals)} to {numbers.fixed(sd.max(), decimals)}"
    pairs = values.to_numpy()[np.tril_indices(len(values), -1)]
    ends = (
        f", correlations from {numbers.fixed(pairs.min(), 2)} to {numbers.fixed(pairs.max(), 2)}"
        if pairs.size
        else ""
    )
    return Figure(
        "covariance",
        caption,
        f"Heat map of the covariance over visits. {spread}{ends}.",
        to_svg(drawn, "covariance"),
        values,
    )


def _random_effects(analysis: Analysis) -> Table:
    """SDs and correlations of the random effects, and the residual SD, by engine."""
    columns = [Column("Component")]
    cells: dict[str, list[Cell]] = {}
    smallest = min(np.sqrt(_variances(fit)[_variances(fit) > 0]).min() for fit in analysis.fits.values())
    decimals = max(2, numbers.decimals_for([smallest / 10]))
    for engine, fit in analysis.fits.items():
        columns.append(Column(engine, kind="number"))
        values = sd_and_correlation(fit.covariance.random_effects)
        names = list(values.index)
        entries = {f"SD of {name}": values.loc[name, name] for name in names}
        entries |= {
            f"Correlation of {b} and {a}": values.loc[a, b]
            for i, a in enumerate(names) for b in names[:i] if abs(values.loc[a, b]) > 0
        }  # fmt: skip
        entries["Residual SD"] = float(np.sqrt(fit.covariance.residual_variance))
        for name, value in entries.items():
            cells.setdefault(name, [Cell(name)]).append(
                number_cell(value, lambda v: numbers.fixed(v, decimals))
            )
    caption = "Random effects and residual: standard deviations and correlations"
    note = "SDs are in the outcome's unit per unit of the effect. Intercept: the level where the others are zero."
    return Table(
        "random-effects", caption, tuple(columns), tuple(Row(tuple(row)) for row in cells.values()), (note,)
    )


def _variances(fit: Fit) -> np.ndarray:
    return np.append(np.diag(fit.covariance.random_effects), fit.covariance.residual_variance)


def _parameters(analysis: Analysis) -> Table:
    columns = [Column("Parameter")]
    names = list(analysis.first.covariance.parameters.index)
    cells = [[Cell(str(name))] for name in names]
    for engine, fit in analysis.fits.items():
        table = fit.covariance.parameters.reindex(names)
        errors = not table["se"].isna().all()
        interval = {"lower", "upper"} <= set(table.columns)
        columns.append(Column("Estimate", engine, "number"))
        columns += [Column("SD" if analysis.bayesian(engine) else "SE", engine, "number")] if errors else []
        columns += [Column(interval_name(analysis, engine), engine, "interval")] if interval else []
        for row, (_, figures) in zip(cells, table.iterrows(), strict=True):
            places = numbers.decimals_for([figures["se"]]) if errors else None
            row += [
                _cell(figures[column], places) for column in (("estimate", "se") if errors else ("estimate",))
            ]
            if interval:
                ends = [
                    numbers.fixed(figures[c], 2 if places is None else places) for c in ("lower", "upper")
                ]
                row.append(
                    Cell(f"{ends[0]} to {ends[1]}", (float(figures["lower"]), float(figures["upper"])))
                )
    caption = "Covariance parameters (variances and covariances in squared units of the outcome)"
    return Table("covariance-parameters", caption, tuple(columns), tuple(Row(tuple(row)) for row in cells))


def _cell(value: float, places: int | None) -> Cell:
    return number_cell(value, numbers.significant if places is None else lambda v: numbers.fixed(v, places))
