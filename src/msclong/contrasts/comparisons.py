"""The comparisons that a trial asks for, built from marginal means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from msclong.linear_hypothesis import LinearHypothesis, Sign, difference_label


def against_baseline(
    means: LinearHypothesis, visit: str, baseline: object, arm: str | None = None, control: object = None
) -> LinearHypothesis:
    """Each visit minus baseline, by arm; then each arm's change minus that of `control`.

    means : marginal means by `visit` (and `arm`).
    """
    return with_arm_differences(means.minus_reference(visit, baseline), arm, control)


def with_arm_differences(
    effects: LinearHypothesis, arm: str | None, control: object = None, sign: Sign = "-"
) -> LinearHypothesis:
    """`effects` by arm, followed by every other arm's minus those of `control`, where there is another."""
    if arm is None or effects.rows.get_level_values(arm).nunique() == 1:
        return effects.labelled()
    return effects.labelled().stack(effects.minus_reference(arm, control, sign).labelled())


def pairwise(means: LinearHypothesis, factor: str, sign: Sign = "-") -> LinearHypothesis:
    """Every level of `factor` minus every one before it (emmeans' revpairwise)."""
    return means.combine(factor, lambda levels: _differences(levels, lambda i: range(i), sign))


def consecutive(means: LinearHypothesis, factor: str, sign: Sign = "-") -> LinearHypothesis:
    """Every level of `factor` minus the one before it (emmeans' consec)."""
    return means.combine(factor, lambda levels: _differences(levels, lambda i: range(max(i - 1, 0), i), sign))


def _differences(
    levels: list[object], partners: Callable[[int], Iterable[int]], sign: Sign
) -> Mapping[str | None, np.ndarray]:
    unit = np.eye(len(levels))
    return {
        difference_label(levels[i], levels[j], sign): unit[i] - unit[j]
        for i in range(len(levels))
        for j in partners(i)
    }
