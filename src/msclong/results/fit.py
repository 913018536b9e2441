"""The results object: the same for both engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from msclong.contrasts.kinds import arm_and_visit, as_list, contrast_hypothesis
from msclong.contrasts.linear_constraints import linear_hypothesis
from msclong.contrasts.marginal_means import marginal_means
from msclong.contrasts.margins import ONE_SIDED
from msclong.contrasts.term_tests import term_hypotheses
from msclong.design.design import Design
from msclong.errors import HypothesisError
from msclong.linear_hypothesis import LinearHypothesis
from msclong.results.hypothesis_table import Adjustment, check_level, hypothesis_table
from msclong.results.outcome import Outcome
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.prediction import Interval, predict
from msclong.results.random_effects import random_effects
from msclong.results.residuals import Kind, residuals
from msclong.results.simulation import simulate
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

    @property
    def aicc(self) -> float:
        """-2 loglik + 2 k n / (n - k - 1), as SAS: k as in `aic`, n the observations, less the fixed effects by REML.

        Where n is below k + 2, k + 2 takes its place. Hurvich and Tsai (1989), Biometrika 76:297.
        """
        k = self.n_parameters
        reml = getattr(self.engine, "method", None) == "reml"
        n = max(self.n_obs - (len(self.estimate.names) if reml else 0), k + 2)
        return -2 * self._loglik() + 2 * k * n / (n - k - 1)

    def coefficients(self, level: float = 0.95) -> pd.DataFrame:
        """Fixed effects, indexed by patsy's names."""
        rows = pd.Index(self.estimate.names, name="coefficient")
        return hypothesis_table(self.estimate, LinearHypothesis(np.eye(len(rows)), rows), level)

    def means(
        self,
        by: str | Sequence[str] | None = None,
        at: Mapping[str, Sequence[object]] | None = None,
        level: float = 0.95,
        *,
        weights: str = "equal",
    ) -> pd.DataFrame:
        """Marginal (least-squares) means for each combination of levels of `by` (default: arm and visit).

        Covariates at their mean or at `at`; other factors averaged by `weights`: 'equal', 'observed', 'subjects' or
        'counterfactual' (see `msclong.contrasts.marginal_means.marginal_means`). Raises HypothesisError for an
        average that the design leaves ambiguous.
        """
        chosen = as_list(by) if by is not None else arm_and_visit(self.design)
        return hypothesis_table(self.estimate, marginal_means(self.design, chosen, at, weights), level)

    def contrasts(
        self,
        versus: object = None,
        factor: str | None = None,
        by: str | Sequence[str] | None = None,
        adjust: Adjustment = None,
        level: float = 0.95,
        margin: float | None = None,
        at: Mapping[str, Sequence[object]] | None = None,
        *,
        kind: str | None = None,
        weights: str = "equal",
        test: str | None = None,
        family: str | Sequence[str] | None = None,
        hypothesis: Any = None,
    ) -> pd.DataFrame:
        """Differences of marginal means, or the rows of any linear `hypothesis`, one test each.

        Without arguments, the founding question: each visit minus baseline, by arm, followed by the
        difference of the arms' changes. (For an outcome that is itself a change from baseline: the
        mean change at each visit, by arm, followed by the arms' differences; with the baseline as a covariate, these
        differences alone.) With `versus`, each other level of `factor` (default: the visit) minus level `versus`,
        within each combination of levels of `by`. Differences of arms that are constrained to be equal at baseline have
        no row there.

        kind
            'pairwise', 'consecutive': differences of levels of `factor`, later minus earlier. 'polynomial': orthogonal
            trends linear, quadratic, ... over the visits' times, equally spaced where these are unknown.
            'average': mean over the visits, less baseline. 'auc': area under the means by the trapezoidal rule, outcome
            times time; 'incremental-auc': above baseline. 'difference-in-differences': the arms' differences of
            changes alone. Where neither `factor` nor `by` is named (average and areas: always), rows by arm are
            followed by the arms' differences.
        weights, at
            As for `means`. Where `at` leaves the baseline visit out, say with `versus` what changes are measured from.
        hypothesis
            Instead of all these: text over coefficient names such as 'a - b, c = 2', {row: {coefficient: weight}}, a
            DataFrame or matrix of weights, a term's name, or a LinearHypothesis (`Fit.hypothesis`).
        test, margin
            None: two-sided, of no difference. 'less', 'greater': one-sided. 'superiority', 'non-inferiority',
            'equivalence': beyond, not worse than, or within a signed margin (default: the spec's), whose sign is the
            direction of benefit. p_value is that test's; `lower` and `upper` stay a two-sided interval: one-sided tests
            at 2.5 % agree with the 95 % interval, equivalence at 5 % with level=0.90. A posterior has the
            probability of the same statement instead: prob_beyond_margin (wherever there is a margin),
            prob_non_inferior, prob_equivalent. Without `test` a margin changes no p-value; 'less' and 'greater'
            are against zero and take none.
        adjust, family
            bonferroni, holm, hochberg, bh, mvt (single step, from the joint distribution: Dunnett's, Tukey's and
            others), mvt-stepdown, fixed-sequence (rows in their order), or a GraphicalProcedure. The family is
            the whole table, or with `family` the rows that agree in these levels of the row names ('TRT': each
            arm, and each difference of arms, by itself). Adds p_adjusted; for bonferroni and mvt the
            simultaneous limits lower_adjusted and upper_adjusted too. Frequentist fits only.
        """
        if hypothesis is None:
            rows = contrast_hypothesis(self.design, kind, versus, factor, by, at, weights)
        elif any(given is not None for given in (kind, versus, factor, by, at)):
            raise HypothesisError("hypothesis= stands for itself; leave kind, versus, factor, by and at out.")
        else:
            rows = self._hypothesis(hypothesis)
        if margin is not None and test in ONE_SIDED:
            raise HypothesisError(
                f"test={test!r} is against zero and has no margin; test='superiority' and 'non-inferiority' have "
                "one."
            )
        margin = self.spec.margin if margin is None else margin
        return hypothesis_table(self.estimate, rows, level, margin, test, adjust, family)

    def hypothesis(
        self,
        versus: object = None,
        factor: str | None = None,
        by: str | Sequence[str] | None = None,
        at: Mapping[str, Sequence[object]] | None = None,
        *,
        kind: str | None = None,
        weights: str = "equal",
    ) -> LinearHypothesis:
        """The linear hypothesis behind `contrasts`, to compose further and hand to `test` or `contrasts`."""
        return contrast_hypothesis(self.design, kind, versus, factor, by, at, weights)

    def test(self, hypothesis: Any) -> pd.DataFrame:
        """Joint test of a term of the fixed part (all its coefficients zero) or of any linear hypothesis.

        hypothesis : a term's name, or whatever `contrasts(hypothesis=...)` takes, which tests its rows one by one.

        Frequentist: F with the engine's degrees of freedom. Bayesian: posterior contour probability of zero.
        A main effect inside an interaction is tested at the reference levels, as its coefficients are coded;
        `anova` tests it whatever the coding. Raises HypothesisError for a name that is no term or coefficient, or one
        of which arms that are constrained to be equal at baseline leave no coefficient.
        """
        name = hypothesis if isinstance(hypothesis, str) else "hypothesis"
        rows = self._hypothesis(hypothesis)
        return pd.DataFrame([self.estimate.joint(rows)], index=pd.Index([name], name="term"))

    def anova(self, type: int = 3) -> pd.DataFrame:
        """Joint test of every term of the fixed part, of type 3 or 2, whatever the coding of its factors.

        Type 3 averages over the other factors with equal weights, so that a main effect inside an interaction is the
        average effect (a factor crossed with a covariate: its effect at covariate zero). Type 2 adjusts each term for
        all terms that do not contain it. As SAS and R lmerTest; `test` tests coefficients as they are coded instead.

        Columns as those of `test`. Satterthwaite's df of a joint test depend on how its rows are written: they are
        R lmerTest's. Raises HypothesisError for another `type` or a fixed part without terms.
        """
        tests = {
            name: self.estimate.joint(rows) for name, rows in term_hypotheses(self.design.fixed, type).items()
        }
        return pd.DataFrame.from_dict(tests, orient="index").rename_axis("term")

    def residuals(self, kind: Kind = "raw") -> pd.Series:
        """Residuals of the observed outcomes, (N,): 'raw', 'pearson', 'scaled' or 'conditional'.

        y - X beta; divided by its SD; uncorrelated, by the Cholesky factor of Sigma; y - X beta - Z b, with b the
        predicted random effects. See `msclong.results.residuals`. Raises SpecError for another kind.
        """
        return residuals(self.design, self.estimate.beta, self.covariance.theta, kind)

    def fitted(self) -> pd.Series:
        """X beta of the observed rows, (N,), in the outcome's unit."""
        values = self.design.fixed.X @ self.estimate.beta
        return pd.Series(values, index=self.design.fixed.frame.index, name="fitted")

    def random_effects(self) -> pd.DataFrame:
        """Predicted random effects (BLUPs), indexed by grouping, level and effect: `estimate`, and `se` of prediction.

        Raises SpecError where the model has none.
        """
        return random_effects(self.design, self.estimate, self.covariance.theta)

    def predict(
        self,
        newdata: Any = None,
        conditional: bool = False,
        interval: Interval | None = None,
        level: float = 0.95,
    ) -> pd.DataFrame:
        """Predict the outcome of each row of `newdata` (None: the observed rows).

        Parameters
        ----------
        newdata : pandas, polars, pyarrow or DuckDB table with the columns that the formula reads
            Rows without an outcome are the usual case: visits not yet made, or missed. Factors are compared by value,
            whatever their dtype. Where the spec takes the baseline visit out (baseline_as 'covariate' or 'change'), a
            table laid out as the fitted one: its baseline rows are taken out likewise, a subject of the fit without
            one keeps its own, and a column `baseline` may stand for them. 'change': outcomes are read as values, and
            the prediction is of the change.
        conditional : bool
            False: the mean x'beta of such rows. True: the subject's own value given the outcomes that were observed in
            its independent unit, x'beta + c'V^-1 (y - X beta). Of subjects in the fit these are the outcomes
            that were fitted; of new subjects, those in `newdata`. With random effects and independent residuals that is
            x'beta + z'b; residuals that are correlated over visits are predicted as well, and at a visit that was
            observed the prediction is what was observed.
        interval : None, 'confidence' or 'prediction'
            For what was predicted (the mean; the subject's value without independent residual), or for a new
            observation, whose residual is added (marginal: all of Sigma_tt). Where nothing in Sigma is independent
            between measurements (us, ar1, ...) the two are one if `conditional`.

        Returns
        -------
        DataFrame indexed like `newdata` (its later visits): `estimate se [lower upper] [df]`. se covers beta's
        uncertainty, with theta taken as known (zero for what was observed), and is the SD of a new observation for
        interval='prediction'. df are those that the engine's method gives x'beta. Of a posterior: the
        mean, SD and quantiles over the draws of beta and theta.

        Raises SpecError for an unknown interval, level or conditional, DataError or FormulaError for rows that cannot
        be predicted.
        """
        check_level(level)
        return predict(
            self.design, self.estimate, self.covariance.theta, newdata, conditional, interval, level
        )

    def simulate(self, n: int, seed: int | None = None) -> pd.DataFrame:
        """`n` new outcome vectors of the observed rows, (N, n), from the fitted marginal model.

        At the point estimates; of a posterior, each at a draw of its own (posterior predictive).
        """
        return simulate(self.design, self.estimate, self.covariance.theta, n, seed)

    def summary(self, level: float = 0.95) -> str:
        """The fit as text, at most 100 columns wide; print it."""
        check_level(level)
        facts = [
            self.spec.formula,
            f"engine: {self.engine!r}",
            f"{self.n_obs} observations of {self.n_subjects} subjects{self._ties()}",
        ]
        facts[1:1] = [
            f"{name}: {value}"
            for name, value in (("baseline_as", self.spec.baseline_as), ("weights", self.spec.weights))
            if value is not None
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

    def _ties(self) -> str:
        """How many independent units random effects tie the subjects into, where they do."""
        units = int(self.design.unit.max()) + 1
        return "" if units == self.n_subjects else f" in {units} independent unit{'s' if units > 1 else ''}"

    def _hypothesis(self, given: Any) -> LinearHypothesis:
        fixed = self.design.fixed
        every = (*fixed.design_info.term_names, *fixed.design_info.column_names)
        taken = [name for name in every if name not in (*fixed.names, *fixed.terms)]
        return linear_hypothesis(given, self.estimate.names, fixed.terms, taken)

    def _loglik(self) -> float:
        if self.loglik is None:
            raise HypothesisError("A posterior has no maximised likelihood, hence no AIC or BIC.")
        return self.loglik
