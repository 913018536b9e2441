"""Coverage and false claims in small trials: what is stored keeps its bands, the docs print it, new trials agree."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.docs_table import printed_table
from calibration.operating_characteristics import FIGURES, SETTINGS, simulate, stored, summary, table

pytestmark = pytest.mark.slow

NO_CHANGE, CHANGE, FALSE_CLAIMS, _, WIDTH = FIGURES
# Monte Carlo standard errors that a figure may lie outside its band: some fifty figures are looked at.
WITHIN = 3.0
# Bayesian intervals of few subjects may be wider than 95 % needs, never clearly narrower.
LEAST_COVERAGE = 0.94
MOST_FALSE_CLAIMS = 0.03
TRIALS = 25
# Variance of a share that was never or always found in few trials.
LEAST_VARIANCE = 0.03
NEW = 100_000


def test_intervals_cover_and_false_claims_are_rare():
    records = stored()
    assert list(records) == [setting.name for setting in SETTINGS]
    for name, record in records.items():
        for method, row in summary(record).iterrows():
            if (
                row["answered"] < 0.5
            ):  # too few completers for REML: those that are left are no sample of trials
                continue
            for figure in (NO_CHANGE, CHANGE):
                error = WITHIN * row[f"error of {figure}"]
                assert row[figure] > LEAST_COVERAGE - error, (name, method, figure)
            error = WITHIN * row[f"error of {FALSE_CLAIMS}"]
            assert row[FALSE_CLAIMS] < MOST_FALSE_CLAIMS + error, (name, method)


def test_docs_show_what_is_stored():
    assert printed_table("operating characteristics") == table(stored())


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_new_trials_agree_with_what_is_stored(setting):
    before = summary(stored()[setting.name])
    after = summary({"trials": TRIALS, "sums": simulate(setting, NEW, TRIALS)})
    for method in after.index:
        answered = max(1.0, after.loc[method, "answered"] * TRIALS)
        for figure in (NO_CHANGE, CHANGE, FALSE_CLAIMS):
            if np.isnan(new := after.loc[method, figure]):
                continue
            share = before.loc[method, figure]
            error = np.sqrt(max(share * (1 - share), LEAST_VARIANCE) / answered)
            assert abs(new - share) < 4 * error, (method, figure)
