from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from effort import lines_run
from msclong.errors import DataError, SpecError
from msclong.published import audit, audit_paired
from msclong.published.paired_t import change_sd, correlation, correlation_over_rounding, paired_p, unpaired_p

EXACT = 1e-10  # closed forms against scipy's tests of made-up measurements
FEW = 500_000  # lines; counting the sums one by one took 7.5 s for 800 patients
GRID = 1e-12  # a grid that holds the corners cannot go beyond the interval


def sample(seed, n=12):
    rng = np.random.default_rng(seed)
    x = rng.normal(5, 2, n)
    return x, 0.6 * x + rng.normal(3, 1, n)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_p_values_are_those_of_scipy_at_the_samples_own_correlation(seed):
    x, y = sample(seed)
    r = np.corrcoef(x, y)[0, 1]
    figures = (y.mean() - x.mean(), x.std(ddof=1), y.std(ddof=1), x.size)
    assert paired_p(*figures, r) == pytest.approx(stats.ttest_rel(x, y).pvalue, rel=EXACT)
    assert unpaired_p(*figures) == pytest.approx(stats.ttest_ind(x, y).pvalue, rel=EXACT)
    assert change_sd(*figures[1:3], r) == pytest.approx((y - x).std(ddof=1), rel=EXACT)
    assert correlation(*figures, abs(stats.ttest_rel(x, y).statistic)) == pytest.approx(r, rel=EXACT)


@pytest.mark.parametrize(
    ("change", "s0", "s1", "t"),
    [
        ((0.36, 0.38), (0.725, 0.735), (0.775, 0.785), 4.587),
        ((0.5, 1.5), (0.5, 1.5), (1.5, 2.5), 2.0),
        ((-1.5, -0.5), (0.5, 3.5), (0.5, 3.5), 3.0),
        ((-0.2, 0.8), (0.5, 1.5), (0.5, 2.5), 1.5),
        ((0.5, 1.5), (0.5, 1.5), (1.5, 2.5), math.inf),
    ],
)
def test_over_rounding_against_a_grid(change, s0, s1, t):
    found = correlation_over_rounding(change, s0, s1, 11, t)
    every = [
        correlation(D, a, b, 11, t)
        for D in (*np.linspace(*change, 21), *([0.0] if change[0] < 0 < change[1] else []))
        for a in np.linspace(*s0, 101)
        for b in np.linspace(*s1, 101)
    ]
    assert found[0] <= min(every) + GRID
    assert max(every) <= found[1] + GRID
    assert found == pytest.approx(
        (min(every), max(every)), abs=0.002
    )  # the grid's step between the turning points


def test_over_rounding_where_the_extreme_lies_on_an_edge():
    """r = (a^2 + b^2 - v) / 2 a b is least over a at a^2 = b^2 - v, where it is a / b."""
    n, t, D, b = 11, 3.0, 0.5, (2.0, 2.0)
    turn = math.sqrt(4 - D**2 * n / t**2)
    for box in (((0.5, 3.5), b), (b, (0.5, 3.5))):
        low, high = correlation_over_rounding((D, D), *box, n, t)
        assert low == pytest.approx(turn / 2, rel=EXACT)
        assert high == pytest.approx(correlation(D, 0.5, 2.0, n, t), rel=EXACT)


def test_the_needed_correlation_gives_the_printed_p():
    found = audit_paired(11, ("0.63", "0.73"), ("1.00", "0.78"), "0.008")
    assert paired_p(0.37, 0.73, 0.78, 11, found.r_at_least) == pytest.approx(0.0085, rel=1e-9)
    assert paired_p(0.37, 0.73, 0.78, 11, found.r_at_most) == pytest.approx(0.0075, rel=1e-9)
    over = audit_paired(11, ("0.63", "0.73"), ("1.00", "0.78"), ">0.05")
    assert over.r_at_least is None
    assert paired_p(0.37, 0.73, 0.78, 11, over.r_at_most) == pytest.approx(0.05, rel=1e-9)
    assert "at most" in over.r_needed


def test_impossible_by_t():
    """No correlation makes a change of 0.01 significant where the SDs differ by more; or hides one of 10 SDs."""
    small = audit_paired(6, ("1.00", "0.50"), ("1.01", "2.50"), "<0.001", test="t")
    assert small.verdict.word == "impossible"
    assert "above 1" in small.verdict.reason
    assert small.r_needed == "none"
    large = audit_paired(20, ("1.00", "0.50"), ("6.00", "0.50"), "0.60", test="t")
    assert large.verdict.word == "impossible"
    assert "below -1" in large.verdict.reason
    just = audit_paired(20, ("1.00", "0.50"), ("1.15", "0.50"), "0.60", test="t")
    assert -9 < just.r_range[1] < -1
    assert just.verdict.word == "impossible"


def test_means_or_sds_that_whole_numbers_cannot_have_are_impossible_whatever_p():
    found = audit_paired(28, ("5.19", "1.00"), ("4.00", "1.00"), "<0.05", integer=True)
    assert found.verdict.word == "impossible"
    assert "5.19" in found.verdict.reason
    assert found.verdicts["t"].word == "attainable"


def test_exact_tests_are_discrete():
    """At n = 5 two-sided p-values are multiples of 0.0625; 0.008 at n = 11 needs zeros among the changes."""
    assert audit_paired(5, p="0.04", test="sign").verdict.word == "impossible"
    assert audit_paired(5, p="0.06", test="signed-rank").verdict.word == "tight"
    assert audit_paired(11, p="0.008").verdicts["sign"].word == "tight"
    assert audit_paired(11, p="0.008", integer=True).verdicts["sign"].word == "attainable"
    assert audit_paired(6, p="0.09", test="signed-rank").verdict.word == "attainable"
    gap = audit_paired(5, p="0.10", test="sign").verdict
    assert gap.word == "impossible"
    assert "no p-value that would be printed as 0.10" in gap.reason


def test_every_exact_p_of_tied_changes_is_attainable():
    """An adversarial reviewer's sample of 16, exact permutation p 0.52673."""
    assert audit_paired(16, p="0.5267", test="signed-rank", integer=True).verdict.word == "attainable"


def test_the_normal_approximation_of_a_signed_rank_test_is_a_statement_of_its_own():
    """wilcox.test(1:5, exact=FALSE, correct=FALSE) has p 0.0431 in R, and c(1, 1, 2, 2, 3) with its defaults 0.0568."""
    for p, reason in (("0.043", "all of them have the same sign"), ("0.057", "zero or tied")):
        found = audit_paired(5, p=p, test="signed-rank")
        words = {name: verdict.word for name, verdict in found.verdicts.items()}
        assert words["signed-rank"] == words["sign"] == "impossible"
        assert words["signed-rank-normal"] == found.verdict.word == "tight"
        assert reason in found.verdict.reason
    for p in ("<0.001", "<0.025"):
        found = audit_paired(5, p=p, test="signed-rank").verdict
        assert found.word == "impossible"
        assert "0.0625" in found.reason
        assert "0.0253 (0.0431 unless some are tied)" in found.reason
    assert audit_paired(5, p="<0.03", test="signed-rank").verdict.word == "tight"


@pytest.mark.parametrize("p", ["0.50", "0.01"])
@pytest.mark.parametrize("test", [None, "sign", "signed-rank"])
def test_rank_tests_of_changes_that_cannot_go_either_way(test, p):
    """A mean change of 9 beside SDs of 0.73 leaves no change of another sign: p is 2^-10."""
    figures = (11, ("0.63", "0.73"), ("9.63", "0.73"))
    found = audit_paired(*figures, p, test=test)
    assert found.verdict.word == "impossible"
    assert (
        "no change is zero or goes against the mean change"
        in audit_paired(*figures, p, test="sign").verdict.reason
    )
    assert audit_paired(*figures, "0.001", test="sign").verdict.word == "attainable"


def test_rank_tests_of_changes_that_must_go_both_ways():
    """SDs of 0.50 and 2.50 leave the changes an SD of 2, beyond sqrt(6) times their mean."""
    figures = (6, ("1.00", "0.50"), ("1.01", "2.50"))
    found = audit_paired(*figures, "0.03", test="sign").verdict
    assert found.word == "impossible"
    assert "one change or more goes against" in found.reason
    assert audit_paired(*figures, "0.22", test="sign").verdict.word == "attainable"


def test_some_changes_against():
    """n B / (n D^2 + B) = 20 * 35.1 / (20 * 2.9^2 + 35.1) = 3.5, B = 19 * (0.655 + 0.705)^2. Of 3, p = 0.0026."""
    few = audit_paired(20, ("5.0", "0.65"), ("8.0", "0.70"), "0.50", test="sign").verdict
    assert few.word == "impossible"
    assert "at most 3 of 20 changes" in few.reason
    # 3 of 18 have p = 0.0075; with the 2 zeros they would be 5.
    assert (
        audit_paired(20, ("5.0", "0.65"), ("8.0", "0.70"), "0.0075", test="sign").verdict.word == "impossible"
    )
    assert (
        audit_paired(20, ("5.0", "0.65"), ("8.0", "0.70"), "0.003", test="sign").verdict.word == "attainable"
    )


def test_two_patients_correlate_perfectly():
    figures = (2, ("1.00", "0.50"), ("2.00", "0.50"))
    between = audit_paired(*figures, "0.30", test="t").verdict
    assert between.word == "impossible"
    assert "two patients have -1 or 1" in between.reason
    assert paired_p(1, 0.5, 0.5, 2, -1) == pytest.approx(0.39, abs=0.005)
    against = audit_paired(*figures, "0.39", test="t").verdict
    assert against.word == "attainable"
    assert "r = -1" in against.reason
    assert "r = 1" in audit_paired(*figures, "0.001", test="t").verdict.reason


def test_an_sd_of_zero():
    """Rounded to zero, or everybody's the same: p is then the same at any correlation."""
    x = np.array([3.0, 4, 6, 9, 5])
    expected = stats.ttest_1samp(x - 2, 0).pvalue
    for sd in ("0", "0.0"):
        found = audit_paired(
            5, ("2", sd), (f"{x.mean():.2f}", f"{x.std(ddof=1):.3f}"), f"{expected:.4f}", test="t"
        )
        assert found.verdict.word == "attainable"
        assert found.paired_p[0.5] == pytest.approx(expected, rel=0.001)
    assert audit_paired(5, ("2", "0"), ("5.40", "2.30"), "0.50", test="t").verdict.word == "impossible"
    both = audit_paired(5, ("2", "0"), ("5", "0"), "<0.001")
    assert (both.unpaired_p, both.paired_p[0.5], both.verdict.word) == (0.0, 0.0, "attainable")


def test_bounds_limit_the_sd_of_any_numbers():
    found = audit_paired(24, ("5", "9"), bounds=(0, 10)).verdict
    assert found.word == "impossible"
    assert "cannot have the SD 9" in found.reason
    for n in (2, 5, 24):  # half at either end has the largest SD
        x = np.array([0.0] * (n // 2) + [10.0] * (n - n // 2))
        most = x.std(ddof=1)
        for sd, word in ((most, "not testable"), (1.01 * most, "impossible")):
            if word == "not testable" or n % 2 == 0:
                given = audit_paired(n, (f"{x.mean():.3f}", f"{sd:.3f}"), bounds=(0, 10))
                assert given.verdict.word == word


def test_where_rounding_alone_decides():
    found = audit_paired(40, ("5", "1"), ("5", "1"), ">0.05", test="t").verdict
    assert "at correlations that rounding alone decides" in found.reason
    assert "-1.000 to 1.000" not in found.reason


@pytest.mark.parametrize("n", [12, 800, 3000])
def test_many_patients_are_little_work(n):
    assert lines_run(lambda: audit_paired(n, ("0.63", "0.73"), ("1.00", "0.78"), "0.0412")) < FEW


@pytest.mark.parametrize("p", ["<0.05", "0.012", ">0.05", "0.60"])
def test_a_true_paper_is_never_impossible(p):
    """Measurements printed to two digits with their own p-value: no verdict may call that impossible."""
    for seed in range(30):
        x, y = (np.round(values, 1) for values in sample(seed, n=8))
        y = y - (y.mean() - x.mean()) * (0.6 if p.startswith((">", "0.6")) else 0.2)
        true = {
            "t": stats.ttest_rel(x, y).pvalue,
            "signed-rank": stats.wilcoxon(x, np.round(y, 3), method="exact").pvalue,
            "sign": stats.binomtest(int((x < y).sum()), 8).pvalue,
        }
        for test, value in true.items():
            printed = f"{value:.3f}" if p[0] == "0" else ("<0.05" if value < 0.05 else ">0.05")
            figures = [(f"{v.mean():.2f}", f"{v.std(ddof=1):.2f}") for v in (x, y)]
            found = audit_paired(8, *figures, printed, test=test)
            assert found.verdict.word in ("attainable", "tight"), (seed, test, value, str(found))


def test_partial_figures():
    nothing = audit_paired()
    assert nothing.verdict.word == "not testable"
    assert "no n and no p-value" in nothing.verdict.reason
    assert nothing.to_frame().empty
    means = audit_paired(11, ("0.63", None), ("1.00", None), "<0.001")
    assert means.sd_change_at_most == pytest.approx(0.37 * math.sqrt(11) / means.abs_t[0])
    assert means.r_needed == ""
    without_p = audit_paired(11, ("0.63", "0.73"), ("1.00", "0.78"))
    assert without_p.verdict.word == "not testable"
    assert without_p.paired_p[0.5] == pytest.approx(0.136, abs=0.0005)


def test_what_is_shown():
    found = audit_paired(
        24, ("5.63", "1.44"), ("4.33", "1.79"), "<0.05", integer=True, bounds=(0, 21), label="<SSDAI>"
    )
    text, html = str(found), found._repr_html_()
    assert "<SSDAI>: n = 24, 5.63 (1.44) to 4.33 (1.79), p < 0.05" in text
    assert "sum 135, sum of squares 807" in text
    assert max(map(len, text.splitlines())) <= 100
    assert "&lt;SSDAI&gt;" in html
    assert "<SSDAI>" not in html
    assert "attainable" in repr(found)
    table = found.to_frame()
    assert list(table.columns) == ["value", "lower", "upper"]
    assert table.loc["r at least", "value"] == found.r_at_least


def test_a_paper_as_a_table():
    first = audit_paired(5, p="<0.001", label="anti-SSA")
    table = audit([first, {"outcome": "flow", "visit": "week 2", "n": 11, "p": "0.008"}, {"outcome": "VAS"}])
    assert list(table["outcome"]) == ["anti-SSA", "flow", "VAS"]
    assert list(table["verdict"]) == ["tight", "attainable", "not testable"]
    with pytest.raises(DataError, match=r"Record 1 \(flow\).*trailing zeros"):
        audit([{"outcome": "flow", "n": 11, "p": 0.008}])
    with pytest.raises(DataError, match="'sd'"):
        audit([{"outcome": "flow", "sd": "1"}])
    assert list(table.loc[0, ["signed_rank", "signed_rank_normal", "sign"]]) == ["impossible"] * 3
    for wrong in ([], {"n": 11}, "flow", [3]):
        with pytest.raises(DataError):
            audit(wrong)


def test_a_paper_from_a_table():
    """NaN stands for a figure that was not printed, and makes floats of counts."""
    given = pd.DataFrame(
        {
            "outcome": ["flow", "anti-SSA", "VAS"],
            "n": [11, 5, np.nan],
            "p": ["0.008", "<0.001", None],
            "pre": [("0.63", "0.73"), np.nan, np.nan],
            "post": [("1.00", np.nan), None, pd.NA],
        }
    )
    before = given.copy()
    table = audit(given)
    pd.testing.assert_frame_equal(given, before)
    records = [
        {"outcome": "flow", "n": 11, "p": "0.008", "pre": ("0.63", "0.73"), "post": ("1.00", None)},
        {"outcome": "anti-SSA", "n": 5, "p": "<0.001"},
        {"outcome": "VAS"},
    ]
    pd.testing.assert_frame_equal(table, audit(records))


def test_figures_may_be_numpys_own():
    plain = audit_paired(11, ("0.63", "0.73"), ("1.00", "0.78"), "<0.001", integer=False, bounds=(0, 21))
    other = audit_paired(
        np.int64(11),
        np.array(["0.63", "0.73"]),
        pd.Series(["1.00", "0.78"]),
        np.str_("<0.001"),
        integer=np.False_,
        items=np.int64(1),
        bounds=np.array([0, 21]),
    )
    assert str(other) == str(plain)
    nothing = audit_paired(np.nan, (np.nan, np.nan), np.nan, np.nan)
    assert str(nothing) == str(audit_paired())


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"n": 1, "p": "0.04"}, DataError, "at least 2"),
        ({"n": 11.0}, DataError, "whole number"),
        ({"n": 11, "p": "1.4"}, DataError, "between 0 and 1"),
        ({"n": 11, "pre": ("0.63", "-0.7")}, DataError, "not negative"),
        ({"n": 11, "p": "1e-400"}, DataError, "<1e-300"),
        ({"n": 11, "pre": ("0.63", "0.7", "9")}, DataError, "mean, SD"),
        ({"n": 11, "pre": (0.63, "0.7")}, DataError, "mean before.*float"),
        ({"n": 11, "pre": "0.63"}, DataError, "mean, SD"),
        ({"n": 11, "post": ("23", "1"), "bounds": (0, 21)}, DataError, "outside the scale"),
        ({"n": 11, "test": "wilcoxon"}, SpecError, "signed-rank"),
        ({"n": 11, "integer": 1}, SpecError, "True or False"),
        ({"n": 11, "items": 3}, SpecError, "integer=True"),
    ],
)
def test_bad_input(arguments, error, said):
    with pytest.raises(error, match=said):
        audit_paired(**arguments)
