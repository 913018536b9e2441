"""What any fit says of the fixed effects: coefficients, means, contrasts, tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from msclong.contrasts.kinds import arm_and_visit, as_list, contrast_hypothesis, mean_contrasts
from msclong.contrasts.linear_constraints import linear_hypothesis
from msclong.contrasts.marginal_means import means_of_cells
from msclong.contrasts.mean_contrasts import MeanContrasts
from msclong.contrasts.term_tests import term_hypotheses
from msclong.design.design import Design
from msclong.errors import HypothesisError
from msclong.families.family import Effect
from msclong.linear_hypothesis import LinearHypothesis
from msclong.results.family_tables import (
    coefficients_table,
    family_parameters_table,
    probabilities_table,
)
from msclong.results.hypothesis_table import Adjustment, check_level
from msclong.results.mean_tables import Scale, contrasts_table, means_table, scale_of_means
from msclong.results.point_estimate import PointEstimate
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.posterior_table import IntervalKind
from msclong.results.stamp import stamped


class Answers:
    """The questions about fixed effects that a `Fit` answers from its design and its estimate of beta."""

    design: Design
    estimate: PointEstimate | PosteriorDraws

    @property
    def synthetic(self) -> str | None:
        """What the fitted table's attrs["synthetic"] says, where its subjects are made up; every table repeats it."""
        return self.design.data.synthetic

    @stamped
    def coefficients(self, level: float = 0.95) -> pd.DataFrame:
        """Fixed effects, indexed by patsy's names; those of a hurdle's zero part as 'zero: name'.

        Examples
        --------
        >>> import msclong as ml
        >>> fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy())
        >>> fit.coefficients()[["estimate", "se", "df", "statistic"]].round(2)
                     estimate    se    df  statistic
        coefficient
        Intercept      251.41  6.82  17.0      36.84
        Days            10.47  1.55  17.0       6.77
        """
        return coefficients_table(self.estimate, level)

    @stamped
    def family_parameters(self, level: float = 0.95) -> pd.DataFrame:
        """What the family has beside linear predictors and covariance: a residual scale, degrees of freedom, cutpoints.

        As `coefficients`; raises EngineError where there is none.
        """
        check_level(level)
        return family_parameters_table(self.design, self.estimate, level)

    @stamped
    def means(
        self,
        by: str | Sequence[str] | None = None,
        at: Mapping[str, Sequence[object]] | None = None,
        level: float = 0.95,
        *,
        weights: str = "equal",
        scale: Scale | None = None,
        interval: IntervalKind = "equal-tailed",
    ) -> pd.DataFrame:
        """Marginal (least-squares) means for each combination of levels of `by` (default: arm and visit).

        Covariates at their mean or at `at`; other factors averaged by `weights`: 'equal', 'observed', 'subjects' or
        'counterfactual' (see `msclong.contrasts.marginal_means.means_of_cells`).

        scale
            'mean': of the outcome as it was measured, over new subjects, whose effects are integrated out (of counts:
            per unit of exposure; of successes among trials: their probability). 'median': of lognormal (there the
            geometric mean) and logitnormal outcomes, where it is the default. 'link': of the linear predictor, for a
            subject whose effects are zero.

            Means through a log link, exp(x'beta + sigma^2 / 2), have no finite posterior mean where sigma's prior is
            a half-t: there `estimate` is the posterior median, `se` half the width of the central 68.27 % interval,
            `mcse` the median's. The table's attrs["estimate"] says which.
        interval
            'equal-tailed' (2.5 % beyond either end of a 95 % interval) or 'hdi', the shortest; of a posterior.

        Raises HypothesisError for an average that the design leaves ambiguous, or a scale that the fit has not.

        Examples
        --------
        >>> import msclong as ml
        >>> fit = ml.fit("change ~ basval + TRT * week + us(week | PATIENT)", ml.datasets.hamd17())
        >>> fit.means(by="TRT", at={"week": [8]})[["estimate", "se", "lower", "upper"]].round(2)
             estimate    se  lower  upper
        TRT
        1       -5.37  0.78  -6.91  -3.83
        2       -7.74  0.76  -9.24  -6.24
        """
        return means_table(self.design, self.estimate, self._means(by, at, weights), scale, level, interval)

    @stamped
    def probabilities(
        self,
        by: str | Sequence[str] | None = None,
        at: Mapping[str, Sequence[object]] | None = None,
        level: float = 0.95,
        *,
        outcomes: Sequence[float] | None = None,
        at_least: bool = False,
        weights: str = "equal",
    ) -> pd.DataFrame:
        """The probability of each grade, count, of yes and no, or of a hurdle's zero, for each combination of `by`.

        Over new subjects, as `means` are. outcomes : the ones to list (default: all). at_least : the probability of
        this outcome or a larger one. Raises EngineError for a family without such probabilities, or a frequentist fit.
        """
        check_level(level)
        asked = self._means(by, at, weights)
        return probabilities_table(self.design, self.estimate, asked, outcomes, at_least, level)

    @stamped
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
        effect: Effect | None = None,
        rope: tuple[float, float] | None = None,
        interval: IntervalKind = "equal-tailed",
        outcome: float | None = None,
        at_least: float | None = None,
    ) -> pd.DataFrame:
        """Comparisons of marginal means, or the rows of any linear `hypothesis`, one test each.

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
        effect
            How means on the outcome's scale are compared; None: the first that the family has. 'difference', 'ratio' or
            'odds-ratio' of means over new subjects, whose effects are integrated out; of lognormal outcomes 'ratio' is
            that of medians (geometric means), of logitnormal ones 'odds-ratio'. 'link': differences of linear
            predictors; 'conditional-odds-ratio' (logit links): exp of these, for one subject (of grades: the
            proportional odds ratio), where 'odds-ratio' compares population averages. Differences of means through a
            log link are posterior medians, as such `means` are. Of ratios,
            the estimate is exp of that of their logarithm, prob_below_1 is the probability
            below one, rows are named 'B / A', and margins are ratios: 0.8 asks for a fall below 80 %. Rows of
            `hypothesis` are of 'link', or exp of it: 'conditional-odds-ratio'.
        outcome, at_least
            Compare the probability of this grade, count or zero, or of one at least so large, in place of means:
            their 'difference' (None), 'ratio' or 'odds-ratio'.
        rope, interval
            A region of practical equivalence (low, high): adds prob_in_rope. 'equal-tailed' or 'hdi' (highest density;
            of ratios, that of the logarithm). Of a posterior; the table's `attrs` name effect and interval.
        adjust, family
            bonferroni, holm, hochberg, bh, mvt (single step, from the joint distribution: Dunnett's, Tukey's and
            others), mvt-stepdown, fixed-sequence (rows in their order), or a GraphicalProcedure. The family is
            the whole table, or with `family` the rows that agree in these levels of the row names ('TRT': each
            arm, and each difference of arms, by itself). Adds p_adjusted; for bonferroni and mvt the
            simultaneous limits lower_adjusted and upper_adjusted too. Frequentist fits only.

        Examples
        --------
        >>> import msclong as ml
        >>> fit = ml.fit("change ~ basval + TRT * week + us(week | PATIENT)", ml.datasets.hamd17())
        >>> arms = fit.contrasts(versus="1", factor="TRT", by="week", adjust="mvt")
        >>> arms[["estimate", "lower", "upper", "p_value", "p_adjusted"]].round(3)
                    estimate  lower  upper  p_value  p_adjusted
        week TRT
        1    2 - 1    -0.024 -1.309  1.260    0.970       1.000
        2    2 - 1    -0.741 -2.451  0.969    0.394       0.812
        4    2 - 1    -1.595 -3.436  0.247    0.089       0.263
        6    2 - 1    -2.360 -4.367 -0.353    0.021       0.074
        8    2 - 1    -2.368 -4.524 -0.213    0.032       0.105
        """
        asked: MeanContrasts | LinearHypothesis
        if hypothesis is None:
            sign = scale_of_means(self.design, effect, outcome, at_least).sign
            asked = mean_contrasts(self.design, kind, versus, factor, by, at, weights, sign)
        elif any(given is not None for given in (kind, versus, factor, by, at)):
            raise HypothesisError("hypothesis= stands for itself; leave kind, versus, factor, by and at out.")
        else:
            asked = self._hypothesis(hypothesis)
        return contrasts_table(
            self.design,
            self.estimate,
            asked,
            effect,
            level,
            margin,
            test,
            adjust,
            family,
            rope,
            interval,
            outcome,
            at_least,
        )

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
        """The linear hypothesis behind `contrasts`, to compose further and hand to `test` or `contrasts`.

        Examples
        --------
        >>> import msclong as ml
        >>> fit = ml.fit("change ~ basval + TRT * week + us(week | PATIENT)", ml.datasets.hamd17())
        >>> arms = fit.hypothesis(versus="1", factor="TRT", by="week")
        >>> fit.contrasts(hypothesis=arms.average_over("week"))[["estimate", "p_value"]].round(3)
               estimate  p_value
        TRT
        2 - 1    -1.418    0.066
        """
        return contrast_hypothesis(self.design, kind, versus, factor, by, at, weights)

    @stamped
    def test(self, hypothesis: Any) -> pd.DataFrame:
        """Joint test of a term of the fixed part (all its coefficients zero) or of any linear hypothesis.

        hypothesis : a term's name, or whatever `contrasts(hypothesis=...)` takes, which tests its rows one by one.

        Frequentist: F with the engine's degrees of freedom. Bayesian: posterior contour probability of zero.
        A main effect inside an interaction is tested at the reference levels, as its coefficients are coded;
        `anova` tests it whatever the coding. Raises HypothesisError for a name that is no term or coefficient, or one
        of which arms that are constrained to be equal at baseline leave no coefficient.

        Examples
        --------
        >>> import msclong as ml
        >>> fit = ml.fit("change ~ basval + TRT * week + us(week | PATIENT)", ml.datasets.hamd17())
        >>> fit.test("TRT:week").round(3)
                  num_df   den_df  statistic  p_value
        term
        TRT:week       4  156.057      1.731    0.146
        """
        name = hypothesis if isinstance(hypothesis, str) else "hypothesis"
        rows = self._hypothesis(hypothesis)
        return pd.DataFrame([self.estimate.joint(rows)], index=pd.Index([name], name="term"))

    @stamped
    def anova(self, type: int = 3) -> pd.DataFrame:
        """Joint test of every term of the fixed part, of type 3 or 2, whatever the coding of its factors.

        Type 3 averages over the other factors with equal weights, so that a main effect inside an interaction is the
        average effect (a factor crossed with a covariate: its effect at covariate zero). Type 2 adjusts each term for
        all terms that do not contain it. As SAS and R lmerTest; `test` tests coefficients as they are coded instead.

        Columns as those of `test`. Satterthwaite's df of a joint test depend on how its rows are written: they are
        R lmerTest's. Raises HypothesisError for another `type` or a fixed part without terms.

        Examples
        --------
        >>> import msclong as ml
        >>> fit = ml.fit("change ~ basval + TRT * week + us(week | PATIENT)", ml.datasets.hamd17())
        >>> fit.anova().round(3)
                  num_df   den_df  statistic  p_value
        term
        TRT            1  186.772      3.429    0.066
        week           4  156.056     29.445    0.000
        TRT:week       4  156.057      1.731    0.146
        basval         1  196.020     24.863    0.000
        """
        tests = {
            name: self.estimate.joint(rows) for name, rows in term_hypotheses(self.design.fixed, type).items()
        }
        return pd.DataFrame.from_dict(tests, orient="index").rename_axis("term")

    def _means(
        self, by: str | Sequence[str] | None, at: Mapping[str, Sequence[object]] | None, weights: str
    ) -> MeanContrasts:
        chosen = as_list(by) if by is not None else arm_and_visit(self.design)
        return means_of_cells(self.design, chosen, at, weights)

    def _hypothesis(self, given: Any) -> LinearHypothesis:
        fixed = self.design.fixed
        every = (*fixed.design_info.term_names, *fixed.design_info.column_names)
        taken = [name for name in every if name not in (*fixed.names, *fixed.terms)]
        return linear_hypothesis(given, self.estimate.names, fixed.terms, taken)
