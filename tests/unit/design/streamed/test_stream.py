"""Data read in parts: the numbers, notes and errors of the same table in memory."""

from __future__ import annotations

import pickle
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.data.streams import in_memory, parquet
from msclong.design.streamed import chunk_sums, prepared
from msclong.errors import DataError, EngineError, FormulaError, HypothesisError

RTOL = 1e-10
"""The sums are those of the same numbers in another order."""

MMRM = "y ~ arm * visit + base + us(visit | id)"

VISITS = ["screening", "week 2", "week 4", "month 6"]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS", 71)
    monkeypatch.setattr(in_memory, "ROWS", 71)


def trial(n: int = 60, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    T = len(VISITS)
    one = pd.DataFrame(
        {
            "id": [f"P{i:03d}" for i in range(n)],
            "arm": rng.choice(["placebo", "active", "high"], n),
            "site": pd.Categorical(
                rng.choice(["north", "east", "west"], n), categories=["north", "east", "west"]
            ),
            "smoker": rng.random(n) < 0.4,
            "base": rng.normal(10, 2, n),
            "age": rng.integers(20, 90, n),
            "grade": rng.integers(1, 4, n),
        }
    )
    table = one.loc[np.repeat(np.arange(n), T)].reset_index(drop=True)
    table["visit"] = pd.Categorical(np.tile(VISITS, n), categories=VISITS, ordered=True)
    table["week"] = np.tile([0, 2, 4, 26], n)
    table["day"] = table["week"] * 7 + rng.integers(-2, 3, n * T)
    table["weight"] = np.tile([1.0, 2.0, 2.0, 1.0], n)
    own = np.repeat(rng.normal(size=n), T) + 0.02 * np.repeat(rng.normal(size=n), T) * table["week"]
    table["y"] = 5 + 0.3 * table["base"] + own + 0.05 * table["week"] * (table["arm"] != "placebo")
    table["y"] += rng.normal(0, 0.7, n * T)
    table["titre"] = np.exp(table["y"] / 5)
    table.loc[rng.random(n * T) < 0.12, ["y", "titre"]] = np.nan
    return table[rng.random(n * T) > 0.05].reset_index(drop=True)


def written(table: pd.DataFrame, folder: Path, **options: object) -> Path:
    path = folder / "trial.parquet"
    table.to_parquet(path, **options)  # type: ignore[call-overload]
    return path


def same(first: pd.DataFrame, second: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(
        pd.DataFrame(first), pd.DataFrame(second), rtol=RTOL, atol=RTOL, check_categorical=False
    )


def same_fit(streamed: ml.Fit, whole: ml.Fit) -> None:
    assert streamed.loglik == pytest.approx(whole.loglik, rel=RTOL)
    assert (streamed.n_obs, streamed.n_subjects) == (whole.n_obs, whole.n_subjects)
    assert (streamed.aic, streamed.bic, streamed.aicc) == pytest.approx(
        (whole.aic, whole.bic, whole.aicc), rel=RTOL
    )
    same(streamed.coefficients(), whole.coefficients())
    same(streamed.vcov, whole.vcov)
    # The iteration stops by rounding of the criterion, where theta is known to fewer digits than the criterion.
    pd.testing.assert_frame_equal(
        pd.DataFrame(streamed.covariance.parameters), pd.DataFrame(whole.covariance.parameters), rtol=1e-8
    )
    same(streamed.anova(), whole.anova())
    assert streamed.design.visit == whole.design.visit
    assert streamed.design.arm == whole.design.arm
    assert streamed.design.baseline == whole.design.baseline
    assert streamed.facts == whole.facts
    kept = [note for note in streamed.outcome.notes if "read in parts" not in note]
    assert sorted(kept) == sorted(whole.outcome.notes)


SPECS = {
    "mmrm": ml.ModelSpec(MMRM),
    "with arm and time": ml.ModelSpec(MMRM, arm="arm", time="day"),
    "by group": ml.ModelSpec("y ~ arm * visit + us(visit | smoker / id)"),
    "category, truth, number": ml.ModelSpec("y ~ site + smoker + visit * arm + age + toeph(visit | id)"),
    "number as factor": ml.ModelSpec("y ~ C(grade) * visit + C(site, Sum) + cs(visit | id)"),
    "numeric visit": ml.ModelSpec("y ~ C(week) * arm + us(week | id)"),
    "random slopes": ml.ModelSpec("y ~ week * arm + base + (1 + week | id)"),
    "slopes and ar1": ml.ModelSpec("y ~ week * arm + (1 | id) + ar1(visit | id)"),
    "functions": ml.ModelSpec(
        "np.log(titre) ~ np.log(base) * visit + I(age / 10) + base:arm + ar1h(visit | id)"
    ),
    "weights": ml.ModelSpec("y ~ arm * visit + cs(visit | id)", weights="weight"),
    "stated order": ml.ModelSpec(MMRM, visit_order=tuple(VISITS), baseline="week 2"),
    "irregular": ml.ModelSpec("y ~ day * arm + sp_exp(day | id)"),
    "no intercept": ml.ModelSpec("y ~ 0 + visit + visit:base + us(visit | id)"),
}


@pytest.mark.parametrize("name", SPECS)
def test_a_streamed_fit_is_the_fit_in_memory(name: str, tmp_path: Path) -> None:
    path = written(trial(), tmp_path, row_group_size=50)
    whole = ml.fit(SPECS[name], pd.read_parquet(path))
    same_fit(ml.fit(SPECS[name], path), whole)


@pytest.mark.parametrize(
    "ddf", ["satterthwaite", "between-within", "residual", "kenward-roger-second-order", "modified-box"]
)
def test_every_method_of_df(ddf: str, tmp_path: Path) -> None:
    path = written(trial(), tmp_path)
    engine = ml.Frequentist(ddf=ddf)  # type: ignore[arg-type]
    spec = "y ~ base + smoker + visit * arm + (1 | id)"
    same(
        ml.fit(spec, path, engine).coefficients(), ml.fit(spec, pd.read_parquet(path), engine).coefficients()
    )


def test_means_and_contrasts(tmp_path: Path) -> None:
    path = written(trial(), tmp_path)
    spec = ml.ModelSpec("y ~ arm * visit + site + base + age + us(visit | id)", arm="arm", time="day")
    streamed, whole = ml.fit(spec, path), ml.fit(spec, pd.read_parquet(path))
    for weights in ("equal", "observed", "subjects", "counterfactual"):
        same(streamed.means(weights=weights), whole.means(weights=weights))
        same(streamed.contrasts(weights=weights), whole.contrasts(weights=weights))
    same(
        streamed.means(by=["site"], at={"age": [50], "visit": ["week 4"]}),
        whole.means(by=["site"], at={"age": [50], "visit": ["week 4"]}),
    )
    same(streamed.contrasts(kind="auc"), whole.contrasts(kind="auc"))
    asked = {"versus": "placebo", "factor": "arm", "by": "visit", "adjust": "holm"}
    same(streamed.contrasts(**asked), whole.contrasts(**asked))  # type: ignore[arg-type]
    same(streamed.test("arm:visit"), whole.test("arm:visit"))
    same(streamed.anova(type=2), whole.anova(type=2))
    new = pd.DataFrame({"arm": ["high"], "visit": ["week 4"], "site": ["east"], "base": [9.0], "age": [40]})
    same(streamed.predict(new, interval="prediction"), whole.predict(new, interval="prediction"))
    same(streamed.covariance.sigma(), whole.covariance.sigma()) if hasattr(
        whole.covariance, "sigma"
    ) else None


def test_covariates_that_enter_otherwise_than_as_they_are(tmp_path: Path) -> None:
    path = written(trial(), tmp_path)
    spec = "y ~ arm * visit + np.log(base) + base:age + us(visit | id)"
    streamed, whole = ml.fit(spec, path), ml.fit(spec, pd.read_parquet(path))
    same(streamed.contrasts(), whole.contrasts())  # in which they cancel
    for fit in (streamed, whole):
        with pytest.raises(HypothesisError, match="two readings"):
            fit.means()
    at = {"base": [10.0], "age": [50.0]}
    same(streamed.means(at=at), whole.means(at=at))
    with pytest.raises(HypothesisError, match="not kept"):
        streamed.means(weights="counterfactual")


def test_a_covariate_with_many_values_is_not_listed_by(tmp_path: Path) -> None:
    fit = ml.fit("y ~ visit + base + us(visit | id)", written(trial(), tmp_path))
    with pytest.raises(HypothesisError, match="say which ones you want"):
        fit.means(by=["base"])


def test_folder_of_files_that_split_a_subject(tmp_path: Path) -> None:
    table = trial()
    for i, part in enumerate(np.array_split(np.arange(len(table)), 5)):
        table.iloc[part].to_parquet(tmp_path / f"part{i}.parquet")
    same_fit(ml.fit(MMRM, tmp_path), ml.fit(MMRM, table))


@pytest.mark.parametrize("numbered", [False, True])
def test_rows_in_any_order(tmp_path: Path, numbered: bool) -> None:
    table = trial().sample(frac=1, random_state=1).reset_index(drop=True)
    if numbered:
        table["id"] = table["id"].str[1:].astype(int) * 1000 - 20_000
    path = written(table, tmp_path)
    source = parquet.parquet_files(path)
    same_fit(ml.fit(MMRM, path), ml.fit(MMRM, pd.read_parquet(path)))
    assert source.what == "the Parquet file trial.parquet"


@pytest.mark.parametrize("shuffled", [False, True])
def test_types_that_differ_between_files(shuffled: bool, tmp_path: Path) -> None:
    """Also within one of them: subject 59.5 leaves the keys of the others what they are in files of whole numbers."""
    table = trial().assign(id=lambda d: d["id"].str[1:].astype(int), base=lambda d: d["base"].round())
    table["id"] = table["id"].where(table["id"] != 59, 59.5)
    if shuffled:
        table = table.sample(frac=1, random_state=4).reset_index(drop=True)
    fractions = table["id"] == 59.5
    table.loc[:29, ["arm", "y"]] = None  # in pandas: the type of the first part is null
    parts = [
        table[:30].astype({"grade": "int8", "base": "int16", "smoker": "boolean"}),
        table[30:150].astype({"grade": "float32", "base": "float32", "week": "uint8", "arm": "string"}),
        table[150:].astype({"grade": "Int64", "week": "float64"}),
        pd.DataFrame(table[:0]),
    ]
    parts[0] = parts[0].assign(arm=None)
    for i, part in enumerate(parts):
        if not (part["id"] == 59.5).any():
            part = part.astype({"id": "int32"})
        part.to_parquet(tmp_path / f"{i}.parquet")
    assert fractions.any()
    spec = "y ~ arm + C(grade) + base + smoker + C(week) + us(week | id)"
    whole = table.astype({"grade": float, "week": float})
    same_fit(ml.fit(spec, tmp_path), ml.fit(spec, whole))


def test_whole_numbers_keep_their_digits(tmp_path: Path) -> None:
    table = trial().assign(grade=lambda d: d["grade"] + 2**53)
    spec = "y ~ visit + C(grade) + cs(visit | id)"
    same_fit(ml.fit(spec, written(table, tmp_path)), ml.fit(spec, table))


@pytest.mark.parametrize("rows", [20, 1000])
def test_categories_that_few_rows_or_none_have(rows: int, tmp_path: Path) -> None:
    levels = pd.CategoricalDtype(["none", "west", "no outcome", "north", "east"])
    table = trial().assign(site=lambda d: d["site"].astype(levels)).sort_values("site", kind="stable")
    table.loc[table["y"].isna(), "site"] = "no outcome"
    path = written(table, tmp_path, row_group_size=rows)
    spec = "y ~ visit + site + cs(visit | id)"
    same_fit(ml.fit(spec, path), ml.fit(spec, pd.read_parquet(path)))


def test_functions_of_short_numbers_are_computed_in_full(tmp_path: Path) -> None:
    """In 8 bits week - 26 would be 230, and the logarithm of a short float has 7 digits."""
    table = trial().astype({"week": "uint8", "base": "float32", "titre": "float32"})
    spec = "np.log(titre) ~ I(week - 26) * arm + np.log(base) + (1 | id)"
    streamed = ml.fit(spec, written(table, tmp_path))
    same_fit(streamed, ml.fit(spec, table))
    same(
        streamed.coefficients(),
        ml.fit(spec, table.astype({"week": int, "base": float, "titre": float})).coefficients(),
    )


def test_what_needs_rows_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    fit = ml.fit(MMRM, written(trial(), tmp_path))
    for ask in (
        fit.residuals, fit.fitted, fit.random_effects, fit.predict, fit.trajectories,
        lambda: fit.responders(-1), lambda: fit.simulate(2), lambda: ml.influence(fit), lambda: ml.report(fit),
        lambda: fit.predict(trial(), conditional=True), lambda: fit.design.fixed.frame, lambda: fit.design.y,
    ):  # fmt: skip
        with pytest.raises(EngineError, match="rows were not kept.*in memory"):
            ask()


@pytest.mark.parametrize(
    "engine", [ml.Bayesian(seed=1), ml.Frequentist(ddf="residual", vcov="CR0"), ml.StatsmodelsMixedLM()]
)
def test_engines_that_need_rows_are_refused_before_anything_is_read(engine: object, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="needs patients' rows"):
        ml.fit(MMRM, written(trial(), tmp_path), engine)  # type: ignore[arg-type]


def test_notes_say_what_was_read(tmp_path: Path) -> None:
    fit = ml.fit(MMRM, written(trial(), tmp_path))
    assert any("The Parquet file trial.parquet was read in parts" in note for note in fit.outcome.notes)


def test_a_fit_survives_a_pickle(tmp_path: Path) -> None:
    fit = ml.fit(MMRM, written(trial(), tmp_path))
    again = pickle.loads(pickle.dumps(fit))
    same(again.contrasts(), fit.contrasts())


def test_fallback_is_logged(tmp_path: Path) -> None:
    table = trial(6, seed=1)
    spec = ml.ModelSpec("y ~ visit + us(visit | id)", fallback=("us", "cs"))
    path = written(table, tmp_path)
    streamed, whole = ml.fit(spec, path), ml.fit(spec, pd.read_parquet(path))
    assert streamed.outcome.fallback == whole.outcome.fallback != ()
    same_fit(streamed, whole)


def broken(**columns: object) -> pd.DataFrame:
    return trial().assign(**columns)


def _twice() -> pd.DataFrame:
    table = trial()
    return pd.concat([table.iloc[:50], table.iloc[45:46], table.iloc[50:]], ignore_index=True)


def _changing_arm() -> pd.DataFrame:
    table = trial()
    table.loc[1, "arm"] = "other" if table.loc[1, "arm"] != "other" else "placebo"
    return table


def _with(column: str, row: int, value: object) -> pd.DataFrame:
    table = trial().astype({column: object})
    table.loc[row, column] = value
    return table


BROKEN = {
    "two rows of a visit": (_twice, "More than one row for the same id and visit"),
    "arm changes": (_changing_arm, "The arm 'arm' changes within a id"),
    "no visit": (lambda: _with("visit", 5, None), "visit"),
    "no subject": (lambda: _with("id", 5, None), "missing or blank in row"),
    "blank subject": (lambda: _with("id", 5, " "), "missing or blank in row"),
    "infinite": (lambda: _with("y", 5, np.inf).astype({"y": float}), "is infinite in row"),
    "text outcome": (lambda: broken(y="1.5"), "holds numbers as text"),
    "no outcome": (lambda: broken(y=np.nan), "missing in every row"),
    "missing covariate": (
        lambda: broken(base=[np.nan, *trial()["base"][1:]]),
        "no value of 'base' but an outcome",
    ),
    "one visit": (lambda: trial().query("visit == 'week 2'"), "Only one visit"),
    "one subject": (lambda: trial().query("id == 'P003'"), "Only one id"),
    "no column": (lambda: trial().drop(columns="base"), "There is no column 'base'"),
    "aliased": (lambda: broken(base=trial()["arm"].eq("placebo") * 1.0), "cannot tell from the others"),
    "no rows": (lambda: trial().iloc[:0], "no rows"),
    "too few for us": (lambda: trial(5), "An unstructured covariance over"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_errors_are_those_of_the_table_in_memory(name: str, tmp_path: Path) -> None:
    make, words = BROKEN[name]
    spec = ml.ModelSpec(MMRM, arm="arm", visit_order=tuple(VISITS))
    if name in ("one visit", "one subject", "no rows", "too few for us"):
        spec = ml.ModelSpec(MMRM, arm="arm")
    path = written(make(), tmp_path)
    with pytest.raises(ml.errors.MsclongError, match=words) as streamed:
        ml.fit(spec, path)
    with pytest.raises(ml.errors.MsclongError) as whole:
        ml.fit(spec, pd.read_parquet(path))
    assert type(streamed.value) is type(whole.value)


@pytest.mark.parametrize(
    "term",
    [
        "center(base)",
        "bs(base, df=3)",
        "np.mean(base)",
        "base.rank()",
        "I(base - np.add.reduce(base))",
        "max(base)",
    ],
)
def test_formulas_that_need_other_rows_are_refused(term: str, tmp_path: Path) -> None:
    with pytest.raises(FormulaError, match="one row at a time|no function"):
        ml.fit(f"y ~ visit + {term} + us(visit | id)", written(trial(), tmp_path))


def test_models_that_cannot_be_summed_subject_by_subject(tmp_path: Path) -> None:
    path = written(trial(), tmp_path)
    for spec in (
        ml.ModelSpec("y ~ visit + (1 | site) + us(visit | id)"),
        ml.ModelSpec("y ~ visit + us(visit | id)", baseline_as="change"),
        ml.ModelSpec("titre ~ visit + us(visit | id)", family="lognormal"),
    ):
        with pytest.raises(EngineError):
            ml.fit(spec, path)


def test_unattended_visit_is_left_out_with_a_warning(tmp_path: Path) -> None:
    table = trial()
    table.loc[table["visit"] == "week 4", "y"] = np.nan
    path = written(table, tmp_path)
    with pytest.warns(ml.errors.DataWarning, match="Nobody has an observed 'y' at visit 'week 4'"):
        streamed = ml.fit(MMRM, path)
    with pytest.warns(ml.errors.DataWarning):
        whole = ml.fit(MMRM, pd.read_parquet(path))
    same_fit(streamed, whole)


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no file"):
        ml.fit(MMRM, tmp_path / "none.parquet")
    with pytest.raises(DataError, match="has no file"):
        ml.fit(MMRM, tmp_path)
    (tmp_path / "x.parquet").write_text("no table")
    with pytest.raises(DataError, match="cannot be read as a Parquet file"):
        ml.fit(MMRM, tmp_path / "x.parquet")


@pytest.mark.parametrize("damage", ["cut", "rows"])
def test_a_damaged_file_is_named(damage: str, tmp_path: Path) -> None:
    path = written(trial(), tmp_path, row_group_size=50)
    content = path.read_bytes()
    middle = len(content) // 4
    path.write_bytes(content[:middle] + (b"" if damage == "cut" else bytes(4000) + content[middle + 4000 :]))
    with pytest.raises(DataError, match=r"trial.parquet cannot be read as a Parquet file.*write it again"):
        ml.fit(MMRM, path)


@pytest.mark.parametrize("by", ["arm", "week"])
def test_columns_in_the_names_of_folders(by: str, tmp_path: Path) -> None:
    """As Spark writes a table: each value's rows in a folder of its own, and that may be named like a file."""
    table = trial()
    table.loc[table["arm"] == "high", "arm"] = "high dose / kg"
    for value, rows in table.groupby(by):
        folder = tmp_path / "trial.parquet" / f"{by}={quote(str(value), safe='')}"
        folder.mkdir(parents=True)
        rows.drop(columns=by).to_parquet(folder / "part-0.parquet")
    spec = "y ~ arm * C(week) + base + us(week | id)"
    same_fit(ml.fit(spec, tmp_path), ml.fit(spec, table))
    folder.rename(folder.with_name("centre=3"))
    with pytest.raises(DataError, match=r"The folders of .* name the columns \w+, and those of"):
        ml.fit(spec, tmp_path)


def test_a_file_without_rows_says_nothing_of_types(tmp_path: Path) -> None:
    table = trial()
    pd.DataFrame({name: pd.Series(dtype=float) for name in table}).to_parquet(tmp_path / "0.parquet")
    table[:100].to_parquet(tmp_path / "1.parquet")
    table[100:].astype({"id": "category"}).to_parquet(tmp_path / "2.parquet")
    same_fit(ml.fit(MMRM, tmp_path), ml.fit(MMRM, table))


def test_parts_without_an_observed_outcome(tmp_path: Path) -> None:
    table = trial(120)
    table.loc[:160, "y"] = np.nan
    same_fit(ml.fit(MMRM, written(table, tmp_path)), ml.fit(MMRM, table))


def test_marks_of_synthetic_data_are_kept(tmp_path: Path) -> None:
    table = trial()
    table.attrs["synthetic"] = "Made up for a test."
    fit = ml.fit(MMRM, written(table, tmp_path))
    assert fit.contrasts().attrs["synthetic"] == "Made up for a test."


def test_many_parts_accumulate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(trial(), tmp_path)
    monkeypatch.setattr(parquet, "ROWS", 3)
    same_fit(ml.fit(MMRM, path), ml.fit(MMRM, pd.read_parquet(path)))
    monkeypatch.setattr(parquet, "ROWS", 400)
    monkeypatch.setattr(chunk_sums, "AT_ONCE", 300)
    same_fit(ml.fit(MMRM, path), ml.fit(MMRM, pd.read_parquet(path)))


def test_a_polars_lazy_frame(tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    table = trial().assign(visit=lambda d: d["visit"].astype(str), site=lambda d: d["site"].astype(str))
    table = table.sample(frac=1, random_state=1)
    lazy = (
        pl.from_pandas(table)
        .lazy()
        .with_columns(pl.col("visit").cast(pl.Enum(VISITS)), twice=pl.col("base") * 2)
    )
    spec = "y ~ arm * visit + site + twice + us(visit | id)"
    same_fit(ml.fit(spec, lazy), ml.fit(spec, lazy.collect()))
    for wrong in (pl.col("none") * 2, pl.col("arm").cast(pl.Float64)):
        with pytest.raises(DataError, match="query of the polars LazyFrame fails"):
            ml.fit(spec, lazy.with_columns(twice=wrong))


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_dask_data_frame(shuffled: bool) -> None:
    dd = pytest.importorskip("dask.dataframe")
    table = trial().assign(day=lambda d: d["day"].astype(float))
    if shuffled:
        table = table.sample(frac=1, random_state=1).reset_index(drop=True)
    frame = dd.from_pandas(table, npartitions=4, sort=False)
    assert frame.npartitions == 4
    spec = ml.ModelSpec(MMRM, time="day")
    same_fit(ml.fit(spec, frame), ml.fit(spec, table))
    with pytest.raises(FormulaError, match="There is no column 'none'"):
        ml.fit("y ~ none + us(visit | id)", frame)
    twice = dd.concat([frame, dd.from_pandas(table.iloc[:1], npartitions=1)])
    with pytest.raises(DataError, match="More than one row for the same id and visit"):
        ml.fit(spec, twice)


def test_many_covariates_of_few_values_are_averaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "SMALL", 60)
    path = written(trial(), tmp_path)
    spec = "y ~ arm * visit + age + grade + us(visit | id)"
    streamed, whole = ml.fit(spec, path), ml.fit(spec, pd.read_parquet(path))
    assert streamed.design.fixed.averaged == {"age"}
    same_fit(streamed, whole)
    same(streamed.means(), whole.means())


def test_subjects_of_two_types_are_not_counted_twice(tmp_path: Path) -> None:
    table = trial()
    table["id"] = table["id"].str[1:].astype(int)
    table.iloc[:101].to_parquet(tmp_path / "1.parquet")
    table.iloc[101:].assign(id=lambda d: d["id"].astype(str)).to_parquet(tmp_path / "2.parquet")
    with pytest.raises(DataError, match="subjects are number in one part of the data and text in another"):
        ml.fit(MMRM, tmp_path)
