"""What marginal means hold fixed, and what they average over."""

from __future__ import annotations

from msclong.reporting.analysis import Analysis
from msclong.reporting.wording import listed


def held(analysis: Analysis) -> str:
    """'taken at the mean of age over the observed outcomes and averaged over sex with equal weights'.

    Of the reference grid that the means of arms and visits have by default; empty where these are all it has.
    """
    fixed = analysis.design.fixed
    others = [name for name in fixed.variables if name not in (analysis.arm, analysis.visit)]
    covariates = [name for name in others if name not in fixed.discrete]
    factors = [name for name in others if name in fixed.discrete]
    parts = []
    if covariates:
        means = "mean" if len(covariates) == 1 else "means"
        parts.append(f"taken at the {means} of {listed(covariates)} over the observed outcomes")
    if factors:
        parts.append(f"averaged over {listed(factors)} with equal weights")
    return listed(parts)
