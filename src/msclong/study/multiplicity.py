"""What a study declares about multiplicity: how p-values are adjusted within, across and between families."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from msclong.contrasts.graphical import GraphicalProcedure
from msclong.errors import SpecError, listing

WITHIN = ("mvt", "mvt-stepdown", "holm", "bonferroni", "fixed-sequence")
"""Adjustments over the visits of one outcome that hold at any level, whatever the outcome's share of alpha."""

ACROSS = ("holm", "bonferroni", "fixed-sequence")
"""Adjustments over outcomes: their dependence is unknown, so none that supposes it."""

GATEKEEPING = ("serial", "none")


@dataclass(frozen=True, eq=False)
class Multiplicity:
    """How the confirmatory hypotheses of a study share one family-wise error rate.

    Parameters
    ----------
    within : adjustment over the tested visits of one outcome
        'mvt' (the joint distribution of its contrasts), 'mvt-stepdown', 'holm', 'bonferroni' or 'fixed-sequence'.
    across : adjustment over the outcomes of a role, or a graph over all confirmatory outcomes
        'holm', 'bonferroni', 'fixed-sequence' (in the order in which the outcomes are declared), or a
        GraphicalProcedure whose labels are the primary and secondary outcomes' names. An outcome passes its share of
        alpha on when all its tested contrasts are rejected.
    gatekeeping : 'serial' or 'none'
        'serial': secondary outcomes are tested only when all primary hypotheses are rejected: one error rate for both
        families. 'none': each family has its own. A graph stands for itself, and ignores this.

    Exploratory outcomes are not adjusted. Raises SpecError for any other value.

    Examples
    --------
    >>> import msclong as ml
    >>> ml.Multiplicity(within="mvt", across="fixed-sequence").to_dict()
    {'within': 'mvt', 'across': 'fixed-sequence', 'gatekeeping': 'serial'}
    """

    within: Literal["mvt", "mvt-stepdown", "holm", "bonferroni", "fixed-sequence"] = "mvt"
    across: str | GraphicalProcedure = "holm"
    gatekeeping: Literal["serial", "none"] = "serial"

    def __post_init__(self) -> None:
        for name, allowed in (("within", WITHIN), ("across", ACROSS), ("gatekeeping", GATEKEEPING)):
            value = getattr(self, name)
            if isinstance(value, GraphicalProcedure) and name == "across":
                continue
            if value not in allowed:
                also = " or a GraphicalProcedure" if name == "across" else ""
                raise SpecError(
                    f"Multiplicity({name}=...) takes {listing(map(repr, allowed))}{also}; got {value!r}."
                )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a plan."""
        across: Any = self.across
        if isinstance(across, GraphicalProcedure):
            across = {
                "weights": dict(across.weights),
                "transitions": {label: dict(row) for label, row in across.transitions.items()},
            }
        return {"within": self.within, "across": across, "gatekeeping": self.gatekeeping}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Multiplicity:
        """The declaration of `to_dict`; raises SpecError or HypothesisError."""
        given = dict(record)
        if unknown := set(given) - {"within", "across", "gatekeeping"}:
            raise SpecError(
                f"Unknown fields of multiplicity: {listing(sorted(unknown))}; known are within, across, gatekeeping."
            )
        across = given.get("across")
        if isinstance(across, Mapping):
            if set(across) - {"weights", "transitions"} or "weights" not in across:
                raise SpecError("A graph across outcomes has the fields weights and transitions.")
            given["across"] = GraphicalProcedure(across["weights"], across.get("transitions", {}))
        return cls(**given)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Multiplicity) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.within, self.gatekeeping))
