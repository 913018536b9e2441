"""The fixed part with its covariates centred before they enter products."""

from __future__ import annotations

import numpy as np
from pandas.api.types import is_bool_dtype

from msclong.design.expressions import columns_in
from msclong.design.fixed_effects import FixedEffects

CONSTANT = 1e-12
"""A column is constant when its SD is below this share of its largest absolute value."""

AT_MEANS = "at the covariates' means"
"""What tables add to the name of a parameter that depends on the zero of a covariate, where it is that of the centred
model."""

SAME_SPAN = 1e-8
"""Share of a column's length that may lie outside the span of the others' before the two models count as different."""


def centred(fixed: FixedEffects) -> tuple[np.ndarray, np.ndarray]:
    """X (N, p) with centred covariates, and K (p, p): the coefficients of that model are K beta.

    Centred are numeric columns that the formula reads as they stand and multiplies with something: `arm:year` becomes
    arm times years from the mean year, and the coefficient of arm the arms' difference in that year. Where the products
    do not come with their parts (year:arm without arm), both models differ and X stays as it is.
    """
    means = {name: float(fixed.frame[name].mean()) for name in _multiplied(fixed)}
    if means:
        rows = fixed.frame.assign(**{name: fixed.frame[name] - mean for name, mean in means.items()})
        X = fixed.matrix(rows)
        # Both models' coefficients from orthonormal columns: X is badly conditioned where a zero is far away.
        Q, R = np.linalg.qr(X)
        back = Q.T @ fixed.X
        if (np.linalg.norm(fixed.X - Q @ back, axis=0) <= SAME_SPAN * np.linalg.norm(fixed.X, axis=0)).all():
            return X, _without_rounding(np.linalg.solve(R, back), X, fixed.X)
    return fixed.X, np.eye(fixed.X.shape[1])


def _without_rounding(K: np.ndarray, X: np.ndarray, raw: np.ndarray) -> np.ndarray:
    """K with what differs from the identity by rounding alone, at the size of its columns, made exact."""
    size = np.linalg.norm(X, axis=0)[:, None] / np.linalg.norm(raw, axis=0)
    unit = np.eye(len(K))
    return np.where(np.abs(K - unit) * np.maximum(size, 1.0) <= SAME_SPAN, unit, K)


def _multiplied(fixed: FixedEffects) -> list[str]:
    """Covariates that stand in a product, and nowhere inside a function."""
    info = fixed.design_info
    read = {factor: columns_in(factor.name(), fixed.frame.columns) for factor in info.factor_infos}
    plain = {
        factor: read[factor][0]
        for factor, of_factor in info.factor_infos.items()
        if of_factor.type == "numerical"
        and len(read[factor]) == 1
        and factor.name() in (read[factor][0], f'Q("{read[factor][0]}")', f"Q('{read[factor][0]}')")
        and not is_bool_dtype(fixed.frame[read[factor][0]].dtype)
    }
    inside = {name for factor, names in read.items() if factor not in plain for name in names}
    products = [term for term in info.terms if len(term.factors) > 1]
    found = [plain[factor] for term in products for factor in term.factors if factor in plain]
    return [name for name in dict.fromkeys(found) if name not in inside]
