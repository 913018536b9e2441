"""What plots show, as data, before any of it is drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from msclong.plots.chains import rank_counts
from msclong.plots.covariance import sd_and_correlation
from msclong.plots.forest import forest_rows
from msclong.plots.residuals import normal_quantiles
from msclong.plots.trajectories import evenly, thinned


def table(*estimates: float) -> pd.DataFrame:
    frame = pd.DataFrame({"estimate": estimates})
    return frame.assign(se=1.0, lower=frame["estimate"] - 2, upper=frame["estimate"] + 2)


def test_forest_rows_place_engines_within_rows_and_leave_room_for_headings():
    tables = {"Frequentist": table(1, 2, 3), "Bayesian": table(1.1, 2.1, 3.1)}
    rows = forest_rows(tables, ["A", "A", "B - A"], ["week 1", "week 2", "week 1"])
    first = rows[rows["engine"] == "Frequentist"]
    assert first["y"].tolist() == [1, 2, 4]  # 0 and 3 are headings
    assert first["label"].tolist() == ["week 1", "week 2", "week 1"]
    assert rows["estimate"].tolist() == [1, 2, 3, 1.1, 2.1, 3.1]
    assert rows.groupby("y")["offset"].sum().abs().max() < 1e-12
    assert (rows["offset"].abs() < 0.5).all()


def test_forest_rows_without_arms_have_no_headings():
    rows = forest_rows({"Frequentist": table(1, 2)}, ["", ""], ["day 1", "day 2"])
    assert rows["y"].tolist() == [0, 1]
    assert rows["offset"].tolist() == [0, 0]


def test_correlations_with_standard_deviations_on_the_diagonal():
    sigma = pd.DataFrame([[4.0, 3.0], [3.0, 9.0]], index=["a", "b"], columns=["a", "b"])
    assert sd_and_correlation(sigma).to_numpy() == pytest.approx(np.array([[2.0, 0.5], [0.5, 3.0]]))


def test_blom_quantiles():
    quantiles = normal_quantiles(np.array([3.0, 1.0, 2.0]))
    assert quantiles["residual"].tolist() == [1.0, 2.0, 3.0]
    assert quantiles["normal"].to_numpy() == pytest.approx(ndtri(np.array([0.625, 1.625, 2.625]) / 3.25))


def test_ranks_of_equal_chains_are_uniform_and_of_unequal_ones_are_not():
    counts = rank_counts(np.arange(80.0).reshape(20, 4).T.copy(), bins=10)
    assert (counts.to_numpy() == 2).all()
    apart = rank_counts(np.stack([np.arange(20.0), 100 + np.arange(20.0)]), bins=10)
    assert apart["chain 1"].tolist() == [4] * 5 + [0] * 5


def test_labels_are_thinned_but_the_ends_stay():
    assert thinned([0, 0.5, 1, 3, 6, 12], width=4, spacing=0.3) == [0, 2, 3, 4, 5]
    assert thinned([0, 6, 11.9, 12], width=4, spacing=0.3) == [0, 1, 3]
    assert thinned([5], width=4, spacing=0.3) == [0]


def test_evenly_chosen_subjects():
    assert evenly(3, 5) == [0, 1, 2]
    assert evenly(101, 3) == [0, 50, 100]


def test_what_has_no_variance_has_no_correlation():
    sigma = pd.DataFrame([[4.0, 0.0], [0.0, 0.0]], index=["a", "b"], columns=["a", "b"])
    values = sd_and_correlation(sigma).to_numpy()
    assert np.diag(values).tolist() == [2.0, 0.0]
    assert np.isnan(values[0, 1])
