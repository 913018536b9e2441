"""When a covariance has no estimate: unstructured with too few subjects, parts that look alike."""

from __future__ import annotations

import numpy as np

from msclong.covariance.additive import Additive
from msclong.covariance.components import components
from msclong.covariance.identification import undetermined
from msclong.covariance.structure import CovarianceStructure, Scatter
from msclong.covariance.unstructured import Unstructured
from msclong.data.codes import coded, distinct
from msclong.design.design import Design
from msclong.design.rotation import rotated
from msclong.errors import DegenerateCovarianceError, DesignError, listing

MOST_SETS = 2000
"""Sets of visits that are looked at: all that the patterns and their intersections make, in every ordinary trial."""

MOST_COUNTED = 10_000
"""Of so many more, where nearly each subject has a pattern of its own, the largest: they hold the fewest subjects."""


def refuse_degenerate_unstructured(design: Design) -> None:
    """Raise DegenerateCovarianceError when too few subjects were seen together at some visits for `us`.

    Among the m subjects who were seen at all of some t visits, whose mean is fitted with r between-subject coefficients
    a visit, some combination of these visits is fitted without error as soon as 0 < m < t + r: along it the likelihood
    grows without bound, and what an optimiser returns is where it happened to stop. r is the rank of these subjects' X
    at a generic mixture of the visits; it is 1 for a single arm with one mean a visit, hence the rule of T + 1
    completers of T visits. Where nobody completed, as in planned missingness, the same holds of the visits that were
    seen together. A covariance by group needs them in each group.
    """
    if not design.rows_kept or not has_unstructured(design):  # of sums: looked at when they were made
        return
    place = {visit: i for i, visit in enumerate(design.data.visits)}
    found = coded(design.fixed.frame[design.spec.visit_column])
    position = found.of_levels([place[visit] for visit in found.levels]).astype(np.intp)
    group = design.covariance.group
    for level in design.covariance.group_levels or (None,):
        rows = np.arange(design.n_obs)
        if level is not None:
            rows = rows[(design.fixed.frame[group] == level).to_numpy()]
        _refuse_few_together(design, position, rows, "" if level is None else f" of {group} {level}")


def has_unstructured(design: Design) -> bool:
    """Whether a part of the covariance is unstructured over planned visits."""
    cores = [term.core for term in components(design.structure)]
    return any(isinstance(core, Unstructured) for core in cores) and design.spec.visit_column is not None


def _refuse_few_together(design: Design, position: np.ndarray, rows: np.ndarray, whose: str) -> None:
    subject, n = distinct([(design.subject[rows], design.n_subjects)])
    T = len(design.data.visits)
    at = np.full((n, T), -1)
    at[subject, position[rows]] = rows
    sets, count = seen_together(at >= 0)
    # No rank exceeds the number of columns: with so many subjects there is none to find.
    few = np.flatnonzero(count < sets.sum(axis=1) + len(design.fixed.names))
    for visits in sorted((np.flatnonzero(sets[i]).tolist() for i in few), key=lambda v: (-len(v), v)):
        together = at[(at[:, visits] >= 0).all(axis=1)][:, visits]
        mixture = 1 + np.sqrt(np.arange(2, len(visits) + 2))
        rank = int(np.linalg.matrix_rank(np.einsum("t,itp->ip", mixture, design.fixed.X[together])))
        refuse_few(design, visits, len(together), rank, whose)


def refuse_few(design: Design, visits: list[int], n: int, rank: int, whose: str) -> None:
    """Raise DegenerateCovarianceError where n subjects seen at `visits` (positions) are too few for this rank of X."""
    T, needed = len(design.data.visits), len(visits) + max(rank, 1)
    if n >= needed:
        return
    named = "all of them"
    if len(visits) < T:
        named = f"{listing(design.data.visits[v] for v in visits)} together"
    advice = (
        " Use a structure with fewer parameters, such as ar1h(visit | subject), toeph or cs, or fewer visits; "
        "or declare them beforehand: ModelSpec(..., fallback=('us', 'toeph', 'ar1h', 'cs'))."
    )
    raise DegenerateCovarianceError(
        f"An unstructured covariance over {T} visits needs at least {needed} subjects{whose} seen at "
        f"{named} (the mean uses {max(rank, 1)} coefficient(s) a visit); {n} were. "
        f"Its likelihood has no maximum here.{'' if design.spec.fallback else advice}"
    )


def seen_together(seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sets of two visits or more that are some subject's, or what several subjects have in common.

    seen : (n, T). Of the subjects seen at some visits, the visits common to all of them make the strictest condition.
    Returns the sets, (S, T) bool, and the subjects who were seen at all visits of each, (S,).
    """
    code, _ = distinct([(there, 2) for there in seen.T])
    subjects = np.bincount(code)
    patterns = np.empty((len(subjects), seen.shape[1]), dtype=bool)
    patterns[code] = seen
    bits = [1 << visit for visit in range(seen.shape[1])]
    own = {sum(bit for bit, there in zip(bits, row, strict=True) if there) for row in patterns.tolist()}
    found, new = set(own), own
    while new and len(found) < MOST_SETS:
        new = {a & b for a in new for b in own} - found
        found |= new
    largest = sorted(found, key=int.bit_count, reverse=True)[:MOST_COUNTED]
    sets = np.array([[bool(code & bit) for bit in bits] for code in largest])
    sets = sets[sets.sum(axis=1) > 1]
    missed = sets.astype(np.float32) @ (~patterns).T.astype(np.float32)
    return sets, (missed == 0) @ subjects


def refuse_unidentified_random_effects(design: Design) -> None:
    """Raise DesignError when some covariance parameters of a sum cannot be told apart by any data.

    They are (locally) identified when the matrices dSigma / dtheta_j, over all patterns, are linearly independent. They
    are not for an effect that is zero everywhere, for (1 + arm | subject) where a subject has one arm, for
    the covariance of effects that never occur in the same subject, or for a random intercept beside cs or us.
    """
    structure = design.structure
    if not isinstance(structure, Additive):
        return
    if design.crossed is not None:
        there = structure.recoordinated(design.crossed.scatter())
        products = design.crossed.with_coordinates(there.coords, there.structure).products
        _refuse_undetermined(products.alignments(structure.n_parameters), there.theta, structure)
        return
    blocks = rotated(structure, design.moments).blocks  # which leaves the sums below as they are
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
    _refuse_undetermined(gram, there.theta, structure)


def _refuse_undetermined(gram: np.ndarray, back: np.ndarray, structure: CovarianceStructure) -> None:
    """Raise DesignError where matrices whose inner products are `gram` are not independent; theta is back @ theirs."""
    names = undetermined(gram, back, structure.parameter_names)
    if not names:
        return
    raise DesignError(
        f"These data cannot tell {listing(names)} apart (or from zero). A random effect must vary within subjects, "
        "and each pair of them must occur together; use fewer random effects, or || for uncorrelated ones. Beside a "
        "residual structure, leave out what it already holds (us and cs hold a random intercept)."
    )
