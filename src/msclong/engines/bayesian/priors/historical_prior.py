"""A prior from earlier trials: the meta-analytic-predictive prior, made robust, as a mixture of normals."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np
from scipy.stats import halfnorm, norm, t

from msclong.errors import SpecError
from msclong.spec.distributions import HalfNormal, HalfT, Mixture, Normal

NODES = 400
"""Between-trial SDs of the numerical integration, and points of the predictive distribution per component."""

POINTS = 2000
"""Equally likely points of the predictive distribution that the mixture is fitted to."""

MOST_STEPS, ENOUGH = 20_000, 1e-9
"""Steps of the EM algorithm, and the gain in the mean log-likelihood at which it ends."""

MOST_COMPONENTS = 4


def historical_prior(
    estimates: Sequence[float],
    ses: Sequence[float],
    *,
    unit_sd: float,
    weight: float = 0.8,
    between: HalfNormal | HalfT | None = None,
    vague: Normal | None = None,
    components: int = 3,
) -> Mixture:
    """What earlier trials say of the effect in a new one, for `Priors(coefficients={name: ...})`.

    Trial h estimated y_h with standard error s_h: y_h ~ Normal(theta_h, s_h^2), theta_h ~ Normal(mu, tau^2) for these
    trials and the new one, mu flat, tau ~ `between`. The distribution of the new trial's theta given y, integrated
    over mu exactly and over tau on a grid, is fitted by a mixture of normals with least Kullback-Leibler divergence
    (EM). It gets `weight`; the rest goes to a vague component, which takes over where the new data contradict the old.

    Parameters
    ----------
    estimates, ses : of the same effect in each earlier trial, on the scale of the coefficient
    unit_sd : float
        SD of the effect in one subject (of a mean change, the SD of changes; about se times the root of the subjects).
    weight : float
        Weight of the earlier trials, above 0 and at most 1.
    between : HalfNormal or HalfT, optional
        Prior of the between-trial SD tau; None: HalfNormal(unit_sd / 2), which allows large differences.
    vague : Normal, optional
        None: Normal(0, unit_sd), no effect with the information of one subject.
    components : int
        Normals that the earlier trials' part is fitted by, 1 to 4.

    Returns
    -------
    Mixture, the vague component last.

    Neuenschwander, Capkun-Niggli, Branson and Spiegelhalter (2010), Clinical Trials 7:5; Schmidli et al. (2014),
    Biometrics 70:1023. Raises SpecError for impossible values.

    Examples
    --------
    >>> import msclong as ml
    >>> prior = ml.historical_prior([-3.1, -2.2, -4.0], ses=[1.1, 0.8, 1.5], unit_sd=6)
    >>> round(prior.mean, 2), round(prior.sd, 1)
    (-2.32, 3.5)
    """
    y, s = _numbers("estimates", estimates), _numbers("ses", ses)
    if len(y) != len(s) or not len(y) or (s <= 0).any():
        raise SpecError(
            f"historical_prior takes as many estimates as positive standard errors; got {len(y)} and {list(s)}."
        )
    _positive("unit_sd", unit_sd)
    if not isinstance(weight, (int, float)) or not 0 < weight <= 1:
        raise SpecError(f"weight lies above 0 and at most at 1; got {weight!r}.")
    if not isinstance(components, int) or not 1 <= components <= MOST_COMPONENTS:
        raise SpecError(f"components is a whole number from 1 to {MOST_COMPONENTS}; got {components!r}.")
    between = HalfNormal(unit_sd / 2) if between is None else between
    if not isinstance(between, (HalfNormal, HalfT)):
        raise SpecError(f"between is HalfNormal(scale) or HalfT(df, scale); got {between!r}.")
    vague = Normal(0.0, unit_sd) if vague is None else vague
    if not isinstance(vague, Normal):
        raise SpecError(f"vague is a Normal(mean, sd); got {vague!r}.")
    predictive = _fit(_points(*_predictive(y, s, between)), components)
    informed = [(weight * w, normal) for w, normal in predictive]
    return Mixture(informed if weight == 1 else [*informed, (1 - weight, vague)])


def effective_sample_size(prior: Normal | Mixture, unit_sd: float) -> float:
    """How many subjects the prior of an effect is worth: the expected local-information ratio.

    The mean over the prior p of -(log p)'' unit_sd^2, which is unit_sd^2 times the integral of p'^2 / p; for a
    Normal prior it is (unit_sd / sd)^2. unit_sd : SD of the effect in one subject.
    Neuenschwander, Weber, Schmidli and O'Hagan (2020), Biometrics 76:578. Raises SpecError for impossible values.

    Examples
    --------
    >>> import msclong as ml
    >>> prior = ml.historical_prior([-3.1, -2.2, -4.0], ses=[1.1, 0.8, 1.5], unit_sd=6)
    >>> round(ml.effective_sample_size(prior, unit_sd=6))
    15
    """
    _positive("unit_sd", unit_sd)
    if not isinstance(prior, (Normal, Mixture)):
        raise SpecError(f"prior is a Normal or a Mixture; got {prior!r}.")
    weight, mean, sd = _arrays(prior)
    x = _grid(mean, sd)
    z = (x[:, None] - mean) / sd
    parts = weight * norm.pdf(z) / sd
    density, slope = parts.sum(axis=1), (-z / sd * parts).sum(axis=1)
    return float(unit_sd**2 * np.trapezoid(slope**2 / np.maximum(density, np.finfo(float).tiny), x))


def _predictive(
    y: np.ndarray, s: np.ndarray, between: HalfNormal | HalfT
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, means and SDs of the normal distributions of a new trial's effect, one at each node of tau."""
    node, weight = np.polynomial.legendre.leggauss(NODES)
    u = (node + 1) / 2
    tau = between.scale * u / (1 - u)
    precision = 1 / (s**2 + tau[:, None] ** 2)
    total = precision.sum(axis=1)
    mean = precision @ y / total
    log_likelihood = 0.5 * (
        np.log(precision).sum(axis=1) - np.log(total) - (precision * (y - mean[:, None]) ** 2).sum(axis=1)
    )
    log_prior = (
        halfnorm.logpdf(tau, scale=between.scale)
        if isinstance(between, HalfNormal)
        else t.logpdf(tau / between.scale, between.df)
    )
    log_weight = np.log(weight) - 2 * np.log1p(-u) + log_prior + log_likelihood
    posterior = np.exp(log_weight - log_weight.max())
    return posterior / posterior.sum(), mean, np.sqrt(1 / total + tau**2)


def _points(weight: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Equally likely points of a mixture of normals: its quantiles at the middles of POINTS equal shares."""
    ascending = np.argsort(sd)
    typical = sd[ascending[np.searchsorted(np.cumsum(weight[ascending]), 0.5)]]
    x = weight @ mean + typical * np.sinh(
        np.linspace(-9, 9, 4001)
    )  # denser in the middle, wide enough for half-t tails
    cdf = norm.cdf((x[:, None] - mean) / sd) @ weight
    return np.interp((np.arange(POINTS) + 0.5) / POINTS, cdf, x)


def _fit(points: np.ndarray, components: int) -> list[tuple[float, Normal]]:
    """The mixture of normals of greatest likelihood for `points`, by EM from one centre and ascending SDs."""
    weight = np.full(components, 1 / components)
    mean = np.full(components, np.median(points))
    sd = points.std() * 2.0 ** (np.arange(components) - (components - 1) / 2)
    before = -np.inf
    for _ in range(MOST_STEPS):
        parts = weight * norm.pdf(points[:, None], mean, sd)
        density = parts.sum(axis=1)
        share = parts / density[:, None]
        value = np.log(density).mean()
        if value - before < ENOUGH:
            break
        before = value
        size = share.sum(axis=0)
        weight, mean = size / len(points), points @ share / size
        sd = np.sqrt(np.einsum("ij,ij->j", share, (points[:, None] - mean) ** 2) / size)
    order = np.argsort(sd)
    return [(float(weight[i]), Normal(float(mean[i]), float(sd[i]))) for i in order]


def _grid(mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Points that resolve every component and reach far beyond all of them."""
    return np.unique((mean[:, None] + sd[:, None] * np.linspace(-12, 12, 6 * NODES)).ravel())


def _arrays(prior: Normal | Mixture) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    pairs = [(1.0, prior)] if isinstance(prior, Normal) else list(prior)
    rows = np.array([(weight, normal.mean, normal.sd) for weight, normal in pairs])
    return rows[:, 0], rows[:, 1], rows[:, 2]


def _numbers(name: str, given: Sequence[float]) -> np.ndarray:
    try:
        values = np.array(given, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        values = np.array([np.nan])
    if not np.isfinite(values).all():
        raise SpecError(f"{name} are finite numbers, one for each earlier trial; got {given!r}.")
    return values


def _positive(name: str, value: object) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not (isfinite(value) and value > 0):
        raise SpecError(f"{name} must be a positive number; got {value!r}.")
