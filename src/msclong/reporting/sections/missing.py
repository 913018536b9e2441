"""Which visits were observed together, drawn by arm."""

from __future__ import annotations

import pandas as pd

from msclong.data.long_data import LongData
from msclong.data.missingness import patterns_by_arm
from msclong.plots.missing_map import missing_map
from msclong.reporting.analysis import Analysis
from msclong.reporting.plate import plate
from msclong.reporting.record import Figure
from msclong.reporting.wording import counted

MOST_VISITS = 30
"""Of more visits than this the tiles would be too small to be told apart."""


def missing_figure(analysis: Analysis, data: LongData) -> tuple[Figure, ...]:
    """Nothing where all visits of all participants were observed."""
    found = patterns_by_arm(data)
    if not found["pattern"].str.contains("0").any() or len(data.visits) > MOST_VISITS:
        return ()
    named = {arm: analysis.names.arm(arm) for arm in data.arms or ()}
    order = {name: i for i, name in enumerate(named.values())}
    arms = found["arm"].map(named) if named else ""
    patterns = pd.DataFrame({"arm": arms, "pattern": found["pattern"], "n": found["subjects"]})
    patterns = patterns.sort_values("arm", key=lambda arms: arms.map(order), kind="stable", ignore_index=True)
    visits = [analysis.names.label(visit) for visit in data.visits]
    # Patterns that an arm lacks are drawn as 0.
    counts = patterns.pivot_table(index="pattern", columns="arm", values="n", fill_value=0, sort=False)
    with_zeros = counts.astype(int).melt(ignore_index=False, value_name="n").reset_index()
    distinct = patterns["pattern"].nunique()
    caption = (
        "Patterns of observed (full) and missing (hollow) visits, the most frequent first, with the participants who "
        f"have each{' by arm' if named else ''}."
    )
    most = patterns.groupby("pattern")["n"].sum()
    alt = (
        f"Map of {counted(distinct, 'pattern')} of observed and missing visits over {len(visits)} visits. The most "
        f"frequent, of {counted(int(most.max()), 'participant')}, has {str(most.idxmax()).count('1')} visits observed."
    )
    return (plate("missing", caption, alt, missing_map(patterns, visits), with_zeros),)
