"""A table of repeated measurements whose columns have been given roles and checked."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import InitVar, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from msclong.data.codes import Codes, coded
from msclong.data.keys import check_complete, check_constant, check_unique, levels
from msclong.data.marks import marked, synthetic
from msclong.data.measurements import measurement, rows_where
from msclong.data.roles import check_roles
from msclong.data.tables import modelling_frame, to_pandas
from msclong.data.visit_order import ordered_visits
from msclong.errors import DataError, DataWarning, listing, warn


@dataclass(frozen=True, eq=False, repr=False)
class LongData:
    """One row per subject and visit, checked once, so that everything after it may rely on it.

    Parameters
    ----------
    table
        A pandas DataFrame, a polars DataFrame or LazyFrame, a pyarrow Table or a DuckDB relation. It is
        never changed.
    subject, outcome, visit, time, arm
        Column names. `visit` is the planned occasion, `time` a number in the user's unit (it may be the
        visit column itself), `arm` the randomised treatment, constant within a subject. All but the first
        two may be None: without a visit, a subject may have any number of rows.
    baseline
        The visit that change is measured from; the first visit if not given.
    visit_order
        Every visit once, in order of time. Needed only where the table does not state the order itself
        (see `msclong.data.visit_order`).

    Attributes
    ----------
    frame
        A validated copy of all columns with the caller's row labels: the outcome float64, text categorical,
        the visit an ordered categorical with the levels `visits` (numeric, where it was numeric). Rows whose
        outcome is missing stay; rows of a visit at which nobody was observed do not. Of the table's `attrs` it has
        'synthetic' and 'source'.
    visits
        The visits at which any outcome was observed, in order of time; empty without a visit column.
    arms
        The arms, in category order or else sorted; empty without an arm column.
    n_subjects, n_obs
        Subjects in `frame`; observed outcomes.
    taken_out
        The baseline visit whose rows became the column `baseline` (`msclong.data.baseline`); None if they stayed.
    notes
        What was noticed and needs no decision, a sentence each.

    Raises
    ------
    DataError
        The table does not have the shape that the roles need; the message names columns, rows and a remedy.

    Warns
    -----
    DataWarning
        A visit has rows but no observed outcome.

    Examples
    --------
    >>> import msclong as ml
    >>> data = ml.LongData(ml.datasets.hamd17(), subject="PATIENT", outcome="change", visit="week", arm="TRT")
    >>> data.visits, data.arms, data.n_subjects, data.n_obs
    ((1, 2, 4, 6, 8), ('1', '2'), 200, 831)
    """

    table: InitVar[Any]
    subject: str
    outcome: str
    visit: str | None = None
    time: str | None = None
    arm: str | None = None
    baseline: Hashable | None = None
    visit_order: InitVar[Sequence[Hashable] | None] = None

    frame: pd.DataFrame = field(init=False)
    visits: tuple[Hashable, ...] = field(init=False, default=())
    arms: tuple[Hashable, ...] = field(init=False, default=())
    n_subjects: int = field(init=False)
    n_obs: int = field(init=False)
    taken_out: Hashable | None = field(init=False, default=None)
    notes: tuple[str, ...] = field(init=False)

    def __post_init__(self, table: Any, visit_order: Sequence[Hashable] | None) -> None:
        given = marked(to_pandas(table, copy=False))
        roles = {role: getattr(self, role) for role in ("subject", "outcome", "visit", "time", "arm")}
        check_roles(given, roles)
        notes = _notes_on_categories(given)
        frame = modelling_frame(given)
        outcome = measurement(given[self.outcome], "outcome")
        if frame[self.outcome].dtype != outcome.dtype:
            frame[self.outcome] = outcome
        who, observed = coded(frame[self.subject]), frame[self.outcome].notna().to_numpy()
        when = None if self.visit is None else coded(frame[self.visit])
        self._check_rows(given, frame, who, when, observed)
        if when is None:
            self._refuse_visit_settings(visit_order)
        else:
            rows = len(frame)
            frame, notes_on_visits = self._order_visits(frame, when, observed, visit_order)
            notes += notes_on_visits
            if len(frame) < rows:
                who, observed = coded(frame[self.subject]), frame[self.outcome].notna().to_numpy()
        if self.arm is not None:
            object.__setattr__(self, "arms", tuple(levels(frame[self.arm])))
        notes += self._notes_on_rows(frame, who, observed)
        object.__setattr__(self, "frame", frame)
        object.__setattr__(self, "n_subjects", len(who))
        object.__setattr__(self, "n_obs", int(observed.sum()))
        object.__setattr__(self, "notes", tuple(notes))

    @property
    def synthetic(self) -> str | None:
        """What the table's attrs["synthetic"] says, where its subjects are made up."""
        return synthetic(self.frame)

    def __repr__(self) -> str:
        parts = [f"{self.n_subjects} subjects, {self.n_obs} observations of {self.outcome}"]
        if self.visits:
            parts.append(f"visits {listing(self.visits)} (baseline {self.baseline})")
        if self.arms:
            parts.append(f"arms {listing(self.arms)}")
        return f"LongData({'; '.join(parts)})"

    def _check_rows(
        self,
        given: pd.DataFrame,
        frame: pd.DataFrame,
        who: Codes,
        when: Codes | None,
        observed: np.ndarray,
    ) -> None:
        """who, when : the codes of subjects and visits. observed : (N,) whether a row has an outcome."""
        subject, outcome = frame[self.subject], frame[self.outcome]
        check_complete(subject, "subject", who)
        if when is not None:
            check_complete(frame[self.visit], "visit", when)
            check_unique(subject, frame[self.visit], who, when)
        if self.arm is not None:
            which = coded(frame[self.arm])
            check_complete(frame[self.arm], "arm", which)
            check_constant(subject, frame[self.arm], who, which)
        if not observed.any():
            raise DataError(
                f"The outcome column {self.outcome!r} is missing in every row. Check that it is the right "
                "column, and that a conversion to numbers did not turn all of it to missing."
            )
        if self.time is not None:
            lacking = measurement(given[self.time], "time").isna() & observed
            if lacking.any():
                raise DataError(
                    f"The time column {self.time!r} is missing in {rows_where(outcome, lacking)}, where the "
                    "outcome was observed. Fill in the time (the planned one, if the actual is unknown)."
                )
        seen = who.codes[observed]
        if (seen == seen[0]).all():
            raise DataError(
                f"Only one {self.subject} has an observed {self.outcome!r}: {who.levels[seen[0]]}. A mixed model "
                "needs several; check the filter, and that subject= names the right column."
            )

    def _refuse_visit_settings(self, visit_order: Sequence[Hashable] | None) -> None:
        for name, value in (("baseline", self.baseline), ("visit_order", visit_order)):
            if value is not None:
                raise DataError(
                    f"{name}= is about visits, but no visit column is named. Give visit= as well."
                )

    def _order_visits(
        self,
        frame: pd.DataFrame,
        found: Codes,
        observed: np.ndarray,
        visit_order: Sequence[Hashable] | None,
    ) -> tuple[pd.DataFrame, list[str]]:
        """`frame` with an ordered visit column, and notes; sets `visits` and `baseline`.

        found : the codes of the visits. observed : (N,) whether a row has an outcome.
        """
        visit = frame[self.visit]
        if self.time is None:  # without times, the row in which each visit appears first says all
            ordered, source = ordered_visits(visit.iloc[np.sort(found.first_rows())], None, visit_order)
        else:
            ordered, source = ordered_visits(visit, frame[self.time], visit_order)
        seen = np.zeros(len(found), dtype=bool)
        seen[found.codes[observed]] = True
        attended = set(found.levels[seen])
        visits = [level for level in ordered if level in attended]
        unattended = [level for level in ordered if level not in attended]
        notes = [f"The order of the visits is taken from {source}."]
        if unattended:
            dropped = visit.isin(unattended)
            notes.append(
                f"Nobody has an observed {self.outcome!r} at {self.visit} {listing(map(repr, unattended))}; "
                f"the {dropped.sum()} rows of it are left out. If it was measured, check the merge."
            )
            warn(notes[-1], DataWarning)
            frame = modelling_frame(frame[~dropped])
        if len(visits) == 1:
            raise DataError(
                f"Only one visit has an observed {self.outcome!r}: {visits[0]!r}. A longitudinal model needs "
                "two or more; check the filter, and that visit= names the right column."
            )
        if not pd.api.types.is_numeric_dtype(visit.dtype):
            frame[self.visit] = frame[self.visit].astype(pd.CategoricalDtype(visits, ordered=True))
        if self.baseline is not None and self.baseline not in visits:
            raise DataError(
                f"The baseline {self.baseline!r} is not an observed visit. The visits in {self.visit!r} are "
                f"{listing(map(repr, visits), most=20)}."
            )
        object.__setattr__(self, "visits", tuple(visits))
        object.__setattr__(self, "baseline", visits[0] if self.baseline is None else self.baseline)
        return frame, notes

    def _notes_on_rows(self, frame: pd.DataFrame, who: Codes, observed: np.ndarray) -> list[str]:
        notes = []
        never = np.ones(len(who), dtype=bool)
        never[who.codes[observed]] = False
        if never.any():
            rows = np.sort(who.first_rows()[never])
            names = listing(frame[self.subject].iloc[rows])
            notes.append(f"{len(rows)} of {len(who)} subjects have no observed outcome: {names}.")
        if self.arm is not None and pd.api.types.is_numeric_dtype(frame[self.arm].dtype):
            notes.append(
                f"The arm {self.arm!r} is numeric: a formula takes it as a number unless C({self.arm})."
            )
        return notes


def _notes_on_categories(given: pd.DataFrame) -> list[str]:
    """A note for each categorical column with categories that no row has; `modelling_column` drops them."""
    notes = []
    for name, column in given.items():
        if isinstance(column.dtype, pd.CategoricalDtype):
            categories, found = column.cat.categories, coded(column)
            if len(found) < len(categories):
                unused = categories.difference(found.levels, sort=False)
                notes.append(f"No row has {listing(map(repr, unused))} in {name!r}; left out of its levels.")
    return notes
