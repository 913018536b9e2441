"""Fits that reports are made of; the posterior is drawn by hand, so that no sampler runs here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.reporting.report import Report
from msclong.results.check import Check
from msclong.results.outcome import Outcome
from msclong.results.posterior_draws import PosteriorDraws

PLANS = Path(__file__).parents[3] / "docs" / "reports"


@dataclass(frozen=True)
class Bayesian:
    seed: int = 1


def posterior_of(fit: ml.Fit, seed: int = 1) -> ml.Fit:
    """A Fit as the Bayesian engine returns it: 4 x 500 normal draws around a frequentist fit, theta's within 10 %."""
    rng = np.random.default_rng(seed)
    draws = rng.multivariate_normal(fit.estimate.beta, fit.estimate.vcov, size=(4, 500))
    names = fit.design.structure.parameter_names
    theta = fit.covariance.theta * rng.uniform(0.9, 1.1, (4, 500, len(names)))

    def convergence(x: np.ndarray) -> dict[str, np.ndarray]:
        m = x.shape[2]
        mcse = x.reshape(-1, m).std(axis=0) / np.sqrt(2000)
        return {"ess_bulk": np.full(m, 1900.0), "rhat": np.full(m, 1.002), "mcse": mcse}

    return replace(
        fit,
        engine=Bayesian(seed),
        estimate=PosteriorDraws(fit.estimate.names, draws, convergence, theta, names),
        outcome=Outcome(
            converged=True,
            notes=("A note of the sampler.",),
            diagnostics={"divergences": 0, "seed": seed},
            checks=(Check("R-hat", 1.002, "<", 1.01, "Run longer.", "contrast 8"),),
        ),
        loglik=None,
        priors=pd.DataFrame(
            {"prior": ["Normal(0, 10)", "half-Student-t(3, 0, 7)"]},
            index=pd.Index(["Intercept", "sd(1)"], name="parameter"),
        ),
    )


@pytest.fixture(scope="session")
def posterior() -> Callable[..., ml.Fit]:
    return posterior_of


@pytest.fixture(scope="session")
def hamd17_spec() -> ml.ModelSpec:
    return ml.ModelSpec(
        "change ~ basval * week + TRT * week + POOLINV + us(week | PATIENT)",
        outcome_type="change",
        arm="TRT",
        label="Change in HAMD-17 total score",
        unit="points",
    )


@pytest.fixture(scope="session")
def hamd17(hamd17_spec) -> list[ml.Fit]:
    fit = ml.fit(hamd17_spec, ml.datasets.hamd17())
    return [fit, posterior_of(fit)]


@pytest.fixture(scope="session")
def hamd17_report(hamd17) -> Report:
    return ml.report(hamd17)


@pytest.fixture(scope="session")
def founding() -> ml.StudyFit:
    """The founding study, fitted as `make report` does."""
    plan = ml.AnalysisPlan.from_toml(PLANS / "sjogren_msct.toml")
    return ml.Study(ml.datasets.sjogren_msct(seed=1), plan).fit(n_jobs=1)


@pytest.fixture(scope="session")
def founding_report(founding) -> Report:
    return ml.report(founding)
