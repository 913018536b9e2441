"""The estimated covariance within participants."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.covariance.batch import batched_sigma
from msclong.covariance.components import components
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.working import vech_positions
from msclong.diagnostics.observed_covariance import covariance_check, observed_sd_and_correlation
from msclong.errors import HypothesisError
from msclong.linear_hypothesis import label
from msclong.plots.covariance import covariance_heatmap, sd_and_correlation
from msclong.printing import numbers
from msclong.reporting.analysis import LEVEL, Analysis
from msclong.reporting.cautions import NEGLIGIBLE
from msclong.reporting.plate import plate
from msclong.reporting.record import (
    Axes,
    Block,
    Cell,
    Column,
    Figure,
    FoldOut,
    Paragraph,
    Row,
    Section,
    Table,
)
from msclong.reporting.tables import full_table, interval_name, number_cell
from msclong.reporting.wording import spoken
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.fit import Fit
from msclong.results.posterior_draws import PosteriorDraws

MOST_RESIDUAL = 6
"""A residual structure of more parameters than this is left to the table of all parameters."""


def covariance(analysis: Analysis) -> Section:
    """Random effects as a table; Sigma over the visits, fitted and observed, as a heat map by group; all parameters."""
    blocks: list[Block] = []
    if analysis.spec.parsed.random:
        blocks.append(_random_effects(analysis))
    blocks += _heatmaps(analysis)
    own = _family_parameters(analysis)
    parameters = _parameters(analysis)
    if not blocks:
        text = (
            "Participants were seen at times of their own, so that there is no single covariance matrix over visits; "
            "it follows from these parameters and the times."
        )
        blocks += [*own, Paragraph(text), parameters]
    else:
        blocks += [*own, FoldOut("Covariance parameters", (parameters,))]
    return Section("covariance", "Covariance within participants", tuple(blocks))


def _heatmaps(analysis: Analysis) -> list[Figure]:
    """One for each covariance group; none where times are irregular."""
    engine, fit = next(iter(analysis.fits.items()))
    if analysis.continuous_time:
        return []
    try:
        fitted = _fitted(fit)
    except HypothesisError:
        return []
    observed = {} if analysis.spec.weights or analysis.spec.conditional else _observed(fit)
    lowest = [
        values.to_numpy()[~np.eye(len(values), dtype=bool)]
        for values in (*fitted.values(), *observed.values())
    ]
    negative = bool((np.concatenate(lowest) < 0).any())
    return [
        _heatmap(analysis, engine, group, values, observed.get(group), negative)
        for group, values in fitted.items()
    ]


def _fitted(fit: Fit) -> dict[str, pd.DataFrame]:
    """SDs and correlations over visits by covariance group; HypothesisError where times are irregular."""
    matrices, draws = fit.covariance.matrices, _draws(fit)
    if draws is None:
        return {group: sd_and_correlation(sigma) for group, sigma in matrices.items()}
    structure, grid = fit.covariance.structure, fit.covariance.grid
    assert grid is not None
    return {
        group: _averaged(batched_sigma(structure, draws, coords[None])[0], matrices[group].index)
        for group, coords in grid.coords.items()
    }


def _draws(fit: Fit) -> np.ndarray | None:
    """Of theta, (k, S), where the engine keeps them."""
    estimate = fit.estimate
    if not isinstance(estimate, PosteriorDraws) or estimate.theta is None:
        return None
    return estimate.flat_theta.T


def _averaged(sigma: np.ndarray, labels: pd.Index) -> pd.DataFrame:
    """Means over draws of SDs, on the diagonal, and of correlations, of matrices (T, T, S); NaN without variance."""
    sd = np.sqrt(np.einsum("iis->is", sigma))
    product = sd[:, None] * sd
    known = product > 0
    total = np.divide(sigma, product, out=np.zeros_like(product), where=known).sum(axis=2)
    count = known.sum(axis=2)
    values = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    np.fill_diagonal(values, sd.mean(axis=1))
    return pd.DataFrame(values, index=labels, columns=labels)


def _observed(fit: Fit) -> dict[str, pd.DataFrame]:
    """SDs and correlations of the residuals by covariance group, '' where there are none."""
    covariance = fit.design.covariance
    if covariance.group is None:
        return {"": observed_sd_and_correlation(covariance_check(fit))}
    check = covariance_check(fit, by=covariance.group)
    return {
        label(level): observed_sd_and_correlation(part.droplevel(0))
        for level, part in check.groupby(level=0, sort=False)
    }


def _heatmap(
    analysis: Analysis,
    engine: str,
    group: str,
    values: pd.DataFrame,
    observed: pd.DataFrame | None,
    negative: bool,
) -> Figure:
    sd = np.diag(values)
    decimals = numbers.decimals_for([sd.min() / 10])
    labels = [analysis.names.label(level) for level in values.index]
    drawn = covariance_heatmap(values, labels, str(analysis.visit), decimals, observed, negative)
    kind = "posterior means" if analysis.bayesian(engine) else "estimate"
    whose = f", {analysis.design.covariance.group} {group}" if group else ""
    spec, family = analysis.spec, analysis.design.family
    what = "outcomes" if spec.jointly_normal else "linear predictors"
    if family.transform_name and spec.jointly_normal:
        what = f"outcomes' {family.transform_name}s"
    own_unit = what == "outcomes" and spec.unit
    residual = spec.parsed.random and spec.jointly_normal
    sources = ", from random effects and residual together" if residual else ""
    caption = (
        f"Covariance of the {what} of one participant{whose}{sources}; {kind} of the {spoken(engine)} fit: standard "
        f"deviations{f' ({spec.unit})' if own_unit else ''} on the diagonal, correlations below."
    )
    if analysis.spec.weights:
        caption += " For observations of weight one."
    if observed is not None:
        caption += " Beside it, observed: the same of the residuals, of those seen at both visits."
    spread = f"Standard deviations run from {numbers.fixed(sd.min(), decimals)} to {numbers.fixed(sd.max(), decimals)}"
    pairs = values.to_numpy()[np.tril_indices(len(values), -1)]
    ends = (
        f", correlations from {numbers.fixed(pairs.min(), 2)} to {numbers.fixed(pairs.max(), 2)}"
        if pairs.size
        else ""
    )
    place = list(analysis.first.covariance.matrices).index(group) + 1
    key = f"covariance-{place}" if group else "covariance"
    parts = {"fitted": values} if observed is None else {"fitted": values, "observed": observed}
    return plate(
        key,
        caption,
        f"Heat map of the covariance over visits{whose}. {spread}{ends}.",
        drawn,
        pd.concat(parts, axis="columns")
        .rename(index=analysis.names.label)
        .rename(columns=analysis.names.label, level=1),
    )


def _random_effects(analysis: Analysis) -> Table:
    """SDs and correlations of the random effects, and of a residual with few parameters, by engine."""
    columns = [Column("Component")]
    cells: dict[str, list[Cell]] = {}
    entries = {engine: _entries(fit) for engine, fit in analysis.fits.items()}
    spreads = np.array([v for found in entries.values() for name, v in found.items() if "SD" in name])
    if any(fit.outcome.singular for fit in analysis.fits.values()):
        spreads = spreads[spreads**2 > NEGLIGIBLE * spreads.max() ** 2]
    decimals = max(2, numbers.decimals_for([spreads[spreads > 0].min() / 10]))
    for engine, found in entries.items():
        columns.append(Column(engine, kind="number", stat="estimate", of=(("engine", engine),)))
        for name, value in found.items():
            cells.setdefault(name, [Cell(name)]).append(
                number_cell(value, lambda v: numbers.fixed(v, decimals))
            )
    conditional = not analysis.spec.jointly_normal
    what = "Random effects" if conditional else "Random effects and residual"
    caption = f"{what}: standard deviations and correlations"
    notes = [f"SDs are {analysis.predictor_scale}, per unit of the effect."]
    if any(map(analysis.bayesian, analysis.fits)):
        notes.append(
            "Of a posterior: means of the SDs and correlations, not the SDs and correlations of mean variances."
        )
    if not conditional and not any(name.startswith("Residual") for name in cells):
        notes.append("The parameters of the residual are in [[table:covariance-parameters]].")
    return Table(
        "random-effects",
        caption,
        tuple(columns),
        tuple(Row(tuple(row)) for row in cells.values()),
        tuple(notes),
    )


def _entries(fit: Fit) -> dict[str, float]:
    """The random effects' SDs and correlations by name, and the residual's where they are few."""
    values = _random(fit)
    names = [str(name).replace(" | ", " by ") for name in values.index]
    matrix = values.to_numpy()
    entries = {f"SD of {name}": float(matrix[i, i]) for i, name in enumerate(names)}
    entries |= {
        f"Correlation of {names[j]} and {names[i]}": float(matrix[i, j])
        for i in range(len(names)) for j in range(i) if abs(matrix[i, j]) > 0
    }  # fmt: skip
    structure, draws = fit.covariance.structure, _draws(fit)
    theta = fit.covariance.theta[:, None] if draws is None else draws
    for term in components(structure):
        if not term.is_random:
            own = dict(zip(structure.parameter_names[term.theta], theta[term.theta], strict=True))
            if len(own) <= MOST_RESIDUAL and not any(name.startswith("covariance") for name in own):
                what = "Residual" if fit.spec.jointly_normal else "Visit-level"
                entries |= dict(_own(what, name, values) for name, values in own.items())
    return entries


def _random(fit: Fit) -> pd.DataFrame:
    """SDs and correlations of the random effects."""
    G, draws = fit.covariance.random_effects, _draws(fit)
    if draws is None:
        return sd_and_correlation(G)
    own = np.zeros((*G.shape, draws.shape[1]))
    start = 0
    for term in components(fit.covariance.structure):
        if isinstance(term.core, RandomEffects):
            end = start + len(term.core.effects)
            own[start:end, start:end] = draws[term.theta][vech_positions(end - start)]
            start = end
    return _averaged(own, G.index)


def _own(what: str, name: str, values: np.ndarray) -> tuple[str, float]:
    """A variance as an SD, any other parameter as it is: the mean of its draws."""
    plain = name.removeprefix("residual ").replace(" | ", ", ")
    if plain.startswith("variance"):
        return f"{what} SD{plain.removeprefix('variance')}", float(np.sqrt(values).mean())
    return f"{what} {plain}", float(values.mean())


def _parameters(analysis: Analysis) -> Table:
    columns = [Column("Parameter")]
    names = list(analysis.first.covariance.parameters.index)
    groups = [label(level) for level in analysis.design.covariance.group_levels]
    # Names end in their group, which stands above them here.
    parts = [str(name).rpartition(" | ") for name in names]
    own = [group if group in groups and rest else "" for rest, _, group in parts]
    cells = [
        [Cell(rest if group else str(name))]
        for name, group, (rest, _, _) in zip(names, own, parts, strict=True)
    ]
    for engine, fit in analysis.fits.items():
        table = fit.covariance.parameters.reindex(names)
        errors = not table["se"].isna().all()
        interval = {"lower", "upper"} <= set(table.columns)
        columns.append(Column("Estimate", engine, "number"))
        error = Column("SD" if analysis.bayesian(engine) else "SE", engine, "number", "std.error")
        columns += [error] if errors else []
        columns += [Column(interval_name(analysis, engine), engine, "interval")] if interval else []
        size = NEGLIGIBLE * table["estimate"].abs().max() if fit.outcome.singular else 0.0
        for row, (_, figures) in zip(cells, table.iterrows(), strict=True):
            places = numbers.decimals_for([figures["se"]]) if errors else None
            if errors and max(abs(figures["estimate"]), figures["se"]) < size:
                places = 2  # zero, and rounding
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
    if analysis.design.family.link != "identity":
        caption = f"Covariance parameters, {analysis.predictor_scale}"
    headings = [f"{analysis.design.covariance.group} {group}" if group else "" for group in own]
    rows = tuple(Row(tuple(row), heading) for row, heading in zip(cells, headings, strict=True))
    axes = Axes(group=analysis.design.covariance.group or "")
    return Table("covariance-parameters", caption, tuple(columns), rows, axes=axes)


def _family_parameters(analysis: Analysis) -> list[Table]:
    """What the outcome's distribution has beside its linear predictors, by engine; nothing where it has no more."""
    kinds = {parameter.kind for parameter in analysis.design.family.parameters}
    notes = []
    if "ordered" in kinds:
        notes.append(f"Cutpoints are {analysis.predictor_scale}.")
    if "scale" in kinds:
        notes.append(f"The residual\u2019s scale is {analysis.predictor_scale}, given the participant.")
    if analysis.design.zero is not None:
        notes.append("Of values above zero.")
    tables = []
    for number, (name, fit) in enumerate(analysis.fits.items(), start=1):
        if isinstance(fit.estimate, ConditionalDraws) and fit.estimate.phi:
            table = fit.family_parameters(LEVEL)
            labels = [str(row) for row in table.index]
            caption = f"The distribution\u2019s own parameters, {spoken(name)} fit ({LEVEL:.0%} intervals)"
            key = f"family-{number}"
            tables.append(
                full_table(
                    table,
                    labels,
                    [""] * len(labels),
                    key,
                    caption,
                    "Parameter",
                    same_unit=False,
                    notes=notes,
                    engine=name,
                    context="family",
                )
            )
    return tables


def _cell(value: float, places: int | None) -> Cell:
    return number_cell(value, numbers.significant if places is None else lambda v: numbers.fixed(v, places))
