"""The observations of a conditional model, subject by subject, and their log-likelihood given the linear predictors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from msclong.design.design import Design
from msclong.families.arrays import NUMPY
from msclong.families.family import Family


@dataclass(frozen=True, eq=False)
class SubjectRows:
    """N observations of n subjects, in the order of subjects.

    order : (N,) positions in the design. subject : (N,) codes, ascending from 0. data : what the family reads, (N,)
    each. offset : (N,), added to the first predictor. Z : (N, m, q) rows of the random effects for each of m
    predictors. level : (N,) codes of the level whose dispersion a row has.
    """

    family: Family
    order: np.ndarray
    subject: np.ndarray
    data: Mapping[str, np.ndarray]
    offset: np.ndarray
    Z: np.ndarray
    level: np.ndarray

    @property
    def n_obs(self) -> int:
        return len(self.subject)

    @property
    def n_subjects(self) -> int:
        return int(self.subject[-1]) + 1

    @cached_property
    def first(self) -> np.ndarray:
        """(n,) the first row of each subject."""
        return np.flatnonzero(np.diff(self.subject, prepend=-1))

    def of(self, chosen: np.ndarray) -> SubjectRows:
        """Some of the rows (k,), whole subjects one after the other, which are counted from 0."""
        new = np.diff(self.subject[chosen], prepend=-1) != 0
        return SubjectRows(
            family=self.family,
            order=self.order[chosen],
            subject=np.cumsum(new) - 1,
            data={name: values[chosen] for name, values in self.data.items()},
            offset=self.offset[chosen],
            Z=self.Z[chosen],
            level=self.level[chosen],
        )

    def effects(self, b: Sequence[np.ndarray] | np.ndarray, m: int) -> np.ndarray:
        """z'b of each row in predictor m, (..., N), for q random effects b of shape (..., n)."""
        total: np.ndarray | float = 0.0
        for r in np.flatnonzero(self.Z[:, m].any(axis=0)).tolist():
            z, own = self.Z[:, m, r], np.take(b[r], self.subject, axis=-1)
            total = total + (own if (z == 1).all() else z * own)
        return np.asarray(total)

    def total(self, values: np.ndarray) -> np.ndarray:
        """Sums over each subject's rows: (..., N) -> (..., n)."""
        return np.add.reduceat(values, self.first, axis=-1)

    def log_density(self, eta: tuple[np.ndarray, ...], phi: Mapping[str, np.ndarray]) -> np.ndarray:
        """log p(y | eta, phi) of each row; eta (..., S, N) by predictor, phi (S, size)."""
        with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            return self.family.log_density(self.data, eta, self.by_row(phi), NUMPY)

    def log_likelihood(self, eta: tuple[np.ndarray, ...], phi: Mapping[str, np.ndarray]) -> np.ndarray:
        """log p(y_i | eta, phi) of each subject (..., S, n); -inf where it is not a number."""
        with np.errstate(invalid="ignore"):
            value = self.total(self.log_density(eta, phi))
        return np.where(np.isnan(value), -np.inf, value)

    def by_row(self, phi: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """phi as the family reads it: one value, or one for each row where levels differ; cutpoints as they are."""
        ordered = {p.name for p in self.family.parameters if p.kind == "ordered"}
        return {
            name: value if name in ordered or value.shape[-1] == 1 else value[..., self.level]
            for name, value in phi.items()
        }


def subject_rows(design: Design) -> SubjectRows:
    """The rows of a conditional design in the order of its subjects, or of larger independent units."""
    order = np.argsort(design.unit, kind="stable")
    return SubjectRows(
        family=design.family,
        order=order,
        subject=np.unique(design.unit[order], return_inverse=True)[1],
        data={name: values[order] for name, values in design.observation.items()},
        offset=design.offset[order],
        Z=design.latent_coords()[order],
        level=design.dispersion[order],
    )
