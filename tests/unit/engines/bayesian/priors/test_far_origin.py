"""Independent random slopes against a covariate whose zero is far from the data are warned of, correlated ones not."""

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.api import long_data
from msclong.design.design import build_design
from msclong.engines.bayesian.priors.far_origin import warn_of_far_origins
from msclong.errors import DataWarning


def design(effects, origin, **fields):
    table = pd.DataFrame({"id": np.repeat(np.arange(9), 4), "t": np.tile(np.arange(4.0), 9) - origin})
    table["y"] = np.random.default_rng(1).poisson(3, len(table)).astype(float)
    spec = ml.ModelSpec(f"y ~ t + {effects}", **fields)
    return build_design(spec, long_data(spec, table))


@pytest.mark.parametrize("family", ["gaussian", "poisson", "hurdle_gamma"])
def test_independent_slopes(family):
    warn_of_far_origins(design("(1 + t || id)", 0, family=family))
    with pytest.warns(DataWarning, match=r"zero of .*t is far from the data.*Let them correlate"):
        warn_of_far_origins(design("(1 + t || id)", -2018, family=family))


@pytest.mark.parametrize("effects", ["(1 + t | id)", "(0 + t | id)", "us(t | id)"])
def test_no_others(effects):
    warn_of_far_origins(design(effects, -2018))


def test_an_intercept_with_a_prior_of_its_own():
    priors = ml.Priors(sds={"sd(Intercept)": ml.HalfT(3, 1)})
    warn_of_far_origins(design("(1 + t | id)", 0, priors=priors))
    with pytest.warns(DataWarning, match="or has a prior of its own"):
        warn_of_far_origins(design("(1 + t | id)", -2018, priors=priors))
