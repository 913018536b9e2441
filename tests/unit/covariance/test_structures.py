"""Every structure: its derivatives, its working coordinates, its scaling, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from msclong.covariance.additive import Additive
from msclong.covariance.independent import Independent
from msclong.covariance.random_effects import RandomEffects
from msclong.covariance.registry import known_structures, register_structure, structure_class
from msclong.covariance.structure import Scatter
from msclong.covariance.time_structure import TimeStructure
from msclong.covariance.unstructured import Unstructured
from msclong.errors import SpecError
from user_structures import ExponentialWithNugget

# Central differences with step h leave an error of h^2 plus rounding / h.
STEP = 1e-5
DERIVATIVE = 1e-7

VISITS = ("baseline", "week 2", "month 1", "month 3")
POSITIONS = np.arange(4.0)[None, :, None]
Z = np.column_stack([np.ones(4), [0.0, 0.5, 1.0, 3.0]])


def made(keyword):
    """A structure of four visits, or of times."""
    chosen = structure_class(keyword)
    return chosen(VISITS) if chosen.reads == "visit" else chosen()


THETA = {
    "cs": [0.7, 1.3],
    "csh": [0.5, 2.0, 1.0, 0.8, 0.3],
    "toep": [2.0, 0.8, -0.3, 0.4],
    "ad": [1.5, 0.6, -0.4, 0.2],
    "adh": [0.5, 2.0, 1.0, 0.8, 0.6, -0.4, 0.2],
    "sp_exp": [2.0, 1.7],
    "sp_gau": [2.0, 1.7],
    "diag": [0.5, 2.0, 1.0, 0.8],
    "homdiag": [0.7],
}


def cases():
    rng = np.random.default_rng(0)
    positions = np.array([[0, 1, 2], [1, 2, 3]], dtype=float)[:, :, None]
    times = np.array([[0, 0.5, 1.2], [0.3, 2, 7]])[:, :, None]
    random = np.stack([Z[:3], Z[1:]])
    for keyword in known_structures():
        structure = made(keyword)
        root = rng.normal(size=(4, 4))
        if keyword == "us":
            theta = (root @ root.T + np.eye(4))[np.tril_indices(4)]
        else:
            theta = np.array(THETA.get(keyword, np.linspace(0.5, 0.3, structure.n_parameters)))
        yield pytest.param(structure, theta, positions if structure.reads == "visit" else times, id=keyword)
    nugget = ExponentialWithNugget()
    yield pytest.param(nugget, np.array([2.0, 1.7, 0.5]), times, id="user's exponential with nugget")
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
        structure_class("unstr")
    with pytest.raises(SpecError, match="derives from VisitStructure or TimeStructure"):
        register_structure(Independent)


def scatters():
    """Residual scatter that is hard to start from: few subjects, singular, negative, unbalanced, without variance."""
    rng = np.random.default_rng(6)
    shared = rng.normal(size=(6, 1))
    yield "constant in subjects", np.repeat(shared, 4, axis=1) + 1e-9 * rng.normal(size=(6, 4))
    yield "sum to zero", rng.normal(size=(6, 4)) @ (np.eye(4) - 0.25)
    yield "alternating", shared * [1, -1, 1, -1] + 1e-6 * rng.normal(size=(6, 4))
    yield "one subject", rng.normal(size=(1, 4))
    yield "one visit without variance", rng.normal(size=(6, 4)) * [1, 0, 1, 1]
    yield "spread tenfold at each visit", rng.normal(size=(6, 4)) * 10.0 ** np.arange(4)
    yield "tiny", 1e-150 * rng.normal(size=(6, 4))


@pytest.mark.parametrize("keyword", known_structures())
@pytest.mark.parametrize(
    ("name", "residuals"), list(scatters()), ids=lambda value: value if isinstance(value, str) else ""
)
@pytest.mark.parametrize("spread", [1.0, 1e-6, 1e6])
def test_start_values_are_positive_definite_from_any_scatter(keyword, name, residuals, spread):
    structure = made(keyword)
    coords = POSITIONS if structure.reads == "visit" else spread * POSITIONS**2
    scatter = Scatter(coords, np.array([len(residuals)]), np.einsum("ia,ib->ab", residuals, residuals)[None])
    start = structure.start([scatter])
    assert np.isfinite(structure.working.from_theta(start)).all()
    sigma = structure.sigma(start, coords)[0]
    sd = np.sqrt(np.diag(sigma))
    assert np.linalg.eigvalsh(sigma / np.outer(sd, sd))[0] > 1e-4


SINGULAR = {
    "us": np.ones(10),
    "cs": [1.0, 1e-13],
    "csh": [1.0, 4.0, 9.0, 0.25, -1 / 3 + 1e-13],
    "ar1": [1.0, -1 + 1e-13],
    "ar1h": [1.0, 4.0, 9.0, 0.25, 1 - 1e-13],
    "toep": [1.0, 0.0, -1 + 1e-13, 0.0],
    "toeph": [1.0, 4.0, 9.0, 0.25, 0.0, -1 + 1e-13, 0.0],
    "ad": [1.0, 0.3, -1 + 1e-13, 0.2],
    "adh": [1.0, 4.0, 9.0, 0.25, 0.3, 1 - 1e-13, 0.2],
    "diag": [1.0, 4.0, 1e-12, 0.25],
}


@pytest.mark.parametrize("keyword", SINGULAR)
def test_a_correlation_at_its_end_or_a_residual_variance_of_zero_is_singular(keyword):
    assert made(keyword).is_singular(np.array(SINGULAR[keyword]), np.ones(1))


@pytest.mark.parametrize(("structure", "theta", "coords"), CASES)
def test_inside_the_parameter_space_nothing_is_singular(structure, theta, coords):
    scatter = Scatter(coords, np.ones(2), np.ones((2, 3, 3)))
    if isinstance(structure, TimeStructure):
        structure = structure.recoordinated([scatter]).structure
    assert not structure.is_singular(theta, np.ones(coords.shape[2]))
