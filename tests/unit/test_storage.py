"""Fits saved and loaded: the same tables, and clear errors."""

import gc
import json
import pickle
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr

import msclong as ml
from msclong.engines.bayesian.checking.convergence import convergence
from msclong.errors import DataError, EngineError, SpecError
from msclong.results.posterior_draws import PosteriorDraws

ENGINE = ml.Bayesian(draws=200, seed=7, sampler="importance")


@pytest.fixture(scope="module")
def fit():
    return ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy(), engine=ENGINE)


@pytest.fixture
def saved(fit, tmp_path):
    path = tmp_path / "fit.zarr"
    ml.save(fit, path)
    return path


def change():
    """Baseline taken out, arms, ordered visits, dropout, a label, and priors that are not the default."""
    table = ml.datasets.hamd17()
    return ml.fit(
        ml.ModelSpec(
            "change ~ basval + TRT * week + us(week | PATIENT)",
            outcome_type="change",
            margin=-2.0,
            label="HAMD-17",
            priors=ml.Priors(outcome_scale=6.0),
        ),
        table,
        engine=ENGINE,
    )


def taken_out():
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "id": np.repeat([f"p{i}" for i in range(30)], 3),
            "week": pd.Categorical(
                np.tile(["base", "four", "eight"], 30), ["base", "four", "eight"], ordered=True
            ),
            "arm": np.repeat(["drug", "placebo"] * 15, 3),
        }
    )
    table["y"] = rng.normal(size=30).repeat(3) + rng.normal(size=90)
    table.loc[5, "y"] = np.nan
    spec = ml.ModelSpec("y ~ arm * week + cs(week | id)", baseline_as="covariate", arm="arm")
    return ml.fit(spec, table.set_index(pd.Index(range(1000, 1090), name="line")), engine=ENGINE)


@pytest.mark.parametrize(
    "make", [change, taken_out, lambda: None], ids=["change", "baseline taken out", "slopes"]
)
@pytest.mark.parametrize("name", ["fit.zarr", "fit.zip"])
def test_a_loaded_fit_gives_the_same_tables(make, name, fit, tmp_path):
    fit = make() or fit
    ml.save(fit, tmp_path / name)
    again = ml.load(tmp_path / name)
    assert again.spec == fit.spec
    assert again.engine == fit.engine
    assert again.outcome == fit.outcome
    pd.testing.assert_frame_equal(again.design.data.frame, fit.design.data.frame)
    for table in ("contrasts", "means", "coefficients", "checks", "predict", "anova"):
        pd.testing.assert_frame_equal(getattr(again, table)(), getattr(fit, table)(), check_exact=True)
    pd.testing.assert_frame_equal(again.simulate(3, seed=1), fit.simulate(3, seed=1), check_exact=True)
    assert again.summary() == fit.summary()
    assert ml.loo(again, refit=True).elpd == ml.loo(fit, refit=True).elpd
    new = fit.design.fixed.frame.head(3)
    pd.testing.assert_frame_equal(again.predict(new), fit.predict(new), check_exact=True)


def test_chains_are_saved_with_the_figures_of_their_steps(fit, tmp_path):
    """As the No-U-Turn sampler returns them, here cut from an importance sample."""
    beta, theta = (x.reshape(4, 200, -1) for x in (fit.estimate.flat, fit.estimate.flat_theta))
    stats = {
        "diverging": np.zeros((4, 200), dtype=bool),
        "energy": np.random.default_rng(1).normal(size=(4, 200)),
    }
    estimate = PosteriorDraws(fit.estimate.names, beta, convergence, theta, fit.estimate.theta_names, stats)
    chains = replace(fit, estimate=estimate)
    ml.save(chains, tmp_path / "chains.zarr")
    again = ml.load(tmp_path / "chains.zarr")
    pd.testing.assert_frame_equal(again.contrasts(), chains.contrasts(), check_exact=True)
    for name, values in stats.items():
        np.testing.assert_array_equal(again.to_datatree()["sample_stats"][name], values)


def test_a_fit_can_be_pickled(fit):
    again = pickle.loads(pickle.dumps(fit))
    pd.testing.assert_frame_equal(again.contrasts(), fit.contrasts(), check_exact=True)


def test_the_tree_has_named_dimensions_and_says_where_it_comes_from(fit):
    tree = fit.to_datatree()
    posterior = tree["posterior"]
    assert posterior["beta"].dims == ("chain", "draw", "coefficient")
    assert posterior["theta"].sel(parameter="residual variance").shape == (1, 800)
    np.testing.assert_array_equal(posterior["beta"].sel(coefficient="Days"), fit.estimate.draws[..., 1])
    np.testing.assert_array_equal(tree["observed_data"]["y"], fit.design.y)
    np.testing.assert_array_equal(tree["constant_data"]["X"], fit.design.fixed.X)
    assert ml.ModelSpec.from_json(tree.attrs["spec"]) == fit.spec
    assert json.loads(tree.attrs["diagnostics"])["seed"] == 7
    assert "numpy" in json.loads(tree.attrs["versions"])


def test_what_was_saved_is_a_tree_that_others_read(saved, fit):
    tree = xr.open_datatree(saved, engine="zarr", consolidated=False)
    np.testing.assert_array_equal(tree["posterior"]["beta"], fit.estimate.draws)


def test_nothing_is_overwritten_unasked(saved, fit):
    with pytest.raises(DataError, match="exists already"):
        ml.save(fit, saved)
    ml.save(fit, saved, overwrite=True)
    assert ml.load(saved).outcome == fit.outcome
    assert [path.name for path in saved.parent.iterdir()] == ["fit.zarr"]


def test_a_fit_without_draws_is_refused(tmp_path):
    fit = ml.fit("Reaction ~ Days + (1 | Subject)", ml.datasets.sleepstudy())
    with pytest.raises(EngineError, match="no draws to save"):
        ml.save(fit, tmp_path / "fit.zarr")
    with pytest.raises(EngineError, match="no draws"):
        fit.to_datatree()
    with pytest.raises(SpecError, match="must be a fit"):
        ml.save("fit", tmp_path / "fit.zarr")


def test_bad_files_are_refused_with_the_reason(saved, tmp_path):
    with pytest.raises(DataError, match="There is no"):
        ml.load(tmp_path / "other.zarr")
    (tmp_path / "text.zip").write_text("no archive")
    with pytest.raises(DataError, match=r"no fit that ml\.save wrote"):
        ml.load(tmp_path / "text.zip")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match=r"no fit that ml\.save wrote"):
        ml.load(tmp_path / "folder")
    shutil.rmtree(saved / "fit")
    with pytest.raises(DataError, match=r"no fit that ml\.save wrote"):
        ml.load(saved)


@pytest.mark.parametrize("name", ["draws", "theta", "covariance", "data", "priors", "weights"])
def test_a_saved_fit_that_lacks_a_chunk_or_an_array_is_refused(saved, name):
    """Zarr fills a missing chunk with NaN."""
    folder = saved / "fit" / name
    chunk = next(path for path in folder.iterdir() if not path.name.startswith("."))
    chunk.unlink()
    with pytest.raises(DataError, match=f"incomplete or damaged: '{name}' changed.*Save the fit again"):
        ml.load(saved)
    shutil.rmtree(folder)
    with pytest.raises(DataError, match=f"incomplete or damaged: '{name}' changed"):
        ml.load(saved)


def flipped(path, at):
    content = bytearray(path.read_bytes())
    content[at : at + 8] = bytes(255 - byte for byte in content[at : at + 8])
    path.write_bytes(content)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 0.9])
def test_changed_bytes_are_noticed(fit, saved, part, capfd):
    chunk = saved / "fit" / "draws" / "0.0.0"
    flipped(chunk, int(part * chunk.stat().st_size))
    with pytest.raises(DataError, match="incomplete or damaged"):
        ml.load(saved)
    archive = saved.with_suffix(".zip")
    ml.save(fit, archive)
    flipped(archive, int(part * archive.stat().st_size))
    with pytest.raises(DataError, match="incomplete or damaged"):
        ml.load(archive)
    archive.write_bytes(archive.read_bytes()[: int(part * archive.stat().st_size)])
    with pytest.raises(DataError, match="incomplete or damaged"):
        ml.load(archive)
    gc.collect()  # tasks report errors that nobody asked for when they are collected
    assert capfd.readouterr().err == ""


def test_a_path_is_a_name_in_a_folder_that_exists(fit, tmp_path):
    for ask in (lambda: ml.load(None), lambda: ml.save(fit, None)):
        with pytest.raises(SpecError, match="name of a file or folder.*got None"):
            ask()
    with pytest.raises(DataError, match=r"There is no folder .*nowhere to save in; make it"):
        ml.save(fit, tmp_path / "nowhere" / "fit.zarr")


def test_a_folder_of_something_else_is_not_replaced(fit, tmp_path):
    (tmp_path / "results.csv").write_text("1")
    with pytest.raises(DataError, match="is no saved fit, so it is not replaced"):
        ml.save(fit, tmp_path, overwrite=True)
    assert (tmp_path / "results.csv").exists()


def changed(saved, **changes):
    """The saved fit with entries of its record replaced."""
    group = zarr.open_group(saved / "fit", mode="r+")
    group.attrs["record"] = json.dumps({**json.loads(group.attrs["record"]), **changes})


def test_another_version_of_the_format_is_refused(saved):
    changed(saved, format=99)
    with pytest.raises(DataError, match="format 99; this msclong reads format 1"):
        ml.load(saved)


def test_a_record_that_does_not_fit_its_draws_is_refused(saved, fit):
    changed(saved, spec=fit.spec.replace(formula="Reaction ~ 1 + (1 + Days | Subject)").to_dict())
    with pytest.raises(DataError, match="cannot be restored.*another number of coefficients"):
        ml.load(saved)
    changed(saved, engine={"draws": 200, "colour": "blue"})
    with pytest.raises(DataError, match="cannot be restored"):
        ml.load(saved)
