"""Wrong arguments of the functions of a fit: a SpecError that names the argument, no traceback, no silent reading."""

from __future__ import annotations

import numpy as np
import pytest

import msclong as ml
from msclong.errors import SpecError


@pytest.fixture(scope="module")
def fits() -> tuple[ml.Fit, ml.Fit]:
    data = ml.datasets.sleepstudy()
    formulas = ("Reaction ~ Days + (1 | Subject)", "Reaction ~ Days + (1 + Days | Subject)")
    smaller, larger = (ml.fit(formula, data) for formula in formulas)
    return smaller, larger


@pytest.mark.parametrize("other", [3, "fit", None])
def test_what_is_no_fit(fits, other):
    calls = {
        "smaller": lambda: ml.compare(other, fits[1]),
        "larger": lambda: ml.compare(fits[0], other),
        "fit must": lambda: ml.influence(other),
        "fit must be": lambda: ml.covariance_check(other),
        "fit must be a": lambda: ml.variance_intervals(other),
    }
    for name, call in calls.items():
        with pytest.raises(
            SpecError, match=rf"{name}.*as ml.fit\(\.\.\.\) returns it; got {type(other).__name__}"
        ):
            call()


@pytest.mark.parametrize("seed", ["a", -1, 1.5, True])
def test_seeds(fits, seed):
    table = ml.datasets.sleepstudy()
    data = ml.LongData(table, subject="Subject", outcome="Reaction", visit="Days")
    for call in (
        lambda: ml.variance_intervals(fits[0], "bootstrap", n=2, seed=seed, progress=False),
        lambda: ml.sign_flip_test(data, seed=seed),
    ):
        with pytest.raises(SpecError, match="seed must be None or an integer from 0 up"):
            call()
    again = [ml.variance_intervals(fits[0], "bootstrap", n=3, seed=s) for s in (7, np.int64(7))]
    assert again[0].equals(again[1])


def test_flags_and_counts(fits):
    for parameters in ([], 3, ()):
        with pytest.raises(SpecError, match="parameters takes names of rows"):
            ml.variance_intervals(fits[0], "wald", parameters=parameters)
    with pytest.raises(SpecError, match="progress takes True, False or None; got 'x'"):
        ml.variance_intervals(fits[0], "wald", progress="x")
    with pytest.raises(SpecError, match="nested takes True, False or None; got 'yes'"):
        ml.compare(*fits, nested="yes")
    with pytest.raises(SpecError, match="n=2 or more"):
        ml.variance_intervals(fits[0], "bootstrap", n=True)
    data = ml.LongData(ml.datasets.sleepstudy(), subject="Subject", outcome="Reaction", visit="Days")
    with pytest.raises(SpecError, match="draws is the number .* got True"):
        ml.sign_flip_test(data, draws=True)
    with pytest.raises(SpecError, match="by takes a column or several"):
        ml.covariance_check(fits[0], by=3)
