"""The PyMC model of theta, evaluated by PyTensor's interpreter: nothing is compiled here."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode

import msclong as ml
from msclong.api import long_data
from msclong.covariance.registry import known_structures
from msclong.design.design import build_design
from msclong.engines.bayesian.gaussian.collapsed import collapse, collapsed_log_likelihood
from msclong.engines.bayesian.gaussian.theta_model import theta_model
from msclong.engines.bayesian.priors.covariance_variables import StretchedBeta
from msclong.engines.bayesian.priors.model_priors import model_priors
from msclong.likelihood.standardised import standardise

INTERPRETED = Mode(linker="py", optimizer=None)

FORMULAS = {
    **{name: f"change ~ basval + C(week) + {name}(week | PATIENT)" for name in known_structures()},
    "slope": "Reaction ~ Days + (1 + Days | Subject)",
    "uncorrelated": "Reaction ~ Days + (1 + Days || Subject)",
}


def parts(name, table=None):
    """design, prior, moments, unit of one model."""
    spec = ml.ModelSpec(FORMULAS[name])
    table = ml.datasets.sleepstudy() if table is None else table
    if "change" in spec.formula:
        table = ml.datasets.hamd17()
        table = table.assign(week=table["week"].astype(float))
    design = build_design(spec, long_data(spec, table))
    standardised, priors = standardise(design.moments), model_priors(design)
    moments = collapse(standardised.moments, priors.coefficients.rows(standardised))
    return design, priors.covariance, moments, standardised.scale


def point(model, rng):
    return {v.name: rng.normal(0, 0.3, v.type.shape) for v in model.value_vars}


@pytest.mark.parametrize("name", FORMULAS)
def test_sigma_is_one_definition_for_numpy_and_pytensor(name):
    design, prior, moments, _ = parts(name)
    rng = np.random.default_rng(1)
    inputs, values = {}, {}
    for variable in prior.variables:
        inputs[variable.name] = pt.vector(variable.name, shape=(len(variable.labels),))
        raw = rng.uniform(0.4, 0.7, len(variable.labels))
        values[variable.name] = variable.natural(raw) if isinstance(variable, StretchedBeta) else raw
    graph = design.structure.sigma(prior.theta(inputs, pt), moments.coords)
    evaluated = pytensor.function(list(inputs.values()), graph, mode=INTERPRETED)(*values.values())
    expected = design.structure.sigma(prior.theta(values, np), moments.coords)
    np.testing.assert_allclose(evaluated, expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["us", "slope"])
def test_log_density_is_prior_plus_collapsed_likelihood(name):
    design, prior, moments, unit = parts(name)
    model = theta_model(design.structure, prior, moments, unit)
    with model:
        whole = model.compile_logp(mode=INTERPRETED)
        without = model.compile_logp(vars=model.free_RVs, mode=INTERPRETED)
    rng = np.random.default_rng(2)
    for _ in range(3):
        at = point(model, rng)
        values = {}
        for variable in prior.variables:
            (raw,) = (at[key] for key in at if key.startswith(f"{variable.name}_"))
            values[variable.name] = (
                variable.natural(1 / (1 + np.exp(-raw)))
                if isinstance(variable, StretchedBeta)
                else np.exp(raw)
            )
        sigma = design.structure.sigma(prior.theta(values, np), moments.coords)
        expected, _, _ = collapsed_log_likelihood(
            sigma, moments.size, moments.n, moments.products, moments.prior
        )
        assert whole(at) - without(at) == pytest.approx(expected, rel=1e-10)


def test_a_model_that_is_compiled_serves_data_of_other_means():
    """The same patterns with other numbers of subjects: Days have another mean, and the effects another centre."""
    models, points = [], None
    for late in (6, 12):
        table = ml.datasets.sleepstudy()
        left = table["Subject"].cat.codes >= late
        design, prior, moments, unit = parts("slope", table[~(left & (table["Days"] > 4))])
        models.append(theta_model(design.structure, prior, moments, unit))
        points = points or point(models[0], np.random.default_rng(4))
    assert not np.allclose(prior.data["to zeros_0"][0, 1], -4.5)
    one, other = models
    expected = other.compile_logp(mode=INTERPRETED)(points)
    with one:
        before = one.compile_logp(mode=INTERPRETED)(points)
        pm.set_data({"data": other["data"].get_value()})
        after = one.compile_logp(mode=INTERPRETED)(points)
    assert after == pytest.approx(expected, rel=1e-12)
    assert before != pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", FORMULAS)
def test_its_gradient_is_that_of_central_differences(name):
    design, prior, moments, unit = parts(name)
    model = theta_model(design.structure, prior, moments, unit)
    with model:
        value = model.compile_logp(mode=INTERPRETED)
        gradient = model.compile_dlogp(mode=INTERPRETED)
    at = point(model, np.random.default_rng(3))
    exact = gradient(at)
    start, step = 0, 1e-5
    for name_, centre in at.items():
        for i in range(centre.size):
            moved = []
            for sign in (1, -1):
                other = centre.copy()
                other[i] += sign * step
                moved.append(value({**at, name_: other}))
            assert exact[start + i] == pytest.approx((moved[0] - moved[1]) / (2 * step), rel=1e-5, abs=1e-5)
        start += centre.size
