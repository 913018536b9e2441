"""The model as data: what a statistical analysis plan would pin down."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from math import isfinite
from typing import Any, Literal

import numpy as np

from msclong.errors import SpecError, listing
from msclong.spec.equation import equation
from msclong.spec.formula import Formula, parse_formula
from msclong.spec.prior import Priors

FORMAT = 1
"""Version of the JSON form."""


@dataclass(frozen=True)
class ModelSpec:
    """The probability model of one repeated outcome; both engines fit it.

    Parameters
    ----------
    formula : str
        `outcome ~ fixed part + covariance terms`. Fixed part in patsy's language; covariance
        `us(visit | subject)` (or cs, ar1, ar1h, toeph) or random effects `(1 + time | subject)`.
    visit : str, optional
        The visit (or time) column, where no visit structure names it.
    time : str, optional
        Numeric time of each visit, for the order of visits and the axis of plots.
    arm : str, optional
        The treatment column. None: the one between-subject factor that the fixed part crosses with the visit.
    baseline : visit level, optional
        What each visit is compared with; None: the first visit.
    visit_order : tuple of levels, optional
        The visits in order, where the data do not tell.
    outcome_type : 'value' or 'change'
        'change': the outcome is already a change from baseline (baseline enters as covariate), so that
        the marginal means themselves are the contrasts against baseline.
    margin : float, optional
        A signed clinically relevant difference: a negative margin asks for a fall beyond it.
    family : 'gaussian'
    priors : Priors
        Used by the Bayesian engine only.
    label, unit : str, optional
        The outcome's name and unit for tables and figures.

    Raises FormulaError or SpecError. The spec is immutable, compares by value and round-trips through JSON.
    """

    formula: str
    visit: str | None = None
    time: str | None = None
    arm: str | None = None
    baseline: Any = None
    visit_order: tuple[Any, ...] | None = None
    outcome_type: Literal["value", "change"] = "value"
    margin: float | None = None
    family: Literal["gaussian"] = "gaussian"
    priors: Priors = field(default_factory=Priors)
    label: str | None = None
    unit: str | None = None

    def __post_init__(self) -> None:
        parsed = parse_formula(self.formula)
        # Levels taken from NumPy or pandas become plain numbers, which JSON can hold.
        object.__setattr__(self, "baseline", _plain(self.baseline))
        object.__setattr__(self, "margin", _plain(self.margin))
        if isinstance(self.visit_order, str):
            raise SpecError(f"visit_order is a sequence of visits, in order; got {self.visit_order!r}.")
        if self.visit_order is not None:
            object.__setattr__(self, "visit_order", tuple(map(_plain, self.visit_order)))
        for name in ("visit", "time", "arm", "label", "unit"):
            if not isinstance(value := getattr(self, name), (str, type(None))):
                what = "text" if name in ("label", "unit") else "a column name"
                raise SpecError(f"{name} must be {what}; got {value!r}.")
        margin: object = self.margin
        if margin is not None and not (
            isinstance(margin, (int, float)) and not isinstance(margin, bool) and isfinite(margin)
        ):
            raise SpecError(f"margin must be a number in the outcome's unit; got {self.margin!r}.")
        if self.outcome_type not in ("value", "change"):
            raise SpecError(f"outcome_type must be 'value' or 'change'; got {self.outcome_type!r}.")
        if self.family != "gaussian":
            raise SpecError(
                f"family must be 'gaussian' (other families are not available yet); got {self.family!r}."
            )
        if self.visit is not None and parsed.visit is not None and self.visit != parsed.visit:
            raise SpecError(
                f"The formula's covariance names the visit {parsed.visit!r}, the field visit names {self.visit!r}; "
                "leave the field out."
            )
        if self.outcome_type == "change" and self.baseline is not None:
            raise SpecError(
                "A change from baseline has no baseline visit to compare with; leave baseline out."
            )
        if not isinstance(self.priors, Priors):
            raise SpecError(f"priors must be ml.Priors(...); got {self.priors!r}.")

    @cached_property
    def parsed(self) -> Formula:
        """The formula's parts."""
        return parse_formula(self.formula)

    @property
    def subject(self) -> str:
        """The subject column."""
        return self.parsed.subject

    @property
    def visit_column(self) -> str | None:
        """The visit column: named by a visit structure or by the field `visit`."""
        return self.parsed.visit or self.visit

    @property
    def outcome_label(self) -> str:
        """The outcome as tables and figures name it, with its unit."""
        name = self.label or self.parsed.outcome
        return f"{name} ({self.unit})" if self.unit else name

    def replace(self, **changes: Any) -> ModelSpec:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def equation(self) -> str:
        """The model as an equation, in plain text."""
        return equation(self.parsed, self.visit_column)

    def to_dict(self) -> dict[str, Any]:
        """Fields that differ from their defaults, plus the formula, as plain data."""
        record: dict[str, Any] = {"msclong_spec": FORMAT, "formula": self.formula}
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name in ("formula", "priors"):
                continue
            if value != entry.default:
                record[entry.name] = list(value) if isinstance(value, tuple) else value
        if self.priors != Priors():
            record["priors"] = asdict(self.priors)
        return record

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> ModelSpec:
        """The spec of `to_dict`; raises SpecError for an unknown field or version."""
        values = dict(record)
        version = values.pop("msclong_spec", FORMAT)
        if version != FORMAT:
            raise SpecError(f"This spec has format {version!r}; this msclong reads format {FORMAT}.")
        known = {entry.name for entry in fields(cls)}
        if unknown := set(values) - known:
            raise SpecError(
                f"Unknown fields in a model spec: {listing(sorted(unknown))}; known are {listing(sorted(known), 20)}."
            )
        if "priors" in values:
            try:
                values["priors"] = Priors(**values["priors"])
            except TypeError as error:
                raise SpecError(f"The priors of this spec cannot be read: {error}.") from None
        if values.get("visit_order") is not None:
            values["visit_order"] = tuple(values["visit_order"])
        return cls(**values)

    def to_json(self, indent: int | None = 2) -> str:
        """The spec as JSON text. Raises SpecError when a level is of a type that JSON lacks (a date, ...)."""
        try:
            return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise SpecError(
                f"This spec cannot be written as JSON ({error}); use text or numbers for levels."
            ) from None

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """The spec of `to_json`. Raises SpecError for text that is not such a record."""
        try:
            record = json.loads(text)
        except json.JSONDecodeError as error:
            raise SpecError(f"Not a JSON model spec: {error}.") from None
        if not isinstance(record, dict) or "formula" not in record:
            raise SpecError("Not a JSON model spec: it must be an object with a 'formula'.")
        return cls.from_dict(record)

    def __repr__(self) -> str:
        shown = [repr(self.formula)]
        shown += [
            f"{name}={getattr(self, name)!r}"
            for name in self.to_dict()
            if name not in ("msclong_spec", "formula")
        ]
        return f"ModelSpec({', '.join(shown)})"

    def __str__(self) -> str:
        return f"{self!r}\n{self.equation()}"


def _plain(level: Any) -> Any:
    return level.item() if isinstance(level, np.generic) else level
