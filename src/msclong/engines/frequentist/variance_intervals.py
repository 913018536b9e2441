"""Intervals for covariance parameters: profile likelihood, parametric bootstrap, Wald."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy.special import chdtri, ndtri

from msclong.engines.frequentist.arguments import check_fit, check_flag
from msclong.engines.frequentist.bootstrap import bootstrap
from msclong.engines.frequentist.boundary import AT_BOUND, estimated, expected_error, on_boundary
from msclong.engines.frequentist.engine import Frequentist
from msclong.engines.frequentist.maximum_likelihood import MaximumLikelihood, maximum_likelihood
from msclong.engines.frequentist.profile import Profile
from msclong.engines.frequentist.progress import Progress
from msclong.engines.frequentist.theta_covariance import theta_covariance
from msclong.engines.frequentist.variance_functions import VarianceFunction, variance_functions
from msclong.errors import EngineError, HypothesisError, SpecError, listing
from msclong.results.fit import Fit
from msclong.results.stamp import stamp

ZERO = 1e-10
"""A bootstrap variance below this share of its estimate or standard error is zero, its correlations undefined."""

Method = Literal["profile", "bootstrap", "wald"]


def variance_intervals(
    fit: Fit,
    method: Method = "profile",
    level: float = 0.95,
    parameters: Sequence[str] | None = None,
    n: int = 1000,
    seed: int | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Intervals for variances, covariances, correlations and standard deviations.

    Parameters
    ----------
    fit : a fit by Frequentist.
    method
        'profile': the values whose (restricted) log-likelihood, maximised over all else, lies within half the
        chi-squared quantile of the maximum. The criterion is the one that was fitted: R lme4 profiles ML also where
        REML was fitted. Where it never falls that far on the way to a bound, the limit is the bound: a variance of
        zero, a correlation of one.
        'bootstrap': percentiles of the estimates from `n` sets of outcomes, drawn from the fitted model for the same
        design and fitted again.
        'wald': SAS PROC MIXED's CL option: Satterthwaite's chi-squared limits for variances (df 2 z^2, z the
        estimate over its standard error), normal limits for covariances; correlations by Fisher's z, ranges by logs.
    level : of confidence.
    parameters : names of the rows wanted; None is all: each parameter, then each standard deviation and correlation.
    n, seed : of the bootstrap.
    progress : whether a bar on standard error counts; None: where that is a terminal.

    Returns
    -------
    DataFrame indexed by parameter: estimate, lower, upper, in the outcome's units; from a bootstrap also
    `replicates`, the refits that the percentiles stand on. Fewer than `n` of them means that refits failed, of which a
    ConvergenceWarning tells too, or that a correlation was undefined for a variance of zero.

    Sources: Venzon and Moolgavkar (1988), Applied Statistics 37:87 (profile); Davison and Hinkley (1997), section 5.3.
    Raises EngineError for another engine's fit, HypothesisError for an unknown parameter, SpecError for an impossible
    argument, ConvergenceError where a profile or every refit fails.

    Examples
    --------
    >>> import msclong as ml
    >>> fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy())
    >>> ml.variance_intervals(fit, method="profile").round(1)
                                  estimate  lower   upper
    parameter
    variance(Intercept)              612.1  226.0  1561.5
    covariance(Days, Intercept)        9.6 -119.0   115.3
    variance(Days)                    35.1   15.4    83.8
    residual variance                654.9  524.3   832.8
    sd(Intercept)                     24.7   15.0    39.5
    sd(Days)                           5.9    3.9     9.2
    residual sd                       25.6   22.9    28.9
    correlation(Days, Intercept)       0.1   -0.5     0.7
    """
    check_fit(fit)
    check_flag(progress, "progress")
    if method not in get_args(Method):
        raise SpecError(f"method takes {listing(map(repr, get_args(Method)))}; got {method!r}.")
    if not isinstance(level, (int, float)) or not 0 < level < 1:
        raise SpecError(f"level must lie between 0 and 1, such as 0.95; got {level!r}.")
    if not isinstance(fit.engine, Frequentist):
        raise EngineError(
            f"variance_intervals reads a likelihood that ml.Frequentist() maximised; this fit is by "
            f"{type(fit.engine).__name__}. A posterior's own intervals are in fit.covariance.parameters."
        )
    functions = _chosen(variance_functions(fit.design.structure), parameters)
    reml = fit.engine.method == "reml"
    found = maximum_likelihood(fit.design, reml)
    factor = fit.design.structure.scale(np.ones(fit.covariance.theta.size), found.standardised.scale)
    to_natural = factor[:, None] * found.there.theta
    theta, fixed = factor * estimated(found), on_boundary(found)
    table = pd.DataFrame(
        {"estimate": [f.shown(f.value(theta)) for f in functions]},
        index=pd.Index([f.name for f in functions], name="parameter"),
    )
    if method == "bootstrap":
        draws = bootstrap(found, reml, n, seed, progress) @ to_natural.T
        least = ZERO * np.maximum(theta, factor * expected_error(found))
        values = np.array([[_of_draw(f, row, least) for f in functions] for row in draws])
        tail = (1 - level) / 2
        table[["lower", "upper"]] = np.nanquantile(values, [tail, 1 - tail], axis=0).T
        table["replicates"] = np.isfinite(values).sum(axis=0)
    elif method == "wald":
        W = (
            to_natural
            @ theta_covariance(found.there.structure, found.optimum, fit.engine.information)
            @ to_natural.T
        )
        table[["lower", "upper"]] = [_wald(f, theta, fixed, W, level) for f in functions]
    else:
        table[["lower", "upper"]] = _profiles(found, to_natural, fixed, reml, functions, level, progress)
    table.attrs["interval"] = f"{100 * level:g} % confidence"
    return stamp(table, fit)


def _chosen(
    functions: Sequence[VarianceFunction], parameters: Sequence[str] | None
) -> Sequence[VarianceFunction]:
    if parameters is None:
        return functions
    if not isinstance(parameters, (str, Iterable)) or not len(
        wanted := [parameters] if isinstance(parameters, str) else list(parameters)
    ):
        raise SpecError(f"parameters takes names of rows, one or more, or None for all; got {parameters!r}.")
    known = {function.name: function for function in functions}
    if unknown := [name for name in wanted if name not in known]:
        raise HypothesisError(
            f"This covariance has no parameter {listing(map(repr, unknown))}; it has {listing(known, 20)}."
        )
    return [known[name] for name in wanted]


def _of_draw(function: VarianceFunction, draw: np.ndarray, least: np.ndarray) -> float:
    where = list(function.positions)
    none = draw[where] <= least[where]
    if none[1:].any():
        return np.nan
    if function.kind == "sd" and none[0]:
        return 0.0
    return function.shown(function.value(draw))


def _profiles(
    found: MaximumLikelihood,
    to_natural: np.ndarray,
    fixed: np.ndarray,
    reml: bool,
    functions: Sequence[VarianceFunction],
    level: float,
    progress: bool | None,
) -> list[tuple[float, float]]:
    limits: dict[tuple[str, tuple[int, ...]], tuple[float, float]] = {}

    def limits_of(function: VarianceFunction) -> tuple[float, float]:
        key = function.kind, function.positions  # a variance and its standard deviation have one profile
        if key not in limits:
            variances = [VarianceFunction(function.name, "sd", (i,), low=0.0) for i in function.positions[1:]]
            if any(limits_of(sd)[0] == 0 for sd in variances):
                limits[key] = function.low, function.high  # with a variance of zero any correlation will do
            else:
                lower, upper = Profile(found, to_natural, reml, function).interval(level)
                at_zero = function.kind == "sd" and fixed[function.positions[0]]
                limits[key] = (0.0 if at_zero else lower), upper
        return limits[key]

    result = []
    with Progress("profile", len(functions), progress) as bar:
        for function in functions:
            lower, upper = limits_of(function)
            result.append((function.shown(lower), function.shown(upper)))
            bar.advance()
    return result


def _wald(
    function: VarianceFunction, theta: np.ndarray, fixed: np.ndarray, W: np.ndarray, level: float
) -> tuple[float, float]:
    """Not a number at a bound, where an estimate has no standard error."""
    centre, z = function.value(theta), float(ndtri((1 + level) / 2))
    distance = min(centre - function.low, function.high - centre)
    if fixed[list(function.positions)].any() or not distance > 0:
        return np.nan, np.nan
    gradient = function.derivatives(theta)[0]
    se = float(np.sqrt(max(gradient @ W @ gradient, 0.0)))
    if distance <= AT_BOUND * se or se == 0:
        return np.nan, np.nan
    if function.kind == "sd":
        # SAS's 2 z^2 with z of the variance, whose relative standard error is twice that of the standard deviation.
        df = 0.5 * (centre / se) ** 2
        lower, upper = centre * np.sqrt(df / chdtri(df, np.array([1 - level, 1 + level]) / 2))
    elif function.high == 1:
        lower, upper = np.tanh(np.arctanh(centre) + np.array([-z, z]) * se / (1 - centre**2))
    else:
        lower, upper = centre - z * se, centre + z * se
    return function.shown(float(lower)), function.shown(float(upper))
