"""Draws from the prior: the moments that the priors have, and tables like those of a posterior."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import halfnorm, norm

import msclong as ml
from msclong.errors import EngineError, SpecError

N = 4000
ERRORS = 4
"""Monte Carlo errors that a mean of N draws may be off: once in 16,000 (seeds are fixed)."""

SLOPE = "Reaction ~ Days + (1 + Days | Subject)"
PRIORS = ml.Priors(outcome_scale=50)


def predictive(formula=SLOPE, n=N, **fields):
    spec = ml.ModelSpec(formula, **{"priors": PRIORS, **fields})
    return ml.prior_predictive(spec, ml.datasets.sleepstudy(), n, seed=1)


def test_trajectories_and_contrasts_have_the_moments_of_the_prior():
    """Days has SD 2.872: its coefficient is N(0, (2.5 50 / 2.872)^2), the mean outcome N(298.5, 500^2)."""
    prior = predictive()
    slope_sd = 125 / np.std(np.arange(10))
    row = prior.contrasts().loc["9 - 0"]
    assert row["se"] == pytest.approx(9 * slope_sd, rel=ERRORS / np.sqrt(2 * N))
    assert abs(row["estimate"]) < ERRORS * row["se"] / np.sqrt(N)
    assert (row["lower"], row["upper"]) == pytest.approx((-1.96 * 9 * slope_sd, 1.96 * 9 * slope_sd), rel=0.1)
    first = prior.trajectories().iloc[0]
    assert first["se"] == pytest.approx(np.hypot(500, 4.5 * slope_sd), rel=ERRORS / np.sqrt(2 * N))
    assert abs(first["estimate"] - 298.5) < ERRORS * first["se"] / np.sqrt(N)


def test_tables_of_the_prior_have_no_columns_about_chains():
    columns = {"ess_bulk", "rhat", "mcse"}
    prior = predictive(n=100)
    assert not columns & {*prior.contrasts().columns, *prior.trajectories().columns}


def test_outcomes_vary_as_the_prior_of_the_covariance_says():
    """A known mean, 100, and sd ~ half-normal(3): the outcome's distribution function by integration over sd."""
    stated = ml.Priors(
        coefficients={"Intercept": ml.Normal(100, 1e-3)}, sds={"sd (every visit)": ml.HalfNormal(3)}
    )
    outcomes = predictive("Reaction ~ 1 + homdiag(Days | Subject)", priors=stated).outcomes(level=0.9)
    assert list(outcomes.index) == list(range(10))
    shares = {"lower": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "upper": 0.95}
    for name, share in shares.items():
        at = outcomes[name].mean() - 100
        below = quad(lambda sd: halfnorm.pdf(sd, scale=3) * norm.cdf(at / sd), 0, 30)[0]  # noqa: B023
        assert below == pytest.approx(share, abs=ERRORS * 0.5 / np.sqrt(N))


def test_without_visits_all_outcomes_are_one_row():
    assert list(predictive("Reaction ~ 1 + (1 | Subject)", n=20).outcomes().index) == ["all"]


def test_the_same_seed_gives_the_same_draws_and_none_a_recorded_one():
    spec, table = ml.ModelSpec(SLOPE, priors=PRIORS), ml.datasets.sleepstudy()
    one, two = (ml.prior_predictive(spec, table, 50, seed=3).contrasts() for _ in range(2))
    assert one.equals(two)
    unseeded = ml.prior_predictive(spec, table, 50)
    again = ml.prior_predictive(spec, table, 50, seed=unseeded.fit.outcome.diagnostics["seed"])
    assert again.contrasts().equals(unseeded.contrasts())


def test_only_the_mean_and_sd_of_the_outcome_are_read():
    table = ml.datasets.sleepstudy()
    shuffled = table.assign(Reaction=np.random.default_rng(1).permutation(table["Reaction"]))
    spec = ml.ModelSpec(SLOPE)
    before, after = (ml.prior_predictive(spec, t, 50, seed=1).contrasts() for t in (table, shuffled))
    np.testing.assert_allclose(after, before, rtol=1e-9)


@pytest.mark.parametrize(("family", "most"), [("bernoulli", 1.0), ("poisson", np.inf)])
def test_a_family_has_its_own_scale(family, most):
    rng = np.random.default_rng(2)
    table = ml.datasets.sleepstudy().assign(Reaction=rng.integers(0, 2, 180))
    spec = ml.ModelSpec("Reaction ~ C(Days) + (1 | Subject)", visit="Days", family=family)
    prior = ml.prior_predictive(spec, table, 500, seed=1)  # among them means beyond any number
    means = prior.trajectories()
    assert means[["lower", "upper"]].stack().between(0, most).all()
    assert (means["lower"] < means["upper"]).all()
    assert len(prior.contrasts()) == 9
    assert prior.outcomes().stack().between(0, most).all()


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(SpecError, match=r"at least 10; got 3"):
        predictive(n=3)
    with pytest.raises(EngineError, match=r"is improper: nothing can be drawn"):
        predictive("Reaction ~ Days + us(Days | Subject)", priors=ml.Priors(covariance="jeffreys"))
    prior = predictive("Reaction ~ Days + sp_gau(Days | Subject)", n=200)
    with pytest.raises(EngineError, match=r"singular to rounding"):
        prior.outcomes()
