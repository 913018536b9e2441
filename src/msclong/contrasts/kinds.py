"""The contrasts of a design, by kind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from msclong.contrasts.comparisons import consecutive, pairwise, with_arm_differences
from msclong.contrasts.marginal_means import At, means_of_cells
from msclong.contrasts.mean_contrasts import MeanContrasts
from msclong.contrasts.summary_measures import area_under_curve, average, polynomial_trends
from msclong.design.design import Design
from msclong.design.reference_grid import MOST_TIMES
from msclong.design.visit_times import visit_times
from msclong.errors import HypothesisError, listing
from msclong.linear_hypothesis import LinearHypothesis, Sign

SUMMARIES = ("average", "auc", "incremental-auc")
"""Kinds that summarise the visits by one number an arm."""

FROM_BASELINE = ("versus", "average", "incremental-auc", "difference-in-differences")
"""Kinds that compare with one level: the baseline where nothing else is said."""

KINDS = ("versus", "pairwise", "consecutive", "polynomial", *SUMMARIES, "difference-in-differences")


def visit_variable(design: Design) -> str:
    """The variable that visits are compared along; raises HypothesisError where there is none."""
    if design.visit is None:
        raise HypothesisError(
            "Which variable holds the visits? This formula does not say; set ModelSpec(..., visit='...') "
            "or name it here with factor='...' (means: by=['...'])."
        )
    if design.visit not in design.fixed.variables:
        raise HypothesisError(
            f"The mean of this model does not depend on the visit {design.visit!r}; its variables are "
            f"{listing(design.fixed.variables) or 'none'}. Compare along one of these: "
            "contrasts(factor='...', versus=...), means(by=['...'])."
        )
    return design.visit


def arm_and_visit(design: Design) -> list[str]:
    """What means are listed by where nothing else is said."""
    return [name for name in (design.arm, visit_variable(design)) if name is not None]


def contrast_hypothesis(
    design: Design,
    kind: str | None = None,
    versus: object = None,
    factor: str | None = None,
    by: str | Sequence[str] | None = None,
    at: At | None = None,
    weights: str = "equal",
) -> LinearHypothesis:
    """The contrasts of `mean_contrasts` on the linear predictor's scale, as rows over beta."""
    return mean_contrasts(design, kind, versus, factor, by, at, weights).hypothesis


def mean_contrasts(
    design: Design,
    kind: str | None = None,
    versus: object = None,
    factor: str | None = None,
    by: str | Sequence[str] | None = None,
    at: At | None = None,
    weights: str = "equal",
    sign: Sign = "-",
) -> MeanContrasts:
    """Contrasts of marginal means, as `Fit.contrasts` describes them; sign : in their names. Raises HypothesisError."""
    if kind is not None and kind not in KINDS:
        raise HypothesisError(
            f"Unknown kind of contrast {kind!r}; known are {listing(map(repr, KINDS), 20)}."
        )
    if versus is not None and kind not in (None, *FROM_BASELINE):
        raise HypothesisError(f"versus={versus!r} names the level to compare with; kind={kind!r} has none.")
    if not isinstance(factor, (str, type(None))):
        raise HypothesisError(f"factor takes the name of one variable; got {factor!r}.")
    whole = versus is None and factor is None and by is None
    kind = kind or "versus"
    arm = design.arm
    factor = factor or visit_variable(design)
    others = [arm] if by is None and arm and factor != arm else as_list(by or [])
    if factor in others:
        raise HypothesisError(f"{factor!r} is both compared and listed in by; leave it out of by.")
    # Changes from a baseline that is a covariate are no function of beta; their differences between arms are.
    between_only = kind == "difference-in-differences" or (
        whole and kind == "versus" and design.spec.baseline_as == "covariate"
    )
    if kind == "difference-in-differences" and arm is not None and factor == arm:
        raise HypothesisError(
            f"Differences in differences compare the changes along the visits between the levels of {arm!r}: leave "
            f"factor={arm!r} out. The arms' differences at each visit are contrasts(factor={arm!r}, by=...)."
        )
    if between_only and arm not in others:
        raise HypothesisError(
            "Without arms there are no differences of changes between them. Name the arm: ModelSpec(..., arm='...'), "
            "and in by. (A change from a baseline that is a covariate is no function of the coefficients: fit "
            "baseline_as='change'.)"
        )

    def contrasts(means: LinearHypothesis) -> LinearHypothesis:
        found = _within_arms(design, means, kind, factor, versus, whole, sign)
        if arm not in others:
            return found.labelled()
        control = means.rows.get_level_values(arm)[0]
        if between_only:
            return found.minus_reference(str(arm), control, sign).labelled()
        every = whole or kind in SUMMARIES
        return with_arm_differences(found, arm, control, sign) if every else found.labelled()

    found = means_of_cells(design, [*others, factor], at, weights, contrasts)
    return found if design.spec.baseline_as != "constrained" else _without_constrained_rows(found)


def _within_arms(
    design: Design,
    means: LinearHypothesis,
    kind: str,
    factor: str,
    versus: object,
    whole: bool,
    sign: Sign,
) -> LinearHypothesis:
    """The contrasts of one kind along `factor`, within each combination of the other factors of `means`."""
    levels = list(dict.fromkeys(means.rows.get_level_values(factor)))
    if kind == "pairwise":
        return pairwise(means, factor, sign)
    if kind == "consecutive":
        return consecutive(means, factor, sign)
    if kind == "polynomial":
        times = visit_times(design, factor, levels)
        return polynomial_trends(means, factor, np.arange(len(levels)) if times is None else times)
    if kind == "auc":
        return area_under_curve(means, factor, _times(design, factor, levels))
    baseline = versus if versus is not None else _baseline(design, factor, levels)
    if kind == "average":
        return average(means, factor, baseline, sign)
    if kind == "incremental-auc":
        if baseline is None:
            raise HypothesisError(
                "No visit of this model is a baseline, so there is no area above it; kind='auc' is the area under "
                "the profile of the visits that it has."
            )
        return area_under_curve(means, factor, _times(design, factor, levels), baseline)
    if baseline is None and (whole or kind == "difference-in-differences"):
        return means
    return means.minus_reference(factor, levels[0] if baseline is None else baseline, sign)


def _without_constrained_rows(found: MeanContrasts) -> MeanContrasts:
    """The rows that the constraint of equal arms at baseline does not make zero."""
    free = found.hypothesis.L.any(axis=1)
    if not free.any():
        raise HypothesisError(
            "The arms are equal at baseline by constraint (baseline_as='constrained'), so these differences are zero; "
            "compare them at other visits."
        )
    return found.then(lambda rows: LinearHypothesis(rows.L[free], rows.rows[free], rows.value[free]))


def as_list(names: str | Sequence[str], argument: str = "by") -> list[str]:
    """One name or several as a list; raises HypothesisError for anything but names."""
    found = [names] if isinstance(names, str) or not np.iterable(names) else list(names)
    if not all(isinstance(name, str) for name in found):
        raise HypothesisError(f"{argument} takes a name or a list of names; got {names!r}.")
    return found


def _baseline(design: Design, factor: str, levels: Sequence[object]) -> object:
    """The level that changes are measured from; None where the baseline visit is not among the outcomes."""
    if factor != design.visit:
        return levels[0]
    if design.spec.outcome_type == "change" or design.spec.baseline_as == "covariate":
        return None
    if design.baseline not in levels:
        # Of irregular times, which only `at` can pick, the earliest is nobody's baseline visit.
        irregular = factor not in design.fixed.discrete and len(design.fixed.values(factor)) > MOST_TIMES
        if irregular and design.spec.baseline is None:
            return levels[0]
        raise HypothesisError(
            f"The baseline, {design.baseline!r}, is not among at={{{factor!r}: [{listing(map(repr, levels))}]}}, and "
            f"changes are measured from it: add it, or name the level to compare with, as versus={levels[0]!r}."
        )
    return design.baseline


def _times(design: Design, factor: str, levels: Sequence[object]) -> np.ndarray:
    times = visit_times(design, factor, levels)
    if times is None:
        raise HypothesisError(
            f"An area needs numeric times, and {factor!r} is {listing(map(repr, levels))}; name the column that holds "
            "them: ModelSpec(..., time='...')."
        )
    return times
