"""Studies of three outcomes in two arms, of which a plan takes those that it names."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.reporting.study.results import StudyResult, study_result

WEEKS = [f"Wk {week}" for week in (0, 4, 8, 12)]


def two_arms(n: int = 24) -> pd.DataFrame:
    """Outcomes a, b and c of n patients at four visits; `still` does not vary, `few` has three completers."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"patient": np.repeat(np.arange(n), len(WEEKS)), "visit": WEEKS * n})
    frame["visit"] = pd.Categorical(frame["visit"], WEEKS, ordered=True)
    frame["arm"] = np.where(frame["patient"] % 2, "drug", "placebo")
    for name in "abc":
        frame[name] = rng.normal(5, 1, n)[frame["patient"]] + rng.normal(0, 0.7, len(frame))
    frame["still"] = 1.0
    frame["few"] = frame["a"].where((frame["visit"] != "Wk 12") | (frame["patient"] < 3))
    # Less alike within patients than by chance.
    frame["flat"] = rng.normal(size=len(frame))
    frame["flat"] -= frame.groupby("patient")["flat"].transform("mean")
    return frame


@pytest.fixture(scope="session")
def studied() -> Callable[..., StudyResult]:
    """The result of a plan: its outcomes with their fields, and the plan's own."""
    table = two_arms()

    def make(outcomes: Mapping[str, Any], engines: Any = None, **plan: Any) -> StudyResult:
        defaults = {"formula": "{outcome} ~ C(visit) * arm + cs(visit | patient)", "arm": "arm"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ml.errors.ConvergenceWarning)
            study = ml.Study(table, outcomes, defaults=defaults, **plan)
            return study_result(study.fit(engines or ml.Frequentist(), n_jobs=1))

    return make
