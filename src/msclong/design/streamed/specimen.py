"""A made-up table with the levels of a schema: what patsy and the covariance are built on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from msclong.data.streams.schema import Column, Schema
from msclong.spec.model_spec import ModelSpec

PLAUSIBLE = (0.5, 1.5, 50.5, -0.5)
"""Numbers at which some measured covariate has a logarithm, a root or a logit."""


def specimen(schema: Schema, spec: ModelSpec, longest: int, number: float) -> pd.DataFrame:
    """Rows in which every level of every column occurs, and a subject with `longest` rows in each covariance group.

    number : stands for covariates whose values are not listed.
    """
    structure = spec.parsed.structure
    group = None if structure is None else structure.group
    group_levels = [None] if group is None else list(schema.columns[group].levels or ())
    visit, most = spec.visit_column, longest
    if visit is not None:
        most = len(schema.visits)
    elif structure is not None:  # over times, of which a subject has each once
        most = len(schema.columns[structure.variable].levels or range(longest))
    blocks: list[tuple[dict[str, list[object]], list[str]]] = []
    for level in group_levels:
        n = max(1, min(longest, most))
        block = {name: _cycle(column, n, number) for name, column in schema.columns.items()}
        if visit is not None:
            block[visit] = list(schema.visits[:n])
        if group is not None:
            block[group] = [level] * n
        blocks.append((block, [f"subject {len(blocks)}"] * n))
    rest = max([len(column.levels or ()) for column in schema.columns.values()], default=1)
    last = {name: _cycle(column, rest, number) for name, column in schema.columns.items()}
    blocks.append((last, [f"row {i}" for i in range(rest)]))
    table = pd.concat([schema.frame(block) for block, _ in blocks], ignore_index=True)
    # Concatenation forgets dtypes where a part has none of them.
    table = schema.frame({name: table[name].tolist() for name in table.columns})
    return table.assign(**{spec.subject: [who for _, names in blocks for who in names]})


def _cycle(column: Column, n: int, number: float) -> list[object]:
    if column.levels:
        return [column.levels[i % len(column.levels)] for i in range(n)]
    if column.kind == "whole":
        return [max(1, int(np.ceil(number))) + i for i in range(n)]
    return [number * (1 + 0.001 * i) for i in range(n)]
