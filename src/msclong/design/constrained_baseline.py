"""Arms constrained to be equal at baseline: constrained longitudinal data analysis (cLDA)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from msclong.design.expressions import columns_in
from msclong.design.fixed_effects import Constraint, FixedEffects
from msclong.errors import SpecError

NEGLIGIBLE = 1e-10
"""Coefficients of the eliminated constraints below this, where the largest is one, are rounding."""


def equal_at_baseline(fixed: FixedEffects, arm: str, visit: str, baseline: object) -> FixedEffects:
    """The fixed part with the arms' means equal at the baseline visit, as randomisation makes them.

    Liang and Zeger (2000), Sankhya B 62:134; Liu, Lu, Mogg, Mallick and Mehrotra (2009), Statistics in Medicine
    28:2509. The constraints are the differences between arms of the mean at baseline, at the covariates of every
    subject seen there; each takes one coefficient away, the arms' own before their interactions. Those left keep
    patsy's meaning and names; only one that all arms are made to share loses the arm from its name: `arm[B]:age`, the
    slope of age in arm B, is `age` where the arms have one slope.
    Raises SpecError where the mean does not differ between arms at baseline.
    """
    rows = fixed.frame[fixed.frame[visit] == baseline]
    levels = fixed.values(arm)
    X = [fixed.matrix(_all_at(rows, arm, level)) for level in levels]
    differences = (
        np.vstack([other - X[0] for other in X[1:]]) if len(X) > 1 else np.zeros((0, len(fixed.names)))
    )
    arms_own = [
        name for name, variables in zip(fixed.terms, fixed.term_variables, strict=True) if variables == {arm}
    ]
    first = [i for name in arms_own for i in range(*fixed.terms[name].indices(len(fixed.names)))]
    pivots, rows_left = _eliminated(differences, first)
    if not pivots:
        raise SpecError(
            f"baseline_as='constrained' makes the levels of {arm!r} equal at baseline, but the mean "
            f"{fixed.formula!r} does not differ between them there; write {arm} * {visit}."
        )
    kept = tuple(i for i in range(len(fixed.names)) if i not in pivots)
    reduction = np.eye(len(fixed.names))[:, kept]
    reduction[pivots] = -rows_left[:, kept]
    parts = [
        f"{factor.name()}[{level}]"
        for factor in fixed.design_info.factor_infos
        if columns_in(factor.name(), fixed.frame.columns) == [arm]
        for level in levels
    ]
    names = _names(fixed.names, kept, reduction, parts, len(levels))
    return fixed.constrained(Constraint(kept, reduction, names))


def _names(
    patsys: Sequence[str], kept: Sequence[int], reduction: np.ndarray, parts: Sequence[str], n_arms: int
) -> tuple[str, ...]:
    """Names of the coefficients left, (p,): patsy's, without the arm where one stands for those of all arms.

    parts : how patsy writes each arm in a name.
    """
    names = []
    for j, unit in enumerate(np.eye(len(kept))):
        shared = np.abs(reduction - unit).max(axis=1) <= NEGLIGIBLE
        rests = {_without(patsys[i], parts) for i in np.flatnonzero(shared).tolist()}
        names.append(rests.pop() if shared.sum() == n_arms and len(rests) == 1 else patsys[kept[j]])
    return tuple(names)


def _without(name: str, parts: Sequence[str]) -> str:
    """A coefficient's name without the arm."""
    for part in parts:
        if name == part:
            return "Intercept"
        for text in (f"{part}:", f":{part}"):
            if text in name:
                return name.replace(text, "", 1)
    return name


def _all_at(rows: pd.DataFrame, column: str, level: object) -> pd.DataFrame:
    """The rows with every value of a column replaced by one level."""
    changed = rows.copy()
    changed[column] = pd.Series([level] * len(rows), index=rows.index).astype(rows[column].dtype)
    return changed


def _eliminated(rows: np.ndarray, first: list[int]) -> tuple[list[int], np.ndarray]:
    """Reduced row echelon form of the row space, (pivots, (r, q)); pivots are taken from `first` where possible."""
    left = np.linalg.qr(rows, mode="r") if len(rows) > rows.shape[1] else rows.copy()
    size = np.abs(left).max(initial=0.0)
    columns = [*first, *(i for i in range(rows.shape[1]) if i not in first)]
    pivots: list[int] = []
    for column in columns:
        r = len(pivots)
        if r == len(left):
            break
        best = r + int(np.argmax(np.abs(left[r:, column])))
        if abs(left[best, column]) <= NEGLIGIBLE * size:
            continue
        left[[r, best]] = left[[best, r]]
        left[r] /= left[r, column]
        others = np.arange(len(left)) != r
        left[others] -= np.outer(left[others, column], left[r])
        pivots.append(column)
    return pivots, left[: len(pivots)]
