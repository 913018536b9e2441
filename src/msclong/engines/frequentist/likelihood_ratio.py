"""Likelihood-ratio test of nested models."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from msclong.engines.frequentist.arguments import check_fit, check_flag
from msclong.engines.frequentist.nesting import covariance_nesting
from msclong.errors import HypothesisError, SpecError, listing
from msclong.results.fit import Fit
from msclong.results.stamp import stamp

SPANNED = 1e-8
"""A column counts as a combination of others when less than this share of its length lies outside them."""

NOISE = 1e-5
"""A larger model whose minus twice log-likelihood is higher by more than this has not been maximised."""

Boundary = Literal["mixture", "ignore"]


def compare(
    smaller: Fit, larger: Fit, boundary: Boundary = "mixture", nested: bool | None = None
) -> pd.DataFrame:
    """Likelihood-ratio test of two nested models of the same data.

    statistic = 2 (loglik of larger - loglik of smaller), df = its further parameters. Under the smaller model it
    is chi-squared(df), unless one of those parameters is a variance that the smaller model has at zero. With one
    random effect more, whose variance and covariances vanish together, it is an equal mixture of chi-squared(df - 1)
    and chi-squared(df) (Stram and Lee 1994, Biometrics 50:1171, case 3; Self and Liang 1987, JASA 82:605); the plain
    chi-squared is conservative there. Where several variances vanish at once the mixture depends on the design, and
    the plain chi-squared is used.

    Parameters
    ----------
    smaller, larger : fits by the same engine and method to the same rows.
    boundary
        'mixture' as above; 'ignore' takes the plain chi-squared everywhere (R's anova).
    nested
        Whether the smaller covariance is a case of the larger, as the caller knows; None finds out by looking for the
        larger's parameters that give the smaller's Sigma. True takes it as given, with the plain chi-squared.

    Returns
    -------
    DataFrame of two rows, smaller and larger: n_parameters (as AIC counts them), loglik, aic, bic; on the second row
    statistic, df, p_value and `distribution`, the reference that gave the p-value.

    Raises HypothesisError for models that cannot be compared so: the message says why and what to do. SpecError for
    another `boundary` or `nested`, and for what is no fit.

    Examples
    --------
    >>> import msclong as ml
    >>> nights = ml.datasets.sleepstudy()
    >>> smaller = ml.fit("Reaction ~ Days + (1 | Subject)", nights)
    >>> larger = ml.fit("Reaction ~ Days + (1 + Days | Subject)", nights)
    >>> ml.compare(smaller, larger).round(3).T
    model          smaller                     larger
    n_parameters         2                          4
    loglik        -893.233                   -871.814
    aic           1790.465                   1751.628
    bic           1792.246                    1755.19
    statistic          NaN                     42.837
    df                <NA>                          2
    p_value            NaN                        0.0
    distribution            0.5 chi2(1) + 0.5 chi2(2)
    """
    check_fit(smaller, "smaller")
    check_fit(larger, "larger")
    check_flag(nested, "nested")
    if boundary not in get_args(Boundary):
        raise SpecError(f"boundary takes {listing(map(repr, get_args(Boundary)))}; got {boundary!r}.")
    _check_comparable(smaller, larger)
    df = _check_fixed_parts(smaller, larger)
    df += larger.design.structure.n_parameters - smaller.design.structure.n_parameters
    vanishing = 0
    if nested is None:
        found = covariance_nesting(smaller, larger)
        if found is None:
            raise HypothesisError(
                f"The covariance of the smaller model ({smaller.spec.formula}) is no special case of that of the "
                f"larger ({larger.spec.formula}), so their likelihood ratio has no chi-squared distribution: compare "
                "AIC or BIC. If you know better, say nested=True."
            )
        vanishing = found
    elif nested is False:
        raise HypothesisError(
            "Models that are not nested have no likelihood-ratio test; compare their AIC or BIC."
        )
    if df <= 0:
        raise HypothesisError(
            f"The larger model must have more parameters than the smaller; it has {df:+d}. Is the order right?"
        )
    assert smaller.loglik is not None
    assert larger.loglik is not None
    statistic = 2 * (larger.loglik - smaller.loglik)
    if statistic < -NOISE:
        raise HypothesisError(
            f"The larger model fits worse than the smaller (log-likelihood {larger.loglik:.6f} against "
            f"{smaller.loglik:.6f}), which nested models cannot when both are maximised. Are they nested?"
        )
    statistic = max(statistic, 0.0)
    mixed = vanishing == 1 and boundary == "mixture"
    table = pd.DataFrame(
        {
            "n_parameters": [fit.n_parameters for fit in (smaller, larger)],
            "loglik": [smaller.loglik, larger.loglik],
            "aic": [smaller.aic, larger.aic],
            "bic": [smaller.bic, larger.bic],
            "statistic": [np.nan, statistic],
            "df": pd.array([pd.NA, df], dtype="Int64"),
            "p_value": [np.nan, _tail(statistic, df, mixed)],
            "distribution": ["", _named(df, mixed, vanishing)],
        },
        index=pd.Index(["smaller", "larger"], name="model"),
    )
    return stamp(table, larger)


def _check_comparable(smaller: Fit, larger: Fit) -> None:
    for fit in (smaller, larger):
        if fit.loglik is None:
            raise HypothesisError(
                "A posterior has no maximised likelihood; a likelihood-ratio test needs two fits by ml.Frequentist()."
            )
    engines = [type(fit.engine).__name__ for fit in (smaller, larger)]
    if engines[0] != engines[1]:
        raise HypothesisError(f"The fits are by {listing(engines)}; fit both with one engine.")
    methods = [getattr(fit.engine, "method", None) for fit in (smaller, larger)]
    if methods[0] != methods[1]:
        raise HypothesisError(
            f"The likelihoods are {listing(map(str, methods))}; fit both models with the same method."
        )
    outcomes = [fit.spec.parsed.outcome for fit in (smaller, larger)]
    if outcomes[0] != outcomes[1]:
        raise HypothesisError(
            f"The outcomes differ ({listing(outcomes)}); likelihoods compare only on the same one."
        )
    first, second = smaller.design, larger.design
    if first.n_obs != second.n_obs or not np.array_equal(first.y, second.y):
        raise HypothesisError(
            f"The models were fitted to different rows ({first.n_obs} and {second.n_obs} observations); fit both to "
            "the rows that are complete for both."
        )


def _check_fixed_parts(smaller: Fit, larger: Fit) -> int:
    """How many fixed effects more the larger model has; refuses what is not nested, and REML where they differ."""
    first, second = smaller.design.fixed.X, larger.design.fixed.X
    if not _spans(second, first):
        raise HypothesisError(
            f"The mean of the smaller model ({smaller.design.fixed.formula}) is no special case of that of the larger "
            f"({larger.design.fixed.formula}); compare AIC or BIC of fits by ml.Frequentist(method='ml')."
        )
    further = second.shape[1] - first.shape[1]
    if getattr(smaller.engine, "method", None) != "reml":
        return further
    if further:
        raise HypothesisError(
            "Restricted likelihoods of models with different fixed effects cannot be compared: each is that of other "
            "contrasts of the data. Fit both again with ml.Frequentist(method='ml', ddf='satterthwaite')."
        )
    determinants = [np.linalg.slogdet(np.linalg.qr(X, mode="r"))[1] for X in (first, second)]
    if abs(determinants[0] - determinants[1]) > SPANNED * second.shape[0]:
        raise HypothesisError(
            "The two fixed parts are one model in two codings, on which the restricted likelihood depends; "
            "write them alike."
        )
    return 0


def _spans(larger: np.ndarray, smaller: np.ndarray) -> bool:
    """Whether every column of `smaller` is a combination of the columns of `larger`."""
    basis = np.linalg.qr(larger)[0]
    unit = smaller / np.linalg.norm(smaller, axis=0)
    return bool(np.linalg.norm(unit - basis @ (basis.T @ unit), axis=0).max() < SPANNED)


def _tail(statistic: float, df: int, mixed: bool) -> float:
    plain = float(chdtrc(df, statistic))
    if not mixed:
        return plain
    # chi-squared(0) is zero: its tail is one at zero and nothing beyond.
    below = float(chdtrc(df - 1, statistic)) if df > 1 else float(statistic <= 0)
    return (below + plain) / 2


def _named(df: int, mixed: bool, vanishing: int) -> str:
    if mixed:
        return f"0.5 chi2({df - 1}) + 0.5 chi2({df})"
    return f"chi2({df})" + (", conservative: variances at zero" if vanishing else "")
