"""What registering a structure refuses, before any fit; every structure of our own passes the same trial."""

from __future__ import annotations

import numpy as np
import pytest

import msclong as ml
from msclong.covariance import registry
from msclong.covariance.registry import known_structures, structure_class
from msclong.covariance.scaled_correlation import ScaledCorrelation
from msclong.covariance.spatial import SpatialExponential
from msclong.covariance.trial import check_declared, try_out
from msclong.covariance.visit_structure import VisitStructure
from msclong.covariance.working import Elementwise
from msclong.errors import SpecError
from user_structures import Banded, ExponentialWithNugget, HeterogeneousBanded, Tapered

USERS = [Banded, HeterogeneousBanded, Tapered, ExponentialWithNugget]


@pytest.fixture(autouse=True)
def _registry_as_it_was(monkeypatch):
    monkeypatch.setattr(registry, "_STRUCTURES", dict(registry._STRUCTURES))


@pytest.mark.parametrize("structure", [*map(structure_class, known_structures()), *USERS])
def test_right_structures_pass(structure):
    check_declared(structure)
    try_out(structure)


def broken(**attributes: object) -> type:
    """ExponentialWithNugget with something replaced."""
    return type("Mine", (ExponentialWithNugget,), {"keyword": "mine", **attributes})


def first(change):
    return lambda self, theta, d: change(ExponentialWithNugget.kernel_first(self, theta, d))


def second(change):
    return lambda self, theta, d: change(ExponentialWithNugget.kernel_second(self, theta, d))


SCALE = {"scale": lambda self, theta, factor: theta * factor**2}


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"keyword": "my struct"}, r"Mine.keyword is 'my struct', which a formula cannot name"),
        ({"keyword": 3}, r"Mine.keyword is 3"),
        (
            {"parameters": {"variance": "scale"}},
            r"parameters\['variance'\] is 'scale'; a kind is one of 'variance'",
        ),
        ({"parameters": ["variance"]}, r"maps each parameter's name to its kind"),
        (
            {"kernel_first": first(lambda x: x[0])},
            r"kernel_first returns .* \(2, 4, 4\) where \(3, 2, 4, 4\)",
        ),
        (
            {"kernel_second": second(lambda x: x[0])},
            r"kernel_second returns .* where \(3, 3, 2, 4, 4\)",
        ),
        (
            {"kernel": lambda self, theta, d: theta[0] * np.eye(4)},
            r"kernel returns .* where \(2, 4, 4\)",
        ),
        (
            {"kernel_first": first(lambda x: 1.01 * x)},
            r"kernel_first is not the derivative: by 'variance'",
        ),
        (
            {"kernel_second": second(lambda x: 1.01 * x)},
            r"kernel_second is not the derivative: by 'variance', 'range'",
        ),
        (
            {"kernel_first": lambda self, theta, d: theta[7]},
            r"kernel_first fails at made-up .*IndexError",
        ),
        (SCALE, r"Mine.scale is not that of kernel"),
    ],
)
def test_a_time_structure_that_would_fail_or_mislead_later(attributes, message):
    with pytest.raises(SpecError, match=message):
        ml.register_structure(broken(**attributes))
    assert "mine" not in known_structures()


def test_missing_methods_and_attributes():
    class Bare(ml.TimeStructure):
        keyword, description, parameters = "bare", "bare", {"variance": "variance"}

    with pytest.raises(SpecError, match="Bare must also define kernel, kernel_first, kernel_second"):
        ml.register_structure(Bare)

    class Nameless(ml.TimeStructure):
        description, parameters = "nameless", {"variance": "variance"}

    with pytest.raises(SpecError, match="Nameless needs a class attribute 'keyword'"):
        ml.register_structure(Nameless)


class Exchangeable(VisitStructure):
    """Variance and correlation, without a `scale` of its own."""

    keyword = "exchangeable"
    description = "one variance, one correlation"
    parameter_names = ("variance", "correlation")
    working = Elementwise(("log", "atanh"))

    def grid(self, theta):
        return theta[0] * (theta[1] * (1 - np.eye(self.n_visits)) + np.eye(self.n_visits))

    def grid_first(self, theta):
        off = 1 - np.eye(self.n_visits)
        return np.stack([theta[1] * off + np.eye(self.n_visits), theta[0] * off])

    def grid_second(self, theta):
        off = 1 - np.eye(self.n_visits)
        return np.stack([np.stack([0 * off, off]), np.stack([off, 0 * off])])

    def start(self, scatter):
        return np.array([1.0, 0.3])


def test_a_visit_structure_that_would_mislead_later():
    with pytest.raises(SpecError, match="Exchangeable.scale is not that of grid"):
        ml.register_structure(Exchangeable)
    scaled = {"scale": lambda self, theta, factor: theta * np.array([factor**2, 1.0]), "keyword": "mine"}
    assert ml.register_structure(type("Right", (Exchangeable,), scaled)).keyword == "mine"
    with pytest.raises(SpecError, match="calls itself linear, .* by 'variance', 'correlation' is not zero"):
        ml.register_structure(type("Linear", (Exchangeable,), {**scaled, "linear": True, "keyword": "other"}))


def test_a_structure_for_visits_of_its_own_is_not_tried():
    class TwoByThree(ScaledCorrelation):
        keyword, description, heterogeneous = "two_by_three", "for six visits", False

        def correlation_names(self):
            return ("correlation",)

        def correlation(self, rho):
            return np.kron(np.eye(2), np.ones((3, 3))) * rho[0] + (1 - rho[0]) * np.eye(self.n_visits)

        correlation_first = correlation
        correlation_start = correlation

    assert ml.register_structure(TwoByThree) is TwoByThree


def test_a_taken_keyword_is_refused_before_it_is_tried():
    with pytest.raises(SpecError, match="'sp_exp' is taken by SpatialExponential"):
        ml.register_structure(broken(keyword=SpatialExponential.keyword))
