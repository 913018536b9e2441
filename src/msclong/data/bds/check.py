"""The rules of BDS data, and what of a table breaks them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from msclong.data.bds import baseline_rules, variable_rules, visit_rules
from msclong.data.bds.rule import Rule
from msclong.data.bds.tidy import tidy
from msclong.data.bds.view import View
from msclong.data.marks import marks
from msclong.data.tables import to_pandas

KEYS = ("USUBJID", "PARAMCD")

RULES: dict[str, Rule] = {
    "required_variables": Rule(variable_rules.required_variables),
    "key_values": Rule(variable_rules.key_values, KEYS),
    "numeric_values": Rule(variable_rules.numeric_values),
    "flag_values": Rule(variable_rules.flag_values),
    "parameter_one_to_one": Rule(variable_rules.parameter_one_to_one, ("PARAMCD",)),
    "treatment_constant": Rule(variable_rules.treatment_constant, ("USUBJID",)),
    "population_constant": Rule(variable_rules.population_constant, ("USUBJID",)),
    "one_baseline": Rule(baseline_rules.one_baseline, (*KEYS, "ABLFL")),
    "no_baseline": Rule(baseline_rules.no_baseline, (*KEYS, "ABLFL"), "notice"),
    "basetype_given": Rule(baseline_rules.basetype_given, (*KEYS, "BASETYPE", "BASE")),
    "base_value": Rule(baseline_rules.base_value, (*KEYS, "AVAL", "BASE", "ABLFL")),
    "change": Rule(baseline_rules.change, (*KEYS, "AVAL", "BASE", "CHG")),
    "percent_change": Rule(baseline_rules.percent_change, (*KEYS, "AVAL", "BASE", "PCHG")),
    "visit_one_to_one": Rule(visit_rules.visit_one_to_one, ("PARAMCD", "AVISIT", "AVISITN")),
    "visit_given": Rule(visit_rules.visit_given, (*KEYS, "AVISIT")),
    "visit_dates": Rule(visit_rules.visit_dates, (*KEYS, "AVISIT", "AVISITN")),
    "one_analysis_record": Rule(visit_rules.one_analysis_record, (*KEYS, "AVISIT")),
    "unmarked_visit": Rule(visit_rules.unmarked_visit, (*KEYS, "AVISIT", "AVAL", "ANL01FL"), "notice"),
    "derived_record": Rule(visit_rules.derived_record, (*KEYS, "DTYPE"), "notice"),
    "derived_duplicate": Rule(visit_rules.derived_duplicate, (*KEYS, "AVISIT", "DTYPE")),
}
"""Every rule by its name. A new rule is one function and one line here."""


def check_bds(table: Any) -> pd.DataFrame:
    """What of a table in ADaM's Basic Data Structure breaks which rule.

    Parameters
    ----------
    table
        A table of any library, one row per record. Its rows are counted from 1.

    Returns
    -------
    DataFrame
        One row per violation, with the columns rule, severity ('error' or 'notice'), rows (a tuple of row numbers),
        USUBJID, PARAMCD and AVISIT (missing where the rows do not agree), and problem, in words. Empty if all is well.

    Notes
    -----
    The rules are those that an analysis of repeated measurements stands on, after the ADaM Implementation Guide 1.3;
    they do not replace the conformance rules of CDISC, of which there are more than a thousand.

    Examples
    --------
    >>> import pandas as pd
    >>> import msclong as ml
    >>> adqs = pd.DataFrame({"USUBJID": ["1", "2"], "BASE": 50, "AVAL": 41, "CHG": [-9, 9]})
    >>> adqs = adqs.assign(PARAMCD="VAS", AVISIT="Week 1")
    >>> ml.check_bds(adqs).loc[lambda found: found["rule"] == "change", ["rule", "severity", "USUBJID"]]
         rule severity USUBJID
    0  change    error       2
    """
    return violations(tidy(to_pandas(table)))


def violations(table: pd.DataFrame) -> pd.DataFrame:
    """`check_bds` of a tidy table."""
    view = View(table)
    labels = table.index.to_numpy()
    keys = [(view.codes(name), view.text(name).to_numpy()) for name in ("USUBJID", "PARAMCD", "AVISIT")]
    found = []
    for name, rule in RULES.items():
        for finding in rule(view):
            rows = np.fromiter(finding.rows, dtype=np.int64)
            shared = [text[rows[0]] if _agree(codes[rows]) else None for codes, text in keys]
            found.append((name, rule.severity, tuple(labels[rows].tolist()), *shared, finding.problem))
    told = pd.DataFrame(
        found, columns=["rule", "severity", "rows", "USUBJID", "PARAMCD", "AVISIT", "problem"]
    )
    told.attrs = marks(table)
    return told


def _agree(codes: np.ndarray) -> bool:
    return len(codes) > 0 and codes[0] > 0 and bool((codes == codes[0]).all())
