"""The design: one spec applied to one data set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from msclong.covariance.structure import CovarianceStructure
from msclong.data.long_data import LongData
from msclong.design.covariance_design import build_covariance
from msclong.design.cross_moments import CrossMoments, cross_moments
from msclong.design.fixed_effects import FixedEffects, build_fixed_effects
from msclong.spec.model_spec import ModelSpec


@dataclass(frozen=True, eq=False)
class Design:
    """What an engine fits.

    N observed outcomes of n subjects, p fixed effects, d coordinates.

    spec, data : what was asked of which table. fixed : X and its patsy design.
    y : (N,) outcomes in their own unit. subject : (N,) integer codes.
    structure : Sigma(theta). coords : (N, d), what the structure reads of each row.
    notes : what building the design changed or assumed.
    """

    spec: ModelSpec
    data: LongData
    fixed: FixedEffects
    y: np.ndarray
    subject: np.ndarray
    structure: CovarianceStructure
    coords: np.ndarray
    notes: tuple[str, ...]

    @cached_property
    def moments(self) -> CrossMoments:
        """Cross-moments of [X, y] by pattern."""
        W = np.column_stack([self.fixed.X, self.y])
        return cross_moments(W, self.subject, self.coords, (*self.fixed.names, self.spec.parsed.outcome))

    @cached_property
    def coords_rms(self) -> np.ndarray:
        """(d,) root mean square of each coordinate."""
        return np.sqrt(np.mean(self.coords**2, axis=0))

    @property
    def n_obs(self) -> int:
        return len(self.y)

    @property
    def n_subjects(self) -> int:
        return int(self.subject.max()) + 1

    @cached_property
    def visit(self) -> str | None:
        """The variable whose values are the visits of contrasts.

        The visit column where the spec names one; else the time of the random slopes, if the mean has it; else the one
        variable of the mean that changes within subjects; else None. A factor without an order is no visit: its
        alphabet says nothing of time.
        """
        if self.spec.visit_column is not None:
            return self.spec.visit_column
        slopes = " ".join(term.variable for term in self.spec.parsed.covariance).replace("+", " ").split()
        varying = [
            name
            for name in self.fixed.variables
            if self._has_order(name) and not self._constant_in_subjects(name)
        ]
        candidates = [name for name in varying if name in slopes] or varying
        return candidates[0] if len(candidates) == 1 else None

    @cached_property
    def arm(self) -> str | None:
        """The treatment column: the spec's, else the one factor constant in subjects and crossed with the visit."""
        if self.spec.arm is not None or self.visit is None:
            return self.spec.arm
        crossed = {
            name
            for variables in self.fixed.term_variables
            if self.visit in variables
            for name in variables & set(self.fixed.discrete)
            if name != self.visit and self._constant_in_subjects(name)
        }
        return crossed.pop() if len(crossed) == 1 else None

    @cached_property
    def baseline(self) -> object:
        """What visits are compared with: as LongData or the spec say, else the first; None without visits."""
        if self.visit is None:
            return None
        if self.data.visit == self.visit:
            return self.data.baseline
        return self.fixed.values(self.visit)[0] if self.spec.baseline is None else self.spec.baseline

    def _has_order(self, column: str) -> bool:
        dtype = self.fixed.frame[column].dtype
        return bool(dtype.ordered) if isinstance(dtype, pd.CategoricalDtype) else is_numeric_dtype(dtype)

    def _constant_in_subjects(self, column: str) -> bool:
        counts = self.fixed.frame.groupby(self.spec.subject, observed=True)[column].nunique()
        return bool((counts <= 1).all())


def build_design(spec: ModelSpec, data: LongData) -> Design:
    """Apply a spec to validated data; rows without an outcome are left out here (and counted in the report)."""
    observed = data.frame[data.frame[data.outcome].notna()].copy()
    notes = list(data.notes)
    for column in observed.columns:
        if isinstance(observed[column].dtype, pd.CategoricalDtype):
            used = observed[column].cat.remove_unused_categories()
            if column != data.subject and (
                gone := set(observed[column].cat.categories) - set(used.cat.categories)
            ):
                notes.append(
                    f"Levels of {column} without any observed outcome left the model: {sorted(map(str, gone))}."
                )
            observed[column] = used
    order = {data.visit: data.visits} if data.visit is not None else {}
    fixed = build_fixed_effects(spec.parsed.fixed, observed, order)
    structure, coords = build_covariance(spec.parsed, observed, data.visits)
    visit = spec.parsed.visit
    if visit in fixed.variables and visit not in fixed.discrete:
        notes.append(
            f"{visit} is numeric and enters the mean as a number; C({visit}) gives each visit its own mean."
        )
    return Design(
        spec=spec,
        data=data,
        fixed=fixed,
        y=observed[data.outcome].to_numpy(dtype=float),
        subject=pd.factorize(observed[data.subject])[0],
        structure=structure,
        coords=coords,
        notes=tuple(notes),
    )
