"""What `fit` says of arguments that belong elsewhere."""

import pandas as pd
import pytest

import msclong as ml
from msclong.errors import SpecError


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"family": "poisson"},
            r"ml\.fit\(ml\.ModelSpec\('y ~ t \+ \(1 \| id\)', family='poisson'\), data\)",
        ),
        ({"draws": 100}, r"settings of the engine as engine=ml\.Bayesian"),
    ],
)
@pytest.mark.parametrize("spec", ["y ~ t + (1 | id)", None])
def test_fields_of_the_model_and_settings_of_the_engine_are_told_where_they_belong(given, message, spec):
    with pytest.raises(SpecError, match=message):
        ml.fit(spec or ml.ModelSpec("y ~ t + (1 | id)"), pd.DataFrame(), **given)
