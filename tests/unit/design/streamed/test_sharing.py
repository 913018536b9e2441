"""Sums of several hospitals: the pooled fit, and nothing of a patient."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.design.streamed.echelon import echelon
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
B = hospital("B", 40, ("control",), seed=2)  # without an arm
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
    assert any("A (48 patients" in note and "B (40 patients" in note for note in pooled.outcome.notes)
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


def test_numbers_that_are_listed_make_small_groups() -> None:
    spec = ml.ModelSpec("y ~ arm * visit + age + us(visit | id)", arm="arm")
    age = dict(zip(A["id"].unique(), np.random.default_rng(1).integers(30, 60, 48), strict=True))
    table = A.assign(age=A["id"].map(age))
    with pytest.raises(DataError, match=r"fewer than minimum_count"):
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
