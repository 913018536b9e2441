"""Each faster way to the likelihood, its derivatives and Kenward and Roger's sums against the plain one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.covariance.unstructured import Unstructured, UnstructuredInBasis
from msclong.design.cross_moments import CrossMoments
from msclong.design.design import build_design
from msclong.design.rotation import rotated
from msclong.engines.frequentist import maximum_likelihood, optimize
from msclong.likelihood import grid, grid_derivatives, markov
from msclong.likelihood.gls import generalised_least_squares
from msclong.likelihood.grid import GridBlock, arranged, in_chunks, on_grids, without_grids
from msclong.likelihood.information import information, second_products
from msclong.likelihood.markov import MarkovFit
from msclong.likelihood.residual_scatter import residual_scatter
from msclong.likelihood.standardised import standardise

# The same sums in another order: rounding only, in units of the largest number of an array.
ROUNDING = 1e-10
# Two climbs end where the Newton decrement vanishes: theta agrees to its square root, estimates to more.
SAME_MAXIMUM = 1e-7

FORMULAS = {
    "us": "y ~ x * C(visit) + us(visit | id)",
    "us by group": "y ~ x + visit + us(visit | arm / id)",
    "cs": "y ~ x * C(visit) + cs(visit | id)",
    "ar1": "y ~ x * C(visit) + ar1(visit | id)",
    "ar1h": "y ~ x + visit + ar1h(visit | id)",
    "toep": "y ~ x + visit + toep(visit | id)",
    "toeph": "y ~ x + visit + toeph(visit | id)",
    "sp_exp at visits": "y ~ x + visit + sp_exp(visit | id)",
    "sp_exp": "y ~ x * time + sp_exp(time | id)",
    "sp_gau": "y ~ x * time + sp_gau(time | id)",
    "intercept": "y ~ x * visit + (1 | id)",
    "slope": "y ~ x * visit + (1 + visit | id)",
    "irregular": "y ~ x * time + (1 + time | id)",
    "uncorrelated": "y ~ x * time + (1 + time || id)",
    "far origin": "y ~ x + year + (1 + year | id)",
    "intercept and ar1": "y ~ x + visit + (1 | id) + ar1(visit | id)",
    "nested": "y ~ x + visit + (1 | site / id)",
}


def trial(n: int = 40) -> pd.DataFrame:
    """Five visits, a fifth of the outcomes missing, times that differ between subjects but for some of these."""
    rng = np.random.default_rng(3)
    visit = np.tile(np.arange(5.0), n)
    subject = np.repeat(np.arange(n), 5)
    x = rng.normal(size=n)[subject]
    effects = rng.normal(size=(n, 2))[subject]
    y = x + visit + effects[:, 0] + 0.6 * effects[:, 1] * visit + rng.normal(size=5 * n)
    y[(rng.random(5 * n) < 0.2) & (visit > 0)] = np.nan
    time = visit + np.where(subject < 20, 0.0, 0.2 * rng.random(5 * n))
    return pd.DataFrame(
        {
            "id": subject,
            "visit": visit,
            "time": time,
            "year": 2000 + 1e-3 * time,
            "x": x,
            "arm": np.where(subject % 2, "A", "B"),
            "site": subject // 8,
            "weight": 1.0 + subject % 3,
            "y": y,
        }
    )


def design_of(name: str, **fields):
    spec = ml.ModelSpec(FORMULAS[name], **fields)
    return build_design(spec, long_data(spec, trial()))


def theta_of(structure, moments) -> np.ndarray:
    """Away from symmetric points."""
    working = structure.working
    w = working.from_theta(structure.start(residual_scatter(moments)))
    return working.to_theta(w + 0.1 * np.sin(1 + np.arange(w.size)))


def everything(structure, theta, moments) -> dict[str, np.ndarray]:
    found = generalised_least_squares(structure, theta, moments)
    result = {"ml": found.minus2_ml, "reml": found.minus2_reml, "beta": found.beta, "phi": found.phi}
    k = structure.n_parameters
    root = np.random.default_rng(1).normal(size=(k, k))
    result["second products"] = second_products(structure, found, root @ root.T)
    for reml in (True, False):
        derivatives = information(structure, found, reml)
        for field in ("gradient", "expected", "observed", "P"):
            result[f"{field} {reml}"] = getattr(derivatives, field)
    return result


def assert_same(mine: dict[str, np.ndarray], plain: dict[str, np.ndarray]) -> None:
    for name, value in plain.items():
        size = (
            max(1.0, np.abs(value).max()) if name == "beta" else np.abs(value).max()
        )  # their errors are about one
        np.testing.assert_allclose(mine[name], value, rtol=ROUNDING, atol=ROUNDING * size, err_msg=name)


@pytest.mark.parametrize("name", FORMULAS)
def test_arranged_moments_have_the_same_likelihood(name):
    design = design_of(name)
    moments = standardise(design.moments).moments
    theta = theta_of(design.structure, moments)
    plain = everything(design.structure, theta, moments)
    assert_same(everything(design.structure, theta, arranged(design.structure, moments)), plain)
    turned = rotated(design.structure, moments)
    assert_same(everything(design.structure, theta, arranged(design.structure, turned)), plain)


def test_weighted_observations_have_the_same_likelihood():
    design = design_of("ar1h", weights="weight")
    moments = standardise(design.moments).moments
    theta = theta_of(design.structure, moments)
    plain = everything(design.structure, theta, moments)
    assert_same(everything(design.structure, theta, arranged(design.structure, moments)), plain)


@pytest.mark.parametrize("name", ["us", "toep"])
def test_zeros_of_derivatives_left_out_change_nothing(name, monkeypatch):
    design = design_of(name)
    moments = on_grids(standardise(design.moments).moments)
    theta = theta_of(design.structure, moments)
    plain = everything(design.structure, theta, moments)
    monkeypatch.setattr(grid_derivatives, "LARGE", 0)
    assert_same(everything(design.structure, theta, moments), plain)


def test_an_unstructured_covariance_in_a_basis():
    design = design_of("us")
    moments = standardise(design.moments).moments
    raw = design.structure
    assert type(raw) is Unstructured
    basis = np.linalg.cholesky(raw.grid(theta_of(raw, moments)))
    structure = UnstructuredInBasis(raw.visits, basis)
    theta = theta_of(structure, moments)
    grids = on_grids(moments)
    assert [type(block) for block in grids.blocks] == [GridBlock]
    assert_same(everything(structure, theta, grids), everything(structure, theta, moments))


@pytest.mark.parametrize("name", ["slope", "irregular", "uncorrelated", "far origin"])
def test_random_effects_that_do_not_vary(name):
    design = design_of(name)
    moments = standardise(design.moments).moments
    theta = np.zeros(design.structure.n_parameters)
    theta[-1] = 0.8
    turned = rotated(design.structure, moments)
    assert max(block.t for block in turned.blocks) == 2
    assert turned.n_obs == moments.n_obs
    assert_same(everything(design.structure, theta, turned), everything(design.structure, theta, moments))


@pytest.mark.parametrize("residual", [1e-8, 1e8])
def test_a_small_residual_variance_loses_no_digits(residual):
    design = design_of("irregular")
    moments = standardise(design.moments).moments
    there = design.structure.recoordinated(residual_scatter(moments))
    moments = moments.with_coordinates(there.coords)
    theta = np.array([1.0, 0.3, 0.5, residual])
    plain = generalised_least_squares(there.structure, theta, moments)
    turned = generalised_least_squares(there.structure, theta, rotated(there.structure, moments))
    # The plain way inverts a matrix with condition number t / residual: its own error.
    known = max(ROUNDING, 1e-15 / residual)
    assert turned.minus2_reml == pytest.approx(plain.minus2_reml, rel=known)
    np.testing.assert_allclose(turned.beta, plain.beta, rtol=10 * known, atol=ROUNDING)


def test_turning_leaves_other_structures_alone():
    for name in ("us", "sp_exp", "intercept and ar1", "nested"):
        design = design_of(name)
        assert rotated(design.structure, design.moments) is design.moments


def test_groups_have_a_grid_each_and_scattered_times_none():
    assert [type(b) for b in on_grids(design_of("us by group").moments).blocks] == [GridBlock, GridBlock]
    times = on_grids(design_of("sp_exp").moments)
    # Half of the subjects were seen at the planned times.
    assert sum(type(block) is GridBlock for block in times.blocks) == 1
    assert sum(type(block) is not GridBlock for block in times.blocks) > 0
    assert times.n_subjects == 40


def test_a_large_grid_that_is_hardly_seen_is_not_made():
    rng = np.random.default_rng(5)
    day = np.sort(rng.permuted(np.tile(np.arange(30.0), (60, 1)), axis=1)[:, :3], axis=1)
    table = pd.DataFrame({"id": np.repeat(np.arange(60), 3), "day": day.ravel(), "y": rng.normal(size=180)})
    spec = ml.ModelSpec("y ~ day + sp_exp(day | id)")
    moments = build_design(spec, long_data(spec, table)).moments
    assert not any(isinstance(block, GridBlock) for block in on_grids(moments).blocks)


@pytest.mark.parametrize("name", ["us", "us by group", "intercept", "sp_exp"])
def test_grids_hold_the_moments_of_their_patterns(name):
    moments = design_of(name).moments
    grids = on_grids(moments)
    assert (grids.n_obs, grids.n_subjects) == (moments.n_obs, moments.n_subjects)
    np.testing.assert_allclose(np.abs(grids.total()), np.abs(moments.total()), rtol=1e-9, atol=1e-9)
    mine, theirs = by_coordinates(without_grids(grids)), by_coordinates(moments)
    assert mine.keys() == theirs.keys()
    for key, (n, C) in theirs.items():
        assert mine[key][0] == n
        np.testing.assert_allclose(mine[key][1], C, rtol=1e-12, atol=1e-12)
    assert on_grids(grids) is grids


def by_coordinates(moments: CrossMoments) -> dict[bytes, tuple[int, np.ndarray]]:
    return {
        block.coords[i].tobytes(): (int(block.n[i]), moments.matrix(b, i))
        for b, block in enumerate(moments.blocks)
        for i in range(len(block.n))
    }


@pytest.mark.parametrize("name", ["cs", "sp_gau", "us", "irregular"])
def test_chunks_change_nothing(name, monkeypatch):
    design = design_of(name)
    moments = rotated(design.structure, standardise(design.moments).moments)
    theta = theta_of(design.structure, design.moments)
    monkeypatch.setattr(grid, "CHUNK", 500)
    for whole in (moments, on_grids(moments)):
        chunks = in_chunks(design.structure, whole)
        assert len(chunks.blocks) >= len(whole.blocks)
        assert_same(everything(design.structure, theta, chunks), everything(design.structure, theta, whole))
    assert len(in_chunks(design.structure, moments).blocks) > len(moments.blocks)


@pytest.mark.parametrize("name", ["sp_exp", "sp_exp at visits"])
@pytest.mark.parametrize("length", [0.05, 1.0, 300.0])
def test_an_exponential_covariance_as_a_chain(name, length, monkeypatch):
    design = design_of(name)
    moments = standardise(design.moments).moments
    theta = np.array([0.7, length])
    monkeypatch.setattr(markov, "LEAST", np.inf)
    plain = everything(design.structure, theta, moments)
    matrices = generalised_least_squares(design.structure, theta, moments)
    monkeypatch.setattr(markov, "LEAST", 0)
    chain = generalised_least_squares(design.structure, theta, moments)
    assert all(isinstance(fit, MarkovFit) for fit in chain.blocks)
    assert_same(everything(design.structure, theta, moments), plain)
    for mine, theirs in zip(chain.blocks, matrices.blocks, strict=True):
        np.testing.assert_allclose(mine.Z, theirs.Z, rtol=1e-8, atol=1e-9 * np.abs(theirs.Z).max())


def test_a_chain_without_variance_has_no_likelihood(monkeypatch):
    monkeypatch.setattr(markov, "LEAST", 0)
    design = design_of("sp_exp")
    for theta in ([0.0, 1.0], [1.0, np.inf]):
        assert generalised_least_squares(design.structure, np.array(theta), design.moments) is None


def test_only_the_library_s_own_exponential_covariance_is_a_chain():
    assert design_of("sp_exp").structure.is_chain
    assert not design_of("sp_gau").structure.is_chain

    class Mine(type(design_of("sp_exp").structure)):
        pass

    assert not Mine().is_chain


@pytest.mark.parametrize(
    ("name", "ddf"),
    [
        ("us", "kenward-roger"),
        ("us by group", "kenward-roger"),
        ("ar1h", "kenward-roger-second-order"),
        ("toeph", "satterthwaite"),
        ("sp_exp", "kenward-roger-second-order"),
        ("slope", "kenward-roger"),
        ("irregular", "satterthwaite"),
        ("us", "modified-box"),
        ("slope", "modified-box"),
    ],
)
def test_fits_are_the_same(name, ddf, monkeypatch):
    spec, engine = ml.ModelSpec(FORMULAS[name]), ml.Frequentist(ddf=ddf)
    monkeypatch.setattr(markov, "LEAST", 0)
    fast = ml.fit(spec, trial(), engine)
    monkeypatch.setattr(markov, "LEAST", np.inf)
    monkeypatch.setattr(maximum_likelihood, "rotated", lambda structure, moments: moments)
    for module in (maximum_likelihood, optimize):
        monkeypatch.setattr(module, "arranged", lambda structure, moments: moments)
    plain = ml.fit(spec, trial(), engine)
    assert fast.loglik == pytest.approx(plain.loglik, rel=ROUNDING)
    pd.testing.assert_frame_equal(fast.coefficients(), plain.coefficients(), rtol=SAME_MAXIMUM, atol=0)
    pd.testing.assert_frame_equal(
        fast.covariance.parameters, plain.covariance.parameters, rtol=SAME_MAXIMUM, atol=SAME_MAXIMUM
    )
    joint = "visit" if "visit" in fast.coefficients().index else "x"
    pd.testing.assert_frame_equal(fast.test(joint), plain.test(joint), rtol=SAME_MAXIMUM)
