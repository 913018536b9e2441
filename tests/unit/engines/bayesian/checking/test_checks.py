"""Checks of a posterior: thresholds, advice, the second try."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.engines.bayesian.checking.checks import (
    chain_checks,
    chain_diagnostics,
    complaints,
    e_bfmi,
    importance_checks,
    reported_quantities,
    sds_and_correlations,
    with_second_try,
)
from msclong.engines.bayesian.checking.convergence import weighted_convergence
from msclong.errors import EngineError
from msclong.results.check import Check, check_table

NAMES = ("good", "bad")


@dataclass(frozen=True)
class Settings:
    draws: int = 1000
    tune: int = 500
    target_accept: float = 0.95


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(1).standard_normal((4, 1000, 2))


@pytest.fixture(scope="module")
def fit():
    return ml.fit(
        "Reaction ~ Days + (1 + Days | Subject)",
        ml.datasets.sleepstudy(),
        engine=ml.Bayesian(seed=7, sampler="importance"),
    )


def stats(energy=None, divergences=0):
    """Figures of 4 x 1000 steps, with independent energies unless others are given."""
    diverging = np.zeros((4, 1000), dtype=bool)
    diverging[0, :divergences] = True
    if energy is None:
        energy = np.random.default_rng(9).standard_normal((4, 1000))
    return {"diverging": diverging, "energy": energy}


def failed(checks):
    return {check.name: check for check in checks if not check.passed}


def test_good_chains_pass_every_check(noise):
    checks = chain_checks(NAMES, noise, stats(), Settings())
    assert [check.name for check in checks] == [
        "R-hat",
        "Bulk ESS",
        "Tail ESS",
        "MCSE / SD",
        "Divergences",
        "E-BFMI",
    ]
    assert not failed(checks)
    assert complaints(checks) == ()
    figures = chain_diagnostics(checks)
    assert figures["divergences"] == 0
    assert figures["max R-hat"] < 1.01


def test_the_worst_quantity_is_named_with_advice(noise):
    draws = noise.copy()
    draws[:, :, 1] += np.arange(4)[:, None]
    missed = failed(chain_checks(NAMES, draws, stats(), Settings()))
    assert missed["R-hat"].quantity == missed["Bulk ESS"].quantity == "bad"
    assert "Bayesian(draws=2000, tune=1000)" in missed["R-hat"].advice
    assert "Bayesian(draws=8000)" in missed["Bulk ESS"].advice
    assert "R-hat of bad is" in complaints(missed.values())[0]
    # Three checks with one advice are one sentence.
    assert len(complaints(missed.values())) == 2


def test_one_divergence_is_one_too_many(noise):
    missed = failed(chain_checks(NAMES, noise, stats(divergences=1), Settings(target_accept=0.99)))
    assert list(missed) == ["Divergences"]
    assert "target_accept=0.999" in missed["Divergences"].advice


def test_energy_that_hardly_moves_fails(noise):
    energy = np.cumsum(noise[..., 0], axis=1)
    missed = failed(chain_checks(NAMES, noise, stats(energy), Settings()))
    assert list(missed) == ["E-BFMI"]


def test_e_bfmi_of_independent_energies_is_two(noise):
    """Steps between independent values have twice their variance."""
    assert e_bfmi(noise[..., 0]) == pytest.approx(2, rel=0.15)


def test_an_importance_sample_is_judged_by_khat_and_efficiency(noise):
    values = noise.reshape(1, -1, 2)
    figures = weighted_convergence(values[0], np.full(4000, 1 / 4000))
    assert not failed(importance_checks(NAMES, figures, values, 0.3, 0.9, Settings()))
    missed = failed(importance_checks(NAMES, figures, values, 0.75, 0.001, Settings()))
    assert list(missed) == ["Pareto k-hat", "Efficiency"]
    assert 'sampler="nuts"' in missed["Pareto k-hat"].advice


def test_a_check_without_a_value_is_missed():
    assert not Check("k-hat", np.nan, "<", 0.7, "").passed
    assert not Check("ESS", np.nan, ">=", 400, "").passed


def test_the_table_has_a_row_for_each_check_and_advice_where_it_is_missed():
    table = check_table(
        [Check("ESS", 500, ">=", 400, "longer"), Check("R-hat", 1.2, "<", 1.01, "longer", "x")]
    )
    assert list(table.columns) == ["quantity", "value", "threshold", "passed", "advice"]
    assert table["passed"].tolist() == [True, False]
    assert table["advice"].tolist() == ["", "longer"]
    assert table.loc["R-hat", "threshold"] == "< 1.01"


def test_everything_that_is_reported_unasked_is_checked(fit):
    names, values = reported_quantities(fit.design, fit.estimate)
    assert values.shape == (1, 4000, len(names))
    means = dict(zip(names, values.mean(axis=(0, 1)), strict=True))
    assert means["contrast 9 - 0"] == pytest.approx(9 * means["Days"])
    assert means["mean 3"] == pytest.approx(means["Intercept"] + 3 * means["Days"])
    assert {"variance(Days)", "sd(Days)", "correlation(Days, Intercept)", "residual sd"} <= set(names)
    assert means["sd(Days)"] == pytest.approx(np.sqrt(fit.estimate.flat_theta[:, 2]).mean())


def test_correlations_come_from_covariances_and_their_variances(fit):
    names, values = sds_and_correlations(fit.design.structure, np.array([4.0, 3.0, 9.0, 16.0]))
    assert dict(zip(names, values, strict=True)) == {
        "sd(Intercept)": 2,
        "correlation(Days, Intercept)": 0.5,
        "sd(Days)": 3,
        "residual sd": 4,
    }


def test_a_fit_shows_its_checks(fit):
    table = fit.checks()
    assert isinstance(table, pd.DataFrame)
    assert table["passed"].all() == fit.outcome.converged
    assert table.loc["Pareto k-hat", "value"] == fit.outcome.diagnostics["Pareto k-hat"]


def test_an_optimiser_has_no_draws_to_check():
    frequentist = ml.fit("Reaction ~ Days + (1 | Subject)", ml.datasets.sleepstudy())
    with pytest.raises(EngineError, match="no draws to check"):
        frequentist.checks()


def runs(*outcomes):
    """A sampler whose successive runs have these checks; it notes the settings that it was given."""
    seen = []

    def run(engine):
        seen.append(engine)
        return f"run {len(seen)}", outcomes[len(seen) - 1]

    return run, seen


GOOD = (Check("Bulk ESS", 900, ">=", 400, ""),)


def test_a_good_first_try_is_the_only_one():
    run, seen = runs(GOOD)
    assert with_second_try(run, Settings()) == ("run 1", GOOD, ())
    assert seen == [Settings()]


def test_the_second_try_is_longer_and_logged():
    run, seen = runs((Check("Bulk ESS", 150, ">=", 400, "longer"),), GOOD)
    found, checks, notes = with_second_try(run, Settings())
    assert (found, checks) == ("run 2", GOOD)
    assert seen[1] == Settings(draws=4000, tune=1000)
    assert "Bulk ESS 150" in notes[0]
    assert "draws=4000" in notes[0]


def test_the_second_try_is_longer_only_where_chains_have_not_mixed():
    run, seen = runs((*GOOD, Check("R-hat", 1.2, "<", 1.01, "")), GOOD)
    with_second_try(run, Settings())
    assert seen[1] == replace(Settings(), draws=2000, tune=1000)


@pytest.mark.parametrize("name", ["Divergences", "E-BFMI"])
def test_the_second_try_takes_smaller_steps_where_steps_were_the_trouble(name):
    run, seen = runs((*GOOD, Check(name, np.nan, "<", 1, "")), GOOD)
    with_second_try(run, Settings())
    assert seen[1] == replace(Settings(), draws=2000, tune=1000, target_accept=0.99)


def test_there_is_no_third_try():
    bad = (Check("Bulk ESS", 1, ">=", 400, "longer"),)
    run, seen = runs(bad, bad)
    _, checks, _ = with_second_try(run, Settings())
    assert len(seen) == 2
    assert complaints(checks) == ("Bulk ESS is 1, should be >= 400. longer",)


def test_the_same_seed_gives_the_same_draws_and_another_seed_others(fit):
    def drawn(seed):
        engine = ml.Bayesian(seed=seed, sampler="importance")
        return ml.fit(fit.spec, ml.datasets.sleepstudy(), engine=engine).estimate

    again, other = drawn(7), drawn(8)
    assert np.array_equal(again.draws, fit.estimate.draws)
    assert np.array_equal(again.theta, fit.estimate.theta)
    assert not np.array_equal(other.theta, fit.estimate.theta)


@pytest.mark.slow
def test_nuts_tries_again_by_itself_where_it_was_too_short():
    engine = ml.Bayesian(draws=50, tune=200, seed=7, sampler="nuts")
    fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy(), engine=engine)
    assert fit.outcome.converged
    assert fit.engine == engine
    assert any("A first run missed its criteria" in note for note in fit.outcome.notes)
    assert fit.estimate.draws.shape[1] > 50
    assert fit.estimate.sample_stats["energy"].shape == fit.estimate.draws.shape[:2]
