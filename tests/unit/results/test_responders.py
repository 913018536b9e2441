"""Responders: normal theory, quadrature, what was observed, and what a model cannot say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.special import expit, ndtr, ndtri
from scipy.stats import binomtest, nct

import msclong as ml
from handmade_posteriors import posterior, table
from msclong.errors import DataError, DataWarning, EngineError, HypothesisError, SpecError
from msclong.results.change_threshold import change_threshold
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.observed_responders import exact_limits
from msclong.results.patients import compared_patients
from msclong.results.simulated_responders import simulated_share

ROUNDING = 1e-8
"""Of an optimum in double precision."""

DELTA_METHOD = 0.006
"""Its limits of a probability against the exact ones, from 8 complete pairs on."""

SIMULATED = 0.012
"""Five standard errors of the mean over 40 draws of 2,000 patients each, and more than that near 0 and 1."""

MODEL = ["estimate", "se", "lower", "upper"]
SEEN = ["responders", "n", "observed", "observed_lower", "observed_upper"]


def pairs(n: int, seed: int = 1) -> pd.DataFrame:
    y = np.random.default_rng(seed).multivariate_normal([10, 8], [[9, 5], [5, 10]], n)
    return pd.DataFrame({"id": np.repeat(np.arange(n), 2), "visit": np.tile([0, 1], n), "y": y.ravel()})


@pytest.mark.parametrize("n", [8, 24])
@pytest.mark.parametrize("threshold", [-5.0, -2.0, 1.0])
def test_complete_pairs_against_the_noncentral_t(n, threshold):
    frame = pairs(n)
    fit = ml.fit("y ~ C(visit) + us(visit | id)", frame)
    found = fit.responders(threshold).loc["1 - 0"]
    wide = frame.pivot(index="id", columns="visit", values="y")
    change = wide[1] - wide[0]
    q = np.sign(threshold) * (change.mean() - threshold) / change.std()
    assert found["estimate"] == pytest.approx(ndtr(q), rel=ROUNDING)
    t, root = np.sqrt(n) * q, np.sqrt(n)
    exact = [
        brentq(lambda k: nct.sf(t, n - 1, root * k) - 0.025, q - 1.5, q + 1.5),
        brentq(lambda k: nct.cdf(t, n - 1, root * k) - 0.025, q - 1.5, q + 1.5),
    ]
    np.testing.assert_allclose(found[["lower", "upper"]].astype(float), ndtr(exact), atol=DELTA_METHOD)
    met = (change * np.sign(threshold) >= abs(threshold)).sum()
    limits = binomtest(int(met), n).proportion_ci(method="exact")
    np.testing.assert_allclose(
        found[SEEN].astype(float), [met, n, met / n, limits.low, limits.high], rtol=1e-9
    )


def test_delta_method_by_differences(sites):
    """Several visits, two arms with covariances of their own, dropout: q and its variance at nearby parameters."""
    fit = ml.fit("y ~ C(visit) * arm + us(visit | arm / id)", sites)
    found, raw, covariance = fit.responders(2.0), fit.contrasts(versus=0), fit.covariance
    assert list(found.index) == [(arm, f"{t} - 0") for arm in "ab" for t in (1, 2, 3)]
    theta = covariance.theta

    def s(values, arm, t):
        sigma = covariance.structure.sigma(values, covariance.grid.coords[arm][None])[0]
        return np.sqrt(sigma[t, t] + sigma[0, 0] - 2 * sigma[t, 0])

    for arm, name in found.index:
        t, row = int(name[0]), raw.loc[(arm, name)]
        slope = np.array(
            [
                (s(theta + h, arm, t) - s(theta - h, arm, t)) / (2 * h.sum())
                for h in np.diag(1e-5 * np.abs(theta))
            ]
        )
        q = (row["estimate"] - 2.0) / s(theta, arm, t)
        of_s = np.linalg.norm(slope @ covariance.errors)
        se = np.sqrt(row["se"] ** 2 + q**2 * of_s**2) / s(theta, arm, t)
        expected = [
            ndtr(q),
            np.exp(-(q**2) / 2) / np.sqrt(2 * np.pi) * se,
            *ndtr([q - 1.959964 * se, q + 1.959964 * se]),
        ]
        np.testing.assert_allclose(found.loc[(arm, name), MODEL].astype(float), expected, rtol=1e-6)


def test_a_fall_is_a_rise_of_the_negative(sites):
    fall = ml.fit("m ~ C(visit) + us(visit | id)", sites.assign(m=-sites["y"])).responders(-2)
    rise = ml.fit("y ~ C(visit) + us(visit | id)", sites).responders(2)
    np.testing.assert_allclose(fall, rise, rtol=ROUNDING)
    assert fall.attrs["response"] == "after - before <= -2"
    assert fall.attrs["interval"] == "95 % confidence"
    assert rise.attrs["response"] == "after - before >= 2"


def test_ratios_are_differences_of_logarithms(sites):
    frame = sites.assign(flow=np.exp(sites["y"] / 10))
    flow = ml.fit(ml.ModelSpec("flow ~ C(visit) + us(visit | id)", family="lognormal"), frame)
    logs = ml.fit("ly ~ C(visit) + us(visit | id)", frame.assign(ly=np.log(frame["flow"])))
    for ratio in (0.8, 1.25):
        found = flow.responders(ratio)
        np.testing.assert_allclose(found, logs.responders(float(np.log(ratio))), rtol=ROUNDING)
        assert list(found.index) == ["1 / 0", "2 / 0", "3 / 0"]
        assert found.attrs["response"] == f"after / before {'<=' if ratio < 1 else '>='} {ratio:g}"


def test_posterior_of_a_gaussian_model(sites):
    fit = ml.fit("y ~ C(visit) + us(visit | id)", sites, ml.Bayesian(seed=1))
    found = fit.responders(1.5)
    delta = fit.estimate.of(fit.hypothesis()).reshape(-1, 3)
    G = fit.estimate.flat_theta  # us: the lower triangle by rows
    s = np.sqrt(
        np.column_stack(
            [
                G[:, 2] + G[:, 0] - 2 * G[:, 1],
                G[:, 5] + G[:, 0] - 2 * G[:, 3],
                G[:, 9] + G[:, 0] - 2 * G[:, 6],
            ]
        )
    )
    p = ndtr((delta - 1.5) / s)
    np.testing.assert_allclose(found["estimate"], p.mean(axis=0), rtol=ROUNDING)
    np.testing.assert_allclose(found["upper"], np.quantile(p, 0.975, axis=0), rtol=ROUNDING)
    reml = ml.fit("y ~ C(visit) + us(visit | id)", sites).responders(1.5)
    np.testing.assert_allclose(found["estimate"], reml["estimate"], atol=0.05)
    np.testing.assert_array_equal(found[SEEN], reml[SEEN])


@pytest.mark.parametrize(
    "formula",
    ["y ~ arm * C(visit) + x * C(visit) + us(visit | id)", "y ~ arm * C(visit) + x + us(visit | arm / id)"],
)
def test_simulation_agrees_with_normal_theory(formula):
    """The patients that are drawn, of a Gaussian posterior, against the mean of Phi(q) at the same draws."""
    rng = np.random.default_rng(2)
    for family, y, threshold in (
        ("gaussian", rng.normal(size=60), -0.7),
        ("lognormal", rng.gamma(2, 1, 60), 0.6),
    ):
        fit = posterior(family, y, formula)
        change = change_threshold(threshold, fit.design.family)
        for by in (["arm"], []):
            rows = compared_patients(fit.design, by, "visit")
            drawn, _ = simulated_share(fit.design, fit.estimate, change, rows)
            exact = fit.responders(threshold, by=by)["estimate"]
            np.testing.assert_allclose(drawn.mean(axis=(0, 1)), exact, atol=SIMULATED)


def test_ordered_grades_by_quadrature():
    """P(grade falls by at least 1) over a shared normal effect: sums over pairs of grades, by 80 nodes."""
    fit = posterior("cumulative_logit", np.random.default_rng(3).integers(0, 4, 60).astype(float))
    found = fit.responders(-1)
    draws, cells = fit.estimate, fit.responders(-1).index
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    for arm, name in cells:
        x = table().drop_duplicates("id")["x"].to_numpy().repeat(2)
        frame = pd.DataFrame({"arm": arm, "visit": np.tile([0, int(name[0])], 20), "x": x})
        eta = (draws.flat @ fit.design.fixed.matrix(frame).T).reshape(-1, 20, 1, 2)  # (S, patients, 1, 2)
        u = np.sqrt(draws.flat_theta[:, :1]) * nodes
        cutpoints = draws.flat_phi["cutpoint"][:, None, None, None, :]
        above = expit(eta[..., None] + u[:, None, :, None, None] - cutpoints)
        grades = -np.diff(above, axis=-1, prepend=1.0, append=0.0)  # (S, patients, nodes, 2, K)
        fall = np.tril(np.ones(2 * grades.shape[-1:]), -1)  # after (column) below before (row)
        p = np.einsum("k,snki,ij,snkj->s", weights, grades[..., 0, :], fall, grades[..., 1, :]) / 20
        assert found.loc[(arm, name), "estimate"] == pytest.approx(p.mean(), abs=SIMULATED)
        assert found.loc[(arm, name), "se"] == pytest.approx(p.std(ddof=1), abs=SIMULATED)
    assert (found["mcse"] > 0).all()


@pytest.mark.parametrize(
    ("family", "threshold"),
    [
        ("student", -1),
        ("poisson", 1),
        ("negative_binomial", -1),
        ("bernoulli", -1),
        ("hurdle_gamma", -0.5),
        ("hurdle_lognormal", 0.5),
        ("gamma", 0.5),
        ("beta", -0.1),
        ("ordered_beta", 0.1),
        ("logitnormal", -0.1),
    ],
)
def test_other_families_by_their_own_simulation(family, threshold):
    """Against `Fit.simulate`, whose data sets are of new subjects at draws of their own."""
    rng, n = np.random.default_rng(4), 60
    y = {
        "bernoulli": rng.integers(0, 2, n), "beta": rng.uniform(0.1, 0.9, n), "logitnormal": rng.uniform(0.1, 0.9, n),
        "ordered_beta": rng.choice([0.0, 0.3, 0.6, 1.0], n), "gamma": rng.gamma(2, 1, n),
    }.get(family, rng.integers(0, 4, n))  # fmt: skip
    fit = posterior(family, np.asarray(y, dtype=float), "y ~ C(visit) + x * arm + (1 | id)")
    assert isinstance(fit.estimate, ConditionalDraws) is (family != "logitnormal")
    simulated = fit.simulate(4000, seed=1)
    frame = fit.design.fixed.frame
    found, change = fit.responders(threshold, by=[]), change_threshold(threshold, fit.design.family)
    for name in found.index:
        at = [simulated[(frame["visit"] == t).to_numpy()].to_numpy() for t in (0, int(name[0]))]
        # 20 patients at each of 40 draws, 100 times over.
        assert found.loc[name, "estimate"] == pytest.approx(change.met(*at).mean(), abs=0.015)


def test_observed_with_missing_visits(sites):
    found = ml.fit("y ~ C(visit) * arm + us(visit | id)", sites).responders(2.0)
    wide = sites.pivot(index="id", columns="visit", values="y")
    arm = sites.drop_duplicates("id").set_index("id")["arm"]
    for (which, name), row in found.iterrows():
        change = (wide[int(name[0])] - wide[0])[arm[wide.index] == which].dropna()
        assert row["n"] == len(change)
        assert row["responders"] == (change >= 2).sum()


def test_rows_are_listed_by_what_is_asked(sites):
    fit = ml.fit("y ~ C(visit) * arm + site + us(visit | id)", sites.assign(site=sites["site"].map(str)))
    whole = fit.responders(2.0, by=[])
    assert list(whole.index) == ["1 - 0", "2 - 0", "3 - 0"]
    assert whole["n"].tolist() == fit.responders(2.0).groupby(level="visit")["n"].sum().tolist()
    assert fit.responders(2.0, by="site").shape[0] == 24
    with pytest.raises(HypothesisError, match="listed by 'visit' in any case"):
        fit.responders(2.0, by="visit")
    with pytest.raises(HypothesisError, match="named twice"):
        fit.responders(2.0, by=["arm", "arm"])
    with pytest.raises(HypothesisError, match="baseline, 9, is no value of 'visit'"):
        ml.fit(ml.ModelSpec("y ~ visit + (1 | id)", baseline=9), sites.dropna(subset="y")).responders(2.0)
    own = ml.fit("y ~ C(visit) * arm + us(visit | arm / id)", sites)
    share = sites.dropna(subset="y").drop_duplicates("id")["arm"].value_counts(normalize=True)
    each = own.responders(2.0)["estimate"].unstack("arm")
    np.testing.assert_allclose(own.responders(2.0, by=[])["estimate"], each @ share, rtol=ROUNDING)


def cohort(n: int, seed: int = 3) -> pd.DataFrame:
    """Pairs whose change depends on sex and, by arm, on age; half as many women in arm b."""
    rng = np.random.default_rng(seed)
    arm = np.arange(n) % 2
    sex, age = rng.random(n) < np.where(arm, 0.3, 0.6), rng.normal(50, 10, n)
    first = rng.normal(10, 2, n) + 0.1 * (age - 50)
    change = -2.0 * sex + 0.08 * (1 - 2 * arm) * (age - 50) + rng.normal(0, 1, n)
    subjects = {
        "id": np.arange(n),
        "arm": np.array(["a", "b"])[arm],
        "sex": np.where(sex, "f", "m"),
        "age": age,
    }
    frame = pd.DataFrame(subjects)
    return pd.concat(
        [frame.assign(visit=0, y=first), frame.assign(visit=6, y=first + change)], ignore_index=True
    )


OWN = "y ~ C(visit) * sex + C(visit) * arm * age + us(visit | id)"


def test_rows_of_nobody():
    """Of covariates, combinations that nobody has have no row; of arms, a row and a warning."""
    frame = cohort(60).assign(
        clinic=lambda t: np.where(t["sex"] == "f", "x", np.where(t["age"] > 50, "x", "z"))
    )
    fit = ml.fit(ml.ModelSpec("y ~ C(visit) * arm + sex + clinic + us(visit | id)", arm="arm"), frame)
    with pytest.warns(DataWarning, match="sex=f, clinic=z"):
        found = fit.responders(-1.5, by=["sex", "clinic"])
    assert [row[:2] for row in found.index] == [("f", "x"), ("m", "x"), ("m", "z")]
    few = frame[(frame["sex"] == "m") | (frame["arm"] == "a")]
    fit = ml.fit(ml.ModelSpec("y ~ C(visit) + arm + sex + us(visit | id)", arm="arm"), few)
    with pytest.warns(DataWarning, match="sex=f, arm=b"):
        found = fit.responders(-1.5, by=["sex", "arm"])
    assert found.loc[("f", "b", "6 - 0"), "n"] == 0
    assert found.loc[("f", "b", "6 - 0"), "estimate"] == found.loc[("f", "a", "6 - 0"), "estimate"]


def test_probabilities_near_zero_and_one():
    frame = cohort(40)
    fit = ml.fit(ml.ModelSpec("y ~ C(visit) * age + us(visit | id)"), frame)
    for threshold in (-60.0, -40.0, 60.0):
        found = fit.responders(threshold).loc["6 - 0", MODEL].astype(float)
        assert found.between(0, 1e-12).all()
    near = ml.fit(
        ml.ModelSpec("n ~ C(visit) * age + us(visit | id)"), frame.assign(n=frame["y"] - 60 * frame["visit"])
    )
    assert near.responders(-1).loc["6 - 0", "lower"] == 1


def by_hand(fit, frame, arm, threshold, beta, s):
    """The mean of Phi over patients who keep all but their arm."""
    ends = [fit.design.fixed.matrix(frame.assign(arm=arm or frame["arm"], visit=visit)) for visit in (0, 6)]
    return ndtr((threshold - (ends[1] - ends[0]) @ beta) / s).mean()


def test_patients_keep_their_own_covariates():
    """Averages and their delta method, by differences, against one matrix for each patient."""
    frame = cohort(60)
    fit = ml.fit(ml.ModelSpec(OWN, arm="arm"), frame)
    patients, theta, beta = frame[frame["visit"] == 0], fit.covariance.theta, fit.estimate.beta
    steps = np.concatenate([np.full(len(beta), 1e-5), 1e-5 * np.abs(theta)])

    def q(values, who, arm):
        b, (first, both, last) = values[: len(beta)], values[len(beta) :]
        return ndtri(by_hand(fit, who, arm, -1.5, b, np.sqrt(first + last - 2 * both)))

    error = np.zeros((len(steps), len(steps)))
    error[: len(beta), : len(beta)] = fit.estimate.vcov
    error[len(beta) :, len(beta) :] = fit.covariance.errors @ fit.covariance.errors.T
    at = np.concatenate([beta, theta])
    for by, key, who, arm in (
        (None, ("b", "6 - 0"), patients, "b"),
        ([], "6 - 0", patients, None),
        ("sex", ("f", "6 - 0"), patients[patients["sex"] == "f"], None),
        (["sex", "arm"], ("m", "a", "6 - 0"), patients[patients["sex"] == "m"], "a"),
    ):
        slope = [
            (q(at + h, who, arm) - q(at - h, who, arm)) / (2 * h.sum())
            for h in np.diag(steps)
        ]  # fmt: skip
        se, middle = np.sqrt(slope @ error @ slope), q(at, who, arm)
        expected = [
            ndtr(middle),
            np.exp(-(middle**2) / 2) / np.sqrt(2 * np.pi) * se,
            *ndtr([middle - 1.959964 * se, middle + 1.959964 * se]),
        ]
        found = fit.responders(-1.5, by=by)
        np.testing.assert_allclose(found.loc[key, MODEL].astype(float), expected, rtol=1e-5)
        drawn = ml.fit(fit.spec, frame, ml.Bayesian(seed=1)) if by is None else None
        if drawn is not None:
            G = drawn.estimate.flat_theta
            spread = np.sqrt(G[:, 0] + G[:, 2] - 2 * G[:, 1])
            p = [
                by_hand(fit, who, arm, -1.5, b, s)
                for b, s in zip(drawn.estimate.flat[:400], spread[:400], strict=True)
            ]
            row = drawn.responders(-1.5).loc[key]
            assert row["estimate"] == pytest.approx(np.mean(p), abs=4 * np.std(p) / 20)
            assert row["se"] == pytest.approx(np.std(p), rel=0.2)


@pytest.mark.parametrize("use", ["response", "change", "BASE"])
def test_the_share_of_the_population_whatever_the_mean_has(use):
    """What is seen among 4,000 patients, who differ by sex, age and what their baseline was."""
    frame = cohort(4000)
    if use == "response":
        found = ml.fit(ml.ModelSpec(OWN, arm="arm"), frame).responders(-1.5, by=[])
    else:
        first = frame[frame["visit"] == 0].set_index("id")["y"]
        if use == "change":
            # A second visit whose correlation with baseline is half.
            frame.loc[frame["visit"] == 6, "y"] -= 0.5 * (frame["id"].map(first) - 10)
            spec = ml.ModelSpec("y ~ C(visit) * sex + baseline + ar1(visit | id)", baseline_as="change")
            later = frame[frame["visit"] == 6].assign(visit=12)
            frame = pd.concat(
                [frame, later.assign(y=later["y"] + np.random.default_rng(1).normal(size=len(later)))]
            )
        else:
            spec = ml.ModelSpec("y ~ C(visit) * sex + base + us(visit | id)", outcome_type="change")
            frame = frame.assign(base=frame["id"].map(first), y=lambda t: t["y"] - t["base"])
            later = frame[frame["visit"] == 6]
            noise = np.random.default_rng(1).normal(size=len(later))
            frame = pd.concat([later, later.assign(visit=12, y=noise - later["y"] / 2)])
        found = ml.fit(spec, frame, ml.Frequentist(ddf="residual")).responders(-1.5, by=[])
    np.testing.assert_allclose(found["estimate"], found["observed"], atol=0.02)


def test_covariates_that_vary_within_subjects(sites):
    frame = sites.dropna(subset="y").assign(
        dose=lambda t: t["visit"] ** 2 + (t["id"] == "s1"), week=lambda t: t["visit"] * 2.0
    )
    fit = ml.fit(ml.ModelSpec("y ~ C(visit) + dose + us(visit | id)"), frame)
    with pytest.raises(EngineError, match="'dose' differs between one subject's visits.*column"):
        fit.responders(2.0)
    # A week belongs to its visit.
    weeks = ml.fit(ml.ModelSpec("y ~ C(visit) + sp_exp(week | id)", visit="visit"), frame)
    assert len(weeks.responders(2.0)) == 3
    with pytest.raises(EngineError, match="'week' differs between one subject's visits"):
        ml.fit(ml.ModelSpec("y ~ visit + np.sqrt(week) + (1 | id)", visit="visit"), frame).responders(
            2.0, by="week"
        )


def test_changes_as_outcomes_and_other_baselines(sites):
    frame = sites.dropna(subset="y")
    spec = ml.ModelSpec("y ~ C(visit) * arm + us(visit | id)", baseline_as="change")
    fit = ml.fit(spec, frame)
    found, raw = fit.responders(2.0), fit.means()
    s = np.sqrt(np.tile(np.diag(fit.covariance.matrix), 2))
    np.testing.assert_allclose(found["estimate"], ndtr((raw["estimate"].to_numpy() - 2) / s), rtol=ROUNDING)
    assert list(found.index) == [(arm, t) for arm in "ab" for t in "123"]
    values = ml.fit(ml.ModelSpec("y ~ C(visit) * arm + us(visit | id)"), frame).responders(2.0)
    np.testing.assert_array_equal(found[["responders", "n"]], values[["responders", "n"]])
    late = ml.fit(ml.ModelSpec("y ~ C(visit) + us(visit | id)", baseline=1), sites).responders(2.0)
    assert list(late.index) == ["0 - 1", "2 - 1", "3 - 1"]
    equal = ml.fit(ml.ModelSpec(spec.formula, baseline_as="constrained"), frame).responders(2.0)
    np.testing.assert_array_equal(equal[["responders", "n"]], values[["responders", "n"]])


@pytest.mark.filterwarnings("ignore:The covariance lies on its boundary")
@pytest.mark.parametrize(
    ("formula", "fields"),
    [
        ("y ~ visit + (1 + visit | id)", {}),
        ("y ~ C(visit) + sp_exp(week | id)", {"visit": "visit"}),
        ("y ~ C(visit) + us(visit | id)", {"weights": "w"}),
        ("y ~ C(visit) + (1 | site / id)", {"visit": "visit"}),
        ("y ~ C(visit) + (1 | id) + ar1(visit | id)", {}),
    ],
)
def test_the_variance_of_a_change_is_that_of_simulated_ones(sites, formula, fields):
    """Two new outcomes of one subject, each of weight one, from `Fit.simulate` of the model."""
    frame = (
        sites.dropna(subset="y").assign(week=lambda t: t["visit"] ** 2, w=1.0).sort_values(["id", "visit"])
    )
    fit = ml.fit(ml.ModelSpec(formula, **fields), frame)
    drawn = fit.simulate(400, seed=2).assign(id=frame["id"], visit=frame["visit"]).set_index(["id", "visit"])
    before, after = drawn.xs(0, level="visit"), drawn.xs(2, level="visit")
    both = before.index.intersection(after.index)
    share = (after.loc[both] - before.loc[both] >= 2).to_numpy().mean()
    found = fit.responders(2.0).loc["2 - 0"]
    assert found["estimate"] == pytest.approx(share, abs=0.02)
    assert found["lower"] < found["estimate"] < found["upper"]


def test_two_rows_at_one_visit():
    frame = pairs(8)
    fit = ml.fit("y ~ visit + (1 | id)", pd.concat([frame, frame.iloc[:1].assign(y=3.0)], ignore_index=True))
    with pytest.raises(DataError, match="Rows 16 are second ones"):
        fit.responders(-1)


def test_text_visits():
    names = {0: "day 0", 1: "week 2", 2: "month 1"}
    frame = table().assign(y=np.random.default_rng(1).normal(size=60), at=lambda t: t["visit"].map(names))
    spec = ml.ModelSpec("y ~ at + us(at | id)", visit_order=tuple(names.values()))
    found = ml.fit(spec, frame).responders(-1)
    assert list(found.index) == ["week 2 - day 0", "month 1 - day 0"]
    counts = np.random.default_rng(1).integers(0, 4, 60).astype(float)
    at = {"at": [names[visit] for visit in table()["visit"]]}
    order = {"visit": "at", "visit_order": tuple(names.values())}
    drawn = posterior("poisson", counts, "y ~ at + (1 | id)", at, **order)
    assert list(drawn.responders(-1).index) == ["week 2 - day 0", "month 1 - day 0"]


def test_a_change_of_exactly_the_threshold_counts():
    change = change_threshold(-0.2, ml.fit("y ~ C(visit) + us(visit | id)", pairs(8)).design.family)
    assert 1.3 - 1.5 > -0.2  # in floating point
    assert change.met(np.array([1.5, 1.5]), np.array([1.3, 1.31])).tolist() == [True, False]


def test_exact_limits():
    lower, upper = exact_limits(np.array([0, 3, 24, 0]), np.array([24, 24, 24, 0]), 0.95)
    assert upper[0] == pytest.approx(1 - 0.025 ** (1 / 24))  # 14.2 %
    assert lower[2] == pytest.approx(0.025 ** (1 / 24))
    assert (lower[0], upper[2]) == (0, 1)
    assert np.isnan([lower[3], upper[3]]).all()
    known = binomtest(3, 24).proportion_ci(method="exact")
    assert (lower[1], upper[1]) == (pytest.approx(known.low), pytest.approx(known.high))


def test_continuity_of_integer_scores():
    """A rounded normal score: without the half unit the model's share of falls of 2 or more is too low."""
    rng, n = np.random.default_rng(5), 4000
    true = rng.multivariate_normal([10, 9], [[6.25, 5.0], [5.0, 6.25]], n)
    frame = pd.DataFrame(
        {"id": np.repeat(np.arange(n), 2), "visit": np.tile([0, 1], n), "y": np.round(true).ravel()}
    )
    fit = ml.fit("y ~ C(visit) + us(visit | id)", frame)
    plain, half = fit.responders(-2).iloc[0], fit.responders(-2, continuity=0.5).iloc[0]
    assert half["observed"] == plain["observed"]
    assert half["estimate"] == fit.responders(-1.5).iloc[0]["estimate"]
    assert abs(half["estimate"] - half["observed"]) < 0.02 < 0.05 < plain["observed"] - plain["estimate"]
    assert fit.responders(-2, continuity=0.5).attrs["continuity"] == 0.5
    for wrong in (-0.5, 3, True, "half"):
        with pytest.raises(SpecError, match="continuity is half the unit"):
            fit.responders(-2, continuity=wrong)


def test_what_cannot_be_said(sites):
    with pytest.raises(EngineError, match="baseline is a covariate"):
        ml.fit(
            ml.ModelSpec("y ~ C(visit) * arm + us(visit | id)", baseline_as="covariate"), sites
        ).responders(2)
    counts = np.random.default_rng(1).integers(0, 4, 60).astype(float)
    with pytest.raises(EngineError, match="exposure, 'x'"):
        posterior("poisson", counts, offset="x").responders(1)
    with pytest.raises(EngineError, match="number of trials"):
        posterior("binomial", counts, columns={"trials": np.full(60, 5)}, trials="trials").responders(1)
    share = sites.assign(p=expit(sites["y"] - 12))
    fit = ml.fit(ml.ModelSpec("p ~ C(visit) + us(visit | id)", family="logitnormal"), share)
    with pytest.raises(EngineError, match=r"fit with engine=ml.Bayesian\(\)"):
        fit.responders(-0.1)
    with pytest.raises(EngineError, match="continuity=0.5 is half the unit.*leave continuity out"):
        posterior("poisson", counts).responders(1, continuity=0.5)
    with pytest.raises(EngineError, match="keeps no covariance"):
        ml.fit(
            ml.ModelSpec("y ~ C(visit) + (1 | id)", visit="visit"), sites, ml.StatsmodelsMixedLM()
        ).responders(1)


@pytest.mark.parametrize("threshold", [0, None, True, "2", np.nan, np.inf])
def test_thresholds(sites, threshold):
    fit = ml.fit("y ~ C(visit) + us(visit | id)", sites)
    with pytest.raises(SpecError, match="least change that counts"):
        fit.responders(threshold)
    flow = ml.ModelSpec("flow ~ C(visit) + us(visit | id)", family="lognormal")
    with pytest.raises(SpecError, match="are ratios"):
        ml.fit(flow, sites.assign(flow=np.exp(sites["y"]))).responders(threshold)
