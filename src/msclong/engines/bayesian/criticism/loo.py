"""Leave-one-subject-out cross-validation of a posterior, by the likelihood with random effects integrated out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from msclong.design.design import Design
from msclong.design.restricted import restricted
from msclong.design.unit_names import unit_names
from msclong.engines.bayesian.checking.checks import MOST_KHAT
from msclong.engines.bayesian.criticism.left_out import left_out
from msclong.engines.bayesian.engine import Bayesian
from msclong.engines.bayesian.joint.joint_engine import refuse_one_of_joint
from msclong.engines.bayesian.priors.model_priors import outcome_scale
from msclong.errors import ConvergenceWarning, EngineError, MsclongError, SpecError, listing, warn
from msclong.results.fit import Fit
from msclong.results.posterior_draws import PosteriorDraws


@dataclass(frozen=True, eq=False)
class LeaveOneOut:
    """How well a model predicts all outcomes of a subject that it has not seen.

    table : by subject (or the larger unit that random effects tie together),
        n_obs : its outcomes.
        elpd : log p(y_i | all other subjects), the density of its outcomes together, random effects integrated out.
        p_loo : log p(y_i | all subjects) - elpd, what seeing them gained.
        pareto_k : of the weights that stand for leaving it out. refitted : whether the model was fitted without it
        instead.
    observation : (N,) outcomes on their own scale, which other models must share to be compared.

    elpd compares models of the same outcomes, on their own scale: those of y and of log y too.
    """

    table: pd.DataFrame
    observation: pd.Series

    @property
    def elpd(self) -> float:
        """Expected log predictive density, the sum over subjects."""
        return float(self.table["elpd"].sum())

    @property
    def se(self) -> float:
        """Standard error of elpd over subjects."""
        return float(np.sqrt(len(self.table)) * self.table["elpd"].std(ddof=1))

    @property
    def p_loo(self) -> float:
        """Effective number of parameters."""
        return float(self.table["p_loo"].sum())

    @property
    def unreliable(self) -> list[object]:
        """Subjects whose k-hat is above 0.7 and that were not refitted."""
        rows = (self.table["pareto_k"] > MOST_KHAT) & ~self.table["refitted"]
        return list(self.table.index[rows])

    def __repr__(self) -> str:
        parts = [
            f"elpd {self.elpd:.2f} (se {self.se:.2f}), p_loo {self.p_loo:.2f}, {len(self.table)} left out in turn"
        ]
        if refits := int(self.table["refitted"].sum()):
            parts.append(f"{refits} refitted")
        if self.unreliable:
            parts.append(f"k-hat above {MOST_KHAT} for {listing(self.unreliable)}")
        return f"LeaveOneOut({', '.join(parts)})"


def loo(fit: Fit, refit: bool = True) -> LeaveOneOut:
    """Leave out each subject in turn: the log density of its outcomes given those of all others.

    The posterior without a subject is the posterior of all, reweighted with Pareto-smoothed weights (Vehtari, Gelman
    and Gabry 2017, Statistics and Computing 27:1413). Random effects are integrated out, so that a subject is left out
    with its random effects: given these its outcomes say too much for reweighting to undo (Merkle, Furr and
    Rabe-Hesketh 2019, Psychometrika 84:802). Of Gaussian models, transformed ones included, the coefficients are
    integrated out as well, and only the covariance parameters are reweighted.

    Parameters
    ----------
    fit : of ml.Bayesian()
    refit
        Fit the model again without each subject whose k-hat is above 0.7, with the priors of all data. False
        leaves the reweighted value, with a ConvergenceWarning.

    Where random effects tie subjects together (sites), whole sites are left out. Raises EngineError for another
    engine's fit or random effects that cannot be integrated out, SpecError for what is no fit, or where everything is
    tied together.

    Examples
    --------
    >>> import msclong as ml
    >>> fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy(), ml.Bayesian(seed=1))
    >>> found = ml.loo(fit)
    >>> round(found.elpd)
    -886
    """
    estimate = posterior_of(fit)
    names = unit_names(fit.design)
    if len(names) < 2:
        raise SpecError(
            "Crossed random effects tie all observations together, and nothing is left without them: this model has no "
            "leave-one-subject-out."
        )
    draws = left_out(fit.design, estimate)
    weights, khat = draws.weights()
    elpd = np.logaddexp.reduce(weights + draws.without)
    p_loo = np.logaddexp.reduce(draws.within) - np.log(len(weights)) - elpd
    again = np.zeros(len(names), dtype=bool)
    for i in np.flatnonzero(khat > MOST_KHAT) if refit else []:
        found = _refitted(fit, int(i))
        if found is not None:
            p_loo[i] += elpd[i] - found
            elpd[i], again[i] = found, True
    table = pd.DataFrame(
        {
            "n_obs": np.bincount(fit.design.unit),
            "elpd": elpd,
            "p_loo": p_loo,
            "pareto_k": khat,
            "refitted": again,
        },
        index=names,
    )
    result = LeaveOneOut(table, outcomes(fit.design))
    if result.unreliable:
        warn(
            f"Leaving out {listing(result.unreliable)} changes the posterior too much for reweighting (Pareto k-hat "
            f"above {MOST_KHAT}); "
            + ("the model cannot be fitted without." if refit else "use ml.loo(fit, refit=True)."),
            ConvergenceWarning,
        )
    return result


def posterior_of(fit: object) -> PosteriorDraws:
    """The posterior of a fit; raises SpecError for what is no fit, EngineError for another engine's fit."""
    if not isinstance(fit, Fit):
        raise SpecError(f"fit must be a fit, as ml.fit(...) returns it; got {type(fit).__name__}.")
    refuse_one_of_joint(fit, "Leaving a subject out")
    if not isinstance(fit.engine, Bayesian) or not isinstance(fit.estimate, PosteriorDraws):
        raise EngineError(
            f"Leaving a subject out needs a posterior; this fit is of {type(fit.engine).__name__}. Use "
            "ml.fit(..., engine=ml.Bayesian())."
        )
    return fit.estimate


def outcomes(design: Design) -> pd.Series:
    """The observed outcomes on their own scale, indexed like their rows."""
    return pd.Series(design.outcome, index=design.fixed.frame.index, name=design.spec.parsed.outcome)


def refit_without(fit: Fit, unit: int) -> Fit:
    """The model fitted to all units but one, on the outcome scale of all data; raises a MsclongError without a fit."""
    design = fit.design
    priors = replace(design.spec.priors, outcome_scale=outcome_scale(design))
    rest = restricted(design, design.unit != unit)
    assert isinstance(fit.engine, Bayesian)
    return fit.engine.fit(replace(rest, spec=design.spec.replace(priors=priors)))


def _refitted(fit: Fit, unit: int) -> float | None:
    """elpd of a unit by the posterior without it; None where there is none."""
    try:
        without = refit_without(fit, unit)
    except (MsclongError, np.linalg.LinAlgError):
        return None
    assert isinstance(without.estimate, PosteriorDraws)
    density = left_out(fit.design, without.estimate, unit).without[:, unit]
    return float(np.logaddexp.reduce(density) - np.log(len(density)))
