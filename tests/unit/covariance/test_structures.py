"""Every structure: its derivatives, its working coordinates, its scaling, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from msclong.covariance.additive import Additive
from msclong.covariance.independent import Independent
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.registry import known_structures, register_structure, visit_structure
from msclong.covariance.structure import Scatter
from msclong.covariance.unstructured import Unstructured
from msclong.errors import SpecError

# Central differences with step h leave an error of h^2 plus rounding / h.
STEP = 1e-5
DERIVATIVE = 1e-7

VISITS = ("baseline", "week 2", "month 1", "month 3")
Z = np.column_stack([np.ones(4), [0.0, 0.5, 1.0, 3.0]])


def cases():
    rng = np.random.default_rng(0)
    positions = np.array([[0, 1, 2], [1, 2, 3]], dtype=float)[:, :, None]
    random = np.stack([Z[:3], Z[1:]])
    for keyword in known_structures():
        structure = visit_structure(keyword)(VISITS)
        root = rng.normal(size=(4, 4))
        theta = {
            "us": lambda root=root: (root @ root.T + np.eye(4))[np.tril_indices(4)],
            "cs": lambda: np.array([0.7, 1.3]),
        }.get(keyword, lambda s=structure: np.linspace(0.5, 0.3, s.n_parameters))()
        yield pytest.param(structure, theta, positions, id=keyword)
    slopes = Additive((RandomEffects(("Intercept", "month")), Independent()))
    yield pytest.param(slopes, np.array([2.0, -0.3, 0.5, 1.5]), random, id="random slope")
    separate = Additive((RandomEffects(("Intercept",)), RandomEffects(("month",)), Independent()))
    yield pytest.param(separate, np.array([2.0, 0.5, 1.5]), random, id="uncorrelated slope")


CASES = list(cases())


def central(function, x):
    steps = STEP * np.eye(x.size)
    return np.stack([(function(x + h) - function(x - h)) / (2 * STEP) for h in steps])


@pytest.mark.parametrize(("structure", "theta", "coords"), CASES)
def test_first_derivatives(structure, theta, coords):
    numeric = central(lambda t: structure.sigma(t, coords), theta)
    np.testing.assert_allclose(structure.first(theta, coords), numeric, atol=DERIVATIVE)


@pytest.mark.parametrize(("structure", "theta", "coords"), CASES)
def test_second_derivatives(structure, theta, coords):
    weight = np.random.default_rng(1).normal(size=(2, 3, 3))
    weight = weight + weight.transpose(0, 2, 1)
    numeric = central(lambda t: np.einsum("kpab,pab->k", structure.first(t, coords), weight), theta)
    np.testing.assert_allclose(structure.second_contracted(theta, coords, weight), numeric, atol=1e-6)


@pytest.mark.parametrize(("structure", "theta", "coords"), CASES)
def test_working_coordinates(structure, theta, coords):
    working = structure.working
    w = working.from_theta(theta)
    np.testing.assert_allclose(working.to_theta(w), theta, rtol=1e-12)
    np.testing.assert_allclose(working.jacobian(w), central(working.to_theta, w).T, atol=DERIVATIVE)
    gradient = np.random.default_rng(2).normal(size=theta.size)
    numeric = central(lambda v: working.jacobian(v).T @ gradient, w)
    np.testing.assert_allclose(working.curvature(w, gradient), numeric, atol=DERIVATIVE)


@pytest.mark.parametrize(("structure", "theta", "coords"), CASES)
def test_scaling_the_outcome_scales_sigma(structure, theta, coords):
    scaled = structure.sigma(structure.scale(theta, 1e3), coords)
    np.testing.assert_allclose(scaled, 1e6 * structure.sigma(theta, coords), rtol=1e-12)


@pytest.mark.parametrize(("structure", "theta", "coords"), CASES)
def test_start_values_are_positive_definite_and_named(structure, theta, coords):
    rng = np.random.default_rng(3)
    residuals = rng.normal(size=(2, 5, 3)) + rng.normal(size=(2, 5, 1))
    scatter = Scatter(coords, np.array([5, 5]), np.einsum("pia,pib->pab", residuals, residuals))
    start = structure.start([scatter])
    assert np.linalg.eigvalsh(structure.sigma(start, coords)).min() > 0
    assert len(structure.parameter_names) == len(set(structure.parameter_names)) == theta.size


@pytest.mark.parametrize(("structure", "theta", "coords"), CASES)
def test_recoordinated_structures_are_the_same_covariances(structure, theta, coords):
    rng = np.random.default_rng(5)
    residuals = rng.normal(size=(2, 5, 3)) + rng.normal(size=(2, 5, 1))
    scatter = Scatter(coords, np.array([5, 5]), np.einsum("pia,pib->pab", residuals, residuals))
    there = structure.recoordinated([scatter])
    theta_there = np.linalg.solve(there.theta, theta)
    moved = coords @ there.coords
    np.testing.assert_allclose(
        there.structure.sigma(theta_there, moved), structure.sigma(theta, coords), rtol=1e-10, atol=1e-12
    )
    slopes = np.einsum("jpab,jk->kpab", structure.first(theta, coords), there.theta)
    np.testing.assert_allclose(there.structure.first(theta_there, moved), slopes, rtol=1e-9, atol=1e-12)


def test_an_unstructured_start_survives_a_pair_of_visits_never_seen_together():
    positions = np.array([[0, 1], [2, 3]], dtype=float)[:, :, None]
    residuals = np.random.default_rng(4).normal(size=(2, 9, 2))
    scatter = Scatter(positions, np.array([9, 9]), np.einsum("pia,pib->pab", residuals, residuals))
    structure = Unstructured(VISITS)
    assert np.linalg.eigvalsh(structure.grid(structure.start([scatter]))).min() > 0


def test_a_random_effect_without_variance_is_singular():
    structure = Additive((RandomEffects(("Intercept", "month")), Independent()))
    sizes = np.array([1.0, 2.0])
    assert structure.is_singular(np.array([1.0, 0.0, 0.0, 1.0]), sizes)
    assert structure.is_singular(np.array([1.0, 2.0, 4.0, 1.0]), sizes)
    assert not structure.is_singular(np.array([1.0, 0.5, 4.0, 1.0]), sizes)
    # In thousandths of a month the slope's variance is small, and no less real.
    assert not structure.is_singular(np.array([1.0, 0.5e-3, 4e-6, 1.0]), 1e3 * sizes)
    alone = Additive((RandomEffects(("Intercept",)), Independent()))
    assert alone.is_singular(np.array([1e-20, 1.0]), np.ones(1))


def test_the_registry_refuses_a_taken_name_and_knows_its_own():
    class Impostor(Unstructured):
        keyword = "us"

    with pytest.raises(SpecError, match="'us' is taken by Unstructured"):
        register_structure(Impostor)
    assert register_structure(Unstructured) is Unstructured
    with pytest.raises(SpecError, match="'unstr' is not a known covariance structure; known are us, cs"):
        visit_structure("unstr")
