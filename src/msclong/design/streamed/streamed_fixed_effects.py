"""The fixed part of a design whose rows are not kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from msclong.design.expressions import columns_in
from msclong.design.fixed_effects import FixedEffects
from msclong.design.streamed.prepared import reading
from msclong.design.streamed.reading import Reading
from msclong.errors import DataError, EngineError, HypothesisError

SPREADS = (0.5, 0.1, 0.01)
"""How far from a covariate's mean, in SDs, it is looked at whether a mean depends on its spread."""


def rows_not_kept(what: str) -> NoReturn:
    """Raise EngineError for what needs patients' rows."""
    raise EngineError(
        f"This fit was made of sums over its data, which were read in parts or stayed where they are: patients' rows "
        f"were not kept, and {what} need them. Estimates, means, contrasts, tests and predict(newdata) do not; for the "
        "rest fit a table in memory (of a sample, where all does not fit)."
    )


class StreamedFixedEffects(FixedEffects):
    """The fixed effects of a design of which sums were kept.

    table : a row for each combination of the levels of its factors and discrete covariates (and of the observations of
    a subject) that occurs, with the means of the others. triangle, sizes : of X, from the cross-moments.
    """

    def __init__(
        self,
        read: Reading,
        table: pd.DataFrame,
        sds: Mapping[str, float],
        order: Mapping[str, tuple[object, ...]],
        total: np.ndarray,
        n_obs: int,
    ) -> None:
        """sds : of the averaged covariates. total : (q, q) triangle of the cross-moments of [X, y]."""
        p = len(read.info.column_names)
        for name, value in {
            "formula": read.spec.parsed.fixed,
            "design_info": read.info,
            "order": order,
            "constraint": None,
            "_table": table,
            "_reading": read,
            "_sds": sds,
            "_total": total,
            "_n_obs": n_obs,
            "_triangle": total[:p, :p],
        }.items():
            object.__setattr__(self, name, value)

    _table: pd.DataFrame
    _reading: Reading
    _sds: Mapping[str, float]
    _total: np.ndarray
    _n_obs: int
    _triangle: np.ndarray

    @property
    def frame(self) -> pd.DataFrame:  # type: ignore[override]
        rows_not_kept("these results")

    @property
    def factored(self) -> NoReturn:  # type: ignore[override]
        rows_not_kept("these results")

    @property
    def X(self) -> np.ndarray:  # type: ignore[override]
        rows_not_kept("these results")

    @property
    def table(self) -> pd.DataFrame:
        return self._table

    @property
    def averaged(self) -> frozenset[str]:
        return frozenset(self._reading.averaged)

    @property
    def triangle(self) -> np.ndarray:
        return self._triangle

    @property
    def sizes(self) -> np.ndarray:
        """(p,) root mean squares of the columns of X."""
        return np.asarray(np.linalg.norm(self._triangle, axis=0) / np.sqrt(self._n_obs))

    def own_values(
        self, names: Sequence[str], row_weights: np.ndarray, spread: bool = False
    ) -> tuple[pd.DataFrame, np.ndarray]:
        if spread:
            return self._spread(names, row_weights)
        own = self.averaged & set(names)
        for parts in self._reading.expansion.products:
            reading_own = [factor for factor, _ in parts if own.intersection(columns_in(factor.name(), own))]
            if len(reading_own) > 1 or any(f.name().strip() not in own for f in reading_own):
                raise HypothesisError(
                    f"weights='counterfactual' averages over patients' own values of {sorted(own)}, which enter the "
                    "mean otherwise than once and as they are, and patients' rows were not kept. Say at which values: "
                    f"at={{{sorted(own)[0]!r}: [...]}}."
                )
        return super().own_values(names, row_weights)

    def _spread(self, names: Sequence[str], row_weights: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
        """Two values of all covariates together, one and two shares, with their means: products and powers differ."""
        mean = {
            name: float(np.average(self._table[name].astype(float), weights=row_weights)) for name in names
        }
        sd = {
            name: self._sds.get(name, float(np.std(self._table[name].astype(float)))) or 1.0 for name in names
        }
        discrete = {name: levels[0] for name, levels in self.discrete.items()}
        for size in SPREADS:
            values = pd.DataFrame(
                {name: [mean[name] + 2 * size * sd[name], mean[name] - size * sd[name]] for name in names}
            )
            try:
                others = {
                    name: float(self._table[name].astype(float).mean())
                    for name in self.variables
                    if name not in discrete and name not in values
                }
                rest: dict[str, Any] = {n: v for n, v in (discrete | others).items() if n not in values}
                self.matrix(values.assign(**rest))
            except DataError:
                continue
            return values, np.array([1.0, 2.0]) / 3
        raise HypothesisError(
            f"{sorted(names)} cannot be averaged: the fixed part {self.formula!r} is undefined near their means. Say "
            "at which values: at={...}."
        )

    def __reduce__(self) -> tuple[object, ...]:
        # patsy's DesignInfo cannot be pickled; it is built again from spec and schema.
        read = self._reading
        return _rebuilt, (
            read.spec,
            read.schema,
            self._table,
            dict(self._sds),
            dict(self.order),
            self._total,
            self._n_obs,
        )


def _rebuilt(spec, schema, table, sds, order, total, n_obs) -> StreamedFixedEffects:  # type: ignore[no-untyped-def]
    return StreamedFixedEffects(reading(spec, schema), table, sds, order, total, n_obs)
