"""The results object: the same for both engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from msclong.contrasts.comparisons import against_baseline, with_arm_differences
from msclong.contrasts.marginal_means import marginal_means
from msclong.contrasts.multiplicity import adjusted_p_values
from msclong.design.design import Design
from msclong.errors import HypothesisError, SpecError, listing
from msclong.linear_hypothesis import LinearHypothesis
from msclong.results.outcome import Outcome
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.summary import format_summary
from msclong.results.variance_components import VarianceComponents
from msclong.spec.model_spec import ModelSpec


@dataclass(frozen=True, eq=False, repr=False)
class Fit:
    """One model fitted to one outcome by one engine.

    engine : the frozen engine configuration. design : what was fitted. estimate : beta as a point estimate
    or as draws. covariance : variance components. outcome : how the fit went.
    loglik : maximised log-likelihood (restricted under REML), all constants included; None for a posterior.
    n_parameters : parameters that AIC and BIC count. priors : each parameter's prior as text, in outcome units;
    None for a frequentist fit.

    Tables have the columns `estimate se lower upper`, then `df statistic p_value [p_adjusted]` or
    `prob_negative prob_beyond_margin ess_bulk rhat mcse`; estimates are in the outcome's unit.
    """

    engine: object
    design: Design
    estimate: PointEstimate | PosteriorDraws
    covariance: VarianceComponents
    outcome: Outcome
    loglik: float | None
    n_parameters: int
    priors: pd.DataFrame | None = None

    @property
    def spec(self) -> ModelSpec:
        return self.design.spec

    @property
    def n_obs(self) -> int:
        """Observed outcomes."""
        return self.design.n_obs

    @property
    def n_subjects(self) -> int:
        """Subjects with at least one observed outcome."""
        return self.design.n_subjects

    @property
    def vcov(self) -> pd.DataFrame:
        """Covariance of the fixed effects that the standard errors use, (p, p)."""
        names = list(self.estimate.names)
        return pd.DataFrame(self.estimate.vcov, index=names, columns=names)

    @property
    def aic(self) -> float:
        """-2 loglik + 2 k, as SAS: k counts covariance parameters under REML, fixed effects too under ML."""
        return -2 * self._loglik() + 2 * self.n_parameters

    @property
    def bic(self) -> float:
        """-2 loglik + k log(subjects), k as in `aic`. R mmrm agrees under REML; lme4 and nlme count otherwise."""
        return -2 * self._loglik() + self.n_parameters * float(np.log(self.n_subjects))

    def coefficients(self, level: float = 0.95) -> pd.DataFrame:
        """Fixed effects, indexed by patsy's names."""
        names = pd.Index(self.estimate.names, name="coefficient")
        return self._table(LinearHypothesis(np.eye(len(names)), names), None, level, None)

    def means(
        self,
        by: str | Sequence[str] | None = None,
        at: Mapping[str, Sequence[object]] | None = None,
        level: float = 0.95,
    ) -> pd.DataFrame:
        """Marginal (least-squares) means for each combination of levels of `by` (default: arm and visit).

        Covariates at their mean or at `at`; other factors averaged with equal weights.
        """
        chosen = _names(by) if by is not None else self._roles()
        return self._table(marginal_means(self.design.fixed, chosen, at), None, level, None)

    def contrasts(
        self,
        versus: object = None,
        factor: str | None = None,
        by: str | Sequence[str] | None = None,
        adjust: str | None = None,
        level: float = 0.95,
        margin: float | None = None,
        at: Mapping[str, Sequence[object]] | None = None,
    ) -> pd.DataFrame:
        """Differences of marginal means.

        Without arguments, the founding question: each visit minus baseline, by arm, followed by the
        difference of the arms' changes. (For an outcome that is itself a change from baseline: the
        mean change at each visit, by arm, followed by the arms' differences.)

        With `versus`, each other level of `factor` (default: the visit) minus level `versus`, within
        each combination of levels of `by`. `adjust`: bonferroni, holm, hochberg or bh over the table's
        rows (frequentist fits). `margin`: as in ModelSpec (Bayesian fits).
        """
        hypothesis = self.hypothesis(versus, factor, by, at)
        return self._table(hypothesis, adjust, level, self.spec.margin if margin is None else margin)

    def hypothesis(
        self,
        versus: object = None,
        factor: str | None = None,
        by: str | Sequence[str] | None = None,
        at: Mapping[str, Sequence[object]] | None = None,
    ) -> LinearHypothesis:
        """The linear hypothesis behind `contrasts`, to compose further and hand to `test`."""
        fixed, arm = self.design.fixed, self.design.arm
        if versus is None and factor is None and by is None:
            means = marginal_means(fixed, self._roles(), at)
            control = None if arm is None else means.rows.get_level_values(arm)[0]
            if self.spec.outcome_type == "change":
                return with_arm_differences(means, arm, control)
            return against_baseline(means, self._visit(), self._baseline(means), arm, control)
        factor = factor or self._visit()
        others = [
            name for name in ([arm] if by is None and arm and factor != arm else _names(by or [])) if name
        ]
        if factor in others:
            raise HypothesisError(f"{factor!r} is both compared and listed in by; leave it out of by.")
        means = marginal_means(fixed, [*others, factor], at)
        if versus is None:
            versus = (
                self._baseline(means)
                if factor == self.design.visit
                else means.rows.get_level_values(factor)[0]
            )
        contrast = means.minus_reference(factor, versus)
        return contrast.labelled()

    def test(self, hypothesis: str | LinearHypothesis, level: float = 0.95) -> pd.DataFrame:
        """Joint test of a term of the fixed part (all its coefficients zero) or of a LinearHypothesis.

        Frequentist: F with the engine's degrees of freedom. Bayesian: posterior contour probability of zero.
        A main effect inside an interaction is tested at the reference levels, as its coefficients are coded.
        """
        if isinstance(hypothesis, str):
            name, hypothesis = hypothesis, self._term(hypothesis)
        elif isinstance(hypothesis, LinearHypothesis):
            name = "hypothesis"
        else:
            raise HypothesisError(f"A test needs a term's name or a LinearHypothesis; got {hypothesis!r}.")
        if hypothesis.L.shape[1] != len(self.estimate.names):
            raise HypothesisError(
                f"The hypothesis has {hypothesis.L.shape[1]} columns, "
                f"the model {len(self.estimate.names)} fixed effects."
            )
        return pd.DataFrame([self.estimate.joint(hypothesis)], index=pd.Index([name], name="term"))

    def summary(self, level: float = 0.95) -> str:
        """The fit as text, at most 100 columns wide; print it."""
        facts = [
            self.spec.formula,
            f"engine: {self.engine!r}",
            f"{self.n_obs} observations of {self.n_subjects} subjects",
        ]
        if self.loglik is not None:
            facts.append(f"log-likelihood {self.loglik:.6f}   AIC {self.aic:.3f}   BIC {self.bic:.3f}")
        tables = {
            f"Fixed effects ({level:.0%} intervals)": self.coefficients(level),
            f"Covariance: Sigma {self.covariance.structure.description}": self.covariance.parameters,
        }
        if self.priors is not None:
            tables["Priors (in outcome units; of coefficients, per unit of the covariate)"] = self.priors
        title = f"{self.spec.outcome_label}: {type(self.engine).__name__} fit"
        return format_summary(title, [*facts, str(self.outcome)], tables)

    def __repr__(self) -> str:
        return self.summary()

    def _table(
        self, hypothesis: LinearHypothesis, adjust: str | None, level: float, margin: float | None
    ) -> pd.DataFrame:
        if not isinstance(level, (int, float)) or not 0 < level < 1:
            raise SpecError(f"level must lie between 0 and 1, such as 0.95; got {level!r}.")
        if margin is not None and not isinstance(margin, (int, float, np.number)):
            raise SpecError(f"margin must be a number in the outcome's unit; got {margin!r}.")
        if isinstance(self.estimate, PosteriorDraws):
            if adjust not in (None, "none"):
                raise HypothesisError(
                    f"adjust={adjust!r} adjusts p-values, and a posterior has none; leave it out."
                )
            return self.estimate.test(hypothesis, level, margin)
        table = self.estimate.test(hypothesis, level)
        if adjust not in (None, "none"):
            table["p_adjusted"] = adjusted_p_values(table["p_value"].to_numpy(), adjust)
        return table

    def _term(self, name: str) -> LinearHypothesis:
        terms = self.design.fixed.terms
        # patsy writes an interaction in the order of the formula; accept either order.
        found = [term for term in terms if _factors(term) == _factors(name)]
        if not found:
            raise HypothesisError(
                f"{name!r} is not a term of the fixed part; its terms are {listing(terms, 20)}."
            )
        columns = terms[found[0]]
        return LinearHypothesis(
            np.eye(len(self.estimate.names))[columns], pd.Index(self.estimate.names[columns])
        )

    def _visit(self) -> str:
        if self.design.visit is None:
            raise HypothesisError(
                "Which variable holds the visits? This formula does not say; set ModelSpec(..., visit='...') "
                "or name it here with factor='...' (means: by=['...'])."
            )
        if self.design.visit not in self.design.fixed.variables:
            raise HypothesisError(
                f"The mean of this model does not depend on the visit {self.design.visit!r}; its variables are "
                f"{listing(self.design.fixed.variables) or 'none'}. Compare along one of these: "
                "contrasts(factor='...', versus=...), means(by=['...'])."
            )
        return self.design.visit

    def _roles(self) -> list[str]:
        return [name for name in (self.design.arm, self._visit()) if name is not None]

    def _baseline(self, means: LinearHypothesis) -> object:
        visits = means.rows.get_level_values(self._visit())
        # Where `at` picks other times, the first of them is the start; a baseline that was stated must be among them.
        if self.spec.baseline is None and self.design.baseline not in visits:
            return visits[0]
        return self.design.baseline

    def _loglik(self) -> float:
        if self.loglik is None:
            raise HypothesisError("A posterior has no maximised likelihood, hence no AIC or BIC.")
        return self.loglik


def _factors(term: str) -> list[str]:
    return sorted(term.replace(" ", "").split(":"))


def _names(by: str | Sequence[str]) -> list[str]:
    return [by] if isinstance(by, str) else list(by)
