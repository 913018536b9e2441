"""Which column of a planned table is which, read off the analysis model."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from patsy import ModelDesc, PatsyError

from msclong.data.baseline import COLUMN
from msclong.errors import FormulaError, SpecError, listing
from msclong.replication.scenario import Scenario
from msclong.spec.model_spec import ModelSpec

CODINGS = ("Treatment", "Sum", "Poly", "Helmert", "Diff", "np")
"""Words of patsy's language that are no columns."""


@dataclass(frozen=True)
class Columns:
    """Names of the columns that simulated trials are given; None: there is no such column.

    timed : whether the visit column holds times and not labels.
    """

    subject: str
    outcome: str
    visit: str
    timed: bool
    time: str | None
    arm: str | None

    @classmethod
    def of(cls, spec: ModelSpec, scenario: Scenario) -> Columns:
        """Raises SpecError where the formula reads what the scenario does not supply, or the other way round."""
        parsed = spec.parsed
        if len(parsed.groupings) > 1 or len(parsed.groupings[0]) > 1:
            raise SpecError(
                "A scenario is of independent subjects; the formula groups by "
                f"{listing(map(':'.join, parsed.groupings))}."
            )
        own = [name for name in (spec.weights, spec.offset, spec.trials, spec.censored) if name]
        read = dict.fromkeys([*columns_of(parsed.fixed), *own])
        slopes = [name for term in parsed.random for name in columns_of(term.variable)]
        read |= dict.fromkeys(slopes)
        read |= dict.fromkeys(term.group for term in parsed.covariance if term.group)
        baseline = scenario.baseline
        if baseline is not None and spec.baseline_as is not None:
            raise SpecError(
                f"baseline_as={spec.baseline_as!r} of the spec says what becomes of the first visit; leave "
                f"Scenario(baseline={baseline!r}) out."
            )
        if baseline is not None and baseline not in read:
            raise SpecError(f"The formula does not read the scenario's baseline column {baseline!r}.")
        taken = baseline is not None or spec.baseline_as in ("covariate", "change")
        if scenario.changes != (spec.outcome_type == "change" and not taken):
            raise SpecError(
                "The scenario's values are changes, and the spec's outcome is none: give the values of all visits, the "
                "first included."
                if scenario.changes
                else "The spec's outcome is a change from baseline. If the scenario's means and covariance are those "
                "of changes, say Scenario(..., changes=True). If they are of values, name the formula's column of the "
                "first one, Scenario(..., baseline='...'), or let the spec take it out: baseline_as='change'."
            )
        made = COLUMN if spec.baseline_as in ("covariate", "change") else baseline
        unknown = [name for name in read if name not in (spec.subject, made)]
        visit, time = spec.visit_column, spec.time or parsed.time
        if visit is None:
            visit = time or next((name for name in unknown if name in slopes), None)
        arm = spec.arm
        others = [name for name in unknown if name not in (visit, time, arm)]
        if visit is None and not (len(scenario.arms) > 1 and arm is None) and len(others) == 1:
            visit = others.pop()
        if arm is None and len(scenario.arms) > 1 and len(others) == 1:
            arm = others.pop()
        if visit is None:
            raise SpecError(
                f"Which column of {spec.formula!r} holds the visits? Name it: ModelSpec(..., visit='...')."
            )
        if others:
            supplied = {"visits": visit, "times": time, "arms": arm, "the first visit": made}
            told = listing(f"{name!r} ({what})" for what, name in supplied.items() if name is not None)
            raise SpecError(
                f"The formula reads {listing(map(repr, others))}, and the scenario supplies {told} only. Name roles by "
                "ModelSpec(..., arm='...', time='...'), a covariate that is the first visit's value by "
                "Scenario(..., baseline='...'); leave other covariates out."
            )
        if len(scenario.arms) > 1 and arm is None:
            raise SpecError(
                f"The scenario has the arms {listing(scenario.arms)}, and {spec.formula!r} reads none; name the "
                "column: ModelSpec(..., arm='...'), or give the means of a single arm."
            )
        if scenario.arms == ("",) and arm is not None:
            raise SpecError(
                f"{arm!r} is the arm, and the scenario has none: means={{'control': [...], ...}} names arms."
            )
        timed = visit == time or spec.visit_column is None
        if (timed or time is not None) and scenario.numeric_times is None:
            raise SpecError(f"The formula reads times as {time or visit!r}; give Scenario(..., times=[...]).")
        return cls(spec.subject, parsed.outcome, visit, timed, time if time != visit else None, arm)


def columns_of(formula: str) -> Iterator[str]:
    """The columns that a patsy formula reads; raises FormulaError where it cannot be read."""
    try:
        described = ModelDesc.from_formula(formula)
    except PatsyError as error:
        raise FormulaError(f"{formula!r} cannot be read: {str(error).splitlines()[0]}.") from None
    for term in described.rhs_termlist:
        for factor in term.factors:
            yield from _names(ast.parse(factor.name(), mode="eval").body)


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        if node.id not in CODINGS:
            yield node.id
    elif isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id == "Q":
            yield from (str(part.value) for part in node.args if isinstance(part, ast.Constant))
        else:
            for part in (*node.args, *(keyword.value for keyword in node.keywords)):
                yield from _names(part)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _names(child)
