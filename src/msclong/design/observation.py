"""What a family reads of each row beside its linear predictor: outcome, trials, censoring, offset, dispersion."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from msclong.design.coordinates import column_of
from msclong.errors import DataError, listing
from msclong.families.family import Family
from msclong.families.registry import family_of
from msclong.families.transformed_gaussian import TransformedGaussian
from msclong.linear_hypothesis import label
from msclong.spec.model_spec import ModelSpec

CENSORING = {"none": 0, "left": -1, "right": 1, "interval": 2}
"""Codes of the words that a censoring column may hold."""

MOST_OFFSET, MOST_RANGE = 40.0, 20.0
"""Offsets beyond are no logarithms: their exposures would exceed 1e17, or differ 5e8-fold within the table."""


@dataclass(frozen=True, eq=False)
class Observation:
    """The N observed outcomes as the family reads them.

    family : with what it takes from the outcomes. data : "y", and "trials", "censored", "upper" where they apply, (N,)
    each. offset : (N,), added to the linear predictor of the mean. dispersion : (N,) codes into `dispersion_levels`.
    """

    family: Family
    data: dict[str, np.ndarray]
    offset: np.ndarray
    dispersion: np.ndarray
    dispersion_levels: tuple[str, ...]


def read_observation(spec: ModelSpec, frame: pd.DataFrame, outcome: str) -> Observation:
    """The outcomes of `frame`, all of them observed. Raises DataError for what the family cannot have, with rows."""
    y = frame[outcome].to_numpy(dtype=float)
    family = family_of(spec.family).fitted(y)
    if spec.conditional and isinstance(family, TransformedGaussian) and spec.jointly_normal:
        family = replace(family, parameters=())
    data = {"y": y}
    if spec.trials is not None:
        data["trials"] = _numbers(frame, spec.trials, "number of trials")
    elif spec.family == "bernoulli":
        data["trials"] = np.ones(len(y))
    if spec.censored is not None:
        data |= _censoring(spec, frame, y)
    family.check(data, outcome, frame.index)
    data["y"] = family.coded(y)
    offset = np.zeros(len(y)) if spec.offset is None else _numbers(frame, spec.offset, "offset")
    if family.link != "identity":
        _refuse_no_offset(offset, spec.offset, family.link)
    codes, levels = _dispersion(frame, spec.dispersion_by)
    return Observation(
        family=family,
        data=data,
        offset=offset,
        dispersion=codes,
        dispersion_levels=levels,
    )


def _censoring(spec: ModelSpec, frame: pd.DataFrame, y: np.ndarray) -> dict[str, np.ndarray]:
    column = column_of(frame, str(spec.censored))
    if pd.api.types.infer_dtype(column, skipna=True) == "boolean":
        raise DataError(
            f"{spec.censored!r} holds truth values, which do not tell on which side an outcome is censored; write "
            "'left' or 'right' for True, 'none' for False."
        )
    codes = column.map(lambda value: CENSORING.get(value, value) if isinstance(value, str) else value)
    known = codes.isin(list(CENSORING.values())).to_numpy()
    if not known.all():
        raise DataError(
            f"{spec.censored!r} must say 'none', 'left', 'right' or 'interval' (or 0, -1, 1, 2) in every row with an "
            f"outcome; rows {listing(frame.index[~known])} do not."
        )
    found = {"censored": codes.to_numpy(dtype=float)}
    interval = found["censored"] == CENSORING["interval"]
    upper = np.full(len(y), np.inf)
    if interval.any():
        if spec.censored_upper is None:
            raise DataError(
                f"Rows {listing(frame.index[interval])} are interval censored; name the column with the upper limits: "
                "censored_upper='...'."
            )
        upper[interval] = _numbers(frame[interval], spec.censored_upper, "upper limit")
        if not (upper > y).all():
            raise DataError(
                f"The upper limit {spec.censored_upper!r} must lie above the lower one, {spec.parsed.outcome!r}; rows "
                f"{listing(frame.index[upper <= y])} differ."
            )
    return {**found, "upper": upper}


def _refuse_no_offset(offset: np.ndarray, name: str | None, link: str) -> None:
    """Raise DataError for offsets that no logarithm or logit is."""
    if np.abs(offset).max() > MOST_OFFSET or np.ptp(offset) > MOST_RANGE:
        raise DataError(
            f"The offset {name!r} runs from {offset.min():g} to {offset.max():g}. It is added to the linear predictor, "
            f"whose scale is a {'logarithm' if link == 'log' else link}: give the logarithm of the exposure, such as "
            f"a column np.log({name})."
        )


def _dispersion(frame: pd.DataFrame, name: str | None) -> tuple[np.ndarray, tuple[str, ...]]:
    if name is None:
        return np.zeros(len(frame), dtype=np.intp), ("",)
    column = column_of(frame, name)
    if column.isna().any():
        raise DataError(f"dispersion_by={name!r} is missing in rows {listing(frame.index[column.isna()])}.")
    codes, levels = pd.factorize(column, sort=True)
    return codes, tuple(map(label, levels))


def _numbers(frame: pd.DataFrame, name: str, what: str) -> np.ndarray:
    values = pd.to_numeric(column_of(frame, name), errors="coerce").to_numpy(dtype=float)
    if not (finite := np.isfinite(values)).all():
        raise DataError(
            f"{name!r} holds the {what} and must be a number in every row with an outcome; rows "
            f"{listing(frame.index[~finite])} are not."
        )
    return values
