"""The stored ranks of simulation-based calibration are uniform, the docs print them, and new trials agree."""

from __future__ import annotations

from functools import cache

import pytest

from calibration.docs_table import printed_table
from calibration.sbc_figure import FIGURE, figure, ranked, table
from calibration.sbc_models import MODELS
from calibration.simulation_based import calibrate, p_values, stored

pytestmark = pytest.mark.slow

# Of correct models, one in a thousand has a quantity below this (times its number of quantities).
CHANCE = 1e-3
# Share of quantities with p < 5 %; those of one model go together.
AMONG_ALL = (0.01, 0.10)
# Trials of each model, at least: what one round stores.
LEAST = 50
# Fits that 'auto' leaves to NUTS, at most.
LEFT_OUT = 0.1

NEW = 100_000
"""Trials that no stored run has seen start here."""

AGAIN = (
    "us",
    "toeph",
    "random slope",
    "us by arm",
    "bernoulli",
    "cumulative_logit",
    "gamma",
    "poisson, random slope",
)
TRIALS = 50


@cache
def records():
    return stored()


def test_every_model_was_run():
    assert list(records()) == [model.name for model in MODELS]
    for model in MODELS:
        record = records()[model.name]
        assert record["replicates"] >= LEAST, model.name
        assert ranked(record) >= (1 - LEFT_OUT) * record["replicates"], model.name


def test_stored_ranks_are_uniform():
    every = []
    for name, record in records().items():
        p = p_values(record)
        assert min(p.values()) * len(p) > CHANCE, (name, p)
        every += p.values()
    assert AMONG_ALL[0] < sum(p < 0.05 for p in every) / len(every) < AMONG_ALL[1]


def test_docs_show_what_is_stored():
    assert printed_table("simulation-based calibration") == table(records())
    assert FIGURE.read_text(encoding="utf-8") == figure(records())


@pytest.mark.parametrize(
    "model", [model for model in MODELS if model.name in AGAIN], ids=lambda model: model.name
)
def test_new_trials_have_uniform_ranks(model):
    record = calibrate(model, TRIALS, NEW)
    assert ranked(record) >= (1 - LEFT_OUT) * TRIALS
    p = p_values(record)
    assert min(p.values()) * len(p) > CHANCE, p
