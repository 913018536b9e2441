"""When a covariance has no estimate: unstructured with too few subjects, parts that look alike."""

from __future__ import annotations

import numpy as np

from msclong.covariance.additive import Additive
from msclong.covariance.components import components
from msclong.covariance.identification import undetermined
from msclong.covariance.structure import Scatter
from msclong.covariance.unstructured import Unstructured
from msclong.design.design import Design
from msclong.errors import DegenerateCovarianceError, DesignError, listing

MOST_SETS = 2000
"""Sets of visits that are looked at: all that the patterns and their intersections make, in every ordinary trial."""


def refuse_degenerate_unstructured(design: Design) -> None:
    """Raise DegenerateCovarianceError when too few subjects were seen together at some visits for `us`.

    Among the m subjects who were seen at all of some t visits, whose mean is fitted with r between-subject coefficients
    a visit, some combination of these visits is fitted without error as soon as 0 < m < t + r: along it the likelihood
    grows without bound, and what an optimiser returns is where it happened to stop. r is the rank of these subjects' X
    at a generic mixture of the visits; it is 1 for a single arm with one mean a visit, hence the rule of T + 1
    completers of T visits. Where nobody completed, as in planned missingness, the same holds of the visits that were
    seen together. A covariance by group needs them in each group.
    """
    cores = [term.core for term in components(design.structure)]
    if not any(isinstance(core, Unstructured) for core in cores) or design.spec.visit_column is None:
        return
    place = {visit: i for i, visit in enumerate(design.data.visits)}
    position = design.fixed.frame[design.spec.visit_column].map(place).to_numpy(dtype=np.intp)
    group = design.covariance.group
    for level in design.covariance.group_levels or (None,):
        rows = np.arange(design.n_obs)
        if level is not None:
            rows = rows[(design.fixed.frame[group] == level).to_numpy()]
        _refuse_few_together(design, position, rows, "" if level is None else f" of {group} {level}")


def _refuse_few_together(design: Design, position: np.ndarray, rows: np.ndarray, whose: str) -> None:
    codes, subject = np.unique(design.subject[rows], return_inverse=True)
    at = np.full((len(codes), len(design.data.visits)), -1)
    at[subject, position[rows]] = rows
    for visits in _seen_together(at >= 0):
        together = at[(at[:, visits] >= 0).all(axis=1)][:, visits]
        mixture = 1 + np.sqrt(np.arange(2, len(visits) + 2))
        rank = int(np.linalg.matrix_rank(np.einsum("t,itp->ip", mixture, design.fixed.X[together])))
        needed = len(visits) + max(rank, 1)
        if len(together) < needed:
            named = "all of them"
            if len(visits) < at.shape[1]:
                named = f"{listing(design.data.visits[v] for v in visits)} together"
            advice = (
                " Use a structure with fewer parameters, such as ar1h(visit | subject), toeph or cs, or fewer visits; "
                "or declare them beforehand: ModelSpec(..., fallback=('us', 'toeph', 'ar1h', 'cs'))."
            )
            raise DegenerateCovarianceError(
                f"An unstructured covariance over {at.shape[1]} visits needs at least {needed} subjects{whose} seen at "
                f"{named} (the mean uses {max(rank, 1)} coefficient(s) a visit); {len(together)} were. "
                f"Its likelihood has no maximum here.{'' if design.spec.fallback else advice}"
            )


def _seen_together(seen: np.ndarray) -> list[list[int]]:
    """The sets of two visits or more that are some subject's, or what several subjects have in common; largest first.

    seen : (n, T). Of the subjects seen at some visits, the visits common to all of them make the strictest condition.
    """
    patterns = {frozenset(np.flatnonzero(row).tolist()) for row in seen}
    found = set(patterns)
    new = patterns
    while new and len(found) < MOST_SETS:
        new = {a & b for a in new for b in patterns} - found
        found |= new
    return sorted((sorted(visits) for visits in found if len(visits) > 1), key=len, reverse=True)


def refuse_unidentified_random_effects(design: Design) -> None:
    """Raise DesignError when some covariance parameters of a sum cannot be told apart by any data.

    They are (locally) identified when the matrices dSigma / dtheta_j, over all patterns, are linearly independent. They
    are not for an effect that is zero everywhere, for (1 + arm | subject) where a subject has one arm, for
    the covariance of effects that never occur in the same subject, or for a random intercept beside cs or us.
    """
    structure = design.structure
    if not isinstance(structure, Additive):
        return
    blocks = design.moments.blocks
    # A scatter that correlates neighbours, so that no structure starts where its derivatives vanish.
    typical = [Scatter(b.coords, b.n, b.n[:, None, None] * (0.5 + 0.5 * np.eye(b.t))) for b in blocks]
    there = structure.recoordinated(typical)
    coords = [block.coords @ there.coords for block in blocks]
    moved = [Scatter(c, s.n, s.cross_products) for c, s in zip(coords, typical, strict=True)]
    theta = there.structure.start(moved)
    gram = np.zeros((structure.n_parameters, structure.n_parameters))
    for block, at in zip(blocks, coords, strict=True):
        E = there.structure.first(theta, at)
        flat = (E * np.sqrt(block.n)[:, None, None]).reshape(len(E), -1)
        gram += flat @ flat.T
    names = undetermined(gram, there.theta, structure.parameter_names)
    if not names:
        return
    raise DesignError(
        f"These data cannot tell {listing(names)} apart (or from zero). A random effect must vary within subjects, "
        "and each pair of them must occur together; use fewer random effects, or || for uncorrelated ones. Beside a "
        "residual structure, leave out what it already holds (us and cs hold a random intercept)."
    )
