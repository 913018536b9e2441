"""The smallest number of subjects with a given power, from a simulated curve."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression
from scipy.special import ndtri

from msclong.errors import SpecError, listing
from msclong.replication.question import row_names


def sample_size(table: pd.DataFrame, power: float, named: bool) -> pd.DataFrame:
    """n, lower, upper and note by contrast, from power, lower and upper by n; as `Power.n_for` describes.

    named : whether a contrast without an answer is an error.
    """
    if isinstance(power, bool) or not isinstance(power, (int, float)) or not 0 < power < 1:
        raise SpecError(f"power must lie between 0 and 1, such as 0.8; got {power!r}.")
    names = row_names(table.reset_index(level=0, drop=True).index)
    found = {}
    for name in dict.fromkeys(names):
        rows = table[[one == name for one in names]]
        sizes = rows.index.get_level_values(0).to_numpy(dtype=float)
        curves = [isotonic_regression(rows[of].to_numpy()).x for of in ("power", "lower", "upper")]
        n, late, early = (_crossing(sizes, curve, power) for curve in curves)
        note = ""
        if n == -np.inf:
            note = f"power {power:g} or more at every n: try fewer than {sizes[0]:.0f}"
        elif n == np.inf:
            note = f"power below {power:g} up to n = {sizes[-1]:.0f}: try more"
        found[name] = [_whole(n), _whole(early), _whole(late), note]
    result = pd.DataFrame.from_dict(found, orient="index", columns=["n", "lower", "upper", "note"])
    result = result.astype(dict.fromkeys(("n", "lower", "upper"), "Int64")).rename_axis("contrast")
    if named and (result["note"] != "").any():
        told = listing(f"{name}: {note}" for name, note in result["note"].items() if note)
        raise SpecError(f"The simulated n do not tell, and nothing is extrapolated. {told}.")
    return result


def _crossing(n: np.ndarray, power: np.ndarray, wanted: float) -> float:
    """Where a curve that does not fall reaches `wanted`; -inf and inf where it lies above and below it throughout."""
    if power[0] >= wanted:
        return float(n[0]) if power[0] == wanted else -np.inf
    if power[-1] < wanted:
        return np.inf
    i = int(np.argmax(power >= wanted))
    # Power is about Phi(delta sqrt(n) - z): straight in these scales. Shares of 0 and 1 have no quantile.
    low, high, at = ndtri(np.clip([power[i - 1], power[i], wanted], 1e-6, 1 - 1e-6))
    share = (at - low) / (high - low)
    return float((np.sqrt(n[i - 1]) + share * (np.sqrt(n[i]) - np.sqrt(n[i - 1]))) ** 2)


def _whole(n: float) -> int | None:
    return int(np.ceil(n - 1e-9)) if np.isfinite(n) else None
