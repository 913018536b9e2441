"""A design without some of its rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from msclong.design.design import Design


def restricted(design: Design, kept: np.ndarray) -> Design:
    """The design with the rows marked in `kept` (N,), its columns and structure unchanged."""
    seen = design.observed
    zero = design.zero
    return replace(
        design,
        fixed=replace(design.fixed, factored=design.fixed.factored[kept], frame=design.fixed.frame[kept]),
        y=design.y[kept],
        subject=pd.factorize(design.subject[kept])[0],
        covariance=replace(design.covariance, unit=design.unit[kept]),
        coords=design.coords[kept],
        observed=replace(
            seen,
            data={name: values[kept] for name, values in seen.data.items()},
            offset=seen.offset[kept],
            dispersion=seen.dispersion[kept],
        ),
        zero=None if zero is None else replace(zero, factored=zero.factored[kept], frame=zero.frame[kept]),
    )
