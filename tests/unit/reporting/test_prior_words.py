"""What a report says of priors is what its table of priors holds."""

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.bayesian.priors.conditional_priors import conditional_priors
from msclong.engines.bayesian.priors.model_priors import model_priors
from msclong.reporting import prior_words
from msclong.reporting.inline import plain
from msclong.reporting.references import Description
from msclong.reporting.words import words as section_words

WEEKS = (0, 2, 4, 8)


def trial() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"id": np.repeat(range(20), 4), "week": np.tile(WEEKS, 20)})
    table["days"] = 7 * table["week"]
    table["arm"] = np.where(table["id"] < 10, "A", "B")
    table["y"] = rng.normal(size=80) + rng.normal(size=20)[table["id"]]
    table["count"] = rng.poisson(3, 80)
    table["share"] = 1 / (1 + np.exp(-table["y"]))
    table["size"] = np.exp(table["y"])
    table["flow"] = np.where(table["y"] < -1, 0.0, table["size"])
    grade = pd.cut(table["y"], [-9, -1, 0, 1, 9], labels=["a", "b", "c", "d"])
    return table.assign(grade=pd.Categorical(grade, ordered=True))


def described(effects="(1 | id)", outcome="y", mean="C(week)", **fields) -> tuple[Description, pd.DataFrame]:
    spec = ml.ModelSpec(f"{outcome} ~ {mean} + {effects}", **fields)
    design = build_design(spec, long_data(spec, trial()))
    table = (conditional_priors(design) if design.conditional else model_priors(design)).table()
    return prior_words.priors_in_words(design, table), table


def words(*args, **fields) -> str:
    return plain(described(*args, **fields)[0].text)


@pytest.mark.parametrize(
    ("effects", "told"),
    [
        ("(1 | id)", ""),
        ("homdiag(week | id)", ""),
        ("diag(week | id)", ""),
        ("us(week | id)", "; correlation matrices are LKJ(2) (Lewandowski, Kurowicka and Joe 2009)"),
        ("cs(week | id)", "; the correlation is Uniform(−0.3333, 1)"),
        ("csh(week | id)", "; the correlation is Uniform(−0.3333, 1)"),
        ("ar1(week | id)", "; the correlation is Uniform(−1, 1)"),
        ("ad(week | id)", "; correlations are Uniform(−1, 1)"),
        ("toeph(week | id)", "; partial autocorrelations are Uniform(−1, 1)"),
        ("sp_exp(week | id)", "; the range is log-normal(log 4, 1.5)"),
        ("(1 | id) + ar1(week | id)", "; the correlation is Uniform(−1, 1)"),
    ],
)
def test_each_structure_has_the_words_of_its_own_priors(effects, told):
    description, table = described(effects)
    text = plain(description.text)
    start = "standard deviations are half-Student-t with 3 degrees of freedom and scale 1 s (Gelman 2006)"
    assert text.endswith(f"{start}{told}.")
    assert (
        ("lewandowski" in description.cites) == ("LKJ" in told) == table["prior"].str.startswith("LKJ").any()
    )


@pytest.mark.parametrize(
    ("outcome", "fields", "told"),
    [
        (
            "grade",
            {"family": "cumulative_logit"},
            "cutpoints are Dirichlet(1) on probabilities of the categories",
        ),
        ("share", {"family": "beta"}, "the dispersion is Uniform(0, 1)"),
        ("size", {"family": "gamma"}, "the coefficient of variation is half-Student-t(3, 0, 1)"),
        (
            "count",
            {"family": "negative_binomial"},
            "the coefficient of variation of the rate is half-Student-t(3, 0, 1)",
        ),
        ("y", {"family": "student"}, "degrees of freedom are Gamma(2, 0.1)"),
    ],
)
def test_a_familys_own_parameters_have_their_priors_told(outcome, fields, told):
    assert told in words(outcome=outcome, **fields)


def test_an_intercept_is_told_of_models_that_have_one():
    middle = "at the covariates’ means with 2.5 s around that of the data"
    assert middle in words(outcome="count", family="poisson")
    assert "that of the data" not in words(outcome="grade", family="cumulative_logit")
    assert "the mean of the outcome with 10 s around that of the data" in words()
    alone = words(mean="0 + C(week)")
    assert "normal around what makes every mean that of the data" in alone
    assert "around zero" not in alone
    through_the_origin = words(mean="0 + week")
    assert "Coefficients are normal around zero" in through_the_origin
    assert "that of the data" not in through_the_origin


def test_each_part_of_a_hurdle_has_its_own():
    hurdle = {"outcome": "flow", "family": "hurdle_lognormal"}
    both = words(**hurdle)
    start = "; for the odds of a zero, on the logit scale, where s is 1, coefficients are normal around "
    assert f"{start}zero with standard deviation 2.5 s" in both
    assert both.count("around that of the data") == 2
    apart = words(hurdle="0 + C(week)", **hurdle)
    assert f"{start}what makes every mean that of the data" in apart
    assert apart.count("around that of the data") == 1
    turned = words(mean="0 + C(week)", hurdle="week", **hurdle)
    assert f"{start}zero with" in turned
    assert "Coefficients are normal around what makes" in turned


def test_a_lone_slope_is_told_by_its_covariate():
    slope = words("(0 + days | id)", outcome="count", family="poisson", mean="days")
    assert "scale 1 s, of a random slope per standard deviation of its covariate (Gelman 2006)" in slope


@pytest.mark.parametrize("name", ["Intercept", "mean outcome (intercept at the covariates' means)"])
def test_of_a_stated_intercept_no_other_prior_is_told(name):
    text = words(priors=ml.Priors(coefficients={name: ml.Normal(10, 2)}))
    assert "around that of the data" not in text
    assert f"Priors of {name} were stated singly." in text
    assert "Coefficients" not in words(
        mean="days", priors=ml.Priors(coefficients={n: ml.Normal(1, 2) for n in (name, "days")})
    )


@pytest.mark.parametrize(
    "effects", ["(1 | arm) + (1 | id)", "(1 + days | arm / id)", "(1 + days | arm) + (1 + days | id)"]
)
def test_several_random_terms_have_standard_deviations_like_one(effects):
    text = words(effects)
    assert "standard deviations are half-Student-t" in text
    assert "sd(" not in text


def test_priors_of_groups_are_told_once_and_slopes_by_their_covariate():
    by_arm = words("ar1(week | arm / id)")
    assert "; correlations are Uniform(−1, 1)." in by_arm
    assert by_arm.count("half-Student-t") == 1
    assert "of a random slope per standard deviation of its covariate" in words("(1 + week | id)")
    assert "random slope" not in words("us(week | id)")


def test_priors_stated_by_name_are_named_and_nothing_else_is_said_of_them():
    priors = ml.Priors(
        outcome_scale=5,
        coefficients={"C(week)[T.8]": ml.Normal(-2, 1)},
        sds={f"sd({week})": ml.HalfNormal(3) for week in WEEKS},
        correlations={"correlation matrix": ml.LKJ(4)},
    )
    description, _ = described("us(week | id)", priors=priors)
    text = plain(description.text)
    assert "stated singly" in text
    assert "half-Student" not in text
    assert "LKJ" not in text
    assert description.cites == ()
    assert "stated singly" not in words()


def test_a_setting_that_nothing_uses_is_not_told():
    assert "5" not in words("cs(week | id)", priors=ml.Priors(correlation_eta=5)).replace("2.5", "")
    assert "LKJ(5)" in words("us(week | id)", priors=ml.Priors(correlation_eta=5))


def test_correlated_effects_are_at_the_means():
    told = "random effects are those at their covariates’ means"
    counts = {"outcome": "count", "family": "poisson"}
    assert told in words("(1 + week | id)", **counts)
    for effects in ("(1 | id)", "(1 + week || id)"):
        assert told not in words(effects, **counts)
    as_written = ml.Priors(sds={"sd(Intercept)": ml.HalfT(3, 1)})
    assert told not in words("(1 + week | id)", priors=as_written, **counts)


@pytest.mark.parametrize(
    ("covariance", "told"), [("jeffreys", "Jeffreys’ prior"), ("matching", "contrasts have Student’s t")]
)
def test_powers_of_the_determinant_are_called_by_their_name(covariance, told):
    assert told in words("us(week | id)", priors=ml.Priors(covariance=covariance))


@pytest.mark.parametrize(
    ("outcome", "family", "told"),
    [
        ("y", "gaussian", "a scale s: the standard deviation of the outcome in these data."),
        ("size", "lognormal", "a scale s: the standard deviation of log(outcome) in these data."),
        ("count", "poisson", "a scale s of the linear predictor (log): 1."),
    ],
)
def test_the_scale_is_that_of_the_linear_predictor(outcome, family, told):
    assert told in words(outcome=outcome, family=family)


def test_a_study_has_the_prior_of_every_parameter_of_every_outcome(founding, founding_report):
    table = next(table for table in founding_report.tables if table.key == "priors")
    shown = {(row.group, row.cells[0].text): row.cells[1].text.replace("−", "-") for row in table.rows}
    held = {}
    for name, fits in founding.items():
        label = founding.endpoints[name].spec.label
        held |= {(label, parameter): text for parameter, text in fits["Bayesian"].priors["prior"].items()}
    assert shown == held
    [section] = [section for section in founding_report.sections if section.key == "model"]
    told = plain(section_words(section))
    assert "cutpoints are Dirichlet(1)" in told
    assert "Uniform(−0.2, 1)" in told


def test_parameters_of_one_name_have_a_row_each():
    spec = {
        "formula": "{outcome} ~ week + (1 + week | arm) + (1 + week | id)",
        "role": "primary",
        "label": "Y",
    }
    engines = [ml.Bayesian(seed=1, sampler="importance")]
    found = ml.Study(trial(), {"y": spec}, engines=engines).fit(n_jobs=1)
    table = next(table for table in ml.report(found).tables if table.key == "priors")
    lkj = [row.cells[1].text for row in table.rows if "LKJ" in row.cells[1].text]
    assert lkj == ["LKJ(2)", "LKJ(2)"]
