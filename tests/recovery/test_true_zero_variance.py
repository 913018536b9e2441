"""Sixty trials without any subject variance, sixty without intercept and slope: the optimum that brute force finds."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

import msclong as ml
from msclong.api import long_data
from msclong.covariance.working import unvech
from msclong.design.design import build_design
from msclong.likelihood.gls import generalised_least_squares
from msclong.likelihood.standardised import standardise

# Nelder-Mead locates the optimum to about the square root of machine precision.
LOGLIK = 1e-7
FIXED_EFFECTS = 1e-6
# It leaves a variance of zero at about the same size, in units of the residual variance.
NOTHING = 1e-6
STARTS = ([0.5, 0, 0.2, 0], [0.01, 0, 0.01, 0], [0.3, -0.2, 0.0, 0], [0.0, 0.2, 0.1, 0])

pytestmark = pytest.mark.slow


def trial(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    subject, time = np.repeat(np.arange(20), 5), np.tile(np.arange(5.0), 20)
    return pd.DataFrame({"id": subject, "time": time, "y": 1 + 0.3 * time + rng.normal(size=100)})


@pytest.mark.parametrize("formula", ["y ~ time + (1 | id)", "y ~ time + (1 + time | id)"])
@pytest.mark.parametrize("seed", range(60))
def test_optimum(formula, seed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ml.errors.ConvergenceWarning)
        fit = ml.fit(formula, trial(seed))
    spec = ml.ModelSpec(formula)
    design = build_design(spec, long_data(spec, trial(seed)))
    problem, structure = standardise(design.moments), design.structure

    def solution(w):
        return generalised_least_squares(structure, structure.working.to_theta(w), problem.moments)

    def minus2(w):
        gls = solution(w)
        return np.inf if gls is None else gls.minus2_reml

    k = structure.n_parameters
    runs = []
    for start in STARTS:
        options = {"maxiter": 4000, "xatol": 1e-9, "fatol": 1e-11}
        runs.append(minimize(minus2, [*start[: k - 1], -0.1], method="Nelder-Mead", options=options))
    best = min(runs, key=lambda run: run.fun)
    assert fit.outcome.converged
    G = unvech(structure.working.to_theta(best.x)[: k - 1], structure.coordinates)
    least = np.linalg.eigvalsh(G * np.outer(design.coords_rms, design.coords_rms))[0]
    assert fit.outcome.singular == (least < NOTHING)
    ours = -2 * fit.loglik + 2 * problem.log_likelihood_shift(reml=True)
    assert ours == pytest.approx(best.fun, abs=LOGLIK)
    np.testing.assert_allclose(
        fit.estimate.beta, problem.coefficients(solution(best.x).beta), rtol=FIXED_EFFECTS
    )
