"""The design: one spec applied to one data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from msclong.covariance.structure import CovarianceStructure
from msclong.data.codes import coded
from msclong.data.long_data import LongData
from msclong.design.constrained_baseline import equal_at_baseline
from msclong.design.coordinates import GroupCode, codes, keys
from msclong.design.covariance_design import CovarianceDesign, build_covariance
from msclong.design.cross_moments import CrossMoments, factored_moments
from msclong.design.crossed_moments import CrossedMoments, crossed_moments, tied
from msclong.design.fixed_effects import FixedEffects, build_fixed_effects, without_intercept
from msclong.design.new_rows import NewRows, units_of_new_rows
from msclong.design.observation import Observation, read_observation
from msclong.design.reference_grid import MOST_TIMES
from msclong.design.units import ranks_within, refuse_large_units
from msclong.design.visit_grid import VisitGrid, visit_grid
from msclong.errors import SpecError
from msclong.families.family import Family
from msclong.spec.model_spec import ModelSpec


@dataclass(frozen=True, eq=False)
class Design:
    """What an engine fits.

    N observed outcomes of n subjects, p fixed effects, d coordinates.

    spec, data : what was asked of which table. fixed : X and its patsy design.
    y : (N,) outcomes in their own unit. subject : (N,) integer codes.
    covariance : the structure and how it reads a table. coords : (N, d), what it reads of each row.
    notes : what building the design changed or assumed. observed : the outcomes as the family reads them.
    zero : the fixed part of a hurdle family's probability of zero.

    Where the spec is jointly normal (see `ModelSpec.jointly_normal`), the covariance is that of transformed outcomes,
    else that of the linear predictors. y holds the outcomes transformed, unless the spec is conditional.
    """

    spec: ModelSpec
    data: LongData
    fixed: FixedEffects
    y: np.ndarray
    subject: np.ndarray
    covariance: CovarianceDesign
    coords: np.ndarray
    notes: tuple[str, ...]
    observed: Observation
    zero: FixedEffects | None = None

    @property
    def family(self) -> Family:
        """The distribution of the outcome, with what it takes from the outcomes."""
        return self.observed.family

    @property
    def conditional(self) -> bool:
        """Whether outcomes are independent given their linear predictors, or some are censored."""
        return self.spec.conditional

    @property
    def censored_normal(self) -> bool:
        """Whether transformed outcomes are jointly normal as in a Gaussian model, and some known by limits only."""
        return self.conditional and self.spec.jointly_normal

    @property
    def linked(self) -> bool:
        """Whether the linear predictor is a function of the outcome's mean: its logarithm or logit, without unit."""
        return self.family.link != "identity" and not self.family.transformed_gaussian

    @property
    def measured(self) -> np.ndarray:
        """(N,) outcomes on the scale of the linear predictor where it is one of outcomes, else as they stand."""
        gaussian = self.conditional and self.family.transformed_gaussian
        return self.family.transform(self.y) if gaussian else self.y

    @property
    def observation(self) -> dict[str, np.ndarray]:
        """What the family reads: "y" on its own scale, "trials", "censored", "upper", (N,) each."""
        return self.observed.data

    @property
    def outcome(self) -> np.ndarray:
        """(N,) observed outcomes as the table has them: grades by their names, not counted from zero."""
        return self.fixed.frame[self.data.outcome].to_numpy(dtype=float)

    @property
    def offset(self) -> np.ndarray:
        """(N,) added to the linear predictor of the mean."""
        return self.observed.offset

    @property
    def dispersion(self) -> np.ndarray:
        """(N,) codes into `dispersion_levels`, each of which has a scale or dispersion of its own."""
        return self.observed.dispersion

    @property
    def dispersion_levels(self) -> tuple[str, ...]:
        return self.observed.dispersion_levels

    def latent_coords(self, frame: pd.DataFrame | None = None) -> np.ndarray:
        """(N, m, d): what the covariance reads of each of the m linear predictors of a row, of the fit or of a table.

        structure.sigma(theta, latent_coords) is the covariance (N, m, m) of a row's linear predictors about X beta.
        Rows of a table stand for themselves: their groups are not read.
        """
        if frame is None and len(self.family.predictors) == 1:
            return self.coords[:, None, :]
        rows = self.fixed.frame if frame is None else frame
        each = [
            self.covariance.of_predictor(predictor).coords(rows, alone=frame is not None)
            for predictor in self.family.predictors
        ]
        return np.stack(each, axis=1)

    @property
    def structure(self) -> CovarianceStructure:
        """Sigma(theta) of the observations of one independent unit."""
        return self.covariance.structure

    @property
    def unit(self) -> np.ndarray:
        """(N,) codes of the independent units: the subjects, or larger groups that random effects tie together."""
        return self.covariance.unit

    @cached_property
    def moments(self) -> CrossMoments:
        """Cross-moments of [X, y] by pattern."""
        return self.moments_of(self.y)

    @cached_property
    def crossed(self) -> CrossedMoments | None:
        """In place of `moments` where random effects tie many observations together; else None."""
        if self.conditional or not tied(self.unit):
            return None
        rows = np.column_stack([self.fixed.X, self.y])
        names = (*self.fixed.names, self.spec.parsed.outcome)
        return crossed_moments(names, rows, self.structure, self.coords, self.unit)

    def moments_of(self, y: np.ndarray) -> CrossMoments:
        """Cross-moments of [X, y] for other outcomes (N,) of the same rows (simulated ones).

        Raises DesignError where a unit is too large for a dense covariance.
        """
        refuse_large_units(self.unit)
        names = (*self.fixed.names, self.spec.parsed.outcome)
        return factored_moments(self.fixed.factored, y, self.unit, self.pattern_coords, names)

    @cached_property
    def pattern_coords(self) -> np.ndarray:
        """The coordinates with group codes counted within units, so that units that look alike share a pattern."""
        columns = self.covariance.columns(GroupCode)
        coords = self.coords.copy() if len(columns) else self.coords
        for column in columns:
            coords[:, column] = ranks_within(self.unit, coords[:, column])
        return coords

    @cached_property
    def coords_rms(self) -> np.ndarray:
        """(d,) root mean square of each coordinate."""
        return np.sqrt(np.mean(self.coords**2, axis=0))

    def coords_rms_in(self, transform: np.ndarray) -> np.ndarray:
        """(d,) root mean square of each coordinate, where an observation's coordinates are coords @ transform."""
        return np.sqrt(np.mean((self.coords @ transform) ** 2, axis=0))

    def row_weights(self, count: Literal["rows", "subjects"]) -> np.ndarray:
        """Weights of the rows of `fixed.table`: of observed rows, or of subjects, whose rows share a weight of one."""
        if count == "rows":
            return np.ones(self.n_obs)
        return 1 / np.bincount(self.subject)[self.subject]

    def median_times(self, factor: str, levels: Sequence[object]) -> np.ndarray:
        """The median of the time column at each level of the visit."""
        medians = self.fixed.frame.groupby(factor, observed=True)[str(self.data.time)].median()
        return np.asarray(medians.reindex(list(levels)).to_numpy(dtype=float))

    @property
    def columns_within(self) -> np.ndarray:
        """(p,) whether a column of X changes within any subject."""
        order = np.argsort(self.subject, kind="stable")
        same = np.diff(self.subject[order]) == 0
        return np.asarray((np.diff(self.fixed.X[order], axis=0)[same] != 0).any(axis=0))

    @property
    def columns_constant(self) -> np.ndarray:
        """(p,) whether a column of X has one value."""
        return np.asarray((self.fixed.X[0] == self.fixed.X).all(axis=0))

    @property
    def rows_kept(self) -> bool:
        """Whether patients' rows are here, and not their sums alone."""
        return True

    @property
    def n_units(self) -> int:
        return int(self.unit.max()) + 1

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
        dtype = self.fixed.table[column].dtype
        return bool(dtype.ordered) if isinstance(dtype, pd.CategoricalDtype) else is_numeric_dtype(dtype)

    def _constant_in_subjects(self, column: str) -> bool:
        codes = coded(self.fixed.frame[column]).codes
        seen = codes >= 0
        one = np.empty(self.n_subjects, dtype=codes.dtype)
        one[self.subject[seen]] = codes[seen]
        return bool((one[self.subject[seen]] == codes[seen]).all())

    @cached_property
    def continuous_time(self) -> bool:
        """Whether the values of `visit` are measured times rather than planned visits."""
        if self.visit is None or self.visit in self.fixed.discrete:
            return False
        found = self.fixed.values(self.visit)
        # Far more distinct times than any subject has: measured, not planned.
        scattered = self.spec.visit_column is None and len(found) > 2 * int(np.bincount(self.subject).max())
        return scattered or len(found) > MOST_TIMES

    @cached_property
    def visit_grid(self) -> VisitGrid | None:
        """The planned visits as the covariance reads them; None where times are irregular."""
        if self.visit is None:
            return None
        return visit_grid(
            self.covariance, self.coords, self.fixed.frame, self.visit, self.fixed.values(self.visit)
        )

    def rows(self, frame: pd.DataFrame) -> NewRows:
        """New rows under this design: their X and coordinates, and the units that they belong to.

        Raises FormulaError or DataError for rows that the design cannot read.
        """
        X = self.fixed.matrix(frame)
        groupings = self.spec.parsed.groupings
        known = [keys(self.fixed.frame, grouping) for grouping in groupings]
        unit = units_of_new_rows(self.unit, known, [keys(frame, g) for g in groupings], list(frame.index))
        return NewRows(X, self.covariance.coords(frame), unit)


def build_design(spec: ModelSpec, data: LongData) -> Design:
    """Apply a spec to validated data; rows without an outcome are left out here (and counted in the report)."""
    seen = data.frame[data.outcome].notna().to_numpy()
    observed = (data.frame if seen.all() else data.frame[seen]).copy(deep=False)
    notes = list(data.notes)
    for column in observed.columns:
        dtype = observed.dtypes[column]
        if isinstance(dtype, pd.CategoricalDtype) and len(coded(observed[column])) < len(dtype.categories):
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
    outcomes = read_observation(spec, observed, data.outcome)
    zero = None
    if "zero" in outcomes.family.predictors:
        zero = build_fixed_effects(spec.hurdle or spec.parsed.fixed, observed, order)
    if not outcomes.family.has_intercept:
        fixed = without_intercept(fixed)
    covariance = build_covariance(
        spec.parsed,
        observed,
        data.visits,
        spec.weights,
        latent=outcomes.family.predictors if spec.conditional else (),
    )
    alone = spec.parsed.groupings == ((data.subject,),)
    visit = spec.parsed.visit
    if visit in fixed.variables and visit not in fixed.discrete:
        notes.append(
            f"{visit} is numeric and enters the mean as a number; C({visit}) gives each visit its own mean."
        )
    design = Design(
        spec=spec,
        data=data,
        fixed=fixed,
        y=outcomes.data["y"] if spec.conditional else outcomes.family.transform(outcomes.data["y"]),
        subject=covariance.unit if alone else codes(observed, (data.subject,)),
        covariance=covariance,
        coords=covariance.coords(observed),
        notes=tuple(notes),
        observed=outcomes,
        zero=zero,
    )
    return _constrained(design) if spec.baseline_as == "constrained" else design


def _constrained(design: Design) -> Design:
    """The design with arms equal at baseline."""
    if design.arm is None or design.visit is None:
        raise SpecError(
            "baseline_as='constrained' needs arms and visits; name them: ModelSpec(..., arm='...', visit='...')."
        )
    return replace(design, fixed=equal_at_baseline(design.fixed, design.arm, design.visit, design.baseline))
