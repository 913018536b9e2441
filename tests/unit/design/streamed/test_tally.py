"""Sums that grow part by part."""

from __future__ import annotations

import numpy as np
import pytest

from msclong.design.cross_moments import CrossMoments, cross_moments
from msclong.design.streamed import tally
from msclong.design.streamed.tally import Tally, sum_of
from msclong.errors import DesignError

ROUNDING = 1e-12
"""Relative to the lengths of the columns."""


def part(moments: CrossMoments) -> Tally:
    found = Tally.empty(moments.names, 0, 0)
    found.moments = moments
    return found


def test_a_thousand_parts_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "MERGED", 200)
    rng = np.random.default_rng(1)
    T, n, names = 3, 3000, tuple("abcy")
    W = rng.normal(size=(n, T, 4)) * [1, 1e6, 1e-3, 1]
    coords = np.arange(T, dtype=float)[:, None]

    def moments(W: np.ndarray) -> CrossMoments:
        who = np.repeat(np.arange(len(W)), T)
        return cross_moments(W.reshape(-1, 4), who, np.tile(coords, (len(W), 1)), names)

    found = sum_of(part(moments(some)) for some in np.array_split(W, 1000)).moments
    assert (found.n_subjects, found.n_obs) == (n, n * T)
    assert len(found.blocks[0].rows) <= T * 4
    one, two = found.matrix(0, 0), moments(W).matrix(0, 0)
    size = np.sqrt(np.einsum("sasa->sa", two))
    scale = np.multiply.outer(size, size)
    np.testing.assert_allclose(one / scale, two / scale, atol=ROUNDING)


def test_too_many_patterns_are_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "MOST_NUMBERS", 100)
    one = np.zeros(1, dtype=np.intp)
    parts = (part(cross_moments(np.ones((1, 2)), one, np.array([[float(i)]]), ("x", "y"))) for i in range(60))
    with pytest.raises(DesignError, match="different sets of visits.*round the times"):
        sum_of(parts)
