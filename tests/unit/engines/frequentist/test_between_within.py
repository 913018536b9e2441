"""Between-within degrees of freedom by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml


def trial(n: int, visits: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    subject, visit = np.repeat(np.arange(n), visits), np.tile(np.arange(visits), n)
    y = rng.normal(size=n)[subject] + rng.normal(size=n * visits)
    return pd.DataFrame(
        {
            "id": subject,
            "visit": visit,
            "arm": np.where(subject % 2, "a", "b"),
            "age": subject * 1.5,
            "dose": rng.normal(size=n * visits),
            "y": y,
        }
    )


ENGINE = ml.Frequentist(ddf="between-within")


def test_each_coefficient_and_what_combines_them():
    # Between: arm, age and the intercept, 3 of 10 subjects. Within: 2 visits, 2 interactions, dose; 30 - 10 - 5.
    fit = ml.fit("y ~ arm * C(visit) + age + dose + cs(visit | id)", trial(10, 3), engine=ENGINE)
    df = fit.coefficients()["df"]
    assert df["arm[T.b]"] == df["age"] == 7
    assert (df.drop(["arm[T.b]", "age"]) == 15).all()
    # The arms' difference at a later visit involves both kinds, and has the fewer.
    assert (fit.contrasts(versus="a", factor="arm", by="visit")["df"] == 7).all()
    assert (fit.contrasts(versus=0, factor="visit", by="arm")["df"] == 15).all()
    assert fit.test("arm:C(visit)").iloc[0]["den_df"] == 15
    assert fit.test("arm").iloc[0]["den_df"] == 7


def test_without_an_intercept():
    # Both arms' means are between subjects: 10 - 2, and 30 - 10 - 1.
    df = ml.fit("y ~ 0 + arm + dose + cs(visit | id)", trial(10, 3), engine=ENGINE).coefficients()["df"]
    assert list(df) == [8, 8, 19]


def test_no_degrees_of_freedom_is_no_answer():
    table = trial(4, 6)
    table = table.assign(a=table["id"] == 1, b=table["id"] == 2, c=table["id"] == 3)
    fit = ml.fit("y ~ a + b + c + dose + ar1(visit | id)", table, engine=ENGINE)
    with pytest.raises(
        ml.errors.HypothesisError, match="no positive variance or degrees of freedom by this method"
    ):
        fit.coefficients()
    with pytest.raises(ml.errors.HypothesisError, match="This joint test has no positive variance"):
        fit.test("a")
    assert fit.test("dose").iloc[0]["den_df"] == 19
