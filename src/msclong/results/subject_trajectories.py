"""Each subject's own course: its expected outcome at every visit, given all of its outcomes."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from msclong.design.cells import each_subject_at_each_visit
from msclong.design.design import Design
from msclong.errors import SpecError
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.outcome_prediction import MOST_DRAWS
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.posterior_table import of_some
from msclong.results.prediction import predicted


def subject_trajectories(
    design: Design,
    estimate: PointEstimate | PosteriorDraws,
    theta: np.ndarray,
    level: float,
    subjects: Collection[object] | None = None,
) -> pd.DataFrame:
    """The table of `Fit.trajectories`. Raises SpecError for a model without visits."""
    if design.visit is None:
        raise SpecError(
            "This model has no visits that subjects could be followed along; name them: ModelSpec(visit=)."
        )
    subject, visit = design.data.subject, design.visit
    frame = each_subject_at_each_visit(design)
    observed = np.arange(len(frame)) < design.n_obs
    if subjects is not None:
        kept = frame[subject].isin(list(subjects)).to_numpy()
        frame, observed = frame[kept], observed[kept]
    if isinstance(estimate, PosteriorDraws) and not isinstance(estimate, ConditionalDraws):
        estimate = _thinned(estimate)
    table = predicted(design, estimate, theta, frame, True, "confidence", level)
    table["observed"] = observed
    places = {value: i for i, value in enumerate(design.fixed.values(visit))}
    order = np.lexsort([frame[visit].map(places).to_numpy(), pd.factorize(frame[subject])[0]])
    rows = pd.MultiIndex.from_frame(frame[[subject, visit]].astype(object))
    return table.drop(columns="df", errors="ignore").set_axis(rows).iloc[order]


def _thinned(estimate: PosteriorDraws) -> PosteriorDraws:
    """Evenly spaced draws of beta and theta, about MOST_DRAWS: predictions given each are exact, so few will do."""
    kept = slice(None, None, max(1, len(estimate.flat) // MOST_DRAWS))
    draws, theta = estimate.draws[:, kept], estimate.theta
    theta = None if theta is None else theta[:, kept]
    convergence = of_some(estimate.convergence, kept)
    return PosteriorDraws(estimate.names, draws, convergence, theta, estimate.theta_names)
