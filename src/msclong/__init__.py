"""Longitudinal mixed models for trials: one model spec, two engines, one results object.

>>> import msclong as ml
>>> fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy())

Names are loaded when first used, so that `import msclong` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from msclong import errors as errors
    from msclong.api import fit as fit
    from msclong.contrasts.graphical import GraphicalProcedure as GraphicalProcedure
    from msclong.covariance.registry import register_structure as register_structure
    from msclong.covariance.time_structure import TimeStructure as TimeStructure
    from msclong.covariance.visit_structure import VisitStructure as VisitStructure
    from msclong.data import datasets as datasets
    from msclong.data.long_data import LongData as LongData
    from msclong.diagnostics.influence import influence as influence
    from msclong.diagnostics.observed_covariance import covariance_check as covariance_check
    from msclong.engines.bayesian.engine import Bayesian as Bayesian
    from msclong.engines.frequentist.engine import Frequentist as Frequentist
    from msclong.engines.frequentist.likelihood_ratio import compare as compare
    from msclong.engines.frequentist.sign_flip import sign_flip_test as sign_flip_test
    from msclong.engines.frequentist.variance_intervals import variance_intervals as variance_intervals
    from msclong.engines.statsmodels_engine import StatsmodelsMixedLM as StatsmodelsMixedLM
    from msclong.linear_hypothesis import LinearHypothesis as LinearHypothesis
    from msclong.reporting.report import report as report
    from msclong.results.fit import Fit as Fit
    from msclong.spec.model_spec import ModelSpec as ModelSpec
    from msclong.spec.prior import Priors as Priors

__version__ = "0.1.0"

_HOMES = {
    "fit": "msclong.api",
    "ModelSpec": "msclong.spec.model_spec",
    "Priors": "msclong.spec.prior",
    "LongData": "msclong.data.long_data",
    "Frequentist": "msclong.engines.frequentist.engine",
    "Bayesian": "msclong.engines.bayesian.engine",
    "StatsmodelsMixedLM": "msclong.engines.statsmodels_engine",
    "Fit": "msclong.results.fit",
    "LinearHypothesis": "msclong.linear_hypothesis",
    "GraphicalProcedure": "msclong.contrasts.graphical",
    "register_structure": "msclong.covariance.registry",
    "TimeStructure": "msclong.covariance.time_structure",
    "VisitStructure": "msclong.covariance.visit_structure",
    "influence": "msclong.diagnostics.influence",
    "covariance_check": "msclong.diagnostics.observed_covariance",
    "compare": "msclong.engines.frequentist.likelihood_ratio",
    "variance_intervals": "msclong.engines.frequentist.variance_intervals",
    "sign_flip_test": "msclong.engines.frequentist.sign_flip",
    "report": "msclong.reporting.report",
}
"""Where each public name lives."""

_MODULES = {"datasets": "msclong.data.datasets", "errors": "msclong.errors"}
"""Public names that are modules."""

__all__ = ["__version__", *_HOMES, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = import_module(_MODULES[name])
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'msclong' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
