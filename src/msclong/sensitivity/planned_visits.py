"""Every subject at every planned visit: what was observed, and the mean's columns where nothing was."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from msclong.design.cells import each_subject_at_each_visit
from msclong.design.design import Design
from msclong.errors import EngineError, SpecError, listing
from msclong.linear_hypothesis import label


@dataclass(frozen=True, eq=False)
class PlannedVisits:
    """n subjects at T planned visits, as a design's mean and covariance read them.

    design : what was fitted. frame : the n T rows, visit within subject. X : (n, T, p). y : (n, T), NaN where missing.
    group : (n,) codes into `coords`, the (T, d) coordinates of a subject of each covariance group.
    """

    design: Design
    frame: pd.DataFrame
    X: np.ndarray
    y: np.ndarray
    group: np.ndarray
    coords: tuple[np.ndarray, ...]

    @property
    def observed(self) -> np.ndarray:
        """(n, T) whether the outcome was observed."""
        return ~np.isnan(self.y)

    @cached_property
    def last(self) -> np.ndarray:
        """(n,) the last visit at which a subject was observed, as a position 0 .. T - 1."""
        return self.y.shape[1] - 1 - np.argmax(self.observed[:, ::-1], axis=1)

    @property
    def after(self) -> np.ndarray:
        """(n, T) whether a visit is missing after dropout: later than any that was observed."""
        return np.arange(self.y.shape[1]) > self.last[:, None]

    @property
    def subjects(self) -> pd.Index:
        """(n,) the subjects' names."""
        return pd.Index(self.frame[self.design.data.subject].to_numpy()[:: self.y.shape[1]])

    @property
    def visits(self) -> tuple[object, ...]:
        return self.design.fixed.values(str(self.design.visit))

    @cached_property
    def arms(self) -> tuple[object, ...]:
        """The arms, the control first; empty without arms."""
        return () if self.design.arm is None else self.design.fixed.values(self.design.arm)

    @cached_property
    def arm(self) -> np.ndarray:
        """(n,) positions in `arms`; zeros without arms."""
        if self.design.arm is None:
            return np.zeros(len(self.y), dtype=np.intp)
        places = {level: i for i, level in enumerate(self.arms)}
        own = self.frame[self.design.arm].iloc[:: self.y.shape[1]]
        return np.array([places[level] for level in own.tolist()], dtype=np.intp)

    def arm_position(self, arm: object, argument: str) -> int:
        """Where an arm stands in `arms`, by its level or its label; raises SpecError for another."""
        if self.design.arm is None:
            raise SpecError(f"{argument} names an arm, and this model has none; leave it out.")
        for i, level in enumerate(self.arms):
            if arm == level or label(arm) == label(level):
                return i
        raise SpecError(
            f"{argument}: {arm!r} is not an arm; the levels of {self.design.arm!r} are "
            f"{listing(map(repr, self.arms))}."
        )

    def in_arm(self, position: int) -> np.ndarray:
        """X (n, T, p) had every subject been in one arm, its covariates its own."""
        arm = str(self.design.arm)
        dtype = self.frame[arm].dtype
        moved = pd.Series([self.arms[position]] * len(self.frame), index=self.frame.index).astype(dtype)
        return self.design.fixed.matrix(self.frame.assign(**{arm: moved})).reshape(self.X.shape)

    def sigma(self, theta: np.ndarray) -> np.ndarray:
        """Sigma(theta) over the planned visits of each covariance group, (groups, T, T)."""
        return self.design.structure.sigma(theta, np.stack(self.coords))


def planned_visits(design: Design) -> PlannedVisits:
    """Complete the grid of a design.

    Raises EngineError where outcomes are not Gaussian, times are irregular, subjects are tied together, rows are
    weighted, or covariates vary within subjects in a way that says nothing of a missed visit.
    """
    _refuse_unsuited(design)
    grid = design.visit_grid
    visit, subject = str(design.visit), design.data.subject
    if grid is None:
        raise EngineError(
            f"Missing outcomes are imputed at planned visits, and {visit!r} holds times of subjects' own, or what the "
            "covariance reads differs within a visit. Name the planned visit: us(visit | subject)."
        )
    frame = each_subject_at_each_visit(design)
    n, T = design.n_subjects, len(grid.visits)
    if len(frame) != n * T:
        raise EngineError(
            "Some covariate of this model varies between a subject's visits, so that nothing tells its value at a "
            "visit that was missed. Use its value at baseline, or leave it out of the model."
        )
    places = {value: i for i, value in enumerate(grid.visits)}
    codes = {name: i for i, name in enumerate(pd.unique(design.fixed.frame[subject]))}
    row = frame[subject].map(codes).to_numpy(dtype=np.intp)
    column = frame[visit].map(places).to_numpy(dtype=np.intp)
    order = np.lexsort((column, row))
    y = np.full((n, T), np.nan)
    y[row[: design.n_obs], column[: design.n_obs]] = design.y
    sorted_frame = frame.iloc[order].reset_index(drop=True)
    of_group = {name: i for i, name in enumerate(grid.coords)}
    group = np.zeros(n, dtype=np.intp)
    if design.covariance.group is not None:
        own = sorted_frame[design.covariance.group].iloc[::T]
        group = np.array([of_group[label(level)] for level in own.tolist()], dtype=np.intp)
    return PlannedVisits(
        design=design,
        frame=sorted_frame,
        X=design.fixed.matrix(sorted_frame).reshape(n, T, -1),
        y=y,
        group=group,
        coords=tuple(grid.coords.values()),
    )


def _refuse_unsuited(design: Design) -> None:
    if design.conditional or not design.family.transformed_gaussian:
        what = "censored outcomes" if design.spec.censored else f"family={design.spec.family!r}"
        raise EngineError(
            f"Reference-based and delta-adjusted imputation are for Gaussian outcomes, and this model has {what}. "
            "Model the outcome as Gaussian (family='gaussian' or 'lognormal') for this analysis."
        )
    if design.visit is None:
        raise EngineError("This model has no visits to miss; name them: ModelSpec(..., visit='...').")
    if design.spec.weights is not None:
        raise EngineError(
            f"Observations are weighted by {design.spec.weights!r}, and those that are missing have no weight; fit "
            "without weights for this analysis."
        )
    if design.unit.max() != design.subject.max():
        raise EngineError(
            "Random effects tie subjects together here (of a site, say), and outcomes are imputed subject by subject. "
            "Take the site into the fixed part, with random effects and covariance by subject alone."
        )
