"""The results object: the same for both engines."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from msclong.design.design import Design
from msclong.errors import EngineError, HypothesisError, MsclongError
from msclong.printing.overview import Overview, Shown
from msclong.results.answers import Answers
from msclong.results.check import check_table
from msclong.results.conditional_draws import ConditionalDraws
from msclong.results.covariance_posterior import covariance_posterior
from msclong.results.datatree import to_datatree
from msclong.results.hypothesis_table import check_level
from msclong.results.outcome import Outcome
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.prediction import Interval, predict
from msclong.results.random_effects import random_effects
from msclong.results.residuals import Kind, residuals
from msclong.results.responders import responders
from msclong.results.simulation import simulate
from msclong.results.stamp import stamp, stamped
from msclong.results.standardised_effects import standardised_effects
from msclong.results.subject_trajectories import subject_trajectories
from msclong.results.summary import contrasts_caption, fit_overview, model_facts, summary_table, table_facts
from msclong.results.variance_components import VarianceComponents
from msclong.spec.model_spec import ModelSpec

if TYPE_CHECKING:
    from xarray import DataTree


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Shown, Answers):
    """One model fitted to one outcome by one engine.

    engine : the frozen engine configuration. design : what was fitted. estimate : beta as a point estimate
    or as draws. covariance : variance components. outcome : how the fit went.
    loglik : maximised log-likelihood (restricted under REML), all constants included; None for a posterior.
    n_parameters : parameters that AIC and BIC count. priors : each parameter's prior as text;
    None for a frequentist fit.

    Tables have the columns `estimate se lower upper`, then `df statistic p_value [p_adjusted]` or
    `prob_negative prob_beyond_margin ess_bulk rhat mcse` (of ratios prob_below_1; with a margin prob_improved, with a
    rope prob_in_rope); estimates are in the outcome's unit. A table's `attrs` name its effect or scale, and its
    interval: of a posterior equal-tailed and 95 %, where nothing else is asked; of synthetic data all say so.
    """

    engine: object
    design: Design
    estimate: PointEstimate | PosteriorDraws
    covariance: VarianceComponents
    outcome: Outcome
    loglik: float | None
    n_parameters: int
    priors: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        stamp(self.covariance.parameters, self)
        if self.priors is not None:
            stamp(self.priors, self)

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
    def facts(self) -> Mapping[str, str]:
        """What a notebook prints below the tables: the model, the df, the rule for missing outcomes."""
        return table_facts(self.design, self.engine)

    @property
    @stamped
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

    @stamped
    def residuals(self, kind: Kind = "raw") -> pd.Series:
        """Residuals of the observed outcomes, (N,): 'raw', 'pearson', 'scaled', 'conditional' or 'quantile'.

        y - X beta; divided by its SD; uncorrelated, by the Cholesky factor of Sigma; y - X beta - Z b, with b the
        predicted random effects; normal quantiles of the outcome's place in its predictive distribution. See
        `msclong.results.residuals`. Of lognormal and logitnormal outcomes they are those of the logarithm or logit.
        Raises SpecError for another kind, EngineError for any but 'quantile' of other families.
        """
        return residuals(self.design, self.estimate, self.covariance.theta, kind)

    @stamped
    def fitted(self) -> pd.Series:
        """X beta of the observed rows, (N,), in the outcome's unit; of other families what `predict` gives them."""
        if self.design.conditional or self.design.family.link != "identity":
            return self.predict()["estimate"].rename("fitted")
        values = self.design.fixed.X @ self.estimate.beta
        return pd.Series(values, index=self.design.fixed.frame.index, name="fitted")

    @stamped
    def random_effects(self) -> pd.DataFrame:
        """Predicted random effects (BLUPs), indexed by grouping, level and effect: `estimate`, and `se` of prediction.

        Raises SpecError where the model has none, EngineError for outcomes that are not Gaussian (see `trajectories`).
        """
        return random_effects(self.design, self.estimate, self.covariance.theta)

    @stamped
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

        All on the outcome's own scale: lognormal and logitnormal outcomes by their medians; others by their
        means, over new subjects or (conditional) over the effects of the row's own subject given its outcomes, which
        must then be among those fitted.

        Returns
        -------
        DataFrame indexed like `newdata` (its later visits): `estimate se [lower upper] [df] [mcse]`. se covers beta's
        uncertainty, with theta taken as known (zero for what was observed), and is the SD of a new observation for
        interval='prediction'. df are those that the engine's method gives x'beta. Of a posterior: the
        mean, SD and quantiles over the draws of beta and theta; of counts and others with a log link the median and
        half the width of the central 68 %, as `means`.

        Raises SpecError for an unknown interval, level or conditional, DataError or FormulaError for rows that cannot
        be predicted.
        """
        check_level(level)
        return predict(
            self.design, self.estimate, self.covariance.theta, newdata, conditional, interval, level
        )

    @stamped
    def trajectories(self, level: float = 0.95, subjects: Collection[object] | None = None) -> pd.DataFrame:
        """Each subject's own course: `predict(conditional=True)` at every planned visit, missed ones included.

        DataFrame indexed by subject and visit: estimate, se, lower, upper, of a posterior mcse, and whether the visit
        was observed.
        A visit that was missed is filled in where the model's covariates do not vary within subjects; else, and of
        irregular times, the observed visits alone are listed. Where Sigma has no independent residual (us, ar1, ...),
        the course of Gaussian outcomes runs through what was observed. subjects : these alone. Raises SpecError for a
        model without visits.
        """
        check_level(level)
        return subject_trajectories(self.design, self.estimate, self.covariance.theta, level, subjects)

    @stamped
    def covariance_posterior(self, level: float = 0.95) -> pd.DataFrame:
        """SDs at the planned visits and correlations between them (by group): estimate, se, lower, upper, convergence.

        Of outcomes, or where these are not Gaussian of their linear predictors; then, of random effects, first their
        own SDs and correlations (a hurdle's zero part as 'zero: ...'), and alone where visits share one effect. Raises
        EngineError without draws, HypothesisError where times are irregular.
        """
        check_level(level)
        return covariance_posterior(self.covariance, self.estimate, level)

    @stamped
    def standardised(
        self,
        level: float = 0.95,
        better: Literal["lower", "higher"] | None = None,
        *,
        sd: float | None = None,
        correction: Literal["hedges"] | None = None,
    ) -> pd.DataFrame:
        """`contrasts()` on the linear predictor's scale in SDs between patients at baseline: one axis for all outcomes.

        The SD is the model's own: of the outcome, its logarithm or logit; of other families of the subjects' effects
        and the outcome's own variation on the link scale. See `msclong.results.baseline_sd` and `Family`.

        Parameters
        ----------
        better : 'lower' or 'higher'
            Turns effects so that a positive one is a benefit; None leaves them as they are.
        sd : a known SD in place of the model's.
        correction : 'hedges'
            Takes the small-sample bias off estimates, se and limits of a frequentist fit: Hedges' J on the SD's df.

        Returns
        -------
        DataFrame with the rows of `contrasts`: estimate, se, lower, upper, then df or prob_negative (prob_improved,
        where `better` is given), ess_bulk, rhat, mcse. attrs: standardiser, sd, better, correction.

        Raises EngineError where the model has no such SD (changes without a baseline, irregular times, hurdles),
        SpecError or HypothesisError for arguments.
        """
        check_level(level)
        return standardised_effects(
            self.design, self.estimate, self.covariance, level, better, sd, correction
        )

    @stamped
    def responders(
        self,
        threshold: float,
        level: float = 0.95,
        by: str | Sequence[str] | None = None,
        *,
        continuity: float = 0.0,
    ) -> pd.DataFrame:
        """The probability that a new patient's own change from baseline is a response, beside the observed share.

        Parameters
        ----------
        threshold : the least change that counts, with its sign
            -3: a fall of 3 or more, in the outcome's unit. Of positive outcomes with a log link (lognormal, gamma) a
            ratio: 0.5 is a fall to half or less.
        by : what rows are listed by beside the visit; None: the arm.
            The new patient is one of the observed subjects, each as likely, with covariates of its own: in the row's
            arm (g-computation), of other variables a subject with the row's level.
        continuity : half the unit of a score, such as 0.5
            Of Gaussian models only. A score falls by 2 or more where a normal variable that is rounded to it falls by
            about 1.5: 0.5 asks for that. 0: the threshold as it stands.

        Returns
        -------
        DataFrame by arm and visit: estimate, se, lower, upper, of a posterior ess_bulk, rhat, mcse; then responders, n,
        observed, observed_lower, observed_upper: of n subjects seen at both visits, with exact limits at `level`.

        The estimate is the mean of those patients' probabilities, at the covariates that the table has: se and limits
        do not count that these are a sample. The change has measurement error in it, as that of a real patient has.
        The model's share rests on its distribution of changes, the observed one does not; that leaves patients out who
        were not seen at both visits.

        Raises EngineError where the model does not say how changes vary (baseline a covariate, counts over exposures),
        for a covariate that differs between a subject's visits, and for a continuity of outcomes that are not Gaussian;
        SpecError or HypothesisError for arguments.
        """
        check_level(level)
        return responders(self.design, self.estimate, self.covariance, threshold, level, by, continuity)

    @stamped
    def simulate(self, n: int, seed: int | None = None) -> pd.DataFrame:
        """`n` new outcome vectors of the observed rows, (N, n), on the outcome's scale, of new subjects.

        At the point estimates; of a posterior, each at a draw of its own (posterior predictive).
        """
        return simulate(self.design, self.estimate, self.covariance.theta, n, seed)

    @stamped
    def checks(self) -> pd.DataFrame:
        """Whether the draws of a posterior can be relied on: one row for each criterion, indexed by its name.

        quantity : what has the worst value, of all coefficients, contrasts, means and covariance parameters that are
        reported unasked. value, threshold, passed. advice : what to do where it is missed. The criteria
        are those that decide `outcome.converged`. Raises EngineError where there are no draws.
        """
        if not self.outcome.checks:
            raise EngineError(
                f"A fit by {type(self.engine).__name__} has no draws to check; fit.outcome says how it went."
            )
        return check_table(self.outcome.checks)

    def pymc_model(self) -> Any:
        """The posterior as a pm.Model, to look at, extend or sample: what `Bayesian(sampler="nuts")` samples.

        Of a Gaussian model the variables are standard deviations, (partial) correlations and ranges, in units of the
        OLS residual SD; coefficients and random effects are integrated out in the potential "log likelihood".
        Raises EngineError where the engine is not Bayesian.
        """
        build = getattr(self.engine, "pymc_model", None)
        if build is None:
            raise EngineError(
                f"{type(self.engine).__name__} has no PyMC model; fit with ml.Bayesian(seed=...)."
            )
        return build(self.design)

    def to_datatree(self) -> DataTree:
        """The draws of a posterior and its data as an ArviZ DataTree (see `msclong.results.datatree`)."""
        return to_datatree(self.design, self.estimate, self.outcome, self.engine)

    def summary(self, level: float = 0.95) -> str:
        """The fit as text, at most 100 columns wide; print it."""
        check_level(level)
        return self._overview(level).text()

    def _overview(self, level: float = 0.95) -> Overview:
        """What was fitted, the default contrasts where there are any, coefficients, covariance, priors."""
        facts = model_facts(self.design, self.engine)
        if self.loglik is not None:
            facts.append(f"log-likelihood {self.loglik:.6f}   AIC {self.aic:.3f}   BIC {self.bic:.3f}")
        tables = []
        if not self.design.continuous_time:
            with suppress(MsclongError):  # of a model without visits or arms there are none
                contrasts = self.contrasts(level=level)
                tables.append(summary_table(contrasts, contrasts_caption(self.design, contrasts)))
        coefficients = self.coefficients(level)
        family, interval = self.design.family, coefficients.attrs["interval"]
        hurdle = self.design.zero is not None
        link = f"of {family.measured}, " if family.transformed_gaussian else f"{family.link} link, "
        of = ("" if family.link == "identity" else link) + ("zero: logit of a zero, " if hurdle else "")
        tables.append(summary_table(coefficients, f"Fixed effects ({of}{interval} intervals)"))
        if isinstance(self.estimate, ConditionalDraws) and self.estimate.phi:
            above = " where it is above zero" if hurdle else ""
            own = f"The outcome's own distribution{above}"
            tables.append(summary_table(self.family_parameters(level), own, own_unit=True))
        what = "" if self.spec.jointly_normal else "of the linear predictors "
        sigma = f"Covariance: Sigma {what}{self.covariance.structure.description}"
        tables.append(summary_table(self.covariance.parameters, sigma, own_unit=True))
        if self.priors is not None:
            scale = f"Priors ({family.predictor_scale}; of coefficients, per unit of the covariate)"
            tables.append(summary_table(self.priors, scale))
        title = f"{self.spec.outcome_label}: {type(self.engine).__name__} fit"
        return fit_overview(title, facts, tables, self.outcome, self.synthetic)

    def _loglik(self) -> float:
        if self.loglik is None:
            raise HypothesisError("A posterior has no maximised likelihood, hence no AIC or BIC.")
        return self.loglik
