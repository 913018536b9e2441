"""Standard deviations and correlations: of a posterior, the means of their draws wherever they stand."""

from __future__ import annotations

import numpy as np
import pytest

import msclong as ml
from msclong.engines.bayesian.checking.checks import sds_and_correlations
from msclong.reporting.analysis import analysis
from msclong.reporting.record import Figure, FoldOut
from msclong.reporting.sections.covariance import covariance

ROUNDING = 1e-9
"""Relative: sums of the same draws in another order."""


@pytest.fixture(scope="module")
def slopes(posterior) -> list[ml.Fit]:
    fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy())
    return [fit, posterior(fit)]


def random_effects(section):
    return next(block for block in section.blocks if getattr(block, "key", "") == "random-effects")


def test_a_posteriors_column_is_of_means_of_draws(slopes):
    fit, bayesian = slopes
    table = random_effects(covariance(analysis(slopes)))
    names, draws = sds_and_correlations(fit.design.structure, bayesian.estimate.flat_theta)
    mean = dict(zip(names, draws.mean(axis=0), strict=True))
    expected = [
        mean[name] for name in ("sd(Intercept)", "sd(Days)", "correlation(Days, Intercept)", "residual sd")
    ]
    assert [row.cells[2].value for row in table.rows] == pytest.approx(expected, rel=ROUNDING)
    G = fit.covariance.random_effects.to_numpy()
    own = [
        *np.sqrt(np.diag(G)),
        G[0, 1] / np.sqrt(G[0, 0] * G[1, 1]),
        np.sqrt(fit.covariance.residual_variance),
    ]
    assert [row.cells[1].value for row in table.rows] == pytest.approx(own, rel=ROUNDING)
    assert "Of a posterior: means of the SDs and correlations" in " ".join(table.notes)
    assert "posterior" not in " ".join(random_effects(covariance(analysis(fit))).notes)


def test_the_heat_map_shows_what_covariance_posterior_has(slopes):
    bayesian = slopes[1]
    [drawn] = [block for block in covariance(analysis(bayesian)).blocks if isinstance(block, Figure)]
    table = bayesian.covariance_posterior()["estimate"]
    shown = drawn.data["fitted"]
    visits = list(shown.index)
    assert np.diag(shown) == pytest.approx(table[[f"sd({v})" for v in visits]].to_numpy(), rel=ROUNDING)
    assert shown.loc["9", "0"] == pytest.approx(table["correlation(9, 0)"], rel=ROUNDING)
    assert "posterior means of" in drawn.caption


def test_several_groupings_stand_apart(posterior):
    data = ml.datasets.sleepstudy().assign(site=lambda d: d["Subject"].astype(str).str[-1].astype(int) % 3)
    fit = ml.fit("Reaction ~ Days + (1 | site) + (0 + Days | Subject) + (1 | Subject)", data)
    bayesian = posterior(fit)
    table = random_effects(covariance(analysis(bayesian)))
    names, draws = sds_and_correlations(fit.design.structure, bayesian.estimate.flat_theta)
    assert len(names) == len(table.rows) == 4
    assert [row.cells[1].value for row in table.rows] == pytest.approx(draws.mean(axis=0), rel=ROUNDING)


def test_groups_have_a_heat_map_each(posterior, hamd17_spec):
    spec = hamd17_spec.replace(formula="change ~ basval + TRT * week + ar1h(week | TRT/PATIENT)")
    bayesian = posterior(ml.fit(spec, ml.datasets.hamd17()))
    section = covariance(analysis(bayesian))
    drawn = [block for block in section.blocks if isinstance(block, Figure)]
    table = bayesian.covariance_posterior()["estimate"]
    assert [one.data["fitted"].loc["8", "8"] for one in drawn] == pytest.approx(
        [table[group, "sd(8)"] for group in ("1", "2")], rel=ROUNDING
    )
    assert isinstance(section.blocks[-1], FoldOut)
