"""Outcomes that say nothing of a part of the model: a sentence, or a refusal that names what to do."""

import numpy as np
import pytest

from msclong.errors import DesignError
from msclong.families.registry import family_of

SAME = [0.4] * 4


def left(keyword, y, **data):
    y = np.array(y, dtype=float)
    family = family_of(keyword).fitted(y)
    more = {name: np.array(values, dtype=float) for name, values in data.items()}
    return family.left_to_priors({"y": family.coded(y), **more}, "score")


@pytest.mark.parametrize(
    ("keyword", "y", "data", "message"),
    [
        ("beta", SAME, {}, "is the same \\(0.4\\) in all rows, so"),
        ("gamma", SAME, {}, "is the same"),
        ("student", SAME, {}, "is the same"),
        ("ordered_beta", SAME, {}, "is the same"),
        ("ordered_beta", [0, 0, 0], {}, "is the same"),
        (
            "ordered_beta",
            [0, 0.5, 0.5, 1],
            {},
            "is the same \\(0.5\\) in all rows where it is neither 0 nor 1",
        ),
        ("hurdle_gamma", [0, 0, 0], {}, "has 0. Model whether it is above zero, by family='bernoulli'"),
        ("hurdle_lognormal", [0, 0, 3], {}, "has 1. Model"),
        ("hurdle_gamma", [0, 3, 3], {}, "is the same \\(3\\) in all rows where it is not zero"),
        ("gaussian", [1, 2], {"censored": [-1, -1]}, "censored on the left: all lie below"),
        ("lognormal", [1, 2], {"censored": [1, 1]}, "censored on the right: all lie above"),
        (
            "lognormal",
            [2, 2, 5],
            {"censored": [0, 0, -1]},
            "is the same \\(2\\) in all rows where it is not censored",
        ),
        ("gaussian", [2, 2, 1], {"censored": [0, 0, 2], "upper": [2, 2, 3]}, "is the same"),
        ("binomial", [0, 0], {"trials": [0, 0]}, "No row of 'score' has a trial"),
    ],
)
def test_what_cannot_be_analysed(keyword, y, data, message):
    with pytest.raises(DesignError, match=message):
        left(keyword, y, **data)


@pytest.mark.parametrize(
    ("keyword", "y", "data", "said"),
    [
        ("hurdle_gamma", [1, 2], {}, "family='gamma' is the same model without zeros"),
        ("hurdle_lognormal", [1, 2], {}, "family='lognormal' is the same model without zeros"),
        ("ordered_beta", [0.2, 0.3], {}, "family='beta' is the same model without them"),
        ("ordered_beta", [0, 1], {}, "family='bernoulli' is for 0 and 1 alone"),
        ("poisson", [0, 0], {}, "bound its rate on one side only"),
        ("negative_binomial", [0, 0], {}, "bound its rate on one side only"),
        ("bernoulli", [1, 1], {}, "bound its probability on one side only"),
        ("binomial", [3, 5], {"trials": [3, 5]}, "bound its probability on one side only"),
        ("cumulative_logit", [1, 2, 5], {}, "No score is of grade 3, 4:"),
        ("gaussian", [1, 2], {"censored": [-1, 1]}, "left to the priors where limits are the same"),
    ],
)
def test_what_is_left_to_the_priors(keyword, y, data, said):
    (sentence,) = left(keyword, y, **data)
    assert said in sentence
    assert "left to" in sentence or keyword == "ordered_beta"


@pytest.mark.parametrize(
    ("keyword", "y", "data"),
    [
        ("hurdle_gamma", [0, 1, 2], {}),
        ("ordered_beta", [0, 0.3, 0.4], {}),
        ("ordered_beta", [0, 0.3, 1], {}),
        ("poisson", [2, 2], {}),
        ("bernoulli", [0, 1], {}),
        ("binomial", [0, 0, 2], {"trials": [0, 1, 2]}),
        ("cumulative_probit", [0, 1, 2], {}),
        ("lognormal", [1, 2], {"censored": [2, 2]}),
        ("gaussian", [1, 2], {"censored": [-1, 0]}),
        ("beta", [0.2, 0.3], {}),
    ],
)
def test_ordinary_outcomes_leave_nothing(keyword, y, data):
    assert left(keyword, y, **data) == ()


@pytest.mark.parametrize("data", [{"censored": [0, 0, -1]}, {"censored": [0, 0, 2], "upper": [2, 2, 1.5]}])
def test_a_limit_that_excludes_the_one_measured_value_tells_of_variation(data):
    assert left("gaussian", [2, 2, 1], **data) == ()
    assert left("gaussian", [2, 2, 2], censored=[-1, 1, -1]) != ()  # one limit: a probit model
