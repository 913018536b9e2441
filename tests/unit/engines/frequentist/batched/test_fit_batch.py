"""The compiled engine gives what the ordinary one gives, data set by data set, and leaves to it what is not plain."""

from __future__ import annotations

import threading
import warnings

import numba
import numpy as np
import pandas as pd
import pytest
from numba.core import caching

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.frequentist.batched import fit_batch as fit_batch_module
from msclong.engines.frequentist.batched.fit_batch import batched, fit_batch
from msclong.engines.frequentist.batched.kernel import door
from msclong.engines.frequentist.batched.replicates import Replicates
from msclong.engines.frequentist.batched.settings import CONVERGED, DEGENERATE, LEFT, SINGULAR
from msclong.engines.frequentist.progress import Progress, say
from msclong.errors import ConvergenceError, DataError, DegenerateCovarianceError, DesignError, EngineError

# Two optimisations of one likelihood, each to rounding; a variance near zero is flat to half the digits.
SAME = 1e-9
FLAT = 1e-6

R, N, T = 6, 24, 4


def simulated(correlation: float = 0.5, n: int = N, missing: float = 0.1, seed: int = 1) -> np.ndarray:
    """(R, n, T) outcomes with own missing values."""
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky((1 - correlation) * np.eye(T) + correlation)
    Y = 10 + 3 * rng.normal(size=(R, n, T)) @ root.T
    Y[rng.uniform(size=Y.shape) < missing] = np.nan
    return Y


def table(n: int = N) -> pd.DataFrame:
    age = np.random.default_rng(2).normal(50, 9, n)
    return pd.DataFrame(
        {
            "id": np.repeat(np.arange(n), T),
            "visit": np.tile(np.arange(T), n),
            "arm": np.repeat(np.where(np.arange(n) % 2, "a", "b"), T),
            "age": np.repeat(age, T),
            "y": 0.0,
        }
    )


def replicates(formula: str, Y: np.ndarray, **settings: np.ndarray | None) -> Replicates:
    spec = ml.ModelSpec(formula)
    design = build_design(spec, long_data(spec, table(Y.shape[1])))
    X = design.fixed.X.reshape(Y.shape[1], T, -1)
    return Replicates(
        design.structure, design.coords[:T], settings.get("X", X), Y, settings.get("arrangement")
    )


def ordinary(
    formula: str, y: np.ndarray, engine: ml.Frequentist, frame: pd.DataFrame | None = None
) -> ml.Fit:
    frame = table(len(y)) if frame is None else frame
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ml.fit(formula, frame.assign(y=y.reshape(-1)), engine)


def assert_same(fit: ml.Fit, batch, r: int) -> None:
    rows = fit.coefficients()
    assert fit.outcome.singular == (batch.status[r] == SINGULAR)
    scale = rows["se"].to_numpy()
    np.testing.assert_allclose((batch.estimate[r] - rows["estimate"]) / scale, 0, atol=SAME)
    np.testing.assert_allclose(batch.se[r], rows["se"], rtol=SAME)
    np.testing.assert_allclose(batch.df[r], rows["df"], rtol=SAME)
    np.testing.assert_allclose(batch.loglik[r], fit.loglik, rtol=SAME)
    parameters = fit.covariance.parameters
    size = np.abs(fit.covariance.theta).max()
    np.testing.assert_allclose(batch.theta[r] / size, fit.covariance.theta / size, atol=FLAT)
    np.testing.assert_allclose(batch.theta_se[r] / size, parameters["se"] / size, atol=FLAT, equal_nan=True)


@pytest.mark.parametrize(
    ("covariance", "correlation", "n"),
    [
        ("us(visit | id)", 0.5, N),
        ("cs(visit | id)", 0.5, N),
        ("csh(visit | id)", 0.5, 14),  # few: several starts
        ("ar1(visit | id)", 0.5, 14),
        ("ar1h(visit | id)", 0.5, N),
        ("(1 | id) + diag(visit | id)", 0.5, 40),
        ("(1 | id) + diag(visit | id)", 0.97, 14),  # a visit without residual variance
        ("(1 | id) + homdiag(visit | id)", 0.5, N),
        ("(1 | id) + ar1(visit | id)", 0.5, 40),
        ("(1 | id)", 0.5, N),
        ("(1 | id)", 0.0, N),  # often on the boundary
        ("(1 + visit | id)", 0.5, N),
        ("(1 + visit || id)", 0.5, N),
    ],
)
def test_each_structure(covariance: str, correlation: float, n: int) -> None:
    formula = f"y ~ C(visit) * arm + age + {covariance}"
    Y = simulated(correlation, n)
    data = replicates(formula, Y)
    batch = fit_batch(data, np.eye(data.n_fixed))
    assert set(batch.status) <= {CONVERGED, SINGULAR}
    for r in range(3):
        assert_same(ordinary(formula, Y[r], ml.Frequentist()), batch, r)


def test_the_boundary_is_met() -> None:
    batch = fit_batch(replicates("y ~ C(visit) + (1 | id)", simulated(0.0)), np.eye(4))
    assert SINGULAR in batch.status
    assert CONVERGED in batch.status
    assert (batch.theta[batch.status == SINGULAR, 0] == 0).all()


@pytest.mark.parametrize("covariance", ["us(visit | id)", "(1 | id)", "(1 + visit | id)"])
@pytest.mark.parametrize(
    "settings",
    [
        {"ddf": "kenward-roger", "information": "expected"},
        {"ddf": "satterthwaite", "method": "ml"},
        {"ddf": "satterthwaite"},
        {"ddf": "residual"},
        {"ddf": "asymptotic"},
    ],
)
def test_each_setting(covariance: str, settings: dict[str, str]) -> None:
    formula = f"y ~ C(visit) + {covariance}"
    Y = simulated(0.2)
    batch = fit_batch(replicates(formula, Y), np.eye(T), **settings)
    for r in range(2):
        assert_same(ordinary(formula, Y[r], ml.Frequentist(**settings)), batch, r)


def test_rows_are_those_of_L() -> None:
    data = replicates("y ~ 0 + C(visit) + us(visit | id)", simulated(missing=0.0))
    L = np.array([[-1.0, 0.0, 1.0, 0.0], [-100.0, 0.0, 100.0, 0.0]])
    batch = fit_batch(data, L)
    change = data.Y[:, :, 2] - data.Y[:, :, 0]
    # Complete data: Kenward-Roger's test of a change is the paired t-test.
    np.testing.assert_allclose(batch.estimate[:, 0], change.mean(axis=1), rtol=SAME)
    np.testing.assert_allclose(batch.se[:, 0], change.std(axis=1, ddof=1) / np.sqrt(N), rtol=SAME)
    np.testing.assert_allclose(batch.df, N - 1, rtol=SAME)
    np.testing.assert_allclose(batch.se[:, 1], 100 * batch.se[:, 0], rtol=SAME)


def test_units_of_the_outcome_and_of_columns_do_not_matter() -> None:
    Y = simulated()
    plain = replicates("y ~ C(visit) + age + us(visit | id)", Y)
    moved = replicates("y ~ C(visit) + age + us(visit | id)", 1e3 + 1e-3 * Y, X=plain.X * [1, 1, 1, 1, 1e5])
    L = np.eye(5)[1:]
    one, other = fit_batch(plain, L), fit_batch(moved, L)
    # Ten of sixteen digits are left of outcomes of 1e3 with an SD of 3e-3.
    np.testing.assert_allclose(other.df, one.df, rtol=1e-7)
    np.testing.assert_allclose(other.se[:, :3], 1e-3 * one.se[:, :3], rtol=1e-7)
    np.testing.assert_allclose(other.se[:, 3], 1e-8 * one.se[:, 3], rtol=1e-7)


def test_arrangements_are_rows_of_X_in_another_order() -> None:
    formula, Y = "y ~ C(visit) * arm + us(visit | id)", simulated()
    order = np.random.default_rng(3).permuted(np.tile(np.arange(N), (R, 1)), axis=1)
    batch = fit_batch(replicates(formula, Y, arrangement=order), np.eye(8))
    for r in range(2):
        frame = table().assign(arm=table()["arm"].to_numpy().reshape(N, T)[order[r]].reshape(-1))
        assert_same(ordinary(formula, Y[r], ml.Frequentist(), frame), batch, r)


def test_each_data_set_may_have_its_own_X() -> None:
    formula, Y = "y ~ C(visit) + age + (1 | id)", simulated()
    X = np.repeat(replicates(formula, Y).X[None], R, axis=0)
    age = np.random.default_rng(4).normal(size=(R, N))
    X[..., 4] = age[:, :, None]
    batch = fit_batch(replicates(formula, Y, X=X), np.eye(5))
    for r in range(2):
        assert_same(
            ordinary(formula, Y[r], ml.Frequentist(), table().assign(age=np.repeat(age[r], T))), batch, r
        )


def test_too_few_together_have_no_estimate() -> None:
    formula, Y = "y ~ C(visit) + us(visit | id)", simulated(n=8)
    batch = fit_batch(replicates(formula, Y), np.eye(T))
    degenerate = np.flatnonzero(batch.status == DEGENERATE)
    assert 0 < len(degenerate) < R
    assert np.isnan(batch.estimate[degenerate]).all()
    for r in range(R):
        if r in degenerate:
            with pytest.raises(DegenerateCovarianceError, match=rf"{batch.few[r].n} were"):
                ordinary(formula, Y[r], ml.Frequentist())
        else:
            assert_same(ordinary(formula, Y[r], ml.Frequentist()), batch, r)


def test_what_is_left_to_the_ordinary_engine() -> None:
    formula, Y = "y ~ C(visit) * arm + cs(visit | id)", simulated()
    Y[0, :, 2] = np.nan  # nobody seen
    Y[1, 1::2, 3] = np.nan  # nobody of an arm: aliased
    Y[2] = 7.0  # constant
    Y[3, :, :] = np.nan  # nothing at all
    Y[4, 2:, :] = np.nan  # fewer observations than coefficients
    batch = fit_batch(replicates(formula, Y), np.eye(8))
    assert batch.status.tolist() == [LEFT] * 5 + [CONVERGED]
    assert not batch.fitted[:5].any()
    assert np.isnan(batch.df[:5]).all()
    for r in (1, 2, 4):
        with pytest.raises((DesignError, ConvergenceError, DataError)):
            ordinary(formula, Y[r], ml.Frequentist())


def test_highly_correlated_visits_are_left() -> None:
    Y = simulated(1 - 1e-6, missing=0.0)
    assert (fit_batch(replicates("y ~ C(visit) + us(visit | id)", Y), np.eye(T)).status == LEFT).all()


def test_parameters_without_information_are_left() -> None:
    Y = simulated(missing=0.0)
    Y[:, :12, 0] = np.nan
    Y[:, 12:, 3] = np.nan  # visits 0 and 3 never seen together
    assert (fit_batch(replicates("y ~ C(visit) + us(visit | id)", Y), np.eye(T)).status == LEFT).all()


def test_data_sets_do_not_touch_each_other() -> None:
    Y = simulated()
    together = fit_batch(replicates("y ~ C(visit) + us(visit | id)", Y), np.eye(T))
    alone = fit_batch(replicates("y ~ C(visit) + us(visit | id)", Y[3:4]), np.eye(T))
    np.testing.assert_array_equal(alone.se[0], together.se[3])
    np.testing.assert_array_equal(alone.theta[0], together.theta[3])


def test_progress_counts_what_is_done(capsys) -> None:
    with Progress("Fitting", R, shown=True) as bar:
        fit_batch(replicates("y ~ C(visit) + cs(visit | id)", simulated()), np.eye(T), progress=bar)
    assert f"{R}/{R}" in capsys.readouterr().err


@pytest.mark.parametrize("covariance", ["toep(visit | id)", "us(visit | arm / id)"])
def test_other_structures_are_refused(covariance: str) -> None:
    data = replicates(f"y ~ C(visit) + {covariance}", simulated())
    assert not batched(data.structure, data.coords, "kenward-roger")
    with pytest.raises(EngineError, match="one data set after the other"):
        fit_batch(data, np.eye(T))


def test_other_methods_are_refused() -> None:
    data = replicates("y ~ C(visit) + cs(visit | id)", simulated())
    assert not batched(data.structure, data.coords, "between-within")
    with pytest.raises(EngineError, match="no 'between-within' inference"):
        fit_batch(data, np.eye(T), ddf="between-within")


def test_arrays_must_fit_together() -> None:
    good = replicates("y ~ C(visit) + cs(visit | id)", simulated())
    with pytest.raises(DataError, match="do not fit together"):
        Replicates(good.structure, good.coords, good.X[:-1], good.Y)
    with pytest.raises(DataError, match="do not fit together"):
        Replicates(good.structure, good.coords, good.X, good.Y, np.zeros((R, 2), dtype=int))


@pytest.mark.parametrize(
    ("covariance", "most"),
    [
        ("us(visit | id)", 1),
        ("ar1(visit | id)", 1),
        ("homdiag(visit | id)", 1),
        ("(1 | id)", 1),
        ("(1 + visit | id)", 2),
        ("(1 | id) + diag(visit | id)", 1),
    ],
)
def test_data_sets_of_too_few_visits_a_subject_are_left(covariance: str, most: int) -> None:
    formula, Y = f"y ~ visit + {covariance}", simulated(missing=0.0)
    for i in range(N):
        Y[0, i, [t for t in range(T) if (t - i) % T >= most]] = np.nan
    batch = fit_batch(replicates(formula, Y), np.eye(2))
    assert batch.status[0] == LEFT
    assert (batch.status[1:] != LEFT).all()
    with pytest.raises(DesignError):
        ordinary(formula, Y[0], ml.Frequentist())


@pytest.mark.parametrize("covariance", ["us(visit | id)", "(1 | id)"])
def test_a_single_subject_is_left(covariance: str) -> None:
    Y = simulated(missing=0.0)
    Y[0, 1:] = np.nan
    assert fit_batch(replicates(f"y ~ 1 + {covariance}", Y), np.eye(1)).status[0] == LEFT


def test_what_is_left_counts_as_done(capsys) -> None:
    Y = simulated(missing=0.0)
    Y[0, 1:] = np.nan
    Y[1, 4:] = np.nan
    with Progress("Fitting", R, shown=True) as bar:
        batch = fit_batch(replicates("y ~ C(visit) + us(visit | id)", Y), np.eye(T), progress=bar)
    assert [batch.status[0], batch.status[1]] == [LEFT, DEGENERATE]
    assert f"{R}/{R}" in capsys.readouterr().err


def test_a_long_compilation_is_told_behind_the_bar(capsys, monkeypatch) -> None:
    monkeypatch.setattr(fit_batch_module, "LOADING", 0.0)
    told = threading.Event()
    monkeypatch.setattr(fit_batch_module, "say", lambda note: (say(note), told.set()))
    with Progress("Fitting", R, shown=True):
        fit_batch_module._told_if_long(lambda: told.wait(60), kept=True)
    shown = capsys.readouterr().err.split("\r")
    assert any(line.endswith(f"0/{R} compiling, once on this machine") for line in shown)
    assert "s left" not in "".join(shown)
    assert shown[-1].strip().endswith(f"0/{R}")


def test_an_interrupt_ends_the_compilation() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_batch_module._told_if_long(interrupted, kept=False)


def test_compiled_code_needs_no_place_on_the_disk(monkeypatch) -> None:
    def read_only(self) -> None:
        raise PermissionError

    for locator in caching.CacheImpl._locator_classes:
        monkeypatch.setattr(locator, "ensure_cache_path", read_only)
    with pytest.raises(RuntimeError, match="cannot cache"):
        numba.njit(cache=True)(read_only)
    assert door._kept(0).stats.cache_path is None
    assert door._kept(0).signatures == []
