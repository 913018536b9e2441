"""Every df method with every covariance of the fixed effects: an answer, or an error that says why not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.engines.frequentist.engine import DF_METHODS, OWN_ERRORS

MODEL_BASED = [(ddf, "model") for ddf in DF_METHODS]
ROBUST = [(ddf, vcov) for ddf in DF_METHODS if ddf not in OWN_ERRORS for vcov in ("CR0", "CR2", "CR3")]


def trial(seed: int, n: int = 12, visits: int = 4, subject_sd: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    subject, visit = np.repeat(np.arange(n), visits), np.tile(np.arange(visits), n)
    y = subject_sd * rng.normal(size=n)[subject] + rng.normal(size=n * visits)
    return pd.DataFrame({"id": subject, "visit": visit, "arm": np.where(subject % 2, "a", "b"), "y": y})


@pytest.mark.parametrize(("ddf", "vcov"), [*MODEL_BASED, *ROBUST])
@pytest.mark.parametrize("information", ["observed", "expected"])
@pytest.mark.filterwarnings("ignore:The covariance lies on its boundary:msclong.errors.ConvergenceWarning")
def test_a_variance_of_zero(ddf, vcov, information):
    engine = ml.Frequentist(ddf=ddf, vcov=vcov, information=information)
    fit = ml.fit("y ~ arm * C(visit) + (1 + visit || id)", trial(4), engine=engine)
    assert fit.outcome.singular
    table = fit.coefficients()
    assert np.isfinite(table.drop(columns="df").to_numpy()).all()
    assert (table["df"] > 0).all()
    assert 0 < fit.test("arm:C(visit)").iloc[0]["p_value"] <= 1


@pytest.mark.parametrize(("ddf", "vcov"), [*MODEL_BASED, *ROBUST])
def test_the_same_answer_in_any_order_of_rows(ddf, vcov):
    engine = ml.Frequentist(ddf=ddf, vcov=vcov)
    table = trial(5, subject_sd=1.0)
    shuffled = table.sample(frac=1, random_state=3)
    plain, other = (
        ml.fit("y ~ arm * C(visit) + ar1h(visit | id)", t, engine=engine) for t in (table, shuffled)
    )
    np.testing.assert_allclose(other.coefficients(), plain.coefficients(), rtol=1e-7)
    np.testing.assert_allclose(other.test("arm:C(visit)"), plain.test("arm:C(visit)"), rtol=1e-7)


def test_a_covariance_without_positive_variances_is_no_answer():
    fit = ml.fit("y ~ arm * C(visit) + ar1h(visit | id)", trial(5, subject_sd=1.0))
    negative = replace(fit.estimate.small_sample, adjustment=-np.eye(8))
    with pytest.raises(ml.errors.HypothesisError, match="no positive variance or degrees of freedom"):
        replace(fit.estimate, small_sample=negative).test(fit.hypothesis())
