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


def refuse_degenerate_unstructured(design: Design) -> None:
    """Raise DegenerateCovarianceError when too few subjects were seen at all T visits for an unstructured covariance.

    Among m completers whose mean is fitted with r between-subject coefficients a visit, some combination of
    visits is fitted without error as soon as m < T + r: along it the likelihood grows without bound, and what an
    optimiser returns is where it happened to stop. r is the rank of the completers' X at a generic mixture of
    visits; it is 1 for a single arm with one mean a visit, hence the rule of T + 1 completers. A covariance by
    group needs them in each group.
    """
    cores = [term.core for term in components(design.structure)]
    found = [core for core in cores if isinstance(core, Unstructured)]
    term = design.spec.parsed.structure
    if not found or term is None:
        return
    frame, group = design.fixed.frame, design.covariance.group
    for level in design.covariance.group_levels or (None,):
        rows = np.ones(design.n_obs, bool) if level is None else (frame[group] == level).to_numpy()
        _refuse_few_completers(
            design, found[0].n_visits, rows, "" if level is None else f" of {group} {level}"
        )


def _refuse_few_completers(design: Design, visits: int, rows: np.ndarray, whose: str) -> None:
    subject = design.subject[rows]
    counts = np.bincount(subject)
    complete = counts[subject] == visits
    completers = int((counts == visits).sum())
    rank = 1
    if completers:
        position = design.fixed.frame[design.spec.visit_column].to_numpy()[rows][complete]
        place = {visit: i for i, visit in enumerate(design.data.visits)}
        order = np.lexsort(([place[visit] for visit in position], subject[complete]))
        X = design.fixed.X[rows][complete][order].reshape(completers, visits, -1)
        mixture = 1 + np.sqrt(np.arange(2, visits + 2))
        rank = int(np.linalg.matrix_rank(np.einsum("t,itp->ip", mixture, X)))
    if completers < visits + max(rank, 1):
        raise DegenerateCovarianceError(
            f"An unstructured covariance over {visits} visits needs at least {visits + max(rank, 1)} subjects{whose} "
            f"seen at all of them (the mean uses {max(rank, 1)} coefficient(s) a visit); {completers} were. "
            "Its likelihood has no maximum here."
            + (
                ""
                if design.spec.fallback
                else " Use a structure with fewer parameters, such as ar1h(visit | subject), toeph or cs, or fewer "
                "visits; or declare them beforehand: ModelSpec(..., fallback=('us', 'toeph', 'ar1h', 'cs'))."
            )
        )


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
