"""Variances of one observation that nothing but their priors tells apart."""

from __future__ import annotations

import numpy as np

from msclong.covariance.structure import Scatter
from msclong.design.design import Design
from msclong.errors import listing

CONFOUNDED = 0.05
"""Share of the identity that lies outside of what a structure can reach, below which data hardly know of it. It is zero
for us, cs, csh, toep and diag; of ar1 over three visits it is 0.16."""

MOST_ROWS = 100
"""Rows of a unit, and distinct units, that are looked at."""


def confounded_variances(design: Design) -> tuple[str, ...]:
    """A sentence where a conditional design adds a variance to each observation that its covariance holds already.

    Beside Sigma(theta) of the linear predictors, an observation has the family's own variance v: together Sigma + v I.
    Near a theta where I is a combination of the matrices dSigma / dtheta_j, theta can take up any change of v. Grades
    have no such v, but their latent scale is arbitrary: there Sigma is known up to Sigma + v I for the same reason.
    """
    if design.censored_normal:
        return ()
    own = [p.name for p in design.family.parameters if p.varies]
    graded = not own and design.family.link in ("logit", "probit")
    if graded and np.any(design.observation.get("trials", np.ones(1)) > 1):
        return ()
    if not (own or graded) or _outside(design) > CONFOUNDED:
        return ()
    if own:
        return (
            f"Both the covariance of the linear predictor and {listing(own)} spread single observations: little but "
            "the priors tells the two apart. Read neither by itself; random effects of fewer parameters, or ar1, leave "
            "less to the priors.",
        )
    return (
        "Graded or yes-no outcomes tell how the linear predictors of a subject are correlated, but hardly how large "
        "their variances are: that is left to the priors, and coefficients on the link scale grow with it. Contrasts "
        "on the outcome's own scale depend on it little.",
    )


def _outside(design: Design) -> float:
    """Share of the identity outside of the span of the derivatives of Sigma, over all units, from 0 to 1."""
    structure = design.structure
    coords = design.latent_coords()[:, 0]
    order = np.argsort(design.unit, kind="stable")
    units = np.split(order, np.flatnonzero(np.diff(design.unit[order])) + 1)
    patterns = {coords[rows].tobytes(): coords[rows][None] for rows in (u[:MOST_ROWS] for u in units)}
    # A scatter that correlates neighbours, so that no structure starts where its derivatives vanish.
    scatter = [
        Scatter(c, np.ones(1), 0.5 + 0.5 * np.eye(c.shape[1])[None]) for c in [*patterns.values()][:MOST_ROWS]
    ]
    theta = structure.start(scatter)
    reach = np.concatenate(
        [structure.first(theta, s.coords).reshape(len(theta), -1) for s in scatter], axis=1
    )
    identity = np.concatenate([np.eye(s.coords.shape[1]).ravel() for s in scatter])
    size = np.linalg.norm(reach, axis=1)
    reach = reach / np.where(size > 0, size, 1.0)[:, None]
    left = identity - np.linalg.lstsq(reach.T, identity)[0] @ reach
    return float(np.linalg.norm(left) / np.linalg.norm(identity))
