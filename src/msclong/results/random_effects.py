"""Predicted random effects: best linear unbiased predictions (BLUPs)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from msclong.covariance.components import Component, components
from msclong.covariance.random_effects import RandomEffects
from msclong.design.coordinates import keys
from msclong.design.crossed_moments import CrossedMoments
from msclong.design.design import Design
from msclong.errors import EngineError, SpecError
from msclong.likelihood.crossed.prediction import predicted_effects
from msclong.linear_hypothesis import label
from msclong.results.kriging import kriging, remainder
from msclong.results.mixture import normal_mixture
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws

COLUMNS = ["grouping", "level", "effect"]


@dataclass(frozen=True, eq=False)
class _Grouped:
    """A term of random effects with its groups.

    grouping : its name. group : (N,) codes of each row's group. levels : the groups' labels.
    coords : (levels, d) coordinates of the term in each group, its effects set to zero.
    """

    term: Component
    grouping: str
    group: np.ndarray
    levels: tuple[object, ...]
    coords: np.ndarray

    @property
    def effects(self) -> tuple[str, ...]:
        assert isinstance(self.term.core, RandomEffects)
        return tuple(name.removesuffix(f" | {self.grouping}") for name in self.term.core.effects)

    @property
    def index(self) -> list[tuple[object, ...]]:
        return [(self.grouping, level, effect) for level in self.levels for effect in self.effects]


@dataclass(frozen=True, eq=False)
class _Batch:
    """P units with as many rows, and groups of each term, as one another.

    rows : (P, t). where : (P, m), positions of their effects in the table. coords : by term, its coordinates at the
    unit's rows and, after them, at rows whose Z is a unit vector: what such a row has of the term is one effect.
    """

    rows: np.ndarray
    where: np.ndarray
    coords: tuple[np.ndarray, ...]


def random_effects(
    design: Design, estimate: PointEstimate | PosteriorDraws, theta: np.ndarray
) -> pd.DataFrame:
    """b_hat = G Z' V^-1 (y - X beta) for each group and effect, in the outcome's unit per unit of the effect.

    Returns
    -------
    DataFrame with `estimate` and `se`, indexed by grouping, level and effect, groups in order of appearance. se is the
    root of the prediction error variance Var(b_hat - b), beta's uncertainty included (Henderson 1975; SAS's
    'Std Err Pred'; R lme4's condVar leaves it out), theta taken as known; of a posterior, its mean and SD of b.

    Raises SpecError where the model has no random effects.
    """
    if design.conditional:
        raise EngineError(
            f"Random effects of family {design.family.keyword!r} have no linear prediction; fit.trajectories() has "
            "each subject's own course."
        )
    groups = _groups(design)
    if not groups:
        raise SpecError(
            f"{design.spec.formula!r} has no random effects; predict(conditional=True) predicts visits."
        )
    if design.crossed is not None and isinstance(estimate, PointEstimate):
        value, variance, loading = _crossed_blups(design.crossed, groups, estimate.beta, theta)
        return _table(groups, value, variance, loading, estimate)
    batches = _batches(design, groups)
    terms = [one.term for one in groups]
    if isinstance(estimate, PosteriorDraws):
        draws = zip(estimate.flat, estimate.flat_theta, strict=True)
        found = [_blups(design, terms, batches, beta, one)[:2] for beta, one in draws]
        mean, variance = (np.stack(part) for part in zip(*found, strict=True))
        return pd.DataFrame(normal_mixture(mean, variance, 0.95), index=_index(groups))[["estimate", "se"]]
    return _table(groups, *_blups(design, terms, batches, estimate.beta, theta), estimate)


def _table(
    groups: list[_Grouped],
    value: np.ndarray,
    variance: np.ndarray,
    loading: np.ndarray,
    estimate: PointEstimate,
) -> pd.DataFrame:
    variance = variance + np.einsum("mp,pq,mq->m", loading, estimate.vcov, loading, optimize=True)
    return pd.DataFrame({"estimate": value, "se": np.sqrt(variance.clip(0, None))}, index=_index(groups))


def _index(groups: list[_Grouped]) -> pd.MultiIndex:
    return pd.MultiIndex.from_tuples([row for one in groups for row in one.index], names=COLUMNS)


def _crossed_blups(
    moments: CrossedMoments, groups: list[_Grouped], beta: np.ndarray, theta: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `_blups`, where units are too large for it."""
    found = predicted_effects(moments, beta, theta)
    value, variance, loading = [], [], []
    for one in groups:
        where, own = next(
            (i, part.effects)
            for i, grouping in enumerate(moments.effects.groupings)
            for part in grouping.parts
            if part.theta == one.term.theta
        )
        value.append(found.value[where][:, own].reshape(-1))
        variance.append(np.diagonal(found.variance[where], axis1=1, axis2=2)[:, own].reshape(-1))
        loading.append(found.loading[where][:, own].reshape(-1, len(beta)))
    return np.concatenate(value), np.concatenate(variance), np.concatenate(loading)


def _blups(
    design: Design, terms: list[Component], batches: list[_Batch], beta: np.ndarray, theta: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """b_hat (m,), Var(b | y) (m,) and how b_hat moves with beta (m, p), in the order of the table."""
    m = sum(batch.where.size for batch in batches)
    value, variance, loading = np.empty(m), np.empty(m), np.empty((m, len(beta)))
    residual = design.y - design.fixed.X @ beta
    for batch in batches:
        t = batch.rows.shape[1]
        shares = [
            term.structure.sigma(theta[term.theta], coords)
            for term, coords in zip(terms, batch.coords, strict=True)
        ]
        c = np.concatenate([share[:, t:, :t] for share in shares], axis=1)
        prior = np.concatenate([np.diagonal(share, axis1=1, axis2=2)[:, t:] for share in shares], axis=1)
        found = kriging(design.structure.sigma(theta, design.coords[batch.rows]), c)
        value[batch.where] = (found.weights @ residual[batch.rows][..., None])[..., 0]
        variance[batch.where] = remainder(prior, found.explained, prior)
        loading[batch.where] = -found.weights @ design.fixed.X[batch.rows]
    return value, variance, loading


def _batches(design: Design, groups: list[_Grouped]) -> list[_Batch]:
    """The units with their effects, those of equal shape together."""
    found: dict[tuple[int, ...], list[tuple[np.ndarray, np.ndarray, list[np.ndarray]]]] = {}
    order = np.argsort(design.unit, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(design.unit[order])) + 1):
        start, where, coords = 0, [], []
        for one in groups:
            q = len(one.effects)
            present = np.unique(one.group[rows])
            effects = np.repeat(one.coords[present], q, axis=0)
            effects[:, effects.shape[1] - q :] = np.tile(np.eye(q), (len(present), 1))
            coords.append(np.concatenate([design.coords[rows][:, one.term.coords], effects]))
            where.append(start + (present[:, None] * q + np.arange(q)).reshape(-1))
            start += q * len(one.levels)
        shape = (len(rows), *map(len, where))
        found.setdefault(shape, []).append((rows, np.concatenate(where), coords))
    return [
        _Batch(
            rows=np.stack([rows for rows, _, _ in units]),
            where=np.stack([where for _, where, _ in units]),
            coords=tuple(np.stack(part) for part in zip(*(coords for _, _, coords in units), strict=True)),
        )
        for units in found.values()
    ]


def _groups(design: Design) -> list[_Grouped]:
    frame = design.fixed.frame
    codes = {}
    for grouping in design.spec.parsed.groupings:
        codes[grouping] = pd.factorize(pd.Series(keys(frame, grouping)))
    found = []
    for term in components(design.structure):
        if not term.is_random:
            continue
        coords = design.coords[:, term.coords]
        q = term.core.coordinates
        # The term's own mask says which rows share effects; without one, the unit does.
        shares = coords[:, 0] if coords.shape[1] > q else design.unit
        grouping = next(g for g, (code, _) in codes.items() if _same_partition(code, shares))
        group, names = codes[grouping]
        first = np.unique(group, return_index=True)[1]
        blank = coords[first].copy()
        blank[:, blank.shape[1] - q :] = 0.0
        levels = tuple(key[0] if len(key) == 1 else ":".join(map(label, key)) for key in names)
        found.append(_Grouped(term, ":".join(grouping), group, levels, blank))
    return found


def _same_partition(a: np.ndarray, b: np.ndarray) -> bool:
    pairs = len(np.unique(np.column_stack([a, b]), axis=0))
    return pairs == len(np.unique(a)) == len(np.unique(b))
