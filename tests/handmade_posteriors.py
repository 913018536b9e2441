"""Posteriors made by hand: what results make of draws needs no sampler."""

from __future__ import annotations

import numpy as np
import pandas as pd

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.bayesian.checking.convergence import convergence
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.fit import Fit
from msclong.results.outcome import Outcome
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.variance_components import VarianceComponents

CHAINS, DRAWS = 2, 20


def table(seed: int = 1, subjects: int = 20) -> pd.DataFrame:
    """Subjects in two arms at visits 0, 1, 2 (weeks 0, 2, 8), with a covariate x."""
    rng = np.random.default_rng(seed)
    rows = [(i, visit, "ab"[i % 2], x) for i in range(subjects) for x in [rng.normal()] for visit in range(3)]
    frame = pd.DataFrame(rows, columns=["id", "visit", "arm", "x"])
    return frame.assign(week=frame["visit"].map({0: 0, 1: 2, 2: 8}), count=rng.integers(0, 4, len(frame)))


def posterior(
    family: str,
    y: np.ndarray,
    formula: str = "y ~ arm * C(visit) + x + (1 | id)",
    columns: dict[str, object] | None = None,
    **fields: object,
) -> Fit:
    """A fit of `table` with outcomes y and further columns: draws of everything from no data in particular."""
    rng = np.random.default_rng(7)
    spec = ml.ModelSpec(formula, family=family, **{"visit": "visit", **fields})
    design = build_design(spec, long_data(spec, table().assign(y=y, **columns or {})))
    shape = (CHAINS, DRAWS)
    beta = rng.normal(0, 0.4, (*shape, design.fixed.X.shape[1]))
    theta = np.array([_theta(design.structure, rng) for _ in range(CHAINS * DRAWS)]).reshape(*shape, -1)
    common = {"names": design.fixed.names, "draws": beta, "convergence": convergence, "theta": theta}
    common["theta_names"] = design.structure.parameter_names
    if design.conditional:
        phi = {p.name: _phi(design, p, shape, rng) for p in design.family.parameters}
        zero = None if design.zero is None else rng.normal(-0.5, 0.4, (*shape, design.zero.X.shape[1]))
        names = () if design.zero is None else design.zero.names
        estimate = ConditionalDraws(**common, family=design.family, phi=phi, zero=zero, zero_names=names)
    else:
        estimate = PosteriorDraws(**common)
    mean = theta.mean(axis=(0, 1))
    rows = pd.Index(common["theta_names"], name="parameter")
    parameters = pd.DataFrame({"estimate": mean, "se": theta.std(axis=(0, 1))}, index=rows)
    covariance = VarianceComponents(design.structure, mean, parameters, design.visit_grid)
    return Fit(ml.Bayesian(seed=1), design, estimate, covariance, Outcome(True), None, 1)


def _theta(structure, rng):
    """A valid theta: the structure's own map of random working coordinates."""
    return structure.working.to_theta(rng.normal(0.7, 0.4, structure.n_parameters))


def _phi(design, parameter, shape, rng):
    size = design.family.sizes(design.observation["y"])[parameter.name]
    if parameter.kind == "ordered":
        return np.sort(rng.normal(0, 1, (*shape, size)), axis=2)
    levels = len(design.dispersion_levels) if parameter.kind in ("scale", "positive") else 1
    return rng.uniform(0.3, 0.6, (*shape, levels))
