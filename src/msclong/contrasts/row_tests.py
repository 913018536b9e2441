"""The tests of a family's rows, as multiplicity procedures need them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from msclong.contrasts.margins import Alternative
from msclong.contrasts.multivariate_t import MaxT


@dataclass(frozen=True, eq=False)
class RowTests:
    """Tests of m rows.

    rows : their names. p_value, df : (m,). evidence : (m,) statistics turned so that large ones speak for the
    alternative (absolute for two-sided tests). correlation : (m, m) of the statistics.
    alternative : what was tested of each.
    """

    rows: pd.Index
    p_value: np.ndarray
    evidence: np.ndarray
    df: np.ndarray
    correlation: np.ndarray
    alternative: Alternative

    def __len__(self) -> int:
        return len(self.p_value)

    @cached_property
    def largest(self) -> MaxT:
        """The distribution of the largest evidence when no hypothesis is false."""
        return MaxT(self.correlation, two_sided=self.alternative.direction == 0)

    def subset(self, chosen: np.ndarray) -> RowTests:
        """Some of the rows, by position."""
        return RowTests(
            self.rows[chosen],
            self.p_value[chosen],
            self.evidence[chosen],
            self.df[chosen],
            self.correlation[np.ix_(chosen, chosen)],
            self.alternative,
        )
