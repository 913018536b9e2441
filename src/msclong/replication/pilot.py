"""A fitted pilot as the assumptions of a scenario."""

from __future__ import annotations

from typing import Any

import pandas as pd

from msclong.contrasts.kinds import arm_and_visit
from msclong.contrasts.marginal_means import means_of_cells
from msclong.engines.frequentist.arguments import check_fit
from msclong.errors import SpecError, listing
from msclong.linear_hypothesis import label
from msclong.results.fit import Fit


def pilot(fit: Fit) -> dict[str, Any]:
    """visits, means, covariance, times and source of a Scenario, from a fit's estimates.

    Raises SpecError for a fit whose means are not those of its arms and visits alone, or that is not Gaussian.
    """
    check_fit(fit)
    design, spec = fit.design, fit.spec
    by = arm_and_visit(design)
    if spec.conditional or spec.family != "gaussian":
        raise SpecError(
            f"A scenario is of normal outcomes, and this fit is of family {spec.family!r}. Fit the transformed "
            "outcome, such as 'np.log(y) ~ ...'."
        )
    if spec.baseline_as in ("covariate", "change"):
        raise SpecError(
            f"This fit took the baseline visit out (baseline_as={spec.baseline_as!r}); a scenario needs its mean and "
            "variance too: fit the pilot with baseline_as='response' or 'constrained'."
        )
    times = None if spec.time is None else spec.time
    if other := [name for name in design.fixed.variables if name not in (*by, times)]:
        raise SpecError(
            f"The means of this fit depend on {listing(other)} too; fit the pilot without covariates, the baseline "
            "visit among the outcomes, as in 'y ~ arm * visit + us(visit | subject)'."
        )
    found = means_of_cells(design, by, None, "equal")
    table = pd.Series(found.X @ fit.estimate.beta, index=found.contrasts.rows)
    visits = tuple(dict.fromkeys(table.index.get_level_values(by[-1])))
    means: Any = table.to_list()
    if len(by) == 2:
        arms = dict.fromkeys(table.index.get_level_values(by[0]))
        means = {arm: [table[arm, visit] for visit in visits] for arm in arms}
    matrices = fit.covariance.matrices
    covariance: Any = next(iter(matrices.values())).to_numpy()
    if len(matrices) > 1:
        if len(by) == 1 or design.covariance.group != by[0]:
            raise SpecError("The covariance of this fit is by groups that are not the arms; fit one for all.")
        covariance = {arm: matrices[label(arm)].to_numpy() for arm in means}
    at = None
    if times is not None and times != by[-1]:
        at = [float(design.fixed.frame[times][design.fixed.frame[by[-1]] == v].median()) for v in visits]
    return {
        "visits": visits,
        "means": means,
        "covariance": covariance,
        "times": at,
        "changes": spec.outcome_type == "change",
        "source": (f"{marked} " if (marked := design.data.synthetic) else "")
        + f"Estimated from {fit.n_subjects} subjects ({spec.formula}): uncertain, as estimates are.",
    }
