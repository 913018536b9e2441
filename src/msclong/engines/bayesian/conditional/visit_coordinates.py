"""Coordinates in which NUTS samples the posterior of categories with a deviation of each visit's own.

Yes or no and grades tell the latent variance v poorly. As it grows, coefficients and cutpoints grow by s =
sqrt(1 + c v) (see `attenuation`), and the standard normal z of the deviations become better known: over all patients
the volume in which they lie falls by orders of magnitude, and with it the sampler's energy changes by more than its
momentum can. So it moves beta / s, cutpoints / s and z / r, where r is about the posterior SD of z given v:

    1 / r_j^2 = 1 + sum over visits t of (rows a group has at t) i_t L_tj^2,   1 / i_t = 1 / i_0 + v_t / k.

i_0 is the Fisher information of a category of the observed frequencies about its linear predictor, v = 0; with v
without bound a category leaves z its range, and k = q / (1 - q), q the share of a standard normal variable's variance
that lies between ranges of these frequencies. Whatever r is, the posterior stays what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytensor.tensor as pt
from scipy.stats import norm

from msclong.design.design import Design
from msclong.engines.bayesian.conditional.attenuation import PER_VARIANCE
from msclong.engines.bayesian.conditional.latent_terms import LatentTerm


@dataclass(frozen=True, eq=False)
class VisitCoordinates:
    """Of a model whose one latent term is a deviation at each of `width` positions.

    per_variance : c. numbers : 1 / i_0, 1 / k, groups n, and rows at each position of a group on average, (3 + width,).
    """

    per_variance: float
    numbers: np.ndarray

    def scales(self, factor: Any, numbers: Any) -> tuple[Any, Any]:
        """s, its mean over rows, and r (width,), from L (width, width) and the numbers as a tensor."""
        share = numbers[3:]
        v = (factor**2).sum(axis=1)
        s = (share * pt.sqrt(1 + self.per_variance * v)).sum() / share.sum()
        return s, 1 / pt.sqrt(1 + (share / (numbers[0] + numbers[1] * v)) @ factor**2)

    def stretched(self, sampled: Any, r: Any, numbers: Any) -> tuple[Any, Any]:
        """z (slots, width) of groups, of what is sampled; and by how much its log prior is that of more than `sampled`.

        Slots of no group stay as they are.
        """
        groups = numbers[2]
        used = pt.arange(sampled.shape[0])[:, None] < groups
        z = pt.where(used, r * sampled, sampled)
        return z, (sampled**2 - z**2).sum() / 2 + groups * pt.log(r).sum()


def visit_coordinates(design: Design, terms: Sequence[LatentTerm]) -> VisitCoordinates | None:
    """None for other models than of categories, of which there are several, with a logit or probit link and one latent
    term by position.
    """
    family = design.family
    trials = design.observation.get("trials", np.ones(1))
    categories = all(p.kind == "ordered" for p in family.parameters) and (trials == 1).all()
    if family.link not in PER_VARIANCE or not categories or len(terms) != 1:
        return None
    (term,) = terms
    if set(term.rows) != {"group", "position"}:
        return None
    frequency = np.unique(design.observation["y"], return_counts=True)[1] / len(design.y)
    if len(frequency) == 1:
        return None
    between = norm.pdf(norm.ppf(np.cumsum(frequency)[:-1]))
    known = (np.diff(between, prepend=0, append=0) ** 2 / frequency).sum()
    information = known if family.link == "probit" else (1 - (frequency**3).sum()) / 3
    groups = int(term.rows["group"].max()) + 1
    rows = np.bincount(term.rows["position"][0].astype(int), minlength=term.width)
    return VisitCoordinates(
        PER_VARIANCE[family.link], np.r_[1 / information, (1 - known) / known, groups, rows / groups]
    )
