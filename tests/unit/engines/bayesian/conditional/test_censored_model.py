"""The PyMC density of censored, jointly normal outcomes, against scipy's."""

import numpy as np
import pytest
from pytensor.compile.mode import Mode
from scipy import stats

from censored_outcomes import design_of, table
from msclong.engines.bayesian.conditional import censored_model
from msclong.engines.bayesian.conditional.conditional_model import conditional_data, conditional_model
from msclong.engines.bayesian.priors.conditional_priors import conditional_priors
from msclong.engines.bayesian.priors.covariance_variables import StretchedBeta
from msclong.errors import EngineError

INTERPRETED = Mode(linker="py", optimizer=None)
NEUTRAL = {StretchedBeta: 0.5}
"""What an unconstrained zero stands for, where it is not one."""

# Relative to log densities of some hundreds: sums of a hundred terms.
EXACT = 1e-9


@pytest.mark.parametrize("terms", ["us(visit | id)", "(1 | id) + ar1(visit | id)"])
@pytest.mark.parametrize("family", ["gaussian", "lognormal"])
def test_density_of_all_outcomes_with_the_jacobian_of_their_variables(terms, family):
    design = design_of(terms, table(log=family == "lognormal"), family)
    priors = conditional_priors(design)
    data = conditional_data(design, priors)
    with conditional_model(data) as model:
        evaluate = model.compile_logp(vars=[model["log likelihood"]], jacobian=False, mode=INTERPRETED)
    at = {v.name: np.zeros(v.type.shape) for v in model.value_vars}
    rng = np.random.default_rng(2)
    at["censored"] = rng.normal(0, 0.5, at["censored"].shape)
    values = {
        v.name: v.natural(np.full(len(v.labels), NEUTRAL.get(type(v), 1.0)))
        for v in priors.covariance.variables
    }
    theta = np.asarray(priors.covariance.theta(values, np))
    code = design.observation["censored"]
    y, upper = design.observation["y"] / data.unit, design.observation["upper"] / data.unit
    a = at["censored"][np.where(code != 0, np.cumsum(code != 0) - 1, 0)]
    low = design.family.transform(y)
    width = design.family.transform(np.where(code == 2, upper, y)) - low
    inside = low + width / (1 + np.exp(-a))
    star = np.select([code < 0, code == 1, code == 2], [low - np.exp(a), low + np.exp(a), inside], low)
    with np.errstate(divide="ignore"):
        jacobian = np.where(code == 2, np.log(width) - a - 2 * np.log1p(np.exp(-a)), a)
    expected = np.where(code == 0, design.family.log_jacobian(y), jacobian).sum()
    unread = at["censored"][(code != 0).sum() :]
    expected -= 0.5 * (unread**2).sum()
    mean = design.fixed.X @ data.coefficients[0].origin
    for unit in range(design.n_subjects):
        own = np.flatnonzero(design.unit == unit)
        V = design.structure.sigma(theta, design.coords[own][None])[0]
        expected += stats.multivariate_normal.logpdf(star[own], mean[own], V)
        expected += len(own) * np.log(2 * np.pi) / 2  # a constant that the model leaves out
    assert float(evaluate(at)) == pytest.approx(expected, rel=EXACT)


def test_too_many_patterns_for_one_model(monkeypatch):
    monkeypatch.setattr(censored_model, "MOST_PATTERNS", 2)
    with pytest.raises(EngineError, match="different sets of visits"):
        censored_model.censored_outcomes(design_of("us(visit | id)", table()))
