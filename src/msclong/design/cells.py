"""Rows of covariate values with all that the model reads of a row: for means on the outcome's own scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from msclong.design.coordinates import Effects, InverseRootWeight, Measured, Membership, Position
from msclong.design.design import Design
from msclong.design.fixed_effects import columns_read
from msclong.design.reference_grid import expanded
from msclong.design.visit_grid import MOST_VISITS
from msclong.errors import EngineError, HypothesisError, listing


def completed(design: Design, cells: pd.DataFrame) -> pd.DataFrame:
    """`cells`, which hold the variables of the mean, with the columns that other parts of the model read.

    A column that has one value at each visit (its time) takes that; a covariate of the hurdle alone its mean over the
    observed rows; weights are one. Subjects and their groups are not needed: cells stand for nobody.

    Raises HypothesisError for a column whose value the cells leave open.
    """
    frame, added = design.fixed.frame, {}
    for name in dict.fromkeys(_read(design)):
        if name in cells.columns:
            continue
        if name == design.spec.weights:
            added[name] = pd.Series(1.0, index=cells.index)
        elif design.visit in cells.columns and _one_value_each(frame, str(design.visit), name):
            at = frame.drop_duplicates(design.visit)
            value = dict(zip(at[design.visit].tolist(), at[name].tolist(), strict=True))
            added[name] = pd.Series(
                [value[visit] for visit in cells[design.visit].tolist()], index=cells.index
            )
        elif design.zero is not None and name in design.zero.variables and name not in design.zero.discrete:
            added[name] = pd.Series(float(frame[name].mean()), index=cells.index)
        else:
            raise HypothesisError(
                f"Means on the outcome's scale need a value of {name!r}, which the covariance, the hurdle or the "
                "dispersion reads and the mean does not: take it into the fixed part, or ask for effect='link'."
            )
    return cells.assign(**added)


def each_subject_at_each_visit(design: Design) -> pd.DataFrame:
    """The observed rows, and rows of every subject's missing planned visits, as far as they can be filled in.

    A missing visit takes the subject's own values, and the values that belong to the visit. Where the model reads a
    column that varies within subjects otherwise, or times are irregular, the observed rows alone.
    """
    frame, visit = design.fixed.frame, design.visit
    groups = [column for grouping in design.spec.parsed.groupings for column in grouping]
    read = [
        name for name in dict.fromkeys([*design.fixed.variables, *_read(design), *groups]) if name != visit
    ]
    if visit is None or len(design.fixed.values(visit)) > MOST_VISITS:
        return frame
    of_visit = [name for name in read if _one_value_each(frame, visit, name)]
    own = [name for name in read if name not in of_visit]
    subject = design.data.subject
    if any(not _one_value_each(frame, subject, name) for name in own if name != subject):
        return frame
    key = list(dict.fromkeys([subject, *own]))
    planned = frame.drop_duplicates(subject)[key].merge(
        frame.drop_duplicates(visit)[[visit, *of_visit]], how="cross"
    )
    seen = pd.MultiIndex.from_frame(frame[[subject, visit]].astype(object))
    missing = ~pd.MultiIndex.from_frame(planned[[subject, visit]].astype(object)).isin(seen)
    return pd.concat([frame, planned[missing]], ignore_index=True)


def subjects_crossed(
    design: Design, levels: Mapping[str, Sequence[object]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every observed subject with its own covariates at all combinations of `levels`, which include the visits'.

    Returns the subjects, a row each, and their rows: combinations as `expanded` sorts them, subjects within each. A
    column that varies within subjects, and has one value at each visit, takes that; weights are one.

    Raises EngineError for a column that varies otherwise: nothing tells its value at another visit.
    """
    frame, subject, visit = design.fixed.frame, design.data.subject, str(design.visit)
    ones = [] if design.spec.weights is None else [design.spec.weights]
    read = [
        name
        for name in dict.fromkeys([*design.fixed.variables, *_read(design)])
        if name not in (*levels, *ones, subject)
    ]
    own = [name for name in read if _one_value_each(frame, subject, name)]
    of_visit = [name for name in read if name not in own and _one_value_each(frame, visit, name)]
    if varying := [name for name in read if name not in (*own, *of_visit)]:
        raise EngineError(
            f"{listing(map(repr, varying))} differs between one subject's visits, so nothing tells its value "
            "for a new patient at another visit: take a column of its values at baseline, or leave it out of the model."
        )
    subjects = frame.drop_duplicates(subject)[[subject, *own]].reset_index(drop=True)
    cells = expanded(design.fixed, levels)
    if of_visit:
        cells = cells.merge(frame.drop_duplicates(visit)[[visit, *of_visit]], on=visit, how="left")
    return subjects, cells.merge(subjects, how="cross").assign(**dict.fromkeys(ones, 1.0))


def dispersion_of(design: Design, cells: pd.DataFrame) -> np.ndarray:
    """The codes of the completed `cells` into `design.dispersion_levels`, (G,)."""
    name = design.spec.dispersion_by
    if name is None:
        return np.zeros(len(cells), dtype=np.intp)
    code = dict(zip(design.fixed.frame[name].tolist(), design.dispersion.tolist(), strict=True))
    return np.array([code[level] for level in cells[name].tolist()], dtype=np.intp)


def _read(design: Design) -> list[str]:
    found: list[str] = []
    for reader in design.covariance.readers:
        if isinstance(reader, Effects):
            found += columns_read(reader.design_info, reader.frame.columns)
        elif isinstance(reader, (InverseRootWeight, Measured, Membership, Position)):
            found.append(reader.column)
    if design.zero is not None:
        found += design.zero.variables
    return found if design.spec.dispersion_by is None else [*found, design.spec.dispersion_by]


def _one_value_each(frame: pd.DataFrame, visit: str, name: str) -> bool:
    return bool((frame.groupby(visit, observed=True)[name].nunique() == 1).all())
