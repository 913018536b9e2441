"""An unstructured covariance with hardly more subjects than visits, or fewer: the priors keep the posterior proper."""

import warnings

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import ConvergenceWarning

VISITS = 6
# Five or eight subjects leave importance sampling too few effective draws, so that NUTS takes over; second tries with
# smaller steps leave hardly a divergence.
DIVERGENCES = 0.001


def trial(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(np.full((VISITS, VISITS), 9.6) + 6.4 * np.eye(VISITS))
    y = 20 - np.arange(VISITS) + rng.standard_normal((n, VISITS)) @ root.T
    visit, subject = np.tile(np.arange(VISITS), n), np.repeat(np.arange(n), VISITS)
    return pd.DataFrame({"id": subject, "visit": visit, "y": y.ravel()})


@pytest.mark.slow
@pytest.mark.parametrize("n", [5, 8, 11])
def test_intervals_cover_the_truth(n):
    """20 trials of five changes each, which share their baseline: coverage has an SD of about 4 of 100."""
    covered = 0
    engine = ml.Bayesian(seed=1, target_accept=0.99)
    for seed in range(20):
        with warnings.catch_warnings():
            # Single divergences are checked below; here they do not end the test.
            warnings.simplefilter("ignore", ConvergenceWarning)
            fit = ml.fit("y ~ C(visit) + us(visit | id)", trial(n, seed), engine=engine)
        figures = fit.outcome.diagnostics
        assert figures["min bulk ESS"] >= 400
        if figures["sampler"] == "nuts":
            assert figures["max R-hat"] < 1.01
            assert figures["divergences"] <= DIVERGENCES * figures["draws"]
        else:
            assert fit.outcome.converged, str(fit.outcome)
        table = fit.contrasts()
        truth = -np.arange(1, VISITS)
        covered += int(((table["lower"] < truth) & (truth < table["upper"])).sum())
    assert covered >= 85
