"""What fits say of themselves: the answer first, all that was fitted, and no line wider than a listing."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

import msclong as ml
from msclong.printing.text_table import WIDTH


def test_a_covariance_by_group_stands_side_by_side():
    table = ml.datasets.hamd17()
    spec = ml.ModelSpec("change ~ TRT * week + us(week | TRT / PATIENT)")
    lines = ml.fit(spec, table).summary().split("\n")
    assert any("variance(8) | 1" in line and "variance(8) | 2" in line for line in lines)
    assert max(map(len, lines)) <= WIDTH


def test_what_ties_subjects_and_weighs_observations_is_told():
    table = ml.datasets.sleepstudy()
    ward = table["Subject"].cat.codes % 3
    table = table.assign(ward=ward, Reaction=table["Reaction"] + 200.0 * ward, w=1 + table["Days"] % 2)
    text = ml.fit(ml.ModelSpec("Reaction ~ Days + (1 | ward / Subject)", weights="w"), table).summary()
    assert "180 observations of 18 subjects in 3 independent units" in text
    assert "weights: w" in text


def test_the_contrasts_come_first_and_say_what_they_compare():
    table = ml.datasets.hamd17()
    fit = ml.fit("change ~ TRT * week + us(week | PATIENT)", table)
    text = fit.summary()
    caption = "Changes from baseline (week 1), and their differences between levels of TRT"
    assert text.index(caption) < text.index("Fixed effects") < text.index("Covariance: Sigma")
    row = fit.contrasts().loc[("2 - 1", "8 - 1")]
    line = [line for line in text[text.index("TRT 2 - 1") :].split("\n") if line.startswith("  8 - 1")][0]
    assert line.split() == ["8", "-", "1", f"{row['estimate']:.2f}", f"{row['se']:.2f}", f"{row['lower']:.2f}", "to",
                            f"{row['upper']:.2f}", f"{row['df']:.1f}", f"{row['statistic']:.2f}",
                            f"{row['p_value']:.3f}"]  # fmt: skip


def test_a_model_without_visits_or_arms_starts_with_its_coefficients():
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"id": np.repeat(range(9), 3), "x": rng.normal(size=27), "y": rng.normal(size=27)})
    table["y"] += 3 * table["id"]
    text = ml.fit("y ~ x + (1 | id)", table).summary()
    assert "Changes" not in text
    assert "Fixed effects" in text


LETTERS = st.sampled_from("abc XYZ_:[].'\u6c34\u7d20\u0301\u00e9\u3000(\u00df")
names = st.text(LETTERS, max_size=70).map("x{}y".format)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    arms=st.lists(names, min_size=2, max_size=3, unique=True),
    visits=st.lists(names, min_size=2, max_size=4, unique=True),
    label=names,
    unit=st.sampled_from([1e-7, 1.0, 1e9]),
    bayesian=st.booleans(),
)
def test_no_line_of_any_summary_is_wider_than_a_listing(arms, visits, label, unit, bayesian):
    """Widths by rich's own table of characters."""
    index = pd.MultiIndex.from_product([range(8 * len(arms)), visits], names=["subject", "visit"])
    table = index.to_frame(index=False)
    table["visit"] = pd.Categorical(table["visit"], visits, ordered=True)
    table["arm"] = np.array(arms, dtype=object)[table["subject"] % len(arms)]
    rng = np.random.default_rng(1)
    table["y"] = unit * (rng.normal(size=len(table)) + rng.normal(size=8 * len(arms))[table["subject"]])
    spec = ml.ModelSpec("y ~ arm * visit + (1 | subject)", visit="visit", arm="arm", label=label, unit=label)
    engine = ml.Bayesian(draws=100, seed=1, sampler="importance") if bayesian else ml.Frequentist()
    text = ml.fit(spec, table, engine).summary()
    assert max(map(cell_len, text.split("\n"))) <= WIDTH
    assert all(character.isprintable() or character == "\n" for character in text)
