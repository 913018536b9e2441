"""Structures that a user adds: what is reported is their own Sigma(theta)."""

from __future__ import annotations

from dataclasses import replace

import pytest

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.likelihood.gls import generalised_least_squares
from user_structures import Banded, HeterogeneousBanded, Tapered


@pytest.mark.parametrize("structure", [Banded, HeterogeneousBanded, Tapered])
def test_the_reported_theta_has_the_reported_likelihood(structure):
    spec = ml.ModelSpec("change ~ week + us(week | PATIENT)", outcome_type="change")
    design = build_design(spec, long_data(spec, ml.datasets.hamd17()))
    covariance = replace(design.covariance, structure=structure(design.structure.visits))
    design = replace(design, covariance=covariance)
    fit = ml.Frequentist().fit(design)
    gls = generalised_least_squares(design.structure, fit.covariance.theta, design.moments)
    assert fit.loglik == pytest.approx(-gls.minus2_reml / 2, rel=1e-10)
