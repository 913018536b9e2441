"""Covariance parameters that the likelihood does not depend on."""

from __future__ import annotations

import numpy as np

from msclong.covariance.identification import UNIDENTIFIED, undetermined
from msclong.covariance.structure import Recoordinated
from msclong.design.crossed_moments import AnyMoments
from msclong.engines.frequentist.optimize import solution
from msclong.errors import DegenerateCovarianceError, listing
from msclong.likelihood.information import information


def refuse_uninformed(
    there: Recoordinated, moments: AnyMoments, reml: bool, names: tuple[str, ...], start: np.ndarray
) -> None:
    """Raise DegenerateCovarianceError where the likelihood does not depend on some parameter: rounding would choose it.

    names : of theta here, which is there.theta @ theta there. start : (k,) working coordinates of start values. Looked
    at in general position: at a correlation of zero, say, others may have no effect that have one elsewhere.
    """
    structure = there.structure
    w = start + 0.5 * np.sin(np.arange(1, start.size + 1))
    gls = solution(structure, moments, w)
    if gls is None:
        return
    J = structure.working.jacobian(w)
    expected = J.T @ information(structure, gls, reml).expected @ J
    size = np.sqrt(np.diag(expected).clip(0, None))
    informed = size.min() > 1e-4 * size.max()
    if informed and np.linalg.eigvalsh(expected / np.outer(size, size))[0] > UNIDENTIFIED:
        return
    if_mean_known = np.diag(J.T @ information(structure, gls, reml=False).expected @ J)
    if found := undetermined(expected, there.theta @ J, names, if_mean_known):
        raise DegenerateCovarianceError(
            f"The data say nothing of {listing(found)}: too few subjects were seen at these visits, or at both of two; "
            "a grouping has a single level; or the fixed effects already take up all of that variation. Use a "
            "structure with fewer parameters (ar1h, cs), or leave out these random effects, or the "
            "fixed effects that they vary by."
        )
