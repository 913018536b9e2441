"""p-values adjusted across outcomes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.contrasts.multiplicity import WORDS
from msclong.errors import HypothesisError, listing

METHODS = {
    "bh": "fdr_bh",
    "by": "fdr_by",
    "holm": "holm",
    "hochberg": "simes-hochberg",
    "bonferroni": "bonferroni",
}
"""Adjustments, and what statsmodels calls them."""


def adjusted(table: pd.DataFrame, adjust: str | None, across: str) -> pd.DataFrame:
    """The table with p_adjusted, of the rows of each contrast (levels of the index but the first) or of all together.

    Raises HypothesisError for an unknown method or family.
    """
    method = {"fdr_bh": "bh", "fdr_by": "by", "none": None}.get(str(adjust), adjust)
    if across not in ("outcomes", "all"):
        raise HypothesisError(f"across takes 'outcomes' or 'all'; got {across!r}.")
    if method is None:
        return table
    if method not in METHODS:
        raise HypothesisError(
            f"Unknown adjustment {adjust!r}; across outcomes there are {listing(METHODS)}, or None."
        )
    from statsmodels.stats.multitest import multipletests

    p = table["p_value"].to_numpy()
    result = np.full(len(p), np.nan)
    families: np.ndarray = np.zeros(len(p), dtype=np.intp)
    if across == "outcomes":
        contrast = list(range(1, table.index.nlevels))
        families = table.groupby(level=contrast, sort=False, observed=True).ngroup().to_numpy()
    for family in np.unique(families):
        rows = np.flatnonzero((families == family) & np.isfinite(p))
        if len(rows):
            result[rows] = multipletests(p[rows], method=METHODS[method])[1]
    table["p_adjusted"] = result
    table.attrs["adjust"] = f"{WORDS.get(method, 'Benjamini-Yekutieli (false discovery rate)')}, " + (
        "across the outcomes of each contrast" if across == "outcomes" else "across outcomes and contrasts"
    )
    return table
