"""New patients as a model reads them: the observed subjects with their own covariates, at baseline and at a visit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from msclong.contrasts.marginal_means import warn_of_empty_cells
from msclong.design.cells import dispersion_of, subjects_crossed
from msclong.design.design import Design
from msclong.design.reference_grid import listed_values
from msclong.errors import EngineError, HypothesisError, listing

DECIMALS = 12
"""Rows that agree to so many decimals, in units of each column's largest value, are of patients alike."""


@dataclass(frozen=True, eq=False)
class ComparedPatients:
    """k patients of one row of a table at T times: baseline and a visit, or the visit alone where outcomes are changes.

    key : the row's levels of what rows are listed by, and the visit. X : (k, T, p) of the fixed part. zero : (k, T, q),
    of a hurdle's zero part; else q is 0. coords : (k, T, m, d), what the covariance reads of each of m linear
    predictors. dispersion : (k, T) codes into `Design.dispersion_levels`.
    """

    key: tuple[object, ...]
    X: np.ndarray
    zero: np.ndarray
    coords: np.ndarray
    dispersion: np.ndarray


def compared_patients(design: Design, others: Sequence[str], visit: str) -> list[ComparedPatients]:
    """A row for each combination of levels of `others` and later visit.

    The population is that of the observed subjects, each of whom counts once with its own covariates, in the row's arm
    where arms are among `others` (g-computation). Of other variables a row has the subjects with its level, and
    combinations that no subject has have no row.

    Raises HypothesisError for a variable that the mean does not have, EngineError for one that varies within subjects.
    """
    listed = listed_values(design.fixed, [*others, visit], None)
    warn_of_empty_cells(design.fixed, listed, [*others, visit])
    set_to = {name: listed[name] for name in (*others, visit) if name in (design.arm, visit)}
    subjects, cells = subjects_crossed(design, set_to)
    grouped = [name for name in others if name != design.arm]
    if varying := [name for name in grouped if name not in subjects.columns]:
        raise EngineError(
            f"{varying[0]!r} differs between one subject's visits, so no patient belongs to one of its rows; leave it "
            "out of by."
        )
    arms: list[object] = listed[str(design.arm)] if design.arm in others else [None]
    X = design.fixed.matrix(cells)
    zero = np.zeros((len(X), 0)) if design.zero is None else design.zero.matrix(cells)
    every = (X, zero, design.latent_coords(cells), dispersion_of(design, cells))
    shape = (len(arms), len(listed[visit]), len(subjects))
    X, zero, coords, dispersion = (part.reshape(*shape, *part.shape[1:]) for part in every)
    changes = design.spec.outcome_type == "change"
    if not changes and design.baseline not in listed[visit]:
        raise HypothesisError(
            f"The baseline, {design.baseline!r}, is no value of {visit!r}, and changes are measured from it; its "
            f"values are {listing(listed[visit])}."
        )
    first = [] if changes else [listed[visit].index(design.baseline)]
    rows = []
    for levels in product(*(listed[name] for name in others)):
        of = dict(zip(others, levels, strict=True))
        who = np.ones(len(subjects), dtype=bool)
        for name in grouped:
            who &= (subjects[name] == of[name]).to_numpy()
        arm = arms.index(of.get(str(design.arm)))
        for t, level in enumerate(listed[visit]):
            if t in first or not who.any():
                continue
            at = np.ix_([arm], [*first, t], np.flatnonzero(who))
            parts = (np.swapaxes(part[at][0], 0, 1) for part in (X, zero, coords, dispersion))
            rows.append(ComparedPatients((*levels, level), *parts))
    return rows


def alike(*read: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first of each kind of k patients of whom the same is read, (D,), and which kind each patient is, (k,).

    read : arrays (k, ...).
    """
    values = np.concatenate([part.reshape(len(part), -1) for part in read], axis=1)
    size = np.abs(values).max(axis=0, initial=0.0)
    rounded = np.round(values / np.where(size > 0, size, 1.0), DECIMALS) + 0.0
    _, first, which = np.unique(rounded, axis=0, return_index=True, return_inverse=True)
    return first, which.reshape(-1)
