from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from msclong.errors import DataError, SpecError
from msclong.single_arm import PairedSummary, expected_change, regression_to_the_mean

EXACT = 1e-9
MONTE_CARLO = 4  # standard errors, with a fixed seed

# Eight students before and after a course (McClave and Dietrich 1988), the example of R regtomean 1.2, which prints
# n = 8, means 57.375 and 60.375, SDs 7.0 and 8.8, covariance 54.268.
BEFORE = np.array([45, 52, 63, 68, 57, 55, 60, 59.0])
AFTER = np.array([49, 50, 70, 71, 53, 61, 62, 67.0])


def test_effect_is_the_intercept_of_the_regression():
    found = regression_to_the_mean(BEFORE, AFTER, population_means=(50, 60, 75))
    assert np.cov(BEFORE, AFTER)[0, 1] == pytest.approx(54.268, abs=0.0005)
    for (mu, _), row in found.table.iterrows():
        ols = sm.OLS(AFTER - mu, sm.add_constant(BEFORE - mu)).fit()
        assert row["estimate"] == pytest.approx(ols.params[0], rel=EXACT)
        assert row["se"] == pytest.approx(ols.bse[0], rel=EXACT)
        assert row["p_value"] == pytest.approx(ols.pvalues[0], rel=EXACT)
        assert (row["lower"], row["upper"]) == pytest.approx(tuple(ols.conf_int()[0]), rel=EXACT)
        assert row["estimate"] + row["regression_to_mean"] == pytest.approx(3.0, rel=EXACT)


def test_a_summary_is_as_good_as_the_measurements():
    printed = PairedSummary(
        8, 57.375, BEFORE.std(ddof=1), 60.375, AFTER.std(ddof=1), np.corrcoef(BEFORE, AFTER)[0, 1]
    )
    one = regression_to_the_mean(BEFORE, AFTER, population_means=(50, 60)).table
    other = regression_to_the_mean(printed, population_means=(50, 60)).table
    assert np.allclose(one, other, rtol=EXACT)
    unknown = regression_to_the_mean(
        PairedSummary(8, 57.375, 7.0, 60.375, 8.8), population_means=(50, 60), correlations=(0.5, 0.8)
    )
    assert len(unknown.table) == 4
    assert "correlation 0.5 to 0.8" in unknown.sentence()


@pytest.mark.parametrize(("change", "n", "shape"), [(2.0, 40, 1), (0.0, 6, 1), (8.0, 4, 2), (3.0, 200, 1)])
def test_where_the_effect_ceases_to_be_significant(change, n, shape):
    """Just inside each end the p-value lies above 5 %, just outside below; shape: intervals."""
    summary = PairedSummary(n, 10.0, 2.0, 10.0 + change, 2.0, 0.95 if shape == 2 else 0.5)
    found = regression_to_the_mean(summary, population_means=(0.0,))
    (intervals,) = found.no_effect.values()
    for low, high in intervals:
        for end, inwards in ((low, 1), (high, -1)):
            if math.isfinite(end):
                step = 1e-6 * max(1.0, abs(end)) * inwards
                p = regression_to_the_mean(summary, population_means=(end - step, end + step)).table[
                    "p_value"
                ]
                inside, outside = (p.iloc[1], p.iloc[0]) if inwards > 0 else (p.iloc[0], p.iloc[1])
                assert outside < 0.05 < inside


def test_no_effect_may_be_everywhere():
    found = regression_to_the_mean(BEFORE, AFTER, population_means=(50, 80))
    assert found.no_effect == {found.summary.r: ((-math.inf, math.inf),)}
    assert "every population mean" in found.sentence()


def test_without_an_effect_only_mee_and_chua_keep_their_level():
    """Patients with a score above 6 from a population of mean 5, measured twice, untreated; 2,000 trials of 24."""
    rng, trials, n, mu, sd, rho = np.random.default_rng(20), 2000, 24, 5.0, 1.5, 0.6
    chosen = stats.truncnorm((6 - mu) / sd, np.inf, loc=mu, scale=sd).rvs((trials, n), random_state=rng)
    later = mu + rho * (chosen - mu) + sd * math.sqrt(1 - rho**2) * rng.standard_normal((trials, n))
    rejected = [
        regression_to_the_mean(x, y, population_means=(mu,)).table["p_value"].iloc[0] < 0.05
        for x, y in zip(chosen, later, strict=True)
    ]
    naive = stats.ttest_rel(chosen, later, axis=1).pvalue < 0.05
    error = math.sqrt(0.05 * 0.95 / trials)
    assert abs(np.mean(rejected) - 0.05) < MONTE_CARLO * error
    assert naive.mean() > 0.5
    expected = expected_change(6, mu, sd, rho)
    assert (later - chosen).mean() == pytest.approx(expected, abs=MONTE_CARLO * sd / math.sqrt(trials * n))


def test_what_selection_alone_brings():
    """Of the very population that Davis's formula supposes, the mean and the SD of those selected tell the same."""
    part = stats.truncnorm((6 - 5) / 1.5, np.inf, loc=5, scale=1.5)
    summary = PairedSummary(24, part.mean(), part.std(), 5.0, 1.5)
    found = regression_to_the_mean(
        summary, population_means=(5,), retest_correlations=(0.6, 0.9), entry=("above", 6)
    )
    assert found.selection["population_sd"].to_numpy() == pytest.approx([1.5, 1.5], rel=1e-6)
    assert found.selection["expected_by_entry"].to_numpy() == pytest.approx(
        found.selection["expected_change"].to_numpy(), rel=1e-6
    )
    assert found.selection["expected_change"].iloc[0] == pytest.approx(
        expected_change(6, 5, 1.5, 0.6), rel=1e-6
    )


def test_benefit_has_a_direction():
    summary = PairedSummary(24, 5.63, 1.44, 3.08, 1.21, 0.5)
    assert regression_to_the_mean(summary, population_means=(5,), better="lower").table["benefit"].all()
    assert not regression_to_the_mean(summary, population_means=(5,), better="higher").table["benefit"].any()


def test_figures_may_be_numpys_own():
    summary = PairedSummary(np.int64(24), np.float32(5.5), 1.5, 3, 1.25)
    found = regression_to_the_mean(
        summary, population_means=np.array([4, 5]), entry=["above", np.int64(3)], level=np.float32(0.5)
    )
    plain = regression_to_the_mean(
        PairedSummary(24, 5.5, 1.5, 3.0, 1.25), population_means=(4, 5), entry=("above", 3), level=0.5
    )
    assert np.array_equal(found.table, plain.table)
    assert np.array_equal(found.selection, plain.selection)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "said"),
    [
        (([1, 2, math.nan], [1, 2, 3]), {}, DataError, "missing"),
        (([1, 2, 3], [1, 2]), {}, DataError, "same patients"),
        (([1, 2], [1, 2]), {}, DataError, "at least 3"),
        (([2, 2, 2], [1, 2, 3]), {}, DataError, "must vary"),
        ((["a", "b", "c"], [1, 2, 3]), {}, DataError, "numbers"),
        (([1, 2, 3], [2, 3, 4]), {}, DataError, "exact line"),
        (([1, 2, 3],), {}, SpecError, "after treatment"),
        ((BEFORE, AFTER), {"population_means": ()}, SpecError, "population_means"),
        ((BEFORE, AFTER), {"population_means": (math.inf,)}, SpecError, "finite"),
        ((BEFORE, AFTER), {"correlations": (0.5,)}, SpecError, "one of their own"),
        ((BEFORE, AFTER), {"retest_correlations": (1.5,)}, SpecError, "-1 and 1"),
        ((BEFORE, AFTER), {"entry": ("over", 5)}, SpecError, "entry"),
        ((BEFORE, AFTER), {"entry": ("above", 50)}, DataError, "1 of 8"),
        ((BEFORE, AFTER), {"better": "up"}, SpecError, "better"),
        ((BEFORE, AFTER), {"level": 95}, SpecError, "level"),
    ],
)
def test_bad_input(arguments, options, error, said):
    with pytest.raises(error, match=said):
        regression_to_the_mean(*arguments, **{"population_means": (50,)} | options)


@pytest.mark.parametrize(
    "figures",
    [
        (2, 1, 1, 1, 1),
        (24, 1, 0, 1, 1),
        (24, 1, -1, 1, 1),
        (24, math.nan, 1, 1, 1),
        (24, 1, 1, 1, 1, 1.2),
        (24, "1", 1, 1, 1),
    ],
)
def test_impossible_summaries(figures):
    with pytest.raises(DataError):
        PairedSummary(*figures)
