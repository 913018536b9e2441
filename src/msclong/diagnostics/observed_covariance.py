"""Observed against fitted covariance: does Sigma describe the residuals that it was fitted to?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from msclong.design.coordinates import keys
from msclong.design.unit_batches import unit_batches
from msclong.design.visit_grid import MOST_VISITS
from msclong.engines.frequentist.arguments import check_fit
from msclong.errors import DataError, EngineError, SpecError, listing
from msclong.results.fit import Fit
from msclong.results.stamp import stamp


def covariance_check(fit: Fit, by: str | Sequence[str] = ()) -> pd.DataFrame:
    """Covariance of the raw residuals beside the fitted one, for each pair of visits.

    Observed: the mean of r_is r_it over the `n` subjects seen at both visits (available pairs, no correction for the
    estimated mean), and their correlation over those subjects. Fitted: the mean over the same subjects of
    their Sigma_i[s, t], and its correlation. For every covariance structure and random effects.

    Parameters
    ----------
    by : column or columns, optional
        A table for each level, such as the arm: where the arms differ, a covariance per group may be due.

    Returns
    -------
    DataFrame indexed by [by,] visit and other visit, the earlier or equal one second: `n observed fitted
    observed_correlation fitted_correlation`, covariances in squared outcome units. Pairs never seen together are
    left out.

    Of lognormal and logitnormal outcomes all is of their logarithm or logit.

    Raises SpecError for what is no fit, or where the model has no planned visits, DataError for an unknown column,
    EngineError for other families, whose covariance is that of linear predictors.

    Examples
    --------
    >>> import msclong as ml
    >>> fit = ml.fit("change ~ basval + TRT * week + cs(week | PATIENT)", ml.datasets.hamd17())
    >>> ml.covariance_check(fit)[["n", "observed", "fitted"]].head(3).round(1)
                       n  observed  fitted
    week other week
    1    1           200      20.7    34.2
    2    1           182      17.3    21.4
         2           182      35.0    34.2
    """
    check_fit(fit)
    design = fit.design
    if design.conditional:
        raise EngineError(
            f"The covariance of this fit is that of linear predictors, which are not observed (family "
            f"{design.family.keyword!r}); ml.predictive_check(fit) compares outcomes with the model."
        )
    frame = design.fixed.frame
    if design.visit is None or len(visits := design.fixed.values(design.visit)) > MOST_VISITS:
        raise SpecError(
            "A covariance by pairs of visits needs planned visits, at most "
            f"{MOST_VISITS}; name their column: ModelSpec(..., visit='...')."
        )
    if not isinstance(by, Iterable):
        raise SpecError(f"by takes a column or several; got {by!r}.")
    names = [by] if isinstance(by, str) else list(by)
    if unknown := [name for name in names if name not in frame.columns]:
        raise DataError(
            f"There is no column {listing(unknown)}; the columns are {listing(frame.columns, 20)}."
        )
    place = {visit: i for i, visit in enumerate(visits)}
    position = np.array([place[visit] for visit in frame[design.visit]])
    group, found = pd.factorize(pd.Series(keys(frame, names) if names else [()] * len(frame)))
    levels = list(found)
    raw = design.y - design.fixed.X @ fit.estimate.beta
    n, observed, fitted, square, variance = np.zeros((5, len(levels), len(visits), len(visits)))
    for rows in unit_batches(design.subject, design.coords):
        r = raw[rows]
        sigma = design.structure.sigma(fit.covariance.theta, design.coords[rows])
        own = np.broadcast_to(np.eye(rows.shape[1], dtype=bool), sigma.shape)
        a, b = np.broadcast_arrays(rows[:, :, None], rows[:, None, :])
        # Two rows of one visit (a model without unique visits) are not a pair of visits.
        pair = own | ((position[a] != position[b]) & (group[a] == group[b]))
        where = (group[a[pair]], position[a[pair]], position[b[pair]])
        np.add.at(n, where, 1)
        np.add.at(observed, where, (r[:, :, None] * r[:, None, :])[pair])
        np.add.at(fitted, where, sigma[pair])
        np.add.at(square, where, np.broadcast_to(r[:, :, None] ** 2, sigma.shape)[pair])
        diagonal = np.diagonal(sigma, axis1=1, axis2=2)[:, :, None]
        np.add.at(variance, where, np.broadcast_to(diagonal, sigma.shape)[pair])
    g, s, t = np.nonzero(n * np.tri(len(visits)))
    count, reverse = n[g, s, t], (g, t, s)
    table = {
        "n": count.astype(int),
        "observed": observed[g, s, t] / count,
        "fitted": fitted[g, s, t] / count,
        "observed_correlation": observed[g, s, t] / np.sqrt(square[g, s, t] * square[reverse]),
        "fitted_correlation": fitted[g, s, t] / np.sqrt(variance[g, s, t] * variance[reverse]),
    }
    index = pd.MultiIndex.from_tuples(
        [(*levels[i], visits[j], visits[k]) for i, j, k in zip(g, s, t, strict=True)],
        names=[*names, design.visit, f"other {design.visit}"],
    )
    return stamp(pd.DataFrame(table, index=index), fit)


def observed_sd_and_correlation(check: pd.DataFrame) -> pd.DataFrame:
    """Of a `covariance_check` without `by`: observed correlations with the SDs on the diagonal, (T, T).

    NaN for visits that nobody was seen at together.
    """
    visits = check.index.get_level_values(0).unique()
    lower = check["observed_correlation"].unstack().reindex(index=visits, columns=visits)
    whole = lower.fillna(lower.T)
    sd = np.sqrt(check["observed"].to_numpy()[[s == t for s, t in check.index]])
    values = whole.to_numpy(copy=True)
    np.fill_diagonal(values, sd)
    return pd.DataFrame(values, index=visits, columns=visits)
