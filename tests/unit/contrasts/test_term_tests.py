"""Type II and III hypotheses: the same under every coding, and what they mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.contrasts.term_tests import term_hypotheses
from msclong.design.fixed_effects import FixedEffects, build_fixed_effects
from msclong.errors import HypothesisError
from msclong.results.posterior_draws import PosteriorDraws

# Linear algebra of matrices of a dozen columns.
ROUNDING = 1e-9


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Unbalanced: three arms, two sexes, three visits, two covariates; every cell has rows."""
    rng = np.random.default_rng(11)
    n = 200
    return pd.DataFrame(
        {
            "arm": np.array(list("abc"))[rng.choice(3, n, p=[0.5, 0.3, 0.2])],
            "sex": np.array(list("fm"))[rng.choice(2, n, p=[0.6, 0.4])],
            "visit": rng.choice(3, n),
            "x": rng.normal(size=n),
            "z": rng.normal(size=n),
            "y": rng.normal(size=n),
        }
    )


def f_statistics(formula: str, table: pd.DataFrame, kind: int) -> dict[str, tuple[int, float]]:
    """Ordinary least squares: rank and F of every hypothesis (without the residual variance)."""
    fixed = build_fixed_effects(formula, table)
    X, y = fixed.X, table["y"].to_numpy()
    inverse = np.linalg.inv(X.T @ X)
    beta = inverse @ X.T @ y
    result = {}
    for name, hypothesis in term_hypotheses(fixed, kind).items():
        value = hypothesis.L @ beta
        spread = hypothesis.L @ inverse @ hypothesis.L.T
        bare = name.replace(", Sum", "").replace(", Helmert", "").replace(", Poly", "")
        assert np.linalg.matrix_rank(hypothesis.L) == len(hypothesis)
        result[bare] = (len(hypothesis), float(value @ np.linalg.solve(spread, value)))
    return result


@pytest.mark.parametrize("kind", [2, 3])
@pytest.mark.parametrize(
    "formula",
    [
        "C(arm) * C(visit) * C(sex)",
        "C(arm) * C(visit) + C(arm) * x + z",
        "C(arm) * x * z",
        "C(sex) + C(sex):C(arm) + x:C(sex)",
        "0 + C(arm):C(visit) + x",
        "C(arm) * np.column_stack([x, x**2])",
    ],
)
def test_the_coding_changes_nothing(formula, kind, table):
    treatment = f_statistics(formula, table, kind)
    other = f_statistics(
        formula.replace("C(arm)", "C(arm, Sum)").replace("C(visit)", "C(visit, Helmert)"), table, kind
    )
    assert list(treatment) == list(other)
    for name in treatment:
        assert treatment[name][0] == other[name][0], name
        assert treatment[name][1] == pytest.approx(other[name][1], rel=ROUNDING), name


def rows_at(fixed: FixedEffects, arm: str, x: float) -> np.ndarray:
    """The mean of an arm at covariate x: cells of visit and sex with equal weights, (p,)."""
    cells = [{"arm": arm, "visit": v, "sex": s, "x": x, "z": 0.0} for v in range(3) for s in "fm"]
    return fixed.matrix(pd.DataFrame(cells)).mean(axis=0)


def test_a_main_effect_is_that_of_equally_weighted_cells(table):
    fixed = build_fixed_effects("C(arm) * C(visit) * C(sex) + x", table)
    means = {arm: rows_at(fixed, arm, 0.0) for arm in "abc"}
    expected = np.array([means["b"] - means["a"], means["c"] - means["a"]])
    np.testing.assert_allclose(term_hypotheses(fixed)["C(arm)"].L, expected, atol=ROUNDING)


def test_a_covariate_crossed_with_a_factor(table):
    """The factor is compared at covariate zero, the covariate by the average of the slopes."""
    fixed = build_fixed_effects("C(arm) * x", table)
    tests = term_hypotheses(fixed)
    at_zero = [rows_at(fixed, arm, 0.0) - rows_at(fixed, "a", 0.0) for arm in "bc"]
    np.testing.assert_allclose(tests["C(arm)"].L, at_zero, atol=ROUNDING)
    slope = np.mean([rows_at(fixed, arm, 1.0) - rows_at(fixed, arm, 0.0) for arm in "abc"], axis=0)
    np.testing.assert_allclose(tests["x"].L, [slope], atol=ROUNDING)


def test_a_nested_factor_takes_the_place_of_its_main_effect(table):
    """arm + arm:visit without visit: visits differ within some arm, (3 - 1) x 3 rows."""
    tests = term_hypotheses(build_fixed_effects("C(arm) + C(arm):C(visit)", table))
    assert {name: len(rows) for name, rows in tests.items()} == {"C(arm)": 2, "C(arm):C(visit)": 6}


def test_type_two_is_the_rise_of_the_residual_sum_of_squares(table):
    """By definition: the model of all terms that do not contain the term, with and without it."""

    def residual_ss(formula: str) -> float:
        X = build_fixed_effects(formula, table).X
        return float(np.linalg.lstsq(X, table["y"].to_numpy(), rcond=None)[1][0])

    found = f_statistics("C(arm) * C(sex) * C(visit)", table, kind=2)
    expected = residual_ss("C(sex) * C(visit)") - residual_ss("C(sex) * C(visit) + C(arm)")
    assert found["C(arm)"][1] == pytest.approx(expected, rel=ROUNDING)
    two = "C(arm) * C(sex) + C(sex) * C(visit)"
    expected = residual_ss(two) - residual_ss(f"{two} + C(arm):C(visit)")
    assert found["C(arm):C(visit)"][1] == pytest.approx(expected, rel=ROUNDING)


def test_types_agree_where_nothing_interacts(table):
    for name, (rank, statistic) in f_statistics("C(arm) + C(visit) + x", table, kind=3).items():
        assert f_statistics("C(arm) + C(visit) + x", table, kind=2)[name] == (
            rank,
            pytest.approx(statistic, rel=ROUNDING),
        )


def test_what_cannot_be_tested(table):
    fixed = build_fixed_effects("C(arm) * x", table)
    with pytest.raises(HypothesisError, match="of type 2 or type 3; got type=1"):
        term_hypotheses(fixed, 1)
    with pytest.raises(HypothesisError, match="an intercept only"):
        term_hypotheses(build_fixed_effects("1", table))


@pytest.mark.parametrize("kind", [2, 3])
def test_terms_of_a_factor_with_one_level_are_left_out(table, kind):
    """As R does: there is nothing to compare."""
    one = table.assign(site="only")
    found = term_hypotheses(build_fixed_effects("C(visit) * arm * site", one), kind)
    plain = term_hypotheses(build_fixed_effects("C(visit) * arm", one), kind)
    assert list(found) == list(plain) == ["C(visit)", "arm", "C(visit):arm"]
    for name, hypothesis in plain.items():
        np.testing.assert_allclose(found[name].L, hypothesis.L, atol=1e-12)
    with pytest.raises(HypothesisError, match="one level"):
        term_hypotheses(build_fixed_effects("site", one), kind)


def test_arms_constrained_at_baseline():
    """Type 3 is the average over visits of the arms' difference, baseline's zero included; type 2 is refused."""
    data = ml.datasets.hamd17()
    data = pd.concat(
        [data.assign(y=data["change"]), data.drop_duplicates("PATIENT").assign(week=0, y=data["basval"] - 18)]
    ).reset_index(drop=True)
    data["week"] = data["week"].astype(int)
    spec = ml.ModelSpec("y ~ TRT * C(week) + cs(week | PATIENT)", baseline_as="constrained", arm="TRT")
    fit = ml.fit(spec, data)
    table = fit.anova()
    assert list(table["num_df"]) == [1, len(set(data["week"])) - 1, len(set(data["week"])) - 1]
    with pytest.raises(HypothesisError, match="use type 3"):
        fit.anova(type=2)


def test_a_posterior_has_the_table_too():
    fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy())
    pd.testing.assert_frame_equal(fit.anova(), fit.test("Days"), rtol=ROUNDING)
    draws = np.random.default_rng(1).multivariate_normal(fit.estimate.beta, fit.vcov, size=(2, 500))
    posterior = replace(fit, estimate=PosteriorDraws(fit.estimate.names, draws, lambda d: {}))
    pd.testing.assert_frame_equal(posterior.anova(), posterior.test("Days"))


def test_the_corrected_information_criterion():
    """As SAS: all observations under ML, less the fixed effects under REML."""
    data = ml.datasets.sleepstudy()
    formula = "Reaction ~ Days + (1 + Days | Subject)"
    for method, k, n in (("reml", 4, 178), ("ml", 6, 180)):
        fit = ml.fit(formula, data, engine=ml.Frequentist(method=method, ddf="satterthwaite"))
        assert fit.aicc == pytest.approx(-2 * fit.loglik + 2 * k * n / (n - k - 1), rel=1e-12)
    few = ml.fit(
        "Reaction ~ C(Days) + cs(Days | Subject)",
        data[data["Subject"].isin(["308", "309"]) & (data["Days"] < 2)],
    )
    assert few.aicc == pytest.approx(-2 * few.loglik + 2 * 2 * 4, rel=1e-12)
