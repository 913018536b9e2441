"""What the observations say of crossed and nested random effects: predictions and what remains uncertain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.design.crossed_moments import CrossedMoments
from msclong.design.grouped_effects import GroupedEffects
from msclong.errors import DesignError
from msclong.likelihood.crossed.factor import Factor, factorised


@dataclass(frozen=True, eq=False)
class PredictedEffects:
    """Effects b given y at beta and theta, for rows [X, y].

    Of each grouping, in the order of `moments.effects.groupings`: value (levels, r), loading (levels, r, p), how value
    moves with beta, and variance (levels, r, r) given y.
    """

    moments: CrossedMoments
    factor: Factor
    theta: np.ndarray
    value: tuple[np.ndarray, ...]
    loading: tuple[np.ndarray, ...]
    variance: tuple[np.ndarray, ...]

    @property
    def sigma2(self) -> float:
        return float(self.theta[self.moments.effects.residual])

    def mean(self, rows: GroupedEffects) -> np.ndarray:
        """z'b of other rows, (M,), predicted; zero of levels that the observations do not have."""
        total = np.zeros(len(rows.unit))
        for one, level, value in zip(rows.groupings, self._levels(rows), self.value, strict=True):
            seen = level >= 0
            total[seen] += np.einsum("ma,ma->m", one.Z[seen], value[level[seen]])
        return total

    def loading_and_variance(self, rows: GroupedEffects) -> tuple[np.ndarray, np.ndarray]:
        """How the mean moves with beta, (M, p), and the variance (M,) of z'b given y."""
        loading, variance = np.zeros((len(rows.unit), self.moments.n_fixed)), np.zeros(len(rows.unit))
        levels = self._levels(rows)
        for g, (one, level) in enumerate(zip(rows.groupings, levels, strict=True)):
            seen = level >= 0
            loading[seen] += np.einsum("ma,map->mp", one.Z[seen], self.loading[g][level[seen]])
            spread = np.where(seen[:, None, None], self.variance[g][level], one.covariance(self.theta))
            variance += np.einsum("ma,mab,mb->m", one.Z, spread, one.Z)
        for g in range(len(levels)):
            for h in range(g):
                both = (levels[g] >= 0) & (levels[h] >= 0)
                variance[both] += 2 * self._covariance(rows, levels, g, h, both)
        return loading, variance

    def _levels(self, rows: GroupedEffects) -> list[np.ndarray]:
        """(M,) by grouping: the level of each row among those of the observations, -1 where it is none of them."""
        found = []
        for one, known in zip(rows.groupings, self.moments.effects.groupings, strict=True):
            at = np.searchsorted(known.labels, one.labels).clip(max=known.levels - 1)
            found.append(np.where(known.labels[at] == one.labels, at, -1)[one.code])
        return found

    def _covariance(
        self, rows: GroupedEffects, levels: list[np.ndarray], g: int, h: int, both: np.ndarray
    ) -> np.ndarray:
        """Cov(z_g'b_g, z_h'b_h) given y, of the rows where `both` levels are known."""
        from msclong.likelihood.crossed.kernels import bilinear_forms

        products, order = self.factor.products, self.moments.effects.groupings
        if order[h] is products.first:
            g, h = h, g
        Zg, Zh = rows.groupings[g].Z[both], rows.groupings[h].Z[both]
        level, other = levels[g][both], levels[h][both]
        links, middle = products.links, self.factor.between
        total = np.zeros(int(both.sum()))
        if order[g] is products.first:
            # Cov(b_first, b_rest) = -D (I + K D)^-1 K_first,rest B.
            values = -np.einsum("na,nab->nb", products.linked, self.factor.inner[links.level])
            for b in range(Zh.shape[1]):
                where = products.place[products.others.index(order[h])].local[other] + b
                total += Zh[:, b] * bilinear_forms(
                    links.pointer, links.local, links.base, links.width, values, middle, level, where, Zg
                )
            return self.sigma2 * total
        first, second = (products.place[products.others.index(order[x])] for x in (g, h))
        i, base, width, j = first.local[level], first.base[level], first.width[level], second.local[other]
        for a in range(Zg.shape[1]):
            for b in range(Zh.shape[1]):
                total += Zg[:, a] * Zh[:, b] * middle[base + (i + a) * width + j + b]
        return self.sigma2 * total


def predicted_effects(moments: CrossedMoments, beta: np.ndarray, theta: np.ndarray) -> PredictedEffects:
    """Best linear unbiased predictions of the effects (Henderson 1975), from their penalised least squares.

    Raises DesignError where theta gives no positive definite covariance.
    """
    products = moments.products
    order = (products.first, *products.others)
    sigma2 = float(theta[moments.effects.residual])
    factor = factorised(products, [one.covariance(theta) / sigma2 for one in order])
    if factor is None:
        raise DesignError("These covariance parameters give no positive definite covariance.")
    first, rest, _ = factor.solve(*moments.crossed)
    turn = np.append(-beta, 1.0)
    D = order[0].covariance(theta) / sigma2
    # Var(b_first | y) = D (I + K D)^-1 + D F' B F D.
    variances = [sigma2 * (factor.inner + D @ factor.taken @ D)]
    columns = [first]
    for one, place in zip(products.others, products.place, strict=True):
        columns.append(rest[place.effects(one.r)])
        row = place.local[:, None, None] + np.arange(one.r)[:, None]
        column = place.local[:, None, None] + np.arange(one.r)
        base, width = place.base[:, None, None], place.width[:, None, None]
        variances.append(sigma2 * factor.between[base + row * width + column])
    position = [next(i for i, known in enumerate(order) if known is one) for one in moments.effects.groupings]
    return PredictedEffects(
        moments,
        factor,
        theta,
        tuple(columns[i] @ turn for i in position),
        tuple(-columns[i][:, :, :-1] for i in position),
        tuple(variances[i] for i in position),
    )
