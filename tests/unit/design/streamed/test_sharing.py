"""Sums of several hospitals: the pooled fit, and nothing of a patient."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.design.streamed.echelon import echelon
from msclong.design.streamed.shared_file import read_record, write_record
from msclong.errors import DataError, DesignError, EngineError, FormulaError, SpecError

RTOL = 1e-10
"""The sums are those of the same numbers in another order."""

SPEC = ml.ModelSpec("y ~ arm * visit + base + us(visit | id)", arm="arm")

VISITS = ["start", "month 1", "month 6"]


def hospital(name: str, n: int, arms: tuple[str, ...], visits: int = 3, seed: int = 1) -> pd.DataFrame:
    """Complete cases but for every sixth patient, who left after two visits."""
    rng = np.random.default_rng(seed)
    one = pd.DataFrame(
        {
            "id": [f"{name}{i}" for i in range(n)],
            "arm": np.resize(arms, n),
            "base": rng.normal(10, 2, n),
            "last": np.where(np.arange(n) % 6 < len(arms), 2, 3).clip(max=visits),
        }
    )
    table = one.loc[np.repeat(np.arange(n), visits)].reset_index(drop=True)
    table["visit"] = pd.Categorical(np.tile(VISITS[:visits], n), categories=VISITS, ordered=True)
    table["y"] = 0.5 * table["base"] + np.repeat(rng.normal(size=n), visits) + rng.normal(size=len(table))
    kept = np.tile(np.arange(visits), n) < table["last"]
    return table[kept].drop(columns="last").reset_index(drop=True)


A = hospital("A", 48, ("active", "control"), seed=1)
B = hospital("B", 60, ("control",), seed=2)  # without an arm
C = hospital("C", 36, ("active", "control"), visits=2, seed=3)  # without a visit
ALL = pd.concat([A, B, C], ignore_index=True)
SCHEMA = ml.schema_of(SPEC, ALL)


def sums(table: pd.DataFrame, site: str, **options: object) -> ml.SharedMoments:
    return ml.cross_moments(SPEC, table, SCHEMA, site=site, **options)  # type: ignore[arg-type]


def same(first: pd.DataFrame, second: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(pd.DataFrame(first), pd.DataFrame(second), rtol=RTOL, atol=RTOL)


def test_the_sum_of_sites_gives_the_pooled_fit(tmp_path: Path) -> None:
    for table, name in ((A, "A"), (B, "B"), (C, "C")):
        sums(table, name).save(tmp_path / f"{name}.json")
    a, b, c = (ml.SharedMoments.load(tmp_path / f"{name}.json") for name in "ABC")
    pooled, whole = ml.fit(SPEC, a + b + c), ml.fit(SPEC, ALL)
    assert pooled.loglik == pytest.approx(whole.loglik, rel=RTOL)
    assert (pooled.n_obs, pooled.n_subjects) == (whole.n_obs, whole.n_subjects)
    for table in ("coefficients", "means", "contrasts", "anova"):
        same(getattr(pooled, table)(), getattr(whole, table)())
    for weights in ("observed", "subjects", "counterfactual"):
        same(pooled.means(weights=weights), whole.means(weights=weights))
    assert any("A (48 patients" in note and "B (60 patients" in note for note in pooled.outcome.notes)
    same(ml.fit(SPEC, c + (b + a)).coefficients(), whole.coefficients())


def test_other_structures_of_the_same_columns_need_no_new_sums() -> None:
    spec = SPEC.replace(formula="y ~ arm * visit + base + toeph(visit | id)")
    same(
        ml.fit(spec, sums(A, "A") + sums(C, "C")).coefficients(),
        ml.fit(spec, pd.concat([A, C])).coefficients(),
    )
    with pytest.raises(SpecError, match="cannot be fitted"):
        ml.fit(SPEC.replace(formula="y ~ arm * visit + us(visit | id)"), sums(A, "A"))
    with pytest.raises(SpecError, match="cannot be fitted"):
        ml.fit(SPEC.replace(formula="y ~ arm * visit + base + (1 | id)"), sums(A, "A"))
    with pytest.raises(FormulaError, match="There is no column 'age'"):
        ml.fit(SPEC.replace(formula="y ~ age + us(visit | id)"), sums(A, "A"))
    with pytest.raises(SpecError, match="no visit of the schema"):
        ml.fit(SPEC.replace(baseline="year 9"), sums(A, "A"))


def test_no_row_of_a_patient_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    sums(A, "A").save(path)
    text = path.read_text()
    assert not [who for who in A["id"].unique() if f'"{who}"' in text]
    found = {abs(x) for x in _numbers(json.loads(text))}
    for name in ("y", "base"):
        own = A[name].abs()
        # Not the number itself, nor anything that agrees with it to eight digits.
        near = np.array(sorted(found))
        close = [float(v) for v in own if np.any(np.abs(near - v) <= 1e-8 * max(v, 1e-3))]
        assert not close
    record = json.loads(text)["content"]
    assert min(pattern["patients"] for pattern in record["patterns"]) >= 5
    assert all("id" not in part for part in record)


def _numbers(part: object) -> list[float]:
    if isinstance(part, dict):
        return [x for value in part.values() for x in _numbers(value)]
    if isinstance(part, list):
        return [x for value in part for x in _numbers(value)]
    return [float(part)] if isinstance(part, (int, float)) and not isinstance(part, bool) else []


def test_what_is_sent_follows_from_inner_products_alone() -> None:
    """Patients turned among each other by any rotation give the same file: it holds nothing else of them."""
    rng = np.random.default_rng(1)
    rows = np.column_stack([np.ones(5), np.ones(5), [0, 0, 0, 1, 1], rng.normal(size=(5, 4)), np.zeros(5)])
    turned = np.linalg.qr(rng.normal(size=(5, 5)))[0] @ rows
    root = echelon(rows)
    np.testing.assert_allclose(root.T @ root, rows.T @ rows, atol=1e-12)
    np.testing.assert_allclose(echelon(turned), root, atol=1e-12)
    assert len(root) == 5
    assert len(echelon(np.column_stack([np.ones(9), np.ones(9)]))) == 1


def test_small_groups_are_refused_and_listed() -> None:
    table = pd.concat([A, hospital("Z", 3, ("active",), seed=9)], ignore_index=True)
    table = table[~((table["id"] == "Z2") & (table["visit"] == "month 1"))]
    with pytest.raises(DataError, match=r"1 patient with arm active; visit start, month 6") as refused:
        sums(table, "A")
    assert "Z2" not in str(refused.value)
    left = sums(table, "A", leave_out=True)
    assert left.sites[0].left_out == 1
    whole = ml.fit(SPEC, table[table["id"] != "Z2"])
    fit = ml.fit(SPEC, left)
    same(fit.coefficients(), whole.coefficients())
    assert any("1 patients are not in the sums" in note for note in fit.outcome.notes)
    assert sums(table, "A", minimum_count=1).n_subjects == left.n_subjects + 1


def outcomes_of_five(seed: int = 4) -> pd.DataFrame:
    """Whole numbers of five patients at three visits."""
    rng = np.random.default_rng(seed)
    score = rng.integers(8, 24, (5, 3))
    return pd.DataFrame(
        {
            "id": np.repeat([f"E{i}" for i in range(5)], 3),
            "arm": "active",
            "base": np.repeat(rng.permutation(np.arange(15.0, 25.0))[:5], 3),
            "visit": pd.Categorical(np.tile(VISITS, 5), categories=VISITS, ordered=True),
            "y": score.reshape(-1).astype(float),
        }
    )


def test_sums_of_hardly_more_numbers_than_patients_are_refused(tmp_path: Path) -> None:
    """Of five patients with a root of five rows, all rows are found again: they lie on an ellipsoid that it gives."""
    five = outcomes_of_five()
    path = tmp_path / "five.json"
    sums(five, "E", minimum_count=1).save(path)
    (pattern,) = json.loads(path.read_text())["content"]["patterns"]
    root = np.array(pattern["root"]).reshape(5, 3, -1)
    names = json.loads(path.read_text())["content"]["names"]
    base = names.index("base")
    R = np.column_stack([root[:, 0, 0], root[:, 0, base], root[..., -1]])
    gram_inverse = np.linalg.inv(R.T @ R)
    grid = np.array(np.meshgrid(range(15, 25), *[range(8, 24)] * 3, indexing="ij")).reshape(4, -1)
    points = np.vstack([np.ones(grid.shape[1]), grid]).T
    on = np.abs(np.einsum("ij,jk,ik->i", points, gram_inverse, points) - 1) < 1e-9
    first = five.drop_duplicates("id")["base"].to_numpy()
    own = np.column_stack([np.ones(5), first, five["y"].to_numpy().reshape(5, 3)])
    assert on.sum() < 40
    assert {tuple(row) for row in own} <= {tuple(row) for row in points[on]}

    with pytest.raises(DataError, match="5 patients of whom 5 numbers each would be sent"):
        sums(five, "E")
    both = pd.concat([A, five[five["visit"] != "month 1"]], ignore_index=True)
    left = sums(both, "A", leave_out=True)
    assert left.sites[0].left_out == 5
    same(ml.fit(SPEC, left).coefficients(), ml.fit(SPEC, A).coefficients())


@pytest.mark.parametrize("term", ["pack", "np.sqrt(pack)", "I(pack * 2)", "pack:arm"])
def test_numbers_that_set_one_patient_apart_are_refused(term: str) -> None:
    """A number that one patient has and others lack: its products with outcomes are this patient's outcomes."""
    spec = ml.ModelSpec(f"y ~ arm * visit + {term} + us(visit | id)", arm="arm")
    smokers = {who: 10.0 + i for i, who in enumerate(A.loc[A["arm"] == "active", "id"].unique()[:3])}
    apart = A.assign(pack=A["id"].map(smokers).fillna(0.0))
    schema = ml.schema_of(spec, apart.assign(pack=np.arange(len(A)) / 7))
    with pytest.raises(DataError, match="'pack' sets few of .* patients apart, with arm"):
        ml.cross_moments(spec, apart, schema)
    left = ml.cross_moments(spec, apart, schema, site="A", leave_out=True)
    assert 0 < left.n_subjects < 48


def test_outcomes_that_set_few_patients_apart_are_refused() -> None:
    one = (A["id"] == "A9") & (A["visit"] == "month 1")
    with pytest.raises(DataError, match="'y' sets few of"):
        sums(A.assign(y=A["y"].where(A["visit"] != "month 1", one * 1.0)), "A")


def test_codes_of_few_values_are_listed() -> None:
    spec = ml.ModelSpec("y ~ arm * visit + smoker + age + us(visit | id)", arm="arm")
    table = A.assign(smoker=A["id"].isin(["A9"]).astype(int), age=A["base"].round().astype(int).clip(9, 11))
    schema = ml.schema_of(spec, table)
    assert schema.columns["smoker"].levels == (0, 1)
    assert schema.columns["age"].levels is None  # numbers of patients' own
    with pytest.raises(DataError, match="1 patient with .*smoker 1"):
        ml.cross_moments(spec, table, schema)


def test_a_file_does_not_tell_the_order_of_rows(tmp_path: Path) -> None:
    for name, table in (("one", A), ("two", A.sample(frac=1, random_state=1))):
        sums(table, "A").save(tmp_path / name)
    one, two = (json.loads((tmp_path / name).read_text())["content"] for name in ("one", "two"))
    assert one["cells"]["levels"] == two["cells"]["levels"]
    assert [p["coordinates"] for p in one["patterns"]] == [p["coordinates"] for p in two["patterns"]]
    np.testing.assert_allclose(_numbers(one), _numbers(two), rtol=1e-8, atol=1e-8)


def test_numbers_that_are_listed_make_small_groups() -> None:
    spec = ml.ModelSpec("y ~ arm * visit + age + us(visit | id)", arm="arm")
    age = dict(zip(A["id"].unique(), np.random.default_rng(1).integers(30, 60, 48), strict=True))
    table = A.assign(age=A["id"].map(age))
    with pytest.raises(DataError, match=r"fewer than minimum_count=5"):
        ml.cross_moments(spec, table, ml.schema_of(spec, table, listed=["age"]))
    schema = ml.schema_of(spec, table)
    assert schema.columns["age"].levels is None
    same(ml.fit(spec, ml.cross_moments(spec, table, schema)).means(), ml.fit(spec, table).means())
    with pytest.raises(SpecError, match="no column of the model with at most"):
        ml.schema_of(SPEC, ALL, listed=["base"])


def test_what_cannot_be_added() -> None:
    other = ml.schema_of(SPEC, A)
    with pytest.raises(DesignError, match="counted twice"):
        sums(A, "A") + sums(B, "A")
    with pytest.raises(DesignError, match="different schemas"):
        sums(A, "A") + ml.cross_moments(
            SPEC,
            C.assign(visit=C["visit"].astype(str)),
            ml.schema_of(SPEC.replace(visit_order=("month 1", "start")), C),
            site="C",
        )
    with pytest.raises(DesignError, match="different models"):
        sums(A, "A") + ml.cross_moments(
            SPEC.replace(formula="y ~ arm * visit + us(visit | id)"), B, SCHEMA, site="B"
        )
    assert other.agrees(SCHEMA) is None  # A has all levels
    with pytest.raises(TypeError):
        sums(A, "A") + 1  # type: ignore[operator]


def test_a_site_without_patients() -> None:
    for empty in (A.iloc[:0], A.assign(y=np.nan)):
        with pytest.raises(DataError, match="No patient has an observed 'y'"):
            sums(empty, "A")
    with pytest.raises(DataError, match="No patient is left: of all 8"):
        sums(hospital("S", 8, ("active", "control")), "S", leave_out=True)


def test_levels_that_the_schema_lacks() -> None:
    with pytest.raises(DataError, match="'arm' has values that the schema does not list.*high"):
        sums(A.assign(arm=A["arm"].replace("active", "high")), "A")
    with pytest.raises(FormulaError, match="schema lacks age"):
        ml.cross_moments("y ~ age + us(visit | id)", A.assign(age=1.0), SCHEMA)


def test_schema_survives_a_file_and_schemas_unite(tmp_path: Path) -> None:
    SCHEMA.save(tmp_path / "schema.json")
    assert ml.Schema.load(tmp_path / "schema.json") == SCHEMA
    b, c = ml.schema_of(SPEC, B), ml.schema_of(SPEC, C)
    assert (b | c).agrees(SCHEMA) is None
    assert (c | b).visits == tuple(VISITS)
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(DataError, match="no schema"):
        ml.Schema.load(tmp_path / "x.json")
    early = ml.schema_of(SPEC, A[A["visit"] != "month 6"])
    late = ml.schema_of(SPEC, A[A["visit"] != "month 1"])
    with pytest.raises(DataError, match="Nothing says in which order"):
        early | late


def test_files_that_are_damaged_or_foreign(tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    sums(A, "A").save(path)
    assert ml.SharedMoments.load(path).n_subjects == 48
    plain = tmp_path / "a.json"
    sums(A, "A").save(plain)
    text = plain.read_text()
    for content, words in (
        (text[:500], "cannot be read"),
        (text.replace('"patients": ', '"patients": 1', 1), "damaged"),
        ("{}", "no file of sums"),
        (text.replace('"version": 1', '"version": 9', 1), "version 9"),
    ):
        plain.write_text(content)
        with pytest.raises(DataError, match=words):
            ml.SharedMoments.load(plain)
    with pytest.raises(DataError, match="cannot be read"):
        ml.SharedMoments.load(tmp_path / "none.json")


CONTRADICTIONS = {
    "patients of a site": (("sites", 0, "n_subjects"), 47, "other patients than its sites"),
    "a site's count": (("sites", 0, "left_out"), "x", "no whole number"),
    "patients of a pattern": (("patterns", 0, "patients"), 1e308, "not complete"),
    "no root": (("patterns", 0, "root"), [], "not complete"),
    "observations": (("cells", "sums", 0, 0), 1.0, "other observations"),
    "columns": (("constant columns",), [1.0], "other columns than it names"),
    "a level that is none": (("schema", "columns", "arm", "levels", 0), [], "no schema"),
    "an unlisted level": (("cells", "levels", 0, 0), 7, "does not list"),
    "an unknown visit": (("patterns", 0, "coordinates", 0, 0), 9.0, "does not list"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_files_that_contradict_themselves(name: str, tmp_path: Path) -> None:
    """With the right checksum: somebody wrote them so."""
    (*path, last), value, words = CONTRADICTIONS[name]
    sums(A, "A").save(tmp_path / "a.json")
    record = part = read_record(tmp_path / "a.json")
    for key in path:
        part = part[key]
    part[last] = value
    write_record(tmp_path / "a.json", record)
    with pytest.raises(DataError, match=words):
        ml.fit(SPEC, ml.SharedMoments.load(tmp_path / "a.json"))


def test_parquet_at_a_site(tmp_path: Path) -> None:
    A.sample(frac=1, random_state=2).to_parquet(tmp_path / "a.parquet")
    same(ml.fit(SPEC, sums(tmp_path / "a.parquet", "A")).coefficients(), ml.fit(SPEC, A).coefficients())  # type: ignore[arg-type]


def test_engines_that_need_rows() -> None:
    with pytest.raises(EngineError, match="needs patients' rows"):
        ml.fit(SPEC, sums(A, "A"), ml.Bayesian(seed=1))


@pytest.mark.parametrize("options", [{"minimum_count": 0}, {"minimum_count": 2.5}, {"minimum_count": True}])
def test_settings_are_checked(options: dict[str, object]) -> None:
    with pytest.raises(SpecError):
        sums(A, "A", **options)
    with pytest.raises(SpecError, match="site is a name"):
        sums(A, " ")
    with pytest.raises(SpecError, match=r"Schema\.load"):
        ml.cross_moments(SPEC, A, "schema.json")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="list of columns"):
        ml.schema_of(SPEC, A, listed="base")
