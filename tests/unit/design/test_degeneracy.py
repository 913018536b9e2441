"""Random effects that no data can tell apart are refused by both engines, with their names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from msclong.errors import DesignError, HypothesisError


def trial() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    subject, t = np.repeat(np.arange(12), 4), np.tile(np.arange(4.0), 12)
    y = rng.normal(size=12)[subject] * (1 + 0.3 * t) + rng.normal(size=48)
    return pd.DataFrame(
        {"id": subject, "t": t, "arm": np.where(subject % 2, "a", "b"), "zero": 0.0, "one": 1.0, "y": y}
    )


@pytest.mark.parametrize(
    ("effects", "named"),
    [
        ("(1 + zero | id)", r"covariance\(zero, Intercept\), variance\(zero\)"),
        ("(1 + one | id)", r"variance\(Intercept\), covariance\(one, Intercept\), variance\(one\)"),
        ("(1 + arm | id)", r"covariance\(arm\[T.b\], Intercept\), variance\(arm\[T.b\]\)"),
        ("(0 + arm | id)", r"covariance\(arm\[b\], arm\[a\]\)"),
        ("(1 | id) + (1 | id)", r"variance\(Intercept\), variance\(Intercept\)"),
    ],
)
@pytest.mark.parametrize("engine", [ml.Frequentist(), ml.Bayesian(seed=1)], ids=["frequentist", "bayesian"])
def test_unidentified_random_effects(effects, named, engine):
    with pytest.raises(DesignError, match=f"cannot tell {named} apart"):
        ml.fit(f"y ~ t + {effects}", trial(), engine=engine)


@pytest.mark.parametrize("effects", ["(0 + arm || id)", "(1 + t | id)", "(1 | id) + (0 + t | id)"])
@pytest.mark.filterwarnings("ignore:The covariance lies on its boundary:msclong.errors.ConvergenceWarning")
def test_identified_ones_are_fitted(effects):
    table = trial()
    assert ml.fit(f"y ~ t + {effects}", table).outcome.converged
    far = table.assign(t=table["t"] + 2000)
    assert ml.fit(f"y ~ t + {effects}", far).outcome.converged


def test_factors_made_inside_the_formula_have_no_levels_to_average():
    fit = ml.fit("y ~ t * I(t > 1) + (1 | id)", trial())
    assert np.isfinite(fit.coefficients().to_numpy()).all()
    with pytest.raises(HypothesisError, match=r"averaged over I\(t > 1\), a factor made inside the formula"):
        fit.means(by="t")
