"""The comparisons that a trial asks for, built from marginal means."""

from __future__ import annotations

from msclong.linear_hypothesis import LinearHypothesis


def against_baseline(
    means: LinearHypothesis, visit: str, baseline: object, arm: str | None = None, control: object = None
) -> LinearHypothesis:
    """Each visit minus baseline, by arm; then each arm's change minus that of `control`.

    means : marginal means by `visit` (and `arm`).
    """
    return with_arm_differences(means.minus_reference(visit, baseline), arm, control)


def with_arm_differences(
    effects: LinearHypothesis, arm: str | None, control: object = None
) -> LinearHypothesis:
    """`effects` by arm, followed by every other arm's minus those of `control`, where there is another."""
    if arm is None or effects.rows.get_level_values(arm).nunique() == 1:
        return effects.labelled()
    return effects.labelled().stack(effects.minus_reference(arm, control).labelled())
