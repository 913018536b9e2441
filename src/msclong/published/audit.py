"""The audit of a whole paper: one row for each printed comparison."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from inspect import signature
from typing import Any

import pandas as pd

from msclong.errors import DataError, listing
from msclong.published.audit_paired import audit_paired
from msclong.published.grim import Grim, Grimmer
from msclong.published.paired_audit import PairedAudit
from msclong.published.printed import missing

ARGUMENTS = tuple(signature(audit_paired).parameters)


def audit(records: pd.DataFrame | Iterable[Mapping[str, Any] | PairedAudit]) -> pd.DataFrame:
    """One row for each comparison that a paper prints.

    records : for each comparison the arguments of `audit_paired` by name, with 'outcome' and 'visit' to name its row;
        or an audit that was made already, whose label is then the outcome. Or a table with those columns, a row for
        each, its figures text. NaN and None: not printed.

    Returns a DataFrame: outcome, visit, n, printed_p, change, r_needed (the correlation that the p-value needs, in
    words: 'any', 'at least 0.939'; empty where means or SDs are not printed), r_at_least, r_lower and r_upper (the
    same over rounding), abs_d_z (at the printed p; of '<' the least), smallest_exact_p; t, signed_rank,
    signed_rank_normal, sign (the verdict on each test) and whole_numbers (that of GRIM and GRIMMER on the printed
    means and SDs, 'attainable' or 'impossible'; empty where values are not whole numbers), each with its reason in a
    column of that name and '_reason'; verdict, reason.

    Raises DataError for a record of another kind or an unknown field, and as `audit_paired`, naming the record.

    Examples
    --------
    >>> from msclong import published
    >>> table = published.audit([{"outcome": "anti-SSA", "visit": "month 1", "n": 5, "p": "<0.001"}])
    >>> table[["n", "smallest_exact_p", "verdict"]]
       n  smallest_exact_p verdict
    0  5            0.0625   tight
    """
    if isinstance(records, pd.DataFrame):
        # A count with gaps has become a float.
        return audit([*map(_named, records.convert_dtypes().to_dict("records"))])
    if isinstance(records, (str, Mapping)) or not isinstance(records, Iterable):
        raise DataError(
            f"records are a list with one mapping for each comparison; got {type(records).__name__}."
        )
    rows = [_row(i, record) for i, record in enumerate(records, start=1)]
    if not rows:
        raise DataError("There are no records to audit; give at least one comparison.")
    return pd.DataFrame(rows)


def _named(row: Mapping[Hashable, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


def _row(i: int, record: Mapping[str, Any] | PairedAudit) -> dict[str, Any]:
    outcome, visit = "", ""
    if isinstance(record, PairedAudit):
        outcome, found = record.label, record
    else:
        if not isinstance(record, Mapping):
            raise DataError(f"Record {i} must be a mapping or a PairedAudit; got {record!r}.")
        given = {name: value for name, value in record.items() if not missing(value)}
        outcome, visit = str(given.pop("outcome", "")), str(given.pop("visit", ""))
        if unknown := [name for name in given if name not in ARGUMENTS]:
            raise DataError(
                f"Record {i} has {listing(map(repr, unknown))}; fields are outcome, visit, {', '.join(ARGUMENTS)}."
            )
        label = ", ".join(filter(None, (outcome, visit)))
        try:
            found = audit_paired(**{"label": label} | given)
        except DataError as error:
            raise DataError(f"Record {i} ({label or 'without a name'}): {error}") from None
    least, rounding = found.r_at_least, found.r_at_least_over_rounding
    return {
        "outcome": outcome,
        "visit": visit,
        "n": found.n,
        "printed_p": "" if found.p is None else found.p.text,
        "change": found.change,
        "r_needed": found.r_needed,
        "r_at_least": math.nan if least is None else least,
        "r_lower": math.nan if least is None else rounding[0],
        "r_upper": math.nan if least is None else rounding[1],
        "abs_d_z": found.at_printed.get("|d_z|", math.nan),
        "smallest_exact_p": found.smallest_exact_p,
        **_by_test(found),
        "verdict": found.verdict.word,
        "reason": found.verdict.reason,
    }


def _by_test(found: PairedAudit) -> dict[str, str]:
    """Word and reason of every test, whatever the overall verdict, and of the whole numbers."""
    told: dict[str, str] = {}
    for test, verdict in found.verdicts.items():
        column = test.replace("-", "_")
        told |= {column: verdict.word, f"{column}_reason": verdict.reason}
    checks: list[Grim | Grimmer] = [*found.grim.values(), *found.grimmer.values()]
    word = "attainable" if all(check.consistent for check in checks) else "impossible"
    return told | {
        "whole_numbers": word if checks else "",
        "whole_numbers_reason": "; ".join(map(str, checks)),
    }
