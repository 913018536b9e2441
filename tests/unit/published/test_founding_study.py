"""Every figure of tests/reference/published_audit.json, from the strings that the abstract printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import msclong as ml
from msclong.published import audit, audit_paired, grimmer, hedges_gz, holm

REFERENCE = Path(__file__).parents[2] / "reference"
EXPECTED = json.loads((REFERENCE / "published_audit.json").read_text(encoding="utf-8"))
PRINTED = json.loads((REFERENCE / "sjogren_msct.json").read_text(encoding="utf-8"))["outcomes"]
SSDAI = {str(visit["month"]): visit for visit in PRINTED["ssdai"]["visits"]}
FLOW = PRINTED["unstimulated_flow"]["visits"]

# The reference prints its figures to 2, 3 or 4 digits after the point: half a unit, and a little for binary fractions.
FOURTH, THIRD, SECOND = 0.00005 + 1e-9, 0.0005 + 1e-9, 0.005 + 1e-9
CUT = {"unstimulated_flow_week_2": 0.0006}
"""The reference has 0.267 for an SD of change of 0.26756 at most: cut, not rounded."""
ROUNDED_TWICE = 0.0055
"""The reference has |g_z| = 0.80 at p = 0.016, which is 0.8054: it was rounded to 0.805 first, then to 0.80."""


def figures(visit):
    return visit["mean"], visit["sd"]


@pytest.mark.parametrize(
    ("name", "visit"), [("unstimulated_flow_week_2", FLOW[1]), ("unstimulated_flow_month_1", FLOW[2])]
)
def test_unstimulated_flow(name, visit):
    expected = EXPECTED[name]
    found = audit_paired(expected["n"], figures(FLOW[0]), figures(visit), f"<{expected['p_below']}")
    assert (expected["n"], f"<{expected['p_below']}") == (
        PRINTED["unstimulated_flow"]["n"],
        visit["p_vs_baseline"],
    )
    assert found.r_at_least == pytest.approx(expected["r_at_least"], abs=THIRD)
    assert found.r_at_least_over_rounding == pytest.approx(expected["r_at_least_over_rounding"], abs=THIRD)
    assert found.sd_change_at_most == pytest.approx(expected["sd_change_at_most"], abs=CUT.get(name, FOURTH))
    assert found.unpaired_p == pytest.approx(expected["unpaired_t_p"], abs=THIRD)
    for r, p in expected["paired_p_if_r"].items():
        assert found.paired_p[float(r)] == pytest.approx(p, abs=THIRD if p > 0.01 else FOURTH)
    assert found.r_at_most is None
    assert found.verdict.word == found.verdicts["t"].word == "tight"
    assert "repeated measurements of patients rarely correlate" in found.verdict.reason


def test_ssdai():
    expected = EXPECTED["ssdai"]
    assert expected["n"] == PRINTED["ssdai"]["n"]
    for month, change in expected["change"].items():
        visit = SSDAI[month]
        found = audit_paired(
            expected["n"],
            figures(SSDAI["0"]),
            figures(visit),
            visit["p_vs_baseline"],
            integer=True,
            bounds=(0, 21),
        )
        assert found.change == pytest.approx(change, rel=1e-12)
        assert found.change_ci == pytest.approx(expected["ci_95_if_r_0.5"][month], abs=SECOND)
        needed = expected["r_at_least_for_p_below_0.05"][month]
        if needed == "any":
            assert found.r_needed == "any"
            assert found.r_at_least is None
        else:
            assert found.r_at_least == pytest.approx(needed, abs=SECOND)
        assert found.verdict.word == "attainable"


def test_ssdai_sums():
    expected = EXPECTED["ssdai"]
    for month, visit in SSDAI.items():
        found = grimmer(*figures(visit), expected["n"], bounds=(0, 21))
        total = expected["grim_consistent_sums"][month]
        assert found.pairs == ((total, expected["grimmer_sums_of_squares"][month]),)
        scores = found.example(*found.pairs[0])
        assert (len(scores), sum(scores), sum(x * x for x in scores)) == (expected["n"], *found.pairs[0])
        assert 0 <= min(scores) <= max(scores) <= 21


def test_stimulated_flow():
    expected = EXPECTED["stimulated_flow"]
    printed = [visit["p_vs_baseline"] for visit in PRINTED["stimulated_flow"]["visits"]]
    assert (expected["n"], [f"{p:.3f}" for p in expected["p"]]) == (PRINTED["stimulated_flow"]["n"], printed)
    audits = [audit_paired(expected["n"], p=p) for p in printed]
    assert [found.at_printed["|t|"] for found in audits] == pytest.approx(expected["abs_t"], abs=SECOND)
    for p, found, g in zip(printed, audits, expected["hedges_g_z_abs"], strict=True):
        assert found.at_printed["|g_z|"] == pytest.approx(g, abs=ROUNDED_TWICE if p == "0.016" else SECOND)
    assert hedges_gz(3.30, 11) == pytest.approx(0.92, abs=SECOND)
    table = holm(printed)
    assert list(table["p_adjusted"]) == pytest.approx(expected["holm"], abs=THIRD)
    assert (table["p_low"] <= table["p_adjusted"]).all()
    assert (table["p_adjusted"] <= table["p_high"]).all()


@pytest.mark.parametrize("name", ["anti_ssa", "anti_ssb"])
def test_antibodies_are_impossible_by_any_exact_rank_test(name):
    expected, printed = EXPECTED["antibodies"], PRINTED[name]
    n, p = expected["n"], f"<{expected['p_below']}"
    assert (n, p) == (printed["n"], printed["visits"][0]["p_vs_baseline"])
    found = audit_paired(n, p=p)
    assert found.abs_t[0] == pytest.approx(expected["abs_t_at_least"], abs=SECOND)
    assert found.abs_d_z[0] == pytest.approx(expected["abs_dz_at_least"], abs=SECOND)
    assert found.smallest_exact_p == expected["smallest_p_exact_signed_rank_two_sided"]
    assert found.verdicts["signed-rank"].word == found.verdicts["sign"].word == "impossible"
    assert "0.0625" in found.verdict.reason
    assert found.verdicts["t"].word == found.verdict.word == "tight"
    named = audit_paired(n, p=p, test="signed-rank")
    assert named.verdict.word == "impossible"


def test_no_events():
    expected = EXPECTED["zero_events"]
    found = ml.single_arm.event_limits(expected["events"], expected["n"])
    assert found.upper_one_sided == pytest.approx(expected["upper_one_sided_95"], abs=THIRD)
    assert found.upper == pytest.approx(expected["upper_two_sided_95"], abs=THIRD)
    assert found.rule_of_three == expected["rule_of_three"]


def test_the_whole_abstract_in_one_table():
    records = []
    for name, outcome in PRINTED.items():
        first, *rest = outcome.get("visits", [{"p_vs_baseline": outcome.get("p")}])
        baseline = figures(first) if "mean" in first else None
        for visit in rest if baseline else [first, *rest]:
            records.append(
                {
                    "outcome": name,
                    "visit": f"month {visit['month']}" if "month" in visit else "",
                    "n": outcome.get("n"),
                    "pre": baseline,
                    "post": figures(visit) if baseline else None,
                    "p": visit.get("p_vs_baseline"),
                }
            )
    table = audit(records)
    assert list(table["outcome"].drop_duplicates()) == list(PRINTED)
    assert len(table) == 22
    verdicts = table.groupby("outcome")["verdict"].agg(set)
    assert verdicts["ssdai"] == {"attainable"}
    assert verdicts["unstimulated_flow"] == verdicts["anti_ssa"] == {"tight"}
    assert verdicts["vas"] == verdicts["th17"] == verdicts["duct_dilation"] == {"not testable"}
    assert (table["reason"] != "").all()
