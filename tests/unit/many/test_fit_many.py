"""Many outcomes in one call: the numbers of ml.fit for each, whatever the route, and a reason where there are none."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control

import msclong as ml
from msclong.errors import (
    ConvergenceWarning,
    DataError,
    DataWarning,
    DesignError,
    EngineError,
    FormulaError,
    HypothesisError,
    MsclongError,
    SpecError,
)

# Two optimisations of one likelihood, each to rounding.
SAME = 1e-8

N, T, M = 20, 4, 12
MODEL = "outcome ~ C(visit) * arm + us(visit | id)"
NAMES = [f"P-{i}" if i % 2 else f"protein_{i}" for i in range(M)]
COLUMNS = ["estimate", "se", "lower", "upper", "df", "statistic", "p_value"]


def table(correlation: float = 0.6) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    root = np.linalg.cholesky((1 - correlation) * np.eye(T) + correlation)
    values = 5 + rng.normal(size=(M, N, T)) @ root.T
    values += np.linspace(0, 2, M)[:, None, None] * np.arange(T)
    values[rng.uniform(size=values.shape) < 0.06] = np.nan
    outcomes = pd.DataFrame(values.reshape(M, -1).T, columns=NAMES)
    rows = pd.DataFrame(
        {
            "id": np.repeat([f"s{i}" for i in range(N)], T),
            "visit": np.tile(np.arange(T), N),
            "arm": np.repeat(np.where(np.arange(N) % 2, "new", "old"), T),
        }
    )
    return pd.concat([rows, outcomes], axis=1)


def one(model: str, data: pd.DataFrame, name: str, engine: ml.Frequentist | None = None) -> ml.Fit:
    label = name if name.isidentifier() else f'Q("{name}")'
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ml.fit(model.replace("outcome", label, 1), data, engine)


@pytest.fixture(scope="module")
def fits() -> ml.ManyFits:
    return ml.fit_many(MODEL, table(), NAMES)


def test_contrasts_are_those_of_each_outcome(fits) -> None:
    found = fits.contrasts(adjust=None)
    assert found.index.names == ["outcome", "arm", "visit"]
    for name in NAMES[:3]:
        alone = one(MODEL, table(), name).contrasts()
        pd.testing.assert_frame_equal(
            pd.DataFrame(found.loc[name])[COLUMNS],
            pd.DataFrame(alone)[COLUMNS],
            rtol=SAME,
            check_index_type=False,
        )
    assert (fits.outcomes["route"] == "compiled").all()


def test_other_contrasts_coefficients_and_means(fits) -> None:
    alone = one(MODEL, table(), NAMES[1])
    asked = {"versus": "old", "factor": "arm", "by": "visit"}
    pairs = [
        (fits.contrasts(**asked, adjust=None), alone.contrasts(**asked)),
        (fits.coefficients(), alone.coefficients()),
        (fits.means(by="visit"), alone.means(by="visit")),
        (fits.covariance, alone.covariance.parameters),
    ]
    for many, single in pairs:
        mine = many.loc[NAMES[1]]
        columns = list(single.columns)
        np.testing.assert_allclose(mine[columns], single[columns], rtol=1e-6)
        assert list(mine.index) == list(single.index)


def test_p_values_are_adjusted_across_outcomes(fits) -> None:
    found = fits.contrasts()
    for _, rows in found.groupby(level=["arm", "visit"]):
        np.testing.assert_allclose(rows["p_adjusted"], false_discovery_control(rows["p_value"]), rtol=SAME)
    whole = fits.contrasts(adjust="fdr_by", across="all")
    np.testing.assert_allclose(
        whole["p_adjusted"], false_discovery_control(found["p_value"], method="by"), rtol=SAME
    )
    assert "across outcomes and contrasts" in whole.attrs["adjust"]


def test_wrong_adjustments(fits) -> None:
    with pytest.raises(HypothesisError, match="Unknown adjustment 'mvt'"):
        fits.contrasts(adjust="mvt")
    with pytest.raises(HypothesisError, match="across takes"):
        fits.contrasts(across="visits")


def test_a_matrix_of_outcomes(fits) -> None:
    data = table()
    rest = data[["id", "visit", "arm"]]
    expected = fits.contrasts()
    as_array = ml.fit_many(
        "{outcome} ~ C(visit) * arm + us(visit | id)", rest, data[NAMES].to_numpy(), names=NAMES
    )
    pd.testing.assert_frame_equal(as_array.contrasts(), expected)
    pd.testing.assert_frame_equal(ml.fit_many(MODEL, rest, data[NAMES]).contrasts(), expected)


def test_rows_may_stand_in_any_order(fits) -> None:
    data = table().sample(frac=1, random_state=1)
    again = ml.fit_many(MODEL, data, NAMES)
    np.testing.assert_allclose(again.contrasts()[COLUMNS], fits.contrasts()[COLUMNS], rtol=1e-7)


def test_the_table_is_not_changed() -> None:
    data = table()
    before = data.copy(deep=True)
    ml.fit_many(MODEL, data, NAMES[:2])
    pd.testing.assert_frame_equal(data, before)


def awkward() -> pd.DataFrame:
    """Outcomes that leave the common design or have no estimate."""
    data = table()
    visit, first = data["visit"], data["id"].isin([f"s{i}" for i in range(6)])
    data.loc[visit == 3, NAMES[0]] = np.nan  # a visit less
    data.loc[data["arm"] == "new", NAMES[1]] = np.nan  # an arm less
    data[NAMES[2]] = 4.0  # constant
    data[NAMES[3]] = np.nan
    data.loc[~first, NAMES[4]] = np.nan  # too few for us
    return data


def test_outcomes_that_cannot_be_fitted_do_not_stop_the_others() -> None:
    data = awkward()
    with pytest.warns(ConvergenceWarning, match="3 of 12 outcomes could not be fitted"):
        fits = ml.fit_many(MODEL, data, NAMES)
    assert fits.failures.index.tolist() == NAMES[2:5]
    for name, reason in fits.failures["reason"].items():
        with pytest.raises(MsclongError) as error:
            one(MODEL, data, name)
        assert str(error.value) == reason
        with pytest.raises(type(error.value)):
            fits.fit(name)
    routes = fits.outcomes["route"]
    assert (routes[NAMES[:2]] == "one by one").all()
    assert (routes[NAMES[5:]] == "compiled").all()
    contrasts = fits.contrasts()
    assert contrasts.index.get_level_values("outcome").unique().tolist() == [*NAMES[:2], *NAMES[5:]]
    for name in NAMES[:2]:
        alone = one(MODEL, data, name).contrasts()
        np.testing.assert_allclose(contrasts.loc[name][COLUMNS], alone[COLUMNS], rtol=SAME)
    # What is adjusted together is a contrast's p-values of the outcomes that have it.
    last = contrasts.xs("3 - 0", level="visit")
    assert NAMES[0] not in last.index.get_level_values("outcome")
    assert "3 not" in repr(fits)


def test_outcomes_of_the_same_visits_share_a_design() -> None:
    data = table()
    data.loc[data["visit"] == 1, NAMES[:6]] = np.nan
    fits = ml.fit_many(MODEL, data, NAMES)
    assert (fits.outcomes["route"] == "compiled").all()
    for name in NAMES[:2]:
        np.testing.assert_allclose(
            fits.contrasts(adjust=None).loc[name][COLUMNS],
            one(MODEL, data, name).contrasts()[COLUMNS],
            rtol=SAME,
        )


def test_an_outcome_without_the_common_baseline_is_a_failure() -> None:
    data = table()
    data.loc[data["visit"] == 0, NAMES[:7]] = np.nan
    for names in (
        NAMES[:1] + NAMES[7:],
        NAMES,
    ):  # one such outcome, and enough of them for a design of their own
        with pytest.warns(ConvergenceWarning, match="could not be fitted"):
            fits = ml.fit_many(MODEL, data, names)
        assert fits.failures.index.tolist() == [name for name in names if name in NAMES[:7]]
        assert "at 0, the visit from which the other" in fits.failures["reason"].iloc[0]


def test_outcomes_without_the_levels_asked_for_are_named() -> None:
    data = table()
    data.loc[data["arm"] == "new", NAMES[1]] = np.nan
    fits = ml.fit_many(MODEL, data, NAMES)
    with pytest.warns(DataWarning, match=f"left out: {NAMES[1]}"):
        found = fits.contrasts(versus="new", factor="arm", by="visit")
    assert NAMES[1] not in found.index.get_level_values("outcome")


def test_so_are_those_that_share_a_design_without_them() -> None:
    data = table()
    data.loc[data["visit"] == 1, NAMES[:6]] = np.nan
    fits = ml.fit_many(MODEL, data, NAMES)
    with pytest.warns(DataWarning, match="6 outcomes were not observed"):
        found = fits.contrasts(versus=1)
    assert found.index.get_level_values("outcome").unique().tolist() == NAMES[6:]


def test_declared_fallbacks_are_followed_by_each_outcome_itself() -> None:
    data, spec = awkward(), ml.ModelSpec(MODEL, fallback=("ar1h", "cs"))
    with pytest.warns(ConvergenceWarning, match="2 of 12"):
        fits = ml.fit_many(spec, data, NAMES)
    used = fits.outcomes["covariance"].str.extract(r"^(\w+)")[0]
    assert used[NAMES[4]] == "ar1h"
    assert (used[NAMES[5:]] == "us").all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        alone = fits.fit(NAMES[4])
    assert alone.outcome.fallback
    np.testing.assert_allclose(fits.contrasts().loc[NAMES[4]][COLUMNS], alone.contrasts()[COLUMNS], rtol=SAME)
    assert len(fits.covariance.loc[NAMES[4]]) == T + 1


@pytest.mark.parametrize(
    ("model", "engine"),
    [
        ("outcome ~ C(visit) + toep(visit | id)", ml.Frequentist()),
        ("outcome ~ C(visit) + us(visit | id)", ml.Frequentist(ddf="satterthwaite", vcov="CR2")),
        ("outcome ~ C(visit) + us(visit | id)", ml.Frequentist(ddf="between-within")),
    ],
)
def test_what_is_not_compiled_goes_one_by_one(model: str, engine: ml.Frequentist) -> None:
    fits = ml.fit_many(model, table(), NAMES[:2], engine)
    assert (fits.outcomes["route"] == "one by one").all()
    alone = one(model, table(), NAMES[1], engine)
    np.testing.assert_allclose(fits.contrasts().loc[NAMES[1]][COLUMNS], alone.contrasts()[COLUMNS], rtol=SAME)
    assert fits.outcomes["loglik"].iloc[1] == pytest.approx(alone.loglik)


def test_random_intercepts_need_no_visits_and_may_lie_on_the_boundary() -> None:
    data, model = table(0.0), "outcome ~ visit + (1 | id)"
    with pytest.warns(ConvergenceWarning, match="lies on its boundary"):
        fits = ml.fit_many(model, data, NAMES)
    assert (fits.outcomes["route"] == "compiled").all()
    for name in NAMES[:6]:
        alone = one(model, data, name)
        assert fits.outcomes.loc[name, "boundary"] == alone.outcome.singular
        np.testing.assert_allclose(fits.coefficients().loc[name], alone.coefficients(), rtol=SAME)
        assert fits.outcomes.loc[name, "n_obs"] == alone.n_obs
        assert fits.outcomes.loc[name, "n_subjects"] == alone.n_subjects


def test_covariates_are_averaged_over_all_rows() -> None:
    data = table()
    data["age"] = np.repeat(np.random.default_rng(1).normal(50, 9, N), T)
    fits = ml.fit_many("outcome ~ C(visit) + age + us(visit | id)", data, NAMES)
    mean = fits.means(by="visit", at={"age": [data["age"].mean()]})
    pd.testing.assert_frame_equal(fits.means(by="visit"), mean, check_like=True)


def test_a_synthetic_table_marks_its_tables() -> None:
    trial = ml.datasets.sjogren_msct(seed=1)
    blood = trial[trial["month"].isin([0, 1])]
    fits = ml.fit_many("outcome ~ C(month) + cs(month | patient)", blood, ["th17", "treg"])
    assert "Synthetic" in repr(fits)
    assert fits.contrasts().attrs["synthetic"] == fits.synthetic


@pytest.mark.parametrize(
    ("model", "arguments", "error", "said"),
    [
        (MODEL, {"outcomes": NAMES[0]}, SpecError, "takes a list"),
        (MODEL, {"outcomes": [*NAMES, "nothing"]}, DataError, "'nothing' is no column"),
        (MODEL, {"outcomes": []}, SpecError, "names none"),
        (MODEL, {"outcomes": [NAMES[0], NAMES[0]]}, SpecError, "named twice"),
        (MODEL, {"outcomes": np.zeros((80, 2))}, SpecError, "needs their names"),
        (
            MODEL,
            {"outcomes": np.zeros((3, 2)), "names": ["a", "b"]},
            DataError,
            "have 3 rows and the data 80",
        ),
        (MODEL, {"outcomes": np.zeros((80, 2)), "names": ["a"]}, DataError, "1 names for the 2 columns"),
        (MODEL, {"outcomes": np.zeros((80, 2, 1)), "names": ["a"]}, DataError, r"shape \(80, 2, 1\)"),
        (MODEL, {"outcomes": np.zeros(80), "names": ["a"]}, DataError, r"values\[:, None\]"),
        (MODEL, {"outcomes": np.full((80, 1), np.inf), "names": ["a"]}, DataError, "'a' is infinite"),
        (MODEL, {"outcomes": None}, SpecError, "takes a list of columns"),
        (MODEL, {"outcomes": np.zeros((80, 1)), "names": 3}, SpecError, "names= is a list"),
        (MODEL, {"outcomes": ["arm"]}, DataError, "'arm' is not numeric"),
        ("arm ~ C(visit) + us(visit | id)", {"outcomes": NAMES}, SpecError, "'arm' is a column"),
        ("np.log(outcome) ~ C(visit) + us(visit | id)", {"outcomes": NAMES}, FormulaError, "beforehand"),
        (MODEL, {"outcomes": NAMES, "engine": ml.Bayesian()}, EngineError, "takes ml.Frequentist"),
        (ml.ModelSpec(MODEL, family="poisson"), {"outcomes": NAMES}, SpecError, "family 'poisson'"),
        (3, {"outcomes": NAMES}, FormulaError, "formula string or a ModelSpec"),
    ],
)
def test_what_is_refused(model, arguments, error, said) -> None:
    with pytest.raises(error, match=said):
        ml.fit_many(model, table(), **arguments)


def test_an_unknown_outcome(fits) -> None:
    with pytest.raises(SpecError, match="none of the outcomes"):
        fits.fit("nothing")


def test_no_outcome_can_be_fitted() -> None:
    data = table()
    data[NAMES[:2]] = 1.0
    with pytest.warns(ConvergenceWarning, match="2 of 2"):
        fits = ml.fit_many(MODEL, data, NAMES[:2])
    with pytest.raises(HypothesisError, match="No outcome could be fitted"):
        fits.contrasts()
    assert "0 fitted, 2 not" in repr(fits)


def test_the_same_rows_in_another_order_are_no_silent_match() -> None:
    data = table()
    rest, outcomes = data[["id", "visit", "arm"]], data[NAMES]
    with pytest.raises(
        DataError, match=r"another order: row 1 is 0 in the data and 79.*outcomes\.loc\[data\.index\]"
    ):
        ml.fit_many(MODEL, rest, outcomes[::-1])
    with pytest.raises(DataError, match=r"another index than the data: row 1 is 0 .*set_axis"):
        ml.fit_many(MODEL, rest, outcomes.set_axis(range(1, 81)))
    again = ml.fit_many(MODEL, rest[::-1], outcomes[::-1])
    np.testing.assert_allclose(
        again.contrasts()[COLUMNS], ml.fit_many(MODEL, data, NAMES).contrasts()[COLUMNS], rtol=1e-7
    )


@pytest.mark.parametrize("name", ["visit", "arm", "C", "np", 'a "quoted" one', "back\\slash", "two  spaces"])
def test_any_name_may_be_an_outcomes(name: str, fits) -> None:
    data = table()
    rest, values = data[["id", "visit", "arm"]], data[NAMES].to_numpy(copy=True)
    named = ml.fit_many(MODEL, rest, values, names=[name, *NAMES[1:]])
    pd.testing.assert_frame_equal(
        pd.DataFrame(named.contrasts().loc[name]), pd.DataFrame(fits.contrasts().loc[NAMES[0]])
    )
    single = named.fit(name)
    assert single.spec.label == name
    np.testing.assert_allclose(
        single.contrasts()[COLUMNS], fits.fit(NAMES[0]).contrasts()[COLUMNS], rtol=SAME
    )
    one_by_one = ml.fit_many(MODEL, rest, values[:, :1], ml.Frequentist(ddf="between-within"), names=[name])
    assert one_by_one.contrasts().index.get_level_values("outcome").unique().tolist() == [name]
    values[:, 0] = 4.0
    with pytest.warns(ConvergenceWarning, match="1 of 12"):
        failing = ml.fit_many(MODEL, rest, values, names=[name, *NAMES[1:]])
    assert "outcome_1" not in failing.failures["reason"][name]


def test_reasons_have_one_dtype(fits) -> None:
    data = table().assign(**{NAMES[0]: 1.0})
    with pytest.warns(ConvergenceWarning):
        some = ml.fit_many(MODEL, data, NAMES).failures
    assert len(some) == 1
    assert len(fits.failures) == 0
    assert fits.failures.dtypes.to_dict() == some.dtypes.to_dict()


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("outcome ~ C(visit) + cs(visit | id)", 1),
        ("outcome ~ C(visit) + homdiag(visit | id)", 1),
        ("outcome ~ C(visit) + (1 | id) + homdiag(visit | id)", 1),
        ("outcome ~ C(visit) + (1 | id)", 1),
        ("outcome ~ C(visit) + (1 + visit | id)", 2),
        ("outcome ~ C(visit) + (1 + visit || id)", 2),
    ],
)
def test_outcomes_of_too_few_visits_a_subject_are_refused_as_by_fit(model: str, most: int) -> None:
    data = table()
    few = data["visit"].to_numpy() - np.repeat(np.arange(N), T) % T
    data.loc[few % T >= most, NAMES[0]] = np.nan
    with pytest.warns(ConvergenceWarning, match="1 of 12 outcomes could not be fitted"):
        fits = ml.fit_many(model, data, NAMES)
    with pytest.raises(DesignError) as error:
        one(model, data, NAMES[0])
    assert fits.failures["reason"].to_dict() == {NAMES[0]: str(error.value)}


def test_of_aliased_columns_and_few_subjects_the_reason_is_that_of_fit() -> None:
    data = table()
    data.loc[~data["id"].isin(["s0", "s1", "s2", "s3"]), NAMES[0]] = np.nan
    data.loc[(data["arm"] == "new") & (data["visit"] == 3), NAMES[0]] = np.nan
    with pytest.warns(ConvergenceWarning, match="1 of 12"):
        fits = ml.fit_many(MODEL, data, NAMES)
    with pytest.raises(DesignError, match="cannot tell from the others") as error:
        one(MODEL, data, NAMES[0])
    assert fits.failures["reason"].to_dict() == {NAMES[0]: str(error.value)}


def test_what_has_no_design_for_a_fallback_does_not_stop_the_others() -> None:
    data, spec = table(), ml.ModelSpec("outcome ~ C(visit) * arm + us(visit | id)", fallback=("cs",))
    data.loc[~data["id"].isin(["s0", "s1", "s2", "s3"]), NAMES[0]] = np.nan
    data.loc[data["id"].isin(["s0", "s2"]) & (data["visit"] == 3), NAMES[0]] = np.nan
    data.loc[data["id"].isin(["s1", "s3"]) & (data["visit"] == 0), NAMES[0]] = np.nan
    with pytest.warns(ConvergenceWarning, match="1 of 12 outcomes could not be fitted"):
        fits = ml.fit_many(spec, data, NAMES)
    assert fits.failures.index.tolist() == NAMES[:1]


def test_too_few_subjects_for_an_answer_are_named(fits) -> None:
    model, engine = "outcome ~ visit + arm + homdiag(visit | id)", ml.Frequentist(ddf="between-within")
    data = table()
    data.loc[~data["id"].isin(["s0", "s1"]), NAMES[0]] = np.nan
    found = ml.fit_many(model, data, NAMES[:2], engine)
    with pytest.raises(HypothesisError, match="degrees of freedom"):
        found.fit(NAMES[0]).coefficients()
    with pytest.warns(DataWarning, match=f"too few subjects.*left out: {NAMES[0]}"):
        assert found.coefficients().index.get_level_values("outcome").unique().tolist() == [NAMES[1]]
