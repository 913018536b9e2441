"""Intervals after reference-based imputation cover in repeated trials; Rubin's are wider, as they are meant to be."""

from __future__ import annotations

import numpy as np
import pytest

import msclong as ml
from trials_with_dropout import SATURATED, trial

pytestmark = pytest.mark.slow

TRIALS = 400
SUBJECTS = 100

WITHIN = 3 * np.sqrt(0.95 * 0.05 / TRIALS)
"""Three Monte Carlo errors of a coverage of 95 %."""


def analysed(n: int, seed: int) -> ml.Fit:
    spec = ml.ModelSpec(SATURATED, arm="arm", outcome_type="change")
    return ml.fit(spec, trial(n=n, seed=seed, gaps=False))


@pytest.mark.parametrize("strategy", ["MAR", "J2R", "CR", "CIR"])
def test_jackknife_intervals_cover(strategy):
    large = [
        ml.sensitivity.reference_based(analysed(4000, seed), strategy).contrasts().iloc[-1]
        for seed in range(9000, 9004)
    ]
    truth = np.mean([row["estimate"] for row in large])
    covered = 0
    for seed in range(TRIALS):
        row = ml.sensitivity.reference_based(analysed(SUBJECTS, seed), strategy).contrasts().iloc[-1]
        covered += row["lower"] <= truth <= row["upper"]
    assert abs(covered / TRIALS - 0.95) < WITHIN + 0.01


def test_rubins_intervals_of_jump_to_reference_are_wider_than_repeated_trials_need():
    ratios = []
    for seed in range(20):
        fit = analysed(SUBJECTS, seed)
        asked = ml.sensitivity.MultipleImputation(seed=seed, imputations=50)
        rubin = ml.sensitivity.reference_based(fit, "J2R", inference=asked).contrasts()["se"].iloc[-1]
        ratios.append(rubin / ml.sensitivity.reference_based(fit, "J2R").contrasts()["se"].iloc[-1])
    assert np.mean(ratios) > 1.1
