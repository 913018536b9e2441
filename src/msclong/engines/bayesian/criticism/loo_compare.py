"""Models compared by how well they predict subjects that they have not seen."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.engines.bayesian.criticism.loo import LeaveOneOut, loo
from msclong.errors import HypothesisError, SpecError, listing
from msclong.results.fit import Fit

STEPS = 10_000
"""Iterations of the stacking weights at most; each raises their score."""

STILL = 1e-10
"""They end where no weight moves by more than this."""


def loo_compare(*models: Fit | LeaveOneOut, **named: Fit | LeaveOneOut) -> pd.DataFrame:
    """Compare models of the same outcomes by leave-one-subject-out, the best first.

    models, named : fits by ml.Bayesian(), or what ml.loo() made of them; by keyword with a name, such as
    loo_compare(us=fit1, ar1=fit2), else numbered.

    Returns
    -------
    DataFrame indexed by model: elpd, se, p_loo; difference (elpd less the best one's), se_difference (paired by
    subject); weight (stacking: the mixture of predictive distributions that predicts best; Yao, Vehtari, Simpson and
    Gelman 2018, Bayesian Analysis 13:917); unreliable (subjects whose k-hat is above 0.7).

    A difference below 4, or within two se_difference of zero, decides nothing; of fewer than 100 subjects
    se_difference is optimistic (Sivula, Magnusson, Matamoros and Vehtari 2020). Elpds are of outcomes on
    their own scale: a model of y and one with family='lognormal' compare, one of np.log(y) does not.

    Raises HypothesisError for models of other outcomes, SpecError for fewer than two or what is neither.

    Examples
    --------
    >>> import msclong as ml
    >>> nights, engine = ml.datasets.sleepstudy(), ml.Bayesian(seed=1)
    >>> slopes = ml.fit("Reaction ~ Days + (1 + Days | Subject)", nights, engine)
    >>> intercepts = ml.fit("Reaction ~ Days + (1 | Subject)", nights, engine)
    >>> ml.loo_compare(slopes=slopes, intercepts=intercepts).index.tolist()  # the better one first
    ['slopes', 'intercepts']
    """
    given = {**{f"model {i}": model for i, model in enumerate(models, start=1)}, **named}
    if len(given) < 2 or not all(isinstance(model, (Fit, LeaveOneOut)) for model in given.values()):
        raise SpecError(
            "loo_compare takes two or more fits, or results of ml.loo: loo_compare(us=fit1, ar1=fit2)."
        )
    found = {name: model if isinstance(model, LeaveOneOut) else loo(model) for name, model in given.items()}
    _check_comparable(found)
    elpd = np.stack([result.table["elpd"].to_numpy() for result in found.values()])
    best = int(np.argmax(elpd.sum(axis=1)))
    difference = elpd - elpd[best]
    table = pd.DataFrame(
        {
            "elpd": elpd.sum(axis=1),
            "se": [result.se for result in found.values()],
            "p_loo": [result.p_loo for result in found.values()],
            "difference": difference.sum(axis=1),
            "se_difference": np.sqrt(elpd.shape[1]) * difference.std(axis=1, ddof=1),
            "weight": stacking_weights(elpd),
            "unreliable": [len(result.unreliable) for result in found.values()],
        },
        index=pd.Index(found, name="model"),
    )
    return table.sort_values("elpd", ascending=False, kind="stable")


def stacking_weights(elpd: np.ndarray) -> np.ndarray:
    """Weights (K,) that maximise sum over subjects of log sum over models of weight * exp(elpd), elpd (K, n).

    The expectation-maximisation algorithm of a mixture with known components: every step climbs, the score is concave.
    """
    density = np.exp(elpd - elpd.max(axis=0))
    weights = np.full(len(elpd), 1 / len(elpd))
    for _ in range(STEPS):
        share = weights[:, None] * density
        new = (share / share.sum(axis=0)).mean(axis=1)
        if np.abs(new - weights).max() < STILL:
            break
        weights = new
    return weights


def _check_comparable(found: dict[str, LeaveOneOut]) -> None:
    first, *others = found.items()
    for name, result in others:
        if not result.observation.equals(first[1].observation):
            raise HypothesisError(
                f"{first[0]} and {name} are models of other outcomes or other rows ({len(first[1].observation)} and "
                f"{len(result.observation)}); fit both to the rows that are complete for both, and model a logarithm "
                "by family='lognormal', so that both predict the same numbers."
            )
        if not result.table.index.equals(first[1].table.index):
            units = [str(r.table.index.name) for r in (first[1], result)]
            raise HypothesisError(
                f"{first[0]} and {name} leave out different units ({listing(units)}), because random effects tie "
                "subjects together in one of them; their elpds do not compare."
            )
