"""Longitudinal mixed models for trials: one model spec, two engines, one results object.

>>> import msclong as ml
>>> fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy())

Names are loaded when first used, so that `import msclong` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from msclong import datasets as datasets
    from msclong import errors as errors
    from msclong import published as published
    from msclong import sensitivity as sensitivity
    from msclong import single_arm as single_arm
    from msclong.api import fit as fit
    from msclong.api import prior_predictive as prior_predictive
    from msclong.contrasts.graphical import GraphicalProcedure as GraphicalProcedure
    from msclong.covariance.registry import register_structure as register_structure
    from msclong.covariance.time_structure import TimeStructure as TimeStructure
    from msclong.covariance.visit_structure import VisitStructure as VisitStructure
    from msclong.data.bds.bds import BDS as BDS
    from msclong.data.bds.check import check_bds as check_bds
    from msclong.data.bds.read import read_bds as read_bds
    from msclong.data.long_data import LongData as LongData
    from msclong.data.streams.schema import Schema as Schema
    from msclong.data.wide import long_from_wide as long_from_wide
    from msclong.design.streamed.shared_moments import SharedMoments as SharedMoments
    from msclong.design.streamed.sharing import cross_moments as cross_moments
    from msclong.design.streamed.sharing import schema_of as schema_of
    from msclong.diagnostics.influence import influence as influence
    from msclong.diagnostics.observed_covariance import covariance_check as covariance_check
    from msclong.diagnostics.predictive_checks import predictive_check as predictive_check
    from msclong.engines.bayesian.criticism.loo import loo as loo
    from msclong.engines.bayesian.criticism.loo_compare import loo_compare as loo_compare
    from msclong.engines.bayesian.criticism.loo_pit import loo_pit as loo_pit
    from msclong.engines.bayesian.criticism.prior_sensitivity import prior_sensitivity as prior_sensitivity
    from msclong.engines.bayesian.engine import Bayesian as Bayesian
    from msclong.engines.bayesian.priors.historical_prior import (
        effective_sample_size as effective_sample_size,
    )
    from msclong.engines.bayesian.priors.historical_prior import historical_prior as historical_prior
    from msclong.engines.frequentist.engine import Frequentist as Frequentist
    from msclong.engines.frequentist.likelihood_ratio import compare as compare
    from msclong.engines.frequentist.sign_flip import sign_flip_test as sign_flip_test
    from msclong.engines.frequentist.variance_intervals import variance_intervals as variance_intervals
    from msclong.engines.statsmodels_engine import StatsmodelsMixedLM as StatsmodelsMixedLM
    from msclong.joint.fit_joint import fit_joint as fit_joint
    from msclong.joint.joint_fit import JointFit as JointFit
    from msclong.linear_hypothesis import LinearHypothesis as LinearHypothesis
    from msclong.many.fit_many import fit_many as fit_many
    from msclong.many.many_fits import ManyFits as ManyFits
    from msclong.replication.bootstrap import bootstrap as bootstrap
    from msclong.replication.dropout import Dropout as Dropout
    from msclong.replication.permutation import permutation_test as permutation_test
    from msclong.replication.power import power as power
    from msclong.replication.scenario import Scenario as Scenario
    from msclong.reporting.report import report as report
    from msclong.results.fit import Fit as Fit
    from msclong.spec.distributions import LKJ as LKJ
    from msclong.spec.distributions import HalfNormal as HalfNormal
    from msclong.spec.distributions import HalfT as HalfT
    from msclong.spec.distributions import LogNormal as LogNormal
    from msclong.spec.distributions import Mixture as Mixture
    from msclong.spec.distributions import Normal as Normal
    from msclong.spec.estimand import Estimand as Estimand
    from msclong.spec.model_spec import ModelSpec as ModelSpec
    from msclong.spec.prior import Priors as Priors
    from msclong.storage import load as load
    from msclong.storage import save as save
    from msclong.study.analysis_plan import AnalysisPlan as AnalysisPlan
    from msclong.study.endpoint import Endpoint as Endpoint
    from msclong.study.multiplicity import Multiplicity as Multiplicity
    from msclong.study.study import Study as Study
    from msclong.study.study_fit import StudyFit as StudyFit

__version__ = "0.1.0"

_HOMES = {
    "fit": "msclong.api",
    "ModelSpec": "msclong.spec.model_spec",
    "Estimand": "msclong.spec.estimand",
    "Priors": "msclong.spec.prior",
    "Normal": "msclong.spec.distributions",
    "Mixture": "msclong.spec.distributions",
    "HalfT": "msclong.spec.distributions",
    "HalfNormal": "msclong.spec.distributions",
    "LogNormal": "msclong.spec.distributions",
    "LKJ": "msclong.spec.distributions",
    "LongData": "msclong.data.long_data",
    "long_from_wide": "msclong.data.wide",
    "BDS": "msclong.data.bds.bds",
    "read_bds": "msclong.data.bds.read",
    "check_bds": "msclong.data.bds.check",
    "Frequentist": "msclong.engines.frequentist.engine",
    "Bayesian": "msclong.engines.bayesian.engine",
    "StatsmodelsMixedLM": "msclong.engines.statsmodels_engine",
    "Fit": "msclong.results.fit",
    "LinearHypothesis": "msclong.linear_hypothesis",
    "GraphicalProcedure": "msclong.contrasts.graphical",
    "register_structure": "msclong.covariance.registry",
    "TimeStructure": "msclong.covariance.time_structure",
    "VisitStructure": "msclong.covariance.visit_structure",
    "Schema": "msclong.data.streams.schema",
    "schema_of": "msclong.design.streamed.sharing",
    "cross_moments": "msclong.design.streamed.sharing",
    "SharedMoments": "msclong.design.streamed.shared_moments",
    "influence": "msclong.diagnostics.influence",
    "covariance_check": "msclong.diagnostics.observed_covariance",
    "predictive_check": "msclong.diagnostics.predictive_checks",
    "loo": "msclong.engines.bayesian.criticism.loo",
    "loo_compare": "msclong.engines.bayesian.criticism.loo_compare",
    "loo_pit": "msclong.engines.bayesian.criticism.loo_pit",
    "compare": "msclong.engines.frequentist.likelihood_ratio",
    "variance_intervals": "msclong.engines.frequentist.variance_intervals",
    "sign_flip_test": "msclong.engines.frequentist.sign_flip",
    "historical_prior": "msclong.engines.bayesian.priors.historical_prior",
    "effective_sample_size": "msclong.engines.bayesian.priors.historical_prior",
    "prior_predictive": "msclong.api",
    "prior_sensitivity": "msclong.engines.bayesian.criticism.prior_sensitivity",
    "fit_joint": "msclong.joint.fit_joint",
    "JointFit": "msclong.joint.joint_fit",
    "power": "msclong.replication.power",
    "Scenario": "msclong.replication.scenario",
    "Dropout": "msclong.replication.dropout",
    "bootstrap": "msclong.replication.bootstrap",
    "permutation_test": "msclong.replication.permutation",
    "fit_many": "msclong.many.fit_many",
    "ManyFits": "msclong.many.many_fits",
    "report": "msclong.reporting.report",
    "Study": "msclong.study.study",
    "StudyFit": "msclong.study.study_fit",
    "AnalysisPlan": "msclong.study.analysis_plan",
    "Endpoint": "msclong.study.endpoint",
    "Multiplicity": "msclong.study.multiplicity",
    "save": "msclong.storage",
    "load": "msclong.storage",
}
"""Where each public name lives."""

_MODULES = {
    "datasets": "msclong.datasets",
    "errors": "msclong.errors",
    "published": "msclong.published",
    "sensitivity": "msclong.sensitivity",
    "single_arm": "msclong.single_arm",
}
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
