"""A covariance within each group, and none between groups."""

from __future__ import annotations

import numpy as np

from msclong.covariance.wrapped import Wrapped


class WithinGroups(Wrapped):
    """The part's Sigma between observations of one group; zero between groups.

    An independent unit may hold many groups: the subjects of a site, or both factors of a crossed design. The first
    coordinate is the group's code.
    """

    def factor(self, lead: np.ndarray) -> np.ndarray:
        return (lead[:, :, None] == lead[:, None, :]).astype(float)

    def pieces(self, lead: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        groups = [np.flatnonzero(lead == code) for code in np.unique(lead)]
        return [(where, np.ones(len(where))) for where in groups]
