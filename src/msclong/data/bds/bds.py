"""A BDS data set: what is in it, what is wrong with it, and the records of a parameter that are to be analysed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from msclong.data.bds.check import RULES
from msclong.data.bds.records import analysis_records
from msclong.data.bds.view import View
from msclong.errors import DataError, listing

MOST_LISTED = 8
"""Violations that a message lists."""

SEVERAL = {"one_analysis_record", "derived_duplicate"}
"""Who accepts one of these rules broken means several records of a subject and visit."""


@dataclass(frozen=True, eq=False, repr=False)
class BDS:
    """A data set in ADaM's Basic Data Structure, as `read_bds` returns it.

    Attributes
    ----------
    frame
        All variables as they came, the rows numbered from 1 in the order of the file. `attrs` has, where the file
        tells them: source, name, label, labels and formats by variable.
    violations
        What breaks a rule, as `check_bds` describes it: rule, severity, rows, USUBJID, PARAMCD, AVISIT, problem.
    """

    frame: pd.DataFrame
    violations: pd.DataFrame

    def __repr__(self) -> str:
        n = self.frame["USUBJID"].nunique() if "USUBJID" in self.frame else 0
        codes = self.frame["PARAMCD"].dropna().unique().tolist() if "PARAMCD" in self.frame else []
        severity = self.violations["severity"].value_counts()
        return (
            f"BDS({len(self.frame)} records, {n} subjects, parameters {listing(codes)}; "
            f"{severity.get('error', 0)} errors, {severity.get('notice', 0)} notices)"
        )

    def parameters(self) -> pd.DataFrame:
        """The parameters: PARAMCD, PARAM, subjects, records, derived (those with a DTYPE), visits in order, errors."""
        view = View(self.frame)
        self._require("PARAMCD", "USUBJID")
        is_error = self.violations["severity"] == "error"
        rows = []
        for code, positions in view.text("PARAMCD").groupby(view.text("PARAMCD"), sort=False).indices.items():
            part = pd.DataFrame(
                {name: view.text(name).iloc[positions] for name in ("USUBJID", "PARAM", "AVISIT")}
            ).assign(AVISITN=view.number("AVISITN")[positions])
            visits = part.groupby("AVISIT", sort=False)["AVISITN"].median().sort_values(kind="stable").index
            rows.append(
                {
                    "PARAMCD": code,
                    "PARAM": next(iter(part["PARAM"].dropna()), None),
                    "subjects": part["USUBJID"].nunique(),
                    "records": len(part),
                    "derived": int(view.derived[positions].sum()),
                    "visits": tuple(visits),
                    "errors": int(self._concerns(str(code))[is_error].sum()),
                }
            )
        return pd.DataFrame(rows)

    def records(
        self,
        parameter: str,
        *,
        flag: str | None = "ANL01FL",
        population: str | None = None,
        where: Mapping[str, Any] | None = None,
        baseline: bool = True,
        derived: bool | str | Sequence[str] = False,
        accept: str | Sequence[str] = (),
        despite: bool = False,
    ) -> pd.DataFrame:
        """The records of one parameter that are to be analysed, for `ml.fit`: outcome AVAL or CHG, visit AVISIT.

        Parameters
        ----------
        parameter
            Its PARAMCD.
        flag
            Only records in which this variable is 'Y', and the baseline records, which it need not mark; all, with
            None, or if the table has no ANL01FL.
        population
            Only subjects in this population, such as 'FASFL': the records in which it is 'Y'.
        where
            Only records with these values, such as {'BASETYPE': 'DOUBLE-BLIND'}; of a list, with any. None is blank.
        baseline
            Keep the baseline records (ABLFL 'Y'), with which later AVAL are compared. False leaves the later visits
            alone, which have CHG. Records before the baseline record, by AVISITN or else by date, are left out either
            way; those of which neither tells stay, and are noted. Where no record has ABLFL 'Y', the visit at which
            AVAL is BASE stands for it.
        derived
            Records with a DTYPE (LOCF, WOCF, AVERAGE, ...) are left out: they were not observed, and a mixed model
            does without. True keeps them, a name or list those of these DTYPEs. A baseline record that was computed,
            such as the AVERAGE of several, is the baseline and stays.
        accept
            The rule or rules that this parameter may break, by name. 'one_analysis_record' or 'derived_duplicate'
            lets several records of a subject and visit through.
        despite
            Go on in spite of every violation.

        Returns
        -------
        DataFrame
            All variables of these records under their row numbers. AVISIT is an ordered categorical in the order of
            AVISITN; a treatment (TRT01P, TRT01A, TRTP, TRTA) a categorical in the order of its number (TRT01PN, ...).
            The baseline records are one visit: one that stands at another AVISIT than most has theirs. CHG and PCHG
            are missing in them. What was left out or changed is said in `attrs['notes']`.

        Raises
        ------
        DataError
            No such parameter or variable, records of this parameter that break a rule, several baselines or times to
            choose from, a population that has part of a subject, baseline records of which no visit has most, no ABLFL
            though there is BASE, of which no visit or several may be, a visit whose dates lie before and after the
            baseline record, two records of a subject and visit, or nothing left.
        """
        self._require("PARAMCD", "USUBJID", "AVISIT")
        _check_texts("parameter", "one PARAMCD, as text", [parameter])
        for name, value in (("flag", flag), ("population", population)):
            _check_texts(name, "the name of one variable", [] if value is None else [value])
        _check_texts("accept", "the name of a rule, or a list of them", _listed(accept))
        kinds = [] if isinstance(derived, bool) else _listed(derived)
        _check_texts("derived", "True, False, a DTYPE or a list of them", kinds)
        if where is not None and not isinstance(where, Mapping):
            raise DataError(
                f"where must give the value of each variable, such as {{'ATPT': 'PRE'}}; got {where!r}."
            )
        accepted = _listed(accept)
        if not despite:
            self._refuse_violations(parameter, accepted)
        return analysis_records(
            self.frame,
            parameter,
            flag=flag,
            population=population,
            where=where or {},
            baseline=baseline,
            derived=derived,
            several=despite or not SEVERAL.isdisjoint(accepted),
        )

    def _require(self, *names: str) -> None:
        missing = [name for name in names if name not in self.frame]
        if missing:
            raise DataError(
                f"This is no BDS data set: it has no variable {listing(missing)}. It has "
                f"{listing(self.frame.columns, most=20)}."
            )

    def _concerns(self, parameter: str) -> pd.Series:
        """Which violations are in rows of the parameter, or in rows that may be its own under another PARAMCD."""
        view = View(self.frame)
        code = view.text("PARAMCD")
        own = code.eq(parameter).to_numpy(dtype=bool)
        mine = own | code.isna().to_numpy()
        alike = mine.copy()
        for name in ("PARAM", "PARAMN"):
            alike |= view.given(name) & np.isin(view.codes(name), view.codes(name)[own])
        ours, theirs = set(self.frame.index[mine]), set(self.frame.index[alike])
        concerned = [
            not rows or not (theirs if rule == "parameter_one_to_one" else ours).isdisjoint(rows)
            for rule, rows in zip(self.violations["rule"], self.violations["rows"], strict=True)
        ]
        return pd.Series(concerned, index=self.violations.index, dtype=bool)

    def _refuse_violations(self, parameter: str, accept: Sequence[str]) -> None:
        unknown = [name for name in accept if name not in RULES]
        if unknown:
            raise DataError(
                f"accept= names {listing(unknown)}; the rules are {listing(RULES, most=len(RULES))}."
            )
        counts = (self.violations["severity"] == "error") & ~self.violations["rule"].isin(accept)
        found = self.violations[counts & self._concerns(parameter)]
        if found.empty:
            return
        columns = found[["rule", "rows", "USUBJID", "problem"]].head(MOST_LISTED).itertuples(index=False)
        lines = [f"  {rule}, {_place(rows, subject)}: {problem}" for rule, rows, subject, problem in columns]
        if len(found) > MOST_LISTED:
            lines.append(f"  ... ({len(found) - MOST_LISTED} more)")
        broken = listing(map(repr, found["rule"].unique()), most=len(RULES))
        raise DataError(
            f"The records of {parameter!r} break rules:\n"
            + "\n".join(lines)
            + "\nCorrect the data; or, if that is how "
            f"they are meant, name the rules by accept=[{broken}]. The whole list is in bds.violations."
        )


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple | set | frozenset) else [value]


def _check_texts(name: str, meant: str, values: list[Any]) -> None:
    wrong = [value for value in values if not isinstance(value, str)]
    if wrong:
        raise DataError(f"{name} must be {meant}; got {wrong[0]!r}.")


def _place(rows: tuple[int, ...], subject: object) -> str:
    if not rows:
        return "the table"
    whose = f" ({subject})" if isinstance(subject, str) else ""
    return f"row{'s' if len(rows) > 1 else ''} {listing(rows, most=6)}{whose}"
