"""Reconstructed data sets: each has every printed figure, together they span what was not printed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import msclong as ml
from msclong import published
from msclong.errors import DataError, SpecError
from msclong.published import audit_paired, reconstruct
from msclong.published.printed import number, p_value

FLOW = {"0": ("0.63", "0.73"), "2": ("1.00", "0.78"), "4": ("1.26", "1.02")}
SSDAI = {"0": ("5.63", "1.44"), "1": ("4.33", "1.79"), "12": ("3.08", "1.21")}

BINARY = 1e-9  # relative: ends such as 0.635 have no binary fraction
SPANNED = 0.9  # of the admissible correlations, by 200 of them drawn evenly: missed with a chance of 1e-7


def check(table, n, visits, p, bounds=(-math.inf, math.inf), step=None):
    """Every printed figure in every set, by NumPy and scipy from the values."""
    assert table.groupby("set").size().eq(n * len(visits)).all()
    values = table["value"].to_numpy()
    assert values.min() >= bounds[0]
    assert values.max() <= bounds[1]
    if step is not None:
        assert np.allclose(values / step, np.rint(values / step), rtol=0, atol=1e-6)
    first = next(iter(visits))
    for _, one in table.groupby("set"):
        wide = one.pivot(index="subject", columns="visit", values="value")
        assert len(wide) == n
        for visit, (mean, sd) in visits.items():
            for printed, value in ((mean, wide[visit].mean()), (sd, wide[visit].std(ddof=1))):
                low, high = (float(end) for end in (number(printed, "").low, number(printed, "").high))
                assert low - BINARY * abs(low) <= value <= high + BINARY * abs(high), (visit, printed, value)
        for visit, text in p.items():
            found = stats.ttest_rel(wide[visit], wide[first]).pvalue
            read = p_value(text)
            assert read.low * (1 - BINARY) <= found <= read.high * (1 + BINARY), (visit, text, found)
            assert read.relation == "=" or found != read.value


@pytest.mark.parametrize("recorded", [{}, {"decimals": 2}])
def test_skewed_outcome_above_zero(recorded):
    p = {"2": "<0.001", "4": "<0.001"}
    table = reconstruct(11, FLOW, p, bounds=(0, None), n_sets=20, seed=1, **recorded)
    check(table, 11, FLOW, p, (0, math.inf), 0.01 if recorded else None)
    assert stats.skew(table["value"]) > 0


def test_whole_numbers_have_the_sums_that_the_figures_determine():
    p = {"1": "<0.05", "12": "<0.05"}
    table = reconstruct(24, SSDAI, p, bounds=(0, 21), integer=True, n_sets=20, seed=1)
    check(table, 24, SSDAI, p, (0, 21), 1)
    sums = table.groupby(["set", "visit"], observed=True)["value"].agg(["sum", lambda x: x @ x])
    assert sums.xs("0", level="visit").drop_duplicates().to_numpy().tolist() == [[135, 807]]
    assert sums.xs("12", level="visit").drop_duplicates().to_numpy().tolist() == [[74, 262]]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    n=st.integers(4, 60),
    before=st.floats(-20, 50),
    effect=st.floats(-2, 2),
    sds=st.tuples(st.floats(0.5, 9), st.floats(0.5, 9)),
    r=st.floats(-0.8, 0.95),
    digits=st.integers(1, 3),
    exact=st.booleans(),
    bounded=st.booleans(),
    recorded=st.booleans(),
)
def test_whatever_a_sample_prints_can_be_reconstructed(
    n, before, effect, sds, r, digits, exact, bounded, recorded
):
    """Figures of a made-up sample, printed to some digits, always have a data set: the sample was one."""
    rng = np.random.default_rng(n)
    z = rng.normal(size=(n, 2)) @ np.linalg.cholesky([[1, r], [r, 1]]).T
    x = (np.array([before, before + effect * sds[1]]) + z * sds).round(digits)
    if min(x.std(axis=0, ddof=1)) < 10.0**-digits:
        return
    found = stats.ttest_rel(x[:, 1], x[:, 0]).pvalue
    p = {"b": f"{found:.3f}" if exact else "<0.05" if found < 0.05 else ">0.05"}
    visits = {
        name: (f"{m:.{digits}f}", f"{s:.{digits}f}")
        for name, m, s in zip("ab", x.mean(axis=0), x.std(axis=0, ddof=1), strict=True)
    }
    bounds = (float(x.min() - 3 * max(sds)), None) if bounded else (None, None)
    decimals = digits if recorded else None
    table = reconstruct(n, visits, p, bounds=bounds, decimals=decimals, n_sets=2, seed=n)
    check(
        table,
        n,
        visits,
        p,
        (bounds[0] if bounded else -math.inf, math.inf),
        10.0**-digits if recorded else None,
    )


@pytest.mark.parametrize(
    ("n", "visits", "p", "options"),
    [
        (11, {v: FLOW[v] for v in ("0", "2")}, "<0.001", {"bounds": (0, None)}),
        (11, {v: FLOW[v] for v in ("0", "2")}, ">0.05", {}),
        (24, {v: SSDAI[v] for v in ("0", "1")}, "<0.05", {}),
    ],
)
def test_correlations_span_what_the_audit_admits(n, visits, p, options):
    first, later = visits
    audited = audit_paired(n, visits[first], visits[later], p)
    low = max(-1.0, -1.0 if audited.r_at_least is None else audited.r_at_least_over_rounding[0])
    high = min(1.0, 1.0 if audited.r_at_most is None else audited.r_at_most_over_rounding[1])
    table = reconstruct(n, visits, {later: p}, n_sets=200, seed=2, **options)
    least, most = table.attrs["correlations"][later]
    assert low - BINARY <= least
    assert most <= high + BINARY
    assert most - least >= SPANNED * (high - low)


def test_no_two_sets_are_alike_and_a_seed_gives_the_same_again():
    options = {"n_sets": 5, "bounds": (0, None)}
    one, again, other = (reconstruct(11, FLOW, seed=seed, **options) for seed in (1, 1, 2))
    assert one.equals(again)
    assert not one.equals(other)
    assert len(set(one.groupby("set")["value"].first())) == 5
    assert reconstruct(11, FLOW, n_sets=1).attrs["seed"] != reconstruct(11, FLOW, n_sets=1).attrs["seed"]


def test_allowed_correlations_are_kept():
    visits = {v: SSDAI[v] for v in ("0", "1")}
    for recorded in ({}, {"integer": True}):
        table = reconstruct(24, visits, correlation=(0.4, 0.6), n_sets=20, seed=1, **recorded)
        least, most = table.attrs["correlations"]["1"]
        assert 0.4 - BINARY <= least <= most <= 0.6 + BINARY


def test_what_is_assumed_is_said_and_the_table_can_be_fitted():
    table = reconstruct(11, FLOW, {"2": "<0.001"}, bounds=(0, None), decimals=2, n_sets=2, seed=1)
    assert list(table.columns) == ["set", "subject", "visit", "value"]
    assert table["visit"].cat.categories.tolist() == list(FLOW)
    assert table.attrs["printed"] == {
        "n": 11,
        "visits": {v: list(f) for v, f in FLOW.items()},
        "p": {"2": "<0.001"},
    }
    told = " ".join(table.attrs["assumptions"])
    for word in ("every visit", "n - 1", "at least 0", "0.01", "Correlations", "paired t-test"):
        assert word in told
    fit = ml.fit("value ~ visit + cs(visit | subject)", table[table["set"] == 1])
    assert fit.synthetic == table.attrs["synthetic"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n": 2}, "at least 3"),
        ({"visits": {}}, "visits names"),
        ({"visits": [("0.63", "0.73")]}, "visits names"),
        ({"visits": {"0": (0.63, 0.73)}}, "trailing zeros"),
        ({"visits": {"0": ("0.63",)}}, "a mean and an SD"),
        ({"visits": {"0": ("0.63", "0")}}, "above zero"),
        ({"p": "<0.001"}, "p names the visits"),
        ({"p": {"0": "<0.001"}}, "after the baseline"),
        ({"p": {"2": "ns"}}, "no number"),
        ({"p": {"2": "<0.001"}, "correlation": (-1, 0.9)}, "correlation of 0.935"),
        ({"bounds": (0.7, None)}, "outside the bounds"),
        ({"bounds": (0, 1)}, "No 11 values between 0 and 1"),
        ({"n": 24, "visits": {"0": ("5.61", "1.44")}, "integer": True}, "GRIM"),
        ({"n": 24, "visits": {"0": ("5.63", "1.4400")}, "decimals": 0}, "GRIMMER"),
        (
            {"visits": {"0": ("0.631", "0.73")}, "decimals": 1},
            "in units of 0.1: 11 whole numbers cannot have the mean",
        ),
        ({"visits": {"0": ("0.0", "0.5")}, "bounds": (0, None)}, "the largest is"),
    ],
)
def test_figures_that_no_data_have(changed, message):
    with pytest.raises(DataError, match=message):
        reconstruct(**{"n": 11, "visits": FLOW, "seed": 1, "n_sets": 2} | changed)


def test_what_is_not_found_says_what_stopped_it():
    """Each visit has whole numbers, 4, 5, 6 and 5, 6, 7, but no order of them has this p-value."""
    with pytest.raises(DataError, match=r"No data set was found in \d+ attempts.*visit 1"):
        reconstruct(
            3, {"0": ("5", "1.00"), "1": ("6.00", "1.00")}, {"1": "0.3000"}, integer=True, n_sets=1, seed=1
        )


@pytest.mark.parametrize(
    ("n", "visits", "recorded"),
    [
        (10, ("5.0", "1.0"), {"integer": True}),
        (3, ("5", "0.50"), {"integer": True}),
        (10, ("0.50", "0.10"), {"decimals": 1}),
    ],
)
def test_what_grimmer_proves_impossible_is_not_searched_for(n, visits, recorded):
    """The mean alone admits these; the sum and the sum of squares together do not."""
    assert published.grim(visits[0], n).consistent or "decimals" in recorded
    with pytest.raises(DataError, match=r"GRIMMER"):
        reconstruct(n, {"0": visits}, n_sets=1, seed=1, **recorded)


@pytest.mark.parametrize(
    ("visits", "recorded"),
    [(("50.0", "10.0"), {"integer": True}), (("50", "10"), {"decimals": 2, "bounds": (0, None)})],
)
def test_coarse_figures_of_many_patients_are_not_tried_one_by_one(visits, recorded):
    """Listing all sums of squares of the first takes seconds; those of the second GRIMMER refuses to list."""
    check(reconstruct(400, {"0": visits}, n_sets=1, seed=1, **recorded), 400, {"0": visits}, {})


def test_numpy_integers_are_whole_numbers():
    plain = reconstruct(11, FLOW, decimals=2, n_sets=2, seed=3)
    same = reconstruct(np.int64(11), FLOW, decimals=np.uint8(2), n_sets=np.int32(2), seed=np.int64(3))
    assert same.equals(plain)
    assert same.attrs == plain.attrs
    assert type(same.attrs["seed"]) is int


@pytest.mark.parametrize(
    "option",
    [
        {"correlation": 0.5},
        {"correlation": (0.6, 0.4)},
        {"correlation": (0, 1.5)},
        {"bounds": (2, 1)},
        {"bounds": 0},
        {"bounds": ("0", None)},
        {"integer": True, "decimals": 2},
        {"decimals": -1},
        {"n_sets": 0},
        {"seed": -1},
    ],
)
def test_impossible_options(option):
    with pytest.raises(SpecError, match=next(iter(option))):
        reconstruct(11, FLOW, **option)
