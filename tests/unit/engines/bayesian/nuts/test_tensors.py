"""The densities written in PyTensor: those of NumPy, with gradients that are finite and right, also far out."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode

from msclong.engines.bayesian.nuts.tensors import TENSORS
from msclong.families.arrays import NUMPY
from msclong.families.registry import family_of, known_families

EXACT = 1e-10
"""The same formulas in two libraries."""

DIFFERENCES = 1e-5
"""Central differences of a double."""

OUTCOMES = {
    "logitnormal": [0.02, 0.5, 0.97],
    "beta": [0.02, 0.5, 0.97],
    "ordered_beta": [0.0, 0.5, 1.0],
    "bernoulli": [0.0, 1.0, 1.0],
    "cumulative_logit": [0.0, 1.0, 3.0],
    "cumulative_probit": [0.0, 1.0, 3.0],
    "hurdle_gamma": [0.0, 1.0, 4.0],
    "hurdle_lognormal": [0.0, 1.0, 4.0],
}
PHI = {"scale": [0.8], "positive": [0.7], "df": [3.5], "unit": [0.45], "ordered": [-1.2, 0.1, 0.9]}


def case(keyword, censored):
    family = family_of(keyword)
    y = np.array(OUTCOMES.get(keyword, [1.0, 2.0, 5.0]))
    data = {"y": y, "trials": np.full(3, 7.0)}
    if censored:
        data |= {"censored": np.array([-1.0, 1.0, 2.0]), "upper": np.array([np.nan, np.nan, y[2] + 0.01])}
    phi = {p.name: np.array(PHI[p.kind]) for p in family.parameters}
    if keyword == "ordered_beta":
        phi["cutpoint"] = np.array([-1.2, 0.9])
    return family, data, phi


CASES = [(keyword, False) for keyword in known_families()] + [("gaussian", True), ("lognormal", True)]


@pytest.mark.parametrize(("keyword", "censored"), CASES)
def test_density_and_gradient(keyword, censored):
    family, data, phi = case(keyword, censored)
    start = [np.array([0.4, -0.3, 0.2]) for _ in family.predictors] + list(phi.values())
    inputs = [pt.tensor(dtype="float64", shape=value.shape) for value in start]

    def split(values):
        k = len(family.predictors)
        return tuple(values[:k]), dict(zip(phi, values[k:], strict=True))

    eta, parameters = split(inputs)
    # Outcomes as tensors too: in the model they are data.
    tensors = {name: pt.as_tensor(value) for name, value in data.items()}
    total = family.log_density(tensors, eta, parameters, TENSORS).sum()
    # The Python linker compiles nothing.
    evaluate = pytensor.function(
        inputs, [total, *pytensor.grad(total, inputs)], mode=Mode(linker="py", optimizer=None)
    )

    def log_density(values):
        eta, phi = split(values)
        return family.log_density(data, eta, phi, NUMPY).sum()

    value, *gradient = evaluate(*start)
    assert float(value) == pytest.approx(log_density(start), rel=EXACT, abs=EXACT)
    for i, derivative in enumerate(gradient):
        for j in range(len(start[i])):
            ends = []
            for step in (-1e-5, 1e-5):
                moved = [v.copy() for v in start]
                moved[i][j] += step
                ends.append(log_density(moved))
            assert derivative[j] == pytest.approx(
                (ends[1] - ends[0]) / 2e-5, rel=DIFFERENCES, abs=DIFFERENCES
            )
    for far in (-40.0, 40.0):
        moved = [np.full(3, far) for _ in family.predictors] + start[len(family.predictors) :]
        assert all(np.isfinite(g).all() for g in evaluate(*moved))
