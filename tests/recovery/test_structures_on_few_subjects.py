"""Every structure on 8 subjects x 4 visits, half of the trials with a quarter missing: the optimum, or an error.

The likelihood of so few subjects may have several maxima, maxima on the boundary, or grow without bound. The comparison
climbs from many random starts with scipy's BFGS; ends where Sigma of some subject is all but singular are no maxima.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

import msclong as ml
from msclong.api import long_data
from msclong.covariance.registry import known_structures
from msclong.design.design import build_design
from msclong.errors import ConvergenceError, ConvergenceWarning, DesignError
from msclong.likelihood.gls import generalised_least_squares
from msclong.likelihood.information import information
from msclong.likelihood.residual_scatter import residual_scatter
from msclong.likelihood.standardised import standardise

# BFGS stops at a gradient of 1e-5: a likelihood within its square.
LOGLIK = 1e-6
SEEDS = range(100)
STARTS = 8
# Of the correlations of one subject's observations; below, a climb is on its way to a likelihood without bound.
SINGULAR = 1e-6

pytestmark = pytest.mark.slow

# Of 100 trials, those where a bounded maximum exists and is not reached (the likelihood grows without bound elsewhere).
MOST_REFUSED = 3


def trial(seed: int) -> pd.DataFrame:
    """Independent, exchangeable, alternating and strongly autoregressive visits in turn, SDs between 0.5 and 3."""
    rng = np.random.default_rng(seed)
    month, position = np.array([0.0, 1.0, 3.0, 6.0]), np.arange(4)
    correlation = (
        np.eye(4),
        0.7 + 0.3 * np.eye(4),
        (-0.6) ** np.abs(np.subtract.outer(position, position)),
        0.95 ** np.abs(np.subtract.outer(month, month)),
    )[seed % 4]
    root = np.linalg.cholesky(correlation)
    y = 5 + (rng.normal(size=(8, 4)) @ root.T) * rng.uniform(0.5, 3, 4)
    table = pd.DataFrame({"id": np.repeat(np.arange(8), 4), "month": np.tile(month, 8), "y": y.ravel()})
    return table[rng.random(32) >= 0.25] if seed % 2 else table


def brute_force(structure, moments) -> float:
    """The least -2 REML log-likelihood among bounded local optima; infinite where none is found."""
    working = structure.working

    def solution(w):
        with np.errstate(over="ignore", invalid="ignore"):
            theta = working.to_theta(w)
        return generalised_least_squares(structure, theta, moments) if np.isfinite(theta).all() else None

    def value_and_slope(w):
        gls = solution(w)
        if gls is None:
            return 1e10, np.zeros(w.size)
        slope = working.jacobian(w).T @ information(structure, gls, reml=True).gradient
        return (gls.minus2_reml, slope) if np.isfinite(slope).all() else (1e10, np.zeros(w.size))

    rng = np.random.default_rng(5)
    first = working.from_theta(structure.start(residual_scatter(moments)))
    best = np.inf
    for i in range(STARTS):
        run = minimize(
            value_and_slope, first + (i > 0) * rng.normal(size=first.size), jac=True, method="BFGS"
        )
        if run.fun < best and np.abs(run.jac).max() < 1e-2:
            sigmas = [structure.sigma(working.to_theta(run.x), block.coords) for block in moments.blocks]
            sds = [np.sqrt(np.einsum("paa->pa", sigma)) for sigma in sigmas]
            pairs = zip(sigmas, sds, strict=True)
            least = min(np.linalg.eigvalsh(s / sd[:, :, None] / sd[:, None, :]).min() for s, sd in pairs)
            best = run.fun if least > SINGULAR else best
    return best


@pytest.mark.parametrize("keyword", [keyword for keyword in known_structures() if keyword != "us"])
def test_the_optimum_or_an_error(keyword):
    formula = f"y ~ C(month) + {keyword}(month | id)"
    spec, refused = ml.ModelSpec(formula), 0
    for seed in SEEDS:
        fit = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                fit = ml.fit(spec, trial(seed), engine=ml.Frequentist(ddf="satterthwaite"))
        except DesignError:
            continue
        except ConvergenceError:
            pass
        design = build_design(spec, long_data(spec, trial(seed)))
        problem = standardise(design.moments)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # BFGS on its way to infinity
            best = brute_force(design.structure, problem.moments)
        if fit is None:
            refused += np.isfinite(best)
        else:
            ours = -2 * fit.loglik + 2 * problem.log_likelihood_shift(reml=True)
            assert ours < best + LOGLIK, seed
            assert np.isfinite(fit.coefficients().to_numpy()).all()
    assert refused <= MOST_REFUSED
