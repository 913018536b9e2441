"""Prediction of outcomes that are not Gaussian, on their own scale."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.data.measurements import measurement
from msclong.design.cells import dispersion_of
from msclong.design.coordinates import column_of
from msclong.design.design import Design
from msclong.design.unit_batches import paired_batches
from msclong.errors import EngineError, listing
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.outcome_means import OutcomeScale
from msclong.results.own_outcomes import own_outcomes
from msclong.results.posterior_table import HeavyTailedMarginals, SampledMarginals, of_some
from msclong.results.subject_effects import own_linear_predictors

MOST_DRAWS = 500
"""Draws of the posterior that predictions given subjects' outcomes are made of, evenly spaced."""

SEED = 20251
"""Of what is drawn for a prediction, so that it is the same each time."""


def predicted_marginals(
    design: Design, estimate: ConditionalDraws, frame: pd.DataFrame, conditional: bool, new: bool
) -> SampledMarginals:
    """The posterior of the expected outcome of each row of `frame`, or of a new outcome of it.

    conditional : of the row's own subject given its outcomes; else over new subjects, whose effects are integrated out.
    """
    offset = np.zeros(len(frame))
    if (name := design.spec.offset) is not None:
        offset = measurement(column_of(frame, name), "offset").to_numpy()
    rng = np.random.default_rng(SEED)
    if not conditional and not new:
        values = OutcomeScale(design, estimate).cells(frame, offset=offset)
        return _marginals(design, estimate, values, slice(None))
    chains, length = estimate.draws.shape[:2]
    kept = np.unique(np.linspace(0, length - 1, min(length, max(1, MOST_DRAWS // chains))).astype(int))
    draws = (length * np.arange(chains)[:, None] + kept).reshape(-1)
    if conditional:
        unit = design.rows(frame).unit
        _refuse_outcomes(design, frame, unit > design.unit.max())
        batches = paired_batches(design.unit, unit)
    else:
        batches = paired_batches(design.unit[:0], np.arange(len(frame)))
    if design.censored_normal:
        signal, sd = own_outcomes(design, estimate, frame, batches, offset, draws, rng)
        eta, phi = (signal,), {"residual sd": sd}
    else:
        eta = own_linear_predictors(design, estimate, frame, batches, offset, draws, rng)
        phi = {name: values[draws] for name, values in estimate.phi_of(dispersion_of(design, frame)).items()}
    data = {"trials": np.ones(len(frame))}
    if (name := design.spec.trials) is not None and new:
        data["trials"] = measurement(column_of(frame, name), "trials").to_numpy()
    family = design.family
    values = np.asarray(family.draw(eta, phi, data, rng) if new else family.mean(eta, phi, data))
    return _marginals(design, estimate, values, kept)


def _marginals(
    design: Design, estimate: ConditionalDraws, values: np.ndarray, kept: np.ndarray | slice
) -> SampledMarginals:
    """Of values (S, M) at the draws `kept` of each chain."""
    kind = HeavyTailedMarginals if design.family.link == "log" else SampledMarginals
    draws = values.reshape(estimate.draws.shape[0], -1, values.shape[1])
    return kind(draws, of_some(estimate.convergence, kept))


def _refuse_outcomes(design: Design, frame: pd.DataFrame, new: np.ndarray) -> None:
    """Raise EngineError for outcomes of subjects that the fit does not know."""
    outcome = design.spec.parsed.outcome
    if outcome in frame.columns and (given := new & frame[outcome].notna().to_numpy()).any():
        raise EngineError(
            f"Rows {listing(frame.index[given])} are outcomes of subjects that were not fitted, and a prediction of "
            f"family {design.family.keyword!r} cannot take them in: fit with these subjects, or leave {outcome!r} out."
        )
