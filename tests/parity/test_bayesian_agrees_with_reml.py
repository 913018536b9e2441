"""Under nearly flat priors, posterior means are the REML estimates to Monte Carlo error.

Priors: coefficients Normal(0, (1000 s)^2), standard deviations half-t(3, 0, 100 s), correlations uniform.

sleepstudy is balanced: the mean of beta given theta is the same for every theta, so that the posterior mean *is* the
estimate and only Monte Carlo error remains. In HAMD17, a third of whose patients leave early, it depends on
theta; the posterior averages over theta where REML takes its maximum. That difference is of the order of the
estimate's SE over the number of patients; ALLOWANCE states it in SEs.
"""

from __future__ import annotations

import numpy as np
import pytest

import msclong as ml

FLAT = ml.Priors(coefficient_sd=1000, intercept_sd=1000, sd_scale=100, correlation_eta=1)

MCSE = 4.0
ALLOWANCE = {"sleepstudy": 0.0, "hamd17": 0.02}

SPECS = {
    "sleepstudy": ml.ModelSpec("Reaction ~ Days + (1 + Days | Subject)", priors=FLAT),
    "hamd17": ml.ModelSpec(
        "change ~ basval * week + TRT * week + POOLINV + us(week | PATIENT)",
        outcome_type="change",
        priors=FLAT,
    ),
}


@pytest.fixture(scope="module", params=SPECS)
def fits(request):
    table = getattr(ml.datasets, request.param)()
    spec = SPECS[request.param]
    return request.param, ml.fit(spec, table, engine=ml.Bayesian(seed=1)), ml.fit(spec, table)


@pytest.mark.parametrize("table", ["coefficients", "contrasts", "means"])
def test_means_agree(fits, table):
    name, posterior, reml = fits
    ours, theirs = getattr(posterior, table)(), getattr(reml, table)()
    assert list(ours.index) == list(theirs.index)
    allowed = MCSE * ours["mcse"] + ALLOWANCE[name] * theirs["se"]
    assert ((ours["estimate"] - theirs["estimate"]).abs() < allowed).all()


def test_standard_deviations_are_close_to_standard_errors(fits):
    """Not equal: the posterior of beta is wider, for theta is unknown. Kenward-Roger's SEs grow for the same reason."""
    _, posterior, reml = fits
    ratio = posterior.contrasts()["se"] / reml.contrasts()["se"]
    assert ((ratio > 0.97) & (ratio < 1.2)).all()


def test_chains_converged(fits):
    _, posterior, _ = fits
    assert posterior.outcome.converged, str(posterior.outcome)
    assert np.isfinite(posterior.contrasts()["rhat"]).all()
