"""A posterior as an ArviZ DataTree."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from msclong.data.marks import SYNTHETIC, synthetic
from msclong.design.design import Design
from msclong.errors import EngineError
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.outcome import Outcome
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws

if TYPE_CHECKING:
    from xarray import DataTree

PACKAGES = ("msclong", "arviz", "numpy", "nutpie", "pymc", "scipy")
"""Whose versions a tree records."""

Variable = tuple[tuple[str, ...], Any]
"""Names of dimensions, and values."""


def to_datatree(
    design: Design, estimate: PointEstimate | PosteriorDraws, outcome: Outcome, engine: object
) -> DataTree:
    """Draws and data by group, with named dimensions, as ArviZ reads them.

    posterior : beta (chain, draw, coefficient); theta (chain, draw, parameter), on the natural scale; of a family with
    further parameters each by name, and `zero` (chain, draw, zero_coefficient) of a hurdle. An importance sample has
    one chain, of equally weighted draws. sample_stats : 'diverging' and 'energy' of NUTS. observed_data : y (row), and
    what else the family reads. constant_data : X (row, coefficient), subject (row), offset. attrs : formula, spec
    (JSON), engine, versions, the sampler's figures, which interval the tables show; of synthetic data `synthetic`.

    Raises EngineError for a fit without draws.
    """
    from xarray import Dataset, DataTree

    if not isinstance(estimate, PosteriorDraws):
        raise EngineError(
            f"A fit by {type(engine).__name__} has no draws; a DataTree holds those of ml.Bayesian()."
        )
    posterior, coords = _posterior_variables(estimate)
    rows = list(map(str, design.fixed.frame.index))
    subject = list(map(str, design.fixed.frame[design.data.subject]))
    constant: dict[str, Variable] = {
        "X": (("row", "coefficient"), design.fixed.X),
        "subject": (("row",), subject),
    }
    if design.offset.any():
        constant["offset"] = (("row",), design.offset)
    observed = {name: (("row",), values) for name, values in design.observation.items()}
    return DataTree.from_dict(
        {
            "/": Dataset(attrs=_attributes(design, outcome, engine)),
            "/posterior": Dataset(posterior, coords=coords),
            "/sample_stats": Dataset(
                {name: (("chain", "draw"), x) for name, x in estimate.sample_stats.items()}
            ),
            "/observed_data": Dataset(observed, coords={"row": rows}),
            "/constant_data": Dataset(constant, coords={"row": rows, "coefficient": list(estimate.names)}),
        }
    )


def _posterior_variables(estimate: PosteriorDraws) -> tuple[dict[str, Variable], dict[str, Any]]:
    """The draws with the names of their dimensions, and the labels along these."""
    sample = ("chain", "draw")
    chains, draws = estimate.draws.shape[:2]
    variables: dict[str, Variable] = {"beta": ((*sample, "coefficient"), estimate.draws)}
    coords: dict[str, Any] = {
        "chain": np.arange(chains),
        "draw": np.arange(draws),
        "coefficient": list(estimate.names),
    }
    if estimate.theta is not None:
        variables["theta"] = ((*sample, "parameter"), estimate.theta)
        coords["parameter"] = list(estimate.theta_names)
    if isinstance(estimate, ConditionalDraws):
        for name, values in estimate.phi.items():
            variables[name] = ((*sample, f"{name} element"), values)
        if estimate.zero is not None:
            variables["zero"] = ((*sample, "zero_coefficient"), estimate.zero)
            coords["zero_coefficient"] = list(estimate.zero_names)
    return variables, coords


def _attributes(design: Design, outcome: Outcome, engine: object) -> dict[str, Any]:
    says = synthetic(design.data.frame)
    return ({} if says is None else {SYNTHETIC: says}) | {
        "formula": design.spec.formula,
        "spec": design.spec.to_json(indent=None),
        "engine": repr(engine),
        "versions": json.dumps({name: _version(name) for name in PACKAGES}),
        "diagnostics": json.dumps(dict(outcome.diagnostics)),
        "converged": int(outcome.converged),
        "interval": "equal-tailed, 95 % unless asked otherwise",
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a source tree
        return "unknown"
