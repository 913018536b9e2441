"""Tables of results in the style of journals: one rule for decimals, an interval in one cell."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from msclong.printing import numbers
from msclong.printing.table import Cell, Column, Row, Table

HEADINGS = {
    "estimate": "Estimate",
    "se": "SE",
    "lower": "Lower",
    "upper": "Upper",
    "df": "df",
    "num_df": "df 1",
    "den_df": "df 2",
    "statistic": "t",
    "p_value": "p",
    "p_adjusted": "p, adj.",
    "p_margin": "p(margin)",
    "lower_adjusted": "Lower, adj.",
    "upper_adjusted": "Upper, adj.",
    "prob_negative": "P(< 0)",
    "prob_below_1": "P(< 1)",
    "prob_improved": "P(improved)",
    "prob_beyond_margin": "P(beyond margin)",
    "prob_non_inferior": "P(non-inferior)",
    "prob_equivalent": "P(equivalent)",
    "prob_in_rope": "P(in rope)",
    "contour_probability": "Contour probability",
    "ess_bulk": "ESS",
    "rhat": "R\N{COMBINING CIRCUMFLEX ACCENT}",
    "mcse": "MCSE",
    "predictive_p": "P(predictive)",
    "observed_correlation": "Observed correlation",
    "fitted_correlation": "Fitted correlation",
    "n_obs": "Observations",
    "cook_d": "Cook\N{RIGHT SINGLE QUOTATION MARK}s D",
    "mdffits": "MDFFITS",
    "covratio": "COVRATIO",
    "likelihood_distance": "Likelihood distance",
    "n_parameters": "Parameters",
    "loglik": "Log-likelihood",
    "aic": "AIC",
    "bic": "BIC",
    "distribution": "Distribution",
    "adjustment": "Adjustment",
    "advice": "Advice",
    "approximation": "Approximation",
    "arm": "Arm",
    "better": "Better",
    "bias": "Bias",
    "boundary": "Boundary",
    "cached": "Cached",
    "check": "Check",
    "coefficient": "Coefficient",
    "contrast": "Contrast",
    "coverage": "Coverage",
    "effect": "Effect",
    "engine": "Engine",
    "error": "Error",
    "failed": "Failed",
    "fallback": "Fallback",
    "family": "Family",
    "fitted": "Fitted",
    "group": "Group",
    "label": "Label",
    "margin": "Margin",
    "mid": "Mid",
    "missing": "Missing",
    "model": "Model",
    "note": "Note",
    "observations": "Observations",
    "observed": "Observed",
    "outcome": "Outcome",
    "parameter": "Parameter",
    "predicted": "Predicted",
    "passed": "Passed",
    "power": "Power",
    "prior": "Prior",
    "problem": "Problem",
    "quantity": "Quantity",
    "reason": "Reason",
    "responders": "Responders",
    "role": "Role",
    "seconds": "Seconds",
    "subjects": "Subjects",
    "term": "Term",
    "threshold": "Threshold",
    "true": "True",
    "value": "Value",
    "visits": "Visits",
}
"""Headings of the columns of results tables; others keep their names."""

INTERVALS = {
    ("lower", "upper"): "{} {}",
    ("lower_adjusted", "upper_adjusted"): "Simultaneous {} {}",
    ("observed_lower", "observed_upper"): "Observed, {} CI",
    ("lower_percentile", "upper_percentile"): "Percentile {} {}",
}
"""Pairs of columns that are printed in one cell, and its heading: level and kind."""

KINDS = {"confidence": "CI", "equal-tailed": "CrI", "highest-density": "HDI"}
"""Kinds of intervals as a table's attrs name them, and as headings do."""

SAME_UNIT = (
    "estimate",
    "se",
    "lower",
    "upper",
    "lower_adjusted",
    "upper_adjusted",
    "lower_percentile",
    "upper_percentile",
    "bias",
    "true",
)

OWN_UNIT = ("coefficient", "parameter", "effect", "quantity", "name")
"""Names of an index whose rows have units of their own, and with them decimals of their own."""

DECLARED = ("margin", "mid")
"""What somebody stated is printed with the digits that it was stated with."""

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def journal_table(
    frame: pd.DataFrame,
    caption: str = "",
    notes: Sequence[str] = (),
    stamp: str = "",
    most_rows: int = 60,
    folded_rows: int | None = None,
    most_columns: int = 20,
    own_unit: bool | None = None,
) -> Table:
    """A results table as it is printed; columns without any value are left out.

    Estimates, standard errors and limits of rows that share a unit show the decimals that give the smallest standard
    error among them two significant digits. Rows share it that are of one outcome (an index level of that name); each
    coefficient or parameter has its own (`own_unit`; None: as the index's name tells).
    most_rows, most_columns : where there are more, the middle is folded away; `folded_rows` (None: most_rows) are left.
    """
    shown = frame.dropna(axis="columns", how="all") if len(frame) else frame
    decimals = _decimals(shown, own_unit)
    columns, printers = _columns(shown, decimals)
    kept = _folded(len(columns), most_columns, most_columns)
    rows_kept = _folded(len(shown), most_rows, folded_rows or most_rows)
    labels, heads, groups = _names(shown.index, rows_kept)
    gap = Cell(ELLIPSIS)
    rows = []
    for place, i in enumerate(rows_kept):
        if i is None:
            rows.append(Row((gap,) * (len(heads) + len(kept))))
            continue
        cells = [gap if j is None else printers[j](i) for j in kept]
        rows.append(Row((*labels[place], *cells), groups[place]))
    if len(rows_kept) < len(shown):
        notes = (*notes, f"{len(shown):,} rows, of which {len(rows_kept) - 1} are shown.")
    if len(kept) < len(columns):
        notes = (*notes, f"{len(columns):,} columns, of which {len(kept) - 1} are shown.")
    chosen = [Column(ELLIPSIS, kind="mark") if j is None else columns[j] for j in kept]
    return Table("", caption, (*heads, *chosen), tuple(rows), tuple(notes), stamp=stamp)


def interval_label(frame: pd.DataFrame) -> tuple[str, str]:
    """('95%', 'CI'), as the attrs name a table's intervals; ('', 'Interval') where they do not."""
    level, _, kind = str(frame.attrs.get("interval", "")).rpartition(" % ")
    return (f"{level}%", KINDS[kind]) if level and kind in KINDS else ("", "Interval")


def heading(name: object) -> str:
    """A column's heading."""
    return "" if name is None else HEADINGS.get(str(name), str(name))


def _columns(frame: pd.DataFrame, decimals: np.ndarray) -> tuple[list[Column], list[Callable[[int], Cell]]]:
    columns: list[Column] = []
    printers: list[Callable[[int], Cell]] = []
    upper = {high: low for low, high in INTERVALS if low in frame and high in frame}
    for place, name in enumerate(frame.columns):
        values = frame.iloc[:, place]
        ends = next((pair for pair in INTERVALS if pair[0] == name and pair[1] in upper), None)
        if ends is not None:
            columns.append(Column(INTERVALS[ends].format(*interval_label(frame)).strip(), kind="interval"))
            printers.append(_intervals(values, frame[ends[1]], decimals))
        elif name not in upper:
            column, printer = _column(frame, str(name), values, decimals)
            columns.append(column)
            printers.append(printer)
    return columns, printers


def _column(
    frame: pd.DataFrame, name: str, values: pd.Series, decimals: np.ndarray
) -> tuple[Column, Callable[[int], Cell]]:
    dtype = values.dtype
    text = heading(name)
    if name == "statistic":
        named = {"num_df": "F", "loglik": "Likelihood ratio", "df": "t"}
        text = next((sign for column, sign in named.items() if column in frame), "Statistic")
    if name == "se" and str(frame.attrs.get("estimate", "")).startswith("posterior"):
        text = "SD"
    if pd.api.types.is_bool_dtype(dtype):
        return Column(text, kind="mark"), lambda i: Cell("yes" if values.iloc[i] else "no")
    if not pd.api.types.is_numeric_dtype(dtype):
        return Column(text, kind="prose"), lambda i: _any(values.iloc[i])
    figures = values.to_numpy(dtype=float, na_value=np.nan)
    if name in SAME_UNIT and name in frame:
        return Column(text, kind="number"), lambda i: Cell(_figure(figures[i], int(decimals[i])), figures[i])
    print_ = _printer(name, dtype)
    return Column(text, kind="number"), lambda i: Cell(print_(figures[i]), figures[i])


def _intervals(lower: pd.Series, upper: pd.Series, decimals: np.ndarray) -> Callable[[int], Cell]:
    low, high = (ends.to_numpy(dtype=float, na_value=np.nan) for ends in (lower, upper))

    def cell(i: int) -> Cell:
        if np.isnan(low[i]) and np.isnan(high[i]):
            return Cell(numbers.DASH)
        places = int(decimals[i])
        return Cell(f"{_figure(low[i], places)} to {_figure(high[i], places)}", (low[i], high[i]))

    return cell


def _printer(name: str, dtype: Any) -> Callable[[float], str]:
    fixed = {"den_df": 1, "statistic": 2, "rhat": 3, "loglik": 2, "aic": 1, "bic": 1}
    if name == "df" and not pd.api.types.is_integer_dtype(dtype):
        fixed["df"] = 1
    if name.startswith("p_"):
        return numbers.p_value
    if name.startswith("prob_") or name in ("contour_probability", "predictive_p"):
        return numbers.probability
    if name in fixed:
        return lambda value: _figure(value, fixed[name])
    if name == "ess_bulk" or pd.api.types.is_integer_dtype(dtype):
        return lambda value: numbers.DASH if np.isnan(value) else numbers.count(value)
    if name in DECLARED:
        return lambda value: numbers.DASH if np.isnan(value) else numbers.stated(value)
    return lambda value: numbers.significant(value, 2 if name == "mcse" else 3)


def _figure(value: float, decimals: int) -> str:
    """With so many decimals; beyond twelve digits before them as a power of ten."""
    return numbers.significant(value, 3) if 1e12 <= abs(value) < np.inf else numbers.fixed(value, decimals)


def _any(value: Any) -> Cell:
    if isinstance(value, (bool, np.bool_)):
        return Cell("yes" if value else "no")
    if isinstance(value, (int, float, np.number)):
        return Cell(numbers.DASH if np.isnan(value) else f"{value:.4g}", value)
    return Cell("" if pd.api.types.is_scalar(value) and pd.isna(value) else str(value))


def _decimals(frame: pd.DataFrame, own_unit: bool | None) -> np.ndarray:
    """(rows,) decimals of what is in the outcome's unit."""
    n, names = len(frame), [str(name) for name in frame.index.names]
    found = np.full(n, 2)
    sizes = [frame[name].to_numpy(dtype=float, na_value=np.nan) for name in SAME_UNIT if name in frame]
    if not n or not sizes:
        return found
    if own_unit if own_unit is not None else names[-1] in OWN_UNIT:
        units = np.arange(n)
    elif "outcome" in names:
        units = pd.factorize(frame.index.get_level_values("outcome"))[0]
    else:
        units = np.zeros(n, dtype=int)
    errors = sizes[1] if "se" in frame and len(sizes) > 1 else np.full(n, np.nan)
    largest = np.nanmax(np.abs(np.where(np.isfinite(sizes), sizes, 0.0)), axis=0)
    for unit in np.unique(units):
        rows = units == unit
        known = errors[rows]
        if (np.isfinite(known) & (known > 0)).any():
            found[rows] = numbers.decimals_for(known)
        elif largest[rows].max() > 0:  # no error to go by: three digits of the largest
            found[rows] = numbers.decimals_for([largest[rows].max() / 10])
    return found


def _names(
    index: pd.Index, kept: Sequence[int | None]
) -> tuple[list[tuple[Cell, ...]], tuple[Column, ...], list[str]]:
    """Of the rows that are kept, the cells that name them, their columns, and the headings they stand under.

    The outer levels of an index are headings of groups where groups have two rows or more on average.
    """
    keys = [None if i is None else _key(index, i) for i in kept]
    outer = [key[:-1] for key in keys if key is not None]
    grouped = index.nlevels > 1 and 2 * sum(1 for _ in groupby(outer)) <= len(outer)
    labels: list[tuple[Cell, ...]] = []
    groups: list[str] = []
    for key in keys:
        of = key or ()
        cells = of[-1:] if grouped else of
        labels.append(tuple(Cell(_label(level)) for level in cells))
        named = zip(index.names, of[:-1], strict=False) if grouped else ()
        groups.append(", ".join(text for name, level in named if (text := _named(name, level))))
    heads = index.names[-1:] if grouped else index.names
    return labels, tuple(Column(heading(name)) for name in heads), groups


def _key(index: pd.Index, i: int) -> tuple[Hashable, ...]:
    key = index[i]
    return key if index.nlevels > 1 and isinstance(key, tuple) else (key,)


def _named(name: object, level: object) -> str:
    """A level of a group; what has no letter needs its variable's name beside it."""
    text = _label(level)
    spoken = not text or name is None or any(character.isalpha() for character in text)
    return text if spoken else f"{name} {text}"


def _label(level: object) -> str:
    if isinstance(level, (float, np.floating)) and float(level).is_integer():
        return str(int(level))
    if isinstance(level, pd.Timestamp) and level == level.normalize():
        return f"{level:%Y-%m-%d}"
    return str(level)


def _folded(n: int, most: int, left: int) -> list[int | None]:
    """Positions that are shown; None where others are folded away."""
    if n <= most:
        return list(range(n))
    half = max(left // 2, 1)
    return [*range(half), None, *range(n - half, n)]
