"""Prediction of new rows: of the mean, of a subject given its observed visits, of a new observation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from msclong.contrasts.student_t import t_quantile
from msclong.covariance.components import components, sum_of
from msclong.data.baseline import COLUMN, baseline_of_new_rows
from msclong.data.measurements import measurement
from msclong.data.tables import to_pandas
from msclong.design.coordinates import keys
from msclong.design.crossed_moments import CrossedMoments, crossed_moments, tied
from msclong.design.design import Design
from msclong.design.expressions import columns_in
from msclong.design.grouped_effects import GroupedEffects, grouped_effects
from msclong.design.unit_batches import paired_batches
from msclong.errors import DataError, SpecError, listing
from msclong.likelihood.crossed.prediction import predicted_effects
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.effect_scale import INVERSES, transformed_back
from msclong.results.kriging import kriging, remainder
from msclong.results.mixture import normal_mixture
from msclong.results.outcome_prediction import predicted_marginals
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.posterior_table import described

Interval = Literal["confidence", "prediction"]

LIMITS = ("lower", "upper")


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predictions of M rows at one (beta, theta).

    mean : (M,). loading : (M, p), how the prediction moves with beta. variance : (M,) of what is predicted, given the
    observations, beta and theta; independent : (M,), the variance that a new observation's own error adds.
    """

    mean: np.ndarray
    loading: np.ndarray
    variance: np.ndarray
    independent: np.ndarray

    def spread(self, new: bool) -> np.ndarray:
        """(M,) the variance of what is predicted, or of a new observation of it."""
        return self.variance + self.independent if new else self.variance


@dataclass(frozen=True, eq=False)
class Targets:
    """M rows to predict, and the observations to predict them from.

    X (M, p), coords (M, d), unit (M,) of the rows to predict; coords None: their means alone are asked for.
    observed_X (n, p), y (n,), observed_coords (n, d) and observed_unit (n,) of the observations.
    """

    X: np.ndarray
    coords: np.ndarray | None
    unit: np.ndarray
    observed_X: np.ndarray
    y: np.ndarray
    observed_coords: np.ndarray
    observed_unit: np.ndarray


@dataclass(frozen=True, eq=False)
class _Crossed:
    """Targets of large units: the observations and the targets by groupings; each target's coordinates, (M, 1, d)."""

    moments: CrossedMoments
    rows: GroupedEffects
    alone: np.ndarray


def predict(
    design: Design,
    estimate: PointEstimate | PosteriorDraws,
    theta: np.ndarray,
    newdata: Any,
    conditional: bool,
    interval: Interval | None,
    level: float,
) -> pd.DataFrame:
    """The table of `Fit.predict`."""
    if interval not in (None, "confidence", "prediction"):
        raise SpecError(f"interval takes None, 'confidence' or 'prediction'; got {interval!r}.")
    if not isinstance(conditional, (bool, np.bool_)):
        raise SpecError(f"conditional takes True or False; got {conditional!r}.")
    frame = design.fixed.frame if newdata is None else to_pandas(newdata)
    if not len(frame):
        raise DataError("newdata has no rows.")
    if newdata is not None and design.data.taken_out is not None:
        frame = _later_rows(design, frame)
    return predicted(design, estimate, theta, frame, conditional, interval, level)


def predicted(
    design: Design,
    estimate: PointEstimate | PosteriorDraws,
    theta: np.ndarray,
    frame: pd.DataFrame,
    conditional: bool,
    interval: Interval | None,
    level: float,
) -> pd.DataFrame:
    """The same for rows as the design holds them."""
    new = interval == "prediction"
    columns = ["estimate", "se", *(LIMITS if interval else ())]
    if isinstance(estimate, ConditionalDraws):
        marginals = predicted_marginals(design, estimate, frame, conditional, new)
        table = {
            "estimate": marginals.estimate,
            "se": marginals.se,
            "lower": marginals.quantile((1 - level) / 2),
            "upper": marginals.quantile((1 + level) / 2),
            "mcse": marginals.checks()["mcse"],
        }
        return described(
            pd.DataFrame(table, index=frame.index)[[*columns, "mcse"]],
            marginals.kind,
            level if interval else None,
        )
    inverse = INVERSES.get(design.family.link)
    result = _of_gaussian(design, estimate, theta, frame, conditional, interval, level)
    return result if inverse is None else transformed_back(result, *inverse)


def _of_gaussian(
    design: Design,
    estimate: PointEstimate | PosteriorDraws,
    theta: np.ndarray,
    frame: pd.DataFrame,
    conditional: bool,
    interval: Interval | None,
    level: float,
) -> pd.DataFrame:
    """The prediction of outcomes that are Gaussian as they stand, or as the family transforms them."""
    new = interval == "prediction"
    targets = _conditional(design, frame) if conditional else _marginal(design, frame, new)
    if isinstance(estimate, PosteriorDraws):
        mean, spread = _over_draws(design, estimate, targets, new)
        table = normal_mixture(mean, spread, level)
        table["se"] = remainder(table["se"], np.zeros(1), np.abs(table["estimate"]))
        # What was observed is known: its draws differ by rounding.
        draws = np.where(table["se"] > 0, mean, 0.0).reshape(*estimate.draws.shape[:2], -1)
        table["mcse"] = estimate.convergence(draws)["mcse"]
        columns = ["estimate", "se", *(LIMITS if interval else ()), "mcse"]
        return described(
            pd.DataFrame(table, index=frame.index)[columns], "posterior mean", level if interval else None
        )
    found = predictions(design, targets, _crossed(design, targets), estimate.beta, theta)
    variance = np.einsum("mp,pq,mq->m", found.loading, estimate.vcov, found.loading) + found.spread(new)
    table = {"estimate": found.mean, "se": np.sqrt(variance.clip(0, None))}
    if interval is not None:
        df = _df(estimate, targets.X)
        half = t_quantile(df, (1 + level) / 2) * table["se"]
        table |= dict(zip(LIMITS, (found.mean - half, found.mean + half), strict=True)) | {"df": df}
    return pd.DataFrame(table, index=frame.index)


def predictions(
    design: Design, targets: Targets, crossed: _Crossed | None, beta: np.ndarray, theta: np.ndarray
) -> Prediction:
    """Predict at beta (p,) and theta (k,); a target whose unit has no observations has its marginal mean."""
    mean, loading = targets.X @ beta, targets.X.copy()
    variance, independent = np.zeros_like(mean), np.zeros_like(mean)
    if targets.coords is None:
        return Prediction(mean, loading, variance, independent)
    signal_terms = [term for term in components(design.structure) if not term.is_independent]
    if crossed is not None:
        effects = predicted_effects(crossed.moments, beta, theta)
        moved, variance = effects.loading_and_variance(crossed.rows)
        spread = sum_of(signal_terms, theta, crossed.alone)[:, 0, 0]
        whole = design.structure.sigma(theta, crossed.alone)[:, 0, 0]
        return Prediction(mean + effects.mean(crossed.rows), loading + moved, variance, whole - spread)
    residual = targets.y - targets.observed_X @ beta
    for observed, new in paired_batches(targets.observed_unit, targets.unit):
        t = observed.shape[1]
        coords = np.concatenate([targets.observed_coords[observed], targets.coords[new]], axis=1)
        sigma = design.structure.sigma(theta, coords)
        signal = sum_of(signal_terms, theta, coords)
        found = kriging(sigma[:, :t, :t], signal[:, t:, :t])
        mean[new] += (found.weights @ residual[observed][..., None])[..., 0]
        X, observed_X = targets.X[new], targets.observed_X[observed]
        size = np.maximum(np.abs(X), np.abs(observed_X).max(axis=1, keepdims=True, initial=0.0))
        loading[new] = remainder(X, found.weights @ observed_X, size)
        spread = np.diagonal(signal, axis1=1, axis2=2)[:, t:]
        variance[new] = remainder(spread, found.explained, spread)
        independent[new] = np.diagonal(sigma, axis1=1, axis2=2)[:, t:] - spread
    return Prediction(mean, loading, variance, independent)


def _crossed(design: Design, targets: Targets) -> _Crossed | None:
    """The groupings of the targets and the observations, where units are large; None for other structures."""
    if targets.coords is None or not tied(np.concatenate([targets.observed_unit, targets.unit])):
        return None
    structure, observed = design.structure, np.column_stack([targets.observed_X, targets.y])
    names = (*design.fixed.names, design.spec.parsed.outcome)
    moments = crossed_moments(names, observed, structure, targets.observed_coords, targets.observed_unit)
    if moments is None:
        return None
    rows = grouped_effects(structure, targets.coords, targets.unit, like=moments.effects)
    return None if rows is None else _Crossed(moments, rows, targets.coords[:, None])


def _over_draws(
    design: Design, estimate: PosteriorDraws, targets: Targets, new: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances (S, M) of what is predicted given each draw of beta and theta."""
    if targets.coords is None:
        mean = estimate.flat @ targets.X.T
        return mean, np.zeros_like(mean)
    draws = zip(estimate.flat, estimate.flat_theta, strict=True)
    crossed = _crossed(design, targets)
    found = [predictions(design, targets, crossed, beta, theta) for beta, theta in draws]
    return np.stack([one.mean for one in found]), np.stack([one.spread(new) for one in found])


def _df(estimate: PointEstimate, X: np.ndarray) -> np.ndarray:
    """df of each row of X; infinite for a row of zeros, whose mean is known."""
    df = np.full(len(X), np.inf)
    moving = X.any(axis=1)
    if moving.any():
        df[moving] = estimate.small_sample.df(X[moving])
    return df


def _marginal(design: Design, frame: pd.DataFrame, new: bool) -> Targets:
    """Rows to predict from their X alone, each by itself; coordinates are read for new observations only."""
    X = design.fixed.matrix(frame)
    coords = design.covariance.coords(frame, alone=True) if new else None
    return Targets(
        X=X,
        coords=coords,
        unit=np.arange(len(X)),
        observed_X=X[:0],
        y=np.zeros(0),
        observed_coords=np.zeros((0, 0)) if coords is None else coords[:0],
        observed_unit=np.zeros(0, dtype=np.intp),
    )


def _conditional(design: Design, frame: pd.DataFrame) -> Targets:
    """Rows to predict from the observations that were fitted, and from those of new subjects among the rows."""
    rows = design.rows(frame)
    fresh, y = _outcomes_of_new_subjects(design, frame)
    return Targets(
        X=rows.X,
        coords=rows.coords,
        unit=rows.unit,
        observed_X=np.concatenate([design.fixed.X, rows.X[fresh]]),
        y=np.concatenate([design.y, y[fresh]]),
        observed_coords=np.concatenate([design.coords, rows.coords[fresh]]),
        observed_unit=np.concatenate([design.unit, rows.unit[fresh]]),
    )


def _later_rows(design: Design, newdata: pd.DataFrame) -> pd.DataFrame:
    """`newdata` with its baseline visit taken out as that of the fitted table was.

    Raises DataError for rows without a baseline where the mean reads it.
    """
    data, groupings = design.data, design.spec.parsed.groupings
    subject = next((columns for columns in groupings if ":".join(columns) == data.subject), (data.subject,))
    later = baseline_of_new_rows(newdata, data, subject)
    if COLUMN in design.fixed.variables:
        _refuse_without_baseline(design, later, later[COLUMN].isna().to_numpy())
    return later


def _refuse_without_baseline(design: Design, rows: pd.DataFrame, lacking: np.ndarray) -> None:
    if lacking.any():
        raise DataError(
            f"Rows {listing(rows.index[lacking])} of newdata have no baseline value. Add their subjects' rows with "
            f"{design.data.visit} = {design.data.taken_out!r} and an outcome {design.data.outcome!r}, or a column "
            f"{COLUMN!r}."
        )


def _outcomes_of_new_subjects(design: Design, newdata: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Which rows (M,) are observations of subjects that the fit does not know, and the outcomes (M,)."""
    outcome, grouping = design.spec.parsed.outcome, design.spec.parsed.groupings[0]
    known = set(keys(design.fixed.frame, grouping))
    new = np.array([key not in known for key in keys(newdata, grouping)])
    if outcome not in newdata.columns:
        if new.any() and (parts := columns_in(outcome, newdata.columns)):
            raise DataError(
                f"newdata has new subjects and {listing(parts)}, but no column {outcome!r} to condition on; add it, "
                f"or leave {listing(parts)} out to predict them from their covariates alone."
            )
        return np.zeros(len(newdata), dtype=bool), np.zeros(len(newdata))
    y = measurement(newdata[outcome], "outcome").to_numpy(copy=True)
    fresh = new & ~np.isnan(y)
    if design.spec.baseline_as == "change":
        baseline = measurement(newdata[COLUMN], "outcome").to_numpy()
        _refuse_without_baseline(design, newdata, fresh & np.isnan(baseline))
        y = y - baseline
    design.family.check({"y": y[fresh]}, outcome, newdata.index[fresh])
    y[fresh] = design.family.transform(y[fresh])
    return fresh, y
