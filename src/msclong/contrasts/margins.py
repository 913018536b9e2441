"""What a test of one row is a test of: no difference, or a margin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from msclong.errors import HypothesisError, SpecError, listing

ONE_SIDED = ("less", "greater")
OF_MARGINS = ("superiority", "non-inferiority", "equivalence")
TESTS = ("two-sided", *ONE_SIDED, *OF_MARGINS)


@dataclass(frozen=True)
class Alternative:
    """The alternative hypothesis about delta = L beta - value.

    bounds : (bound, direction) pairs, all of which hold under the alternative: delta > bound for direction 1, delta <
    bound for -1, delta != bound for 0.
    """

    name: str
    bounds: tuple[tuple[float, int], ...]

    @property
    def direction(self) -> int:
        """1 or -1 for a one-sided test upwards or downwards; 0 for a two-sided test, and for equivalence."""
        return self.bounds[0][1] if len(self.bounds) == 1 else 0

    @property
    def limits(self) -> tuple[float, float]:
        """What a one-sided alternative, or equivalence, says that delta lies between."""
        low = max((bound for bound, direction in self.bounds if direction > 0), default=-np.inf)
        high = min((bound for bound, direction in self.bounds if direction < 0), default=np.inf)
        return low, high


def alternative(test: str | None, margin: float | None = None) -> Alternative:
    """The alternative that `test` names (None: two-sided).

    A margin is signed, and its sign is the direction of benefit, as in ModelSpec: with margin -3 a fall is a benefit.

    - 'superiority': the benefit exceeds the margin: delta < -3 for margin -3, delta > 3 for margin 3.
    - 'non-inferiority': not worse by the margin or more: delta < 3 for margin -3, delta > -3 for margin 3.
    - 'equivalence': -3 < delta < 3 for either (two one-sided tests: Schuirmann 1987, J Pharmacokinet Biopharm 15:657).
    - 'less', 'greater': delta < 0, delta > 0; no margin.

    Raises HypothesisError for an unknown test, or for a margin that is missing or zero where one is needed; SpecError
    for a margin that is no finite number.
    """
    if margin is not None and not (
        isinstance(margin, (int, float, np.number)) and not isinstance(margin, bool) and np.isfinite(margin)
    ):
        raise SpecError(f"margin must be a number in the outcome's unit; got {margin!r}.")
    if test is None or test == "two-sided":
        return Alternative("two-sided", ((0.0, 0),))
    if test in ONE_SIDED:
        return Alternative(test, ((0.0, -1 if test == "less" else 1),))
    if test not in OF_MARGINS:
        raise HypothesisError(f"Unknown test {test!r}; known are {listing(TESTS)}.")
    if margin is None or margin == 0:
        raise HypothesisError(
            f"test={test!r} needs a margin other than zero, in the outcome's unit; its sign is the direction of "
            f"benefit: margin=-3 where a fall is a benefit. (Got {margin!r}; against zero: test='less' or 'greater'.)"
        )
    size, benefit = abs(float(margin)), 1 if margin > 0 else -1
    if test == "superiority":
        return Alternative(test, ((benefit * size, benefit),))
    if test == "non-inferiority":
        return Alternative(test, ((-benefit * size, benefit),))
    return Alternative(test, ((-size, 1), (size, -1)))
