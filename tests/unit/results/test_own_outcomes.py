"""Subjects' own outcomes given theirs, some censored: against kriging, and a normal distribution cut at its limits."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from censored_outcomes import design_of, table
from msclong.engines.bayesian.checking.convergence import convergence
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.outcome_prediction import predicted_marginals

DRAWS = 500
# Subjects with the same outcomes, so many that their draws show what the sweeps mend; tries, of which rejection keeps
# a part.
SUBJECTS, TRIED = 80, 1_000_000
# Errors of the mean of so many draws.
MCSE = 4.0
# Rounding.
EXACT = 1e-8
THETA = {
    "us(visit | id)": [1.0, 0.5, 1.5, 0.3, 0.6, 0.9, 0.2, 0.3, 0.1, 1.2],
    "(1 | id) + diag(visit | id)": [0.5, 0.4, 0.3, 0.6, 0.5],
}
BETA = np.array([0.4, 0.1])


def predicted(terms, frame, rows, new=False, theta=None):
    """Mean and SD of the predictions of `rows`, of a posterior that knows its parameters."""
    design = design_of(terms, frame)
    theta = np.array(THETA[terms] if theta is None else theta)
    estimate = ConditionalDraws(
        names=design.fixed.names,
        draws=np.broadcast_to(BETA, (1, DRAWS, 2)),
        convergence=convergence,
        theta=np.broadcast_to(theta, (1, DRAWS, len(theta))),
        theta_names=design.structure.parameter_names,
        family=design.family,
        phi={},
    )
    marginals = predicted_marginals(design, estimate, rows, True, new)
    return design, theta, marginals.estimate, marginals.se


def uncensored():
    frame = table()
    return frame.assign(c="none", upper=np.nan)


def unseen(frame):
    """The first subject's visit that the table lacks."""
    subject = frame["id"].value_counts().idxmin()
    lacking = set(range(4)) - set(frame.loc[frame["id"] == subject, "visit"])
    return pd.DataFrame({"id": [subject], "visit": [min(lacking)]}), subject


@pytest.mark.parametrize("terms", THETA)
@pytest.mark.parametrize("new", [False, True])
def test_uncensored_outcomes_give_the_best_linear_prediction(terms, new):
    frame = uncensored()
    row, subject = unseen(frame)
    design, theta, mean, sd = predicted(terms, frame, row, new)
    own = np.flatnonzero(frame["id"] == subject)
    coords = np.concatenate([design.coords[own], design.covariance.coords(row)])
    V = design.structure.sigma(theta, coords[None])[0]
    weights = np.linalg.solve(V[:-1, :-1], V[:-1, -1])
    expected = BETA @ [1, row["visit"][0]] + weights @ (design.y[own] - design.fixed.X[own] @ BETA)
    independent = 0.0 if terms.startswith("us") or new else V[-1, -1] - theta[0]
    spread = np.sqrt(V[-1, -1] - weights @ V[:-1, -1] - independent)
    assert mean[0] == pytest.approx(expected, abs=MCSE * spread / np.sqrt(DRAWS))
    assert sd[0] == pytest.approx(spread, rel=MCSE / np.sqrt(2 * DRAWS))


def test_an_outcome_that_was_measured_is_known():
    frame = table()
    rows = frame[frame["c"] == "none"]
    _, _, mean, sd = predicted("us(visit | id)", frame, rows)
    np.testing.assert_allclose(mean, rows["y"], rtol=EXACT)
    assert (sd < EXACT).all()


def test_a_censored_outcome_lies_within_its_limits():
    """With one censored row: a normal distribution given the observed ones, cut at the limits."""
    frame = uncensored()
    frame.loc[frame.index[::5], "c"] = "left"
    alone = frame[
        (frame["c"] == "left") & (frame.groupby("id")["c"].transform(lambda c: (c == "left").sum()) == 1)
    ]
    assert len(alone)
    design, theta, mean, _ = predicted("us(visit | id)", frame, alone)
    for at, found in zip(alone.index, mean, strict=True):
        own = np.flatnonzero((frame["id"] == frame["id"][at]) & (frame.index != at))
        both = np.r_[own, at]
        V = design.structure.sigma(theta, design.coords[both][None])[0]
        weights = np.linalg.solve(V[:-1, :-1], V[:-1, -1])
        e = design.y[both] - design.fixed.X[both] @ BETA
        centre, spread = weights @ e[:-1], np.sqrt(V[-1, -1] - weights @ V[:-1, -1])
        cut = stats.truncnorm(-np.inf, (e[-1] - centre) / spread, centre, spread)
        expected = design.fixed.X[at] @ BETA + cut.mean()
        assert found == pytest.approx(expected, abs=MCSE * cut.std() / np.sqrt(DRAWS))


@pytest.mark.parametrize("kinds", [["left"] * 6, ["left", "right", "interval", "right", "left", "right"]])
def test_censored_outcomes_of_a_subject_agree_with_rejection(kinds):
    """Six censored rows of correlation 0.7: mean and SD of each, by the normal vectors that fall within all limits."""
    visit, c = np.arange(6), np.array(kinds)
    mu = BETA[0] + BETA[1] * visit
    y = mu - 0.8 * (c == "left")
    lower = np.where(c == "left", -np.inf, y)
    upper = np.select([c == "left", c == "interval"], [y, y + 0.7], np.inf)
    own = pd.DataFrame({"visit": visit, "y": y, "c": c, "upper": np.where(c == "interval", upper, np.nan)})
    same = pd.concat([own.assign(id=100 + subject) for subject in range(SUBJECTS)])
    V = 0.7 + 0.3 * np.eye(6)
    *_, means, sds = predicted(
        "us(visit | id)", pd.concat([table(t=6), same], ignore_index=True), same, theta=V[np.tril_indices(6)]
    )
    tried = np.random.default_rng(6).multivariate_normal(mu, V, TRIED)
    kept = tried[((lower < tried) & (tried < upper)).all(axis=1)]
    sd = kept.std(axis=0)
    error = MCSE * np.sqrt(1 / (SUBJECTS * DRAWS) + 1 / len(kept))
    assert (abs(means.reshape(-1, 6).mean(axis=0) - kept.mean(axis=0)) < error * sd).all()
    # A variance of n draws has relative variance (kurtosis - 1) / n, and its root half of the relative error.
    error *= np.sqrt(stats.kurtosis(kept, fisher=False) - 1) / 2
    assert (abs(np.sqrt((sds.reshape(-1, 6) ** 2).mean(axis=0)) / sd - 1) < error).all()
