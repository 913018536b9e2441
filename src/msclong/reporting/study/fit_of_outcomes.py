"""Does each outcome's model fit: residuals, predictive checks and prior sensitivity, a row for each outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from msclong.diagnostics.predictive_checks import predictive_bands
from msclong.engines.bayesian.criticism.prior_sensitivity import PRIOR_BLOCKS, SENSITIVE, prior_sensitivity
from msclong.errors import MsclongError
from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.inline import said
from msclong.reporting.record import Block, Cell, Column, Paragraph, Row, Subheading, Table
from msclong.reporting.sections.diagnostics import LIMIT, NORMAL_SHARE
from msclong.reporting.sections.prediction import EXTREME
from msclong.reporting.study.results import StudyResult
from msclong.reporting.study.tables import NONE
from msclong.results.fit import Fit
from msclong.results.posterior_draws import PosteriorDraws

SETS = 200
"""Data sets drawn from each posterior."""

MOST_ROWS = 5_000
"""Of more observations no data sets are drawn, and the likelihood is not computed again at every draw."""


@dataclass(frozen=True)
class _Checked:
    """What was found of one fit; None where it does not exist.

    beyond, largest : of the residuals. means, sds : how many lie outside the predicted range, and of how many.
    sensitivity : the largest of any contrast to any prior.
    """

    beyond: float | None = None
    largest: float | None = None
    means: tuple[int, int] | None = None
    sds: tuple[int, int] | None = None
    sensitivity: float | None = None


def fit_of_outcomes(found: StudyResult) -> list[Block]:
    """What the table shows in a sentence or two, and the table of all fits."""
    checked = {
        (one.name, engine): _checked(analysis.first)
        for one in found.fitted
        for engine, analysis in one.analyses.items()
    }
    columns = [Column("Outcome", kind="prose")]
    for engine, posterior in found.bayesian.items():
        columns += [
            Column("Beyond, %", engine, "number", "p.beyond", scale=100),
            Column("Largest", engine, "number", "residual.largest"),
        ]
        if posterior:
            columns += [
                Column("Means outside", engine, "interval", ("n.mean.outside", "n.mean")),
                Column("SDs outside", engine, "interval", ("n.sd.outside", "n.sd")),
                Column("Prior", engine, "number", "sensitivity"),
            ]
    rows = []
    for one in found.fitted:
        cells = [Cell(one.label)]
        for engine, posterior in found.bayesian.items():
            cells += _cells(checked.get((one.name, engine), _Checked()), posterior)
        rows.append(Row(tuple(cells)))
    caption = "Residuals of each fit, and of posteriors what they predict and what they owe to their priors"
    if not any(found.bayesian.values()):
        caption = "Residuals of each fit"
    table = Table("fit", caption, tuple(columns), tuple(rows), tuple(_notes(found, checked)))
    return [Subheading("Fit of each model"), *_summary(found, checked), table]


def _checked(fit: Fit) -> _Checked:
    kind: Literal["quantile", "scaled"] = "quantile" if fit.design.conditional else "scaled"
    beyond = largest = None
    try:
        size = np.abs(fit.residuals(kind).to_numpy())
        beyond, largest = float((size > LIMIT).mean()), float(size.max())
    except (MsclongError, np.linalg.LinAlgError):
        pass
    if not isinstance(fit.estimate, PosteriorDraws) or fit.n_obs > MOST_ROWS:
        return _Checked(beyond, largest)
    return _Checked(beyond, largest, *_predicted(fit), _sensitivity(fit))


def _predicted(fit: Fit) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """Of means, and of SDs where outcomes are not yes or no."""
    yes_or_no = fit.spec.family == "bernoulli"
    seed = fit.outcome.diagnostics.get("seed")
    try:
        found = predictive_bands(
            fit, ("mean",) if yes_or_no else ("mean", "sd"), n=SETS, seed=seed if isinstance(seed, int) else 0
        )
    except (MsclongError, np.linalg.LinAlgError):
        return None, None
    p = found["predictive_p"].dropna()
    outside = ((p < EXTREME) | (p > 1 - EXTREME)).groupby(level="statistic").agg(["sum", "size"])
    counts = {str(name): (int(row["sum"]), int(row["size"])) for name, row in outside.iterrows()}
    return counts.get("mean"), counts.get("sd")


def _sensitivity(fit: Fit) -> float | None:
    try:
        found = prior_sensitivity(fit)
    except MsclongError:
        return None
    found = found[found.index.get_level_values("kind") == "contrast"]
    values = found[list(PRIOR_BLOCKS)].to_numpy(dtype=float)
    return float(np.nanmax(values)) if np.isfinite(values).any() else None


def _cells(checked: _Checked, posterior: bool) -> list[Cell]:
    def number(value: float | None, decimals: int, scale: float = 1) -> Cell:
        return NONE if value is None else Cell(numbers.fixed(scale * value, decimals), value)

    def part(counts: tuple[int, int] | None) -> Cell:
        return NONE if counts is None else Cell(f"{counts[0]} of {counts[1]}", counts)

    cells = [number(checked.beyond, 1, 100), number(checked.largest, 1)]
    if posterior:
        cells += [part(checked.means), part(checked.sds), number(checked.sensitivity, 3)]
    return cells


def _summary(found: StudyResult, checked: dict[tuple[str, str], _Checked]) -> list[Block]:
    """How much is outside what was predicted, and whose contrasts a prior matters for; nothing without posteriors."""
    labels = {one.name: one.label for one in found.fitted}
    counts = [pair for one in checked.values() for pair in (one.means, one.sds) if pair is not None]
    texts = []
    if counts:
        outside, of = map(sum, zip(*counts, strict=True))
        texts.append(
            f"Of {say.count(of, 'N')} observed means and SDs, {say.count(outside)} lie{'s' if outside == 1 else ''} "
            "outside the central 95% of what the models predict ([[table:fit]])."
        )
    scaled = {name: one.sensitivity for (name, _), one in checked.items() if one.sensitivity is not None}
    if scaled:
        moved = list(dict.fromkeys(labels[name] for name, value in scaled.items() if value >= SENSITIVE))
        texts.append(
            f"A prior matters for a contrast of: {'; '.join(moved)}."
            if moved
            else "No prior matters for any contrast."
        )
    return [Paragraph(" ".join(texts))] if texts else []


def _notes(found: StudyResult, checked: dict[tuple[str, str], _Checked]) -> list[str]:
    limit, share = f"\N{PLUS-MINUS SIGN}{LIMIT}", f"{NORMAL_SHARE:.1%}"
    notes = [
        "Residuals are scaled to be standard normal where the model holds (quantile residuals of outcomes that are not "
        f"Gaussian on any scale). Beyond: share beyond {said(limit, LIMIT, 'limit')}, where a normal distribution has "
        f"{said(share, NORMAL_SHARE, 'p.beyond.normal')}. Largest: in absolute value."
    ]
    if any(found.bayesian.values()):
        notes.append(
            "Means and SDs outside: observed ones, by visit, beyond the central 95% of "
            f"{say.count(SETS)} data sets drawn from the posterior."
        )
        if any(one.sensitivity is not None for one in checked.values()):
            notes[-1] += (
                " Prior: the largest sensitivity of a contrast to powers of any prior; from "
                f"{SENSITIVE:g} on it counts (Kallioinen et al. 2024)."
            )
        if any(one.first.n_obs > MOST_ROWS for of in found.fitted for one in of.analyses.values()):
            notes.append(f"Posteriors of more than {MOST_ROWS:,} observations are not checked further.")
    return notes
