"""Draws of the contrasts that a report shows, on the scale on which it shows them."""

from __future__ import annotations

import numpy as np

from msclong.contrasts.kinds import mean_contrasts
from msclong.reporting.analysis import Analysis
from msclong.results.effect_scale import SCALES, exact
from msclong.results.fit import Fit
from msclong.results.outcome_means import OutcomeScale
from msclong.results.posterior_draws import PosteriorDraws


def contrast_draws(analysis: Analysis, fit: Fit) -> np.ndarray:
    """Draws (S, m) of the rows of `fit.contrasts(at=analysis.at)`: differences, ratios or odds ratios."""
    design, estimate = fit.design, fit.estimate
    assert isinstance(estimate, PosteriorDraws)
    scale = SCALES[design.family.effects[0]]
    asked = mean_contrasts(design, at=analysis.at, sign=scale.sign)
    if exact(design.family, scale.effect, estimate):
        found = estimate.of(asked.hypothesis)
    else:
        found = scale.apply(OutcomeScale(design, estimate).means(asked)) @ asked.contrasts.L.T
    flat = found.reshape(-1, found.shape[2])
    return np.exp(flat) if scale.ratio else flat


def row_names(analysis: Analysis, groups: tuple[str, ...], labels: tuple[str, ...]) -> list[str]:
    """'TRT 2 - TRT 1, week 8': what each row is called outside of a table."""
    visits = [analysis.names.visit(text) for text in labels]
    return [f"{group}, {visit}" if group else visit for group, visit in zip(groups, visits, strict=True)]
