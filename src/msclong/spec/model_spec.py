"""The model as data: what a statistical analysis plan would pin down."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, fields
from dataclasses import replace as dataclass_replace
from functools import cached_property
from math import isfinite
from typing import Any, Literal

import numpy as np

from msclong.covariance.registry import structure_class
from msclong.errors import SpecError, listing
from msclong.families.registry import family_of
from msclong.spec.equation import equation
from msclong.spec.family_fields import check_family
from msclong.spec.formula import Formula, parse_formula
from msclong.spec.prior import Priors

FORMAT = 1
"""Version of the JSON form."""

COLUMNS = (
    "visit",
    "time",
    "arm",
    "weights",
    "trials",
    "offset",
    "censored",
    "censored_upper",
    "dispersion_by",
)
"""Fields that name a column."""

BASELINE_AS = ("response", "constrained", "covariate", "change")
"""What may become of the baseline visit."""


@dataclass(frozen=True)
class ModelSpec:
    """The probability model of one repeated outcome; both engines fit it.

    Parameters
    ----------
    formula : str
        `outcome ~ fixed part + covariance terms`. Fixed part in patsy's language; covariance
        `us(visit | subject)` (or cs, csh, ar1, ar1h, toep, toeph, ad, adh, diag; sp_exp and sp_gau over times; or one
        that was registered), `us(visit | arm / subject)` for one in each arm, random effects
        `(1 + time | subject)`, `(1 | site / subject)`, or sums of these.
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
    baseline_as : None, 'response', 'constrained', 'covariate' or 'change'
        What becomes of the rows of the baseline visit. None, 'response': outcomes like the others.
        'constrained': outcomes whose means are equal in all arms, as randomisation makes them (cLDA: Liang and
        Zeger 2000). 'covariate': they leave the outcomes and become the covariate `baseline`, which is
        added to the fixed part where it does not name it. 'change': likewise, and the outcome becomes the change
        from baseline (outcome_type 'change'); the covariate `baseline` is there to be named.
    weights : str, optional
        Column of observation weights w: the residual covariance is W^(-1/2) R W^(-1/2) (as in SAS, lme4 and mmrm).
    fallback : tuple of structure names
        What to fit where the formula's residual structure has no estimate or does not converge, in order; declared
        beforehand, logged in `fit.outcome`. The formula's own name may lead the list.
    margin : float, optional
        A signed clinically relevant difference: a negative margin asks for a fall beyond it.
    family : str
        The distribution of the outcome. For either engine 'gaussian', and 'lognormal' and 'logitnormal', which are
        Gaussian after a transform; for the Bayesian engine 'student', 'gamma', 'hurdle_lognormal', 'hurdle_gamma',
        'beta', 'ordered_beta', 'bernoulli', 'binomial', 'poisson', 'negative_binomial', 'cumulative_logit' and
        'cumulative_probit', given subject effects: the covariance terms describe the linear predictor.
    trials : str, optional
        Column of the number of trials of each binomial count.
    offset : str, optional
        Column added to the linear predictor of a count or rate: the logarithm of the exposure.
    censored, censored_upper : str, optional
        Column that says of each outcome how it is censored: 'none', 'left', 'right' or 'interval' (or 0, -1, 1, 2).
        The outcome column then holds the limit, of an interval the lower one, and `censored_upper` the upper one.
    hurdle : str, optional
        The fixed part of the probability of zero in a hurdle family; None: the same as that of the mean.
    dispersion_by : str, optional
        Column whose levels (visits) have a residual scale or dispersion of their own, where a family has one.
    priors : Priors
        Used by the Bayesian engine only.
    label, unit : str, optional
        The outcome's name and unit for tables and figures.

    Raises FormulaError or SpecError. The spec is immutable, compares by value and round-trips through JSON.

    Examples
    --------
    >>> import msclong as ml
    >>> spec = ml.ModelSpec("change ~ basval + TRT * week + us(week | PATIENT)", outcome_type="change", arm="TRT")
    >>> print(spec.equation().splitlines()[0])
    change[i,t] = b0 + b1 basval + b2 TRT + b3 week + b4 TRT:week + e[i,t]
    >>> spec.replace(fallback=("us", "toeph", "cs")).fallback
    ('us', 'toeph', 'cs')
    >>> spec == ml.ModelSpec.from_json(spec.to_json())
    True
    """

    formula: str
    visit: str | None = None
    time: str | None = None
    arm: str | None = None
    baseline: Any = None
    visit_order: tuple[Any, ...] | None = None
    outcome_type: Literal["value", "change"] = "value"
    baseline_as: Literal["response", "constrained", "covariate", "change"] | None = None
    weights: str | None = None
    fallback: tuple[str, ...] = ()
    margin: float | None = None
    family: str = "gaussian"
    trials: str | None = None
    offset: str | None = None
    censored: str | None = None
    censored_upper: str | None = None
    hurdle: str | None = None
    dispersion_by: str | None = None
    priors: Priors = field(default_factory=Priors)
    label: str | None = None
    unit: str | None = None

    def __post_init__(self) -> None:
        parsed = parse_formula(self.formula)
        # Levels taken from NumPy or pandas become plain numbers, which JSON can hold.
        object.__setattr__(self, "baseline", _plain(self.baseline))
        object.__setattr__(self, "margin", _plain(self.margin))
        order: Any = self.visit_order
        if order is not None:
            if isinstance(order, str) or not np.iterable(order):
                raise SpecError(f"visit_order is a sequence of visits, in order; got {order!r}.")
            object.__setattr__(self, "visit_order", tuple(map(_plain, order)))
        for name in (*COLUMNS, "hurdle", "label", "unit"):
            if not isinstance(value := getattr(self, name), (str, type(None))):
                what = "a column name" if name in COLUMNS else "text"
                raise SpecError(f"{name} must be {what}; got {value!r}.")
        margin: object = self.margin
        if margin is not None and not (
            isinstance(margin, (int, float)) and not isinstance(margin, bool) and isfinite(margin)
        ):
            raise SpecError(f"margin must be a number in the outcome's unit; got {self.margin!r}.")
        if self.outcome_type not in ("value", "change"):
            raise SpecError(f"outcome_type must be 'value' or 'change'; got {self.outcome_type!r}.")
        self._check_baseline()
        self._check_fallback(parsed)
        check_family(self)
        if self.visit is not None and parsed.visit is not None and self.visit != parsed.visit:
            raise SpecError(
                f"The formula's covariance names the visit {parsed.visit!r}, the field visit names {self.visit!r}; "
                "leave the field out."
            )
        if self.time is not None and parsed.time is not None and self.time != parsed.time:
            raise SpecError(
                f"The formula's covariance reads the time {parsed.time!r}, the field time names {self.time!r}; "
                "leave the field out."
            )
        if not isinstance(self.priors, Priors):
            raise SpecError(f"priors must be ml.Priors(...); got {self.priors!r}.")

    def _check_baseline(self) -> None:
        if self.baseline_as not in (None, *BASELINE_AS):
            raise SpecError(
                f"baseline_as takes {listing(map(repr, BASELINE_AS))} or None; got {self.baseline_as!r}."
            )
        if self.baseline_as == "change":
            object.__setattr__(self, "outcome_type", "change")
        elif self.outcome_type == "change" and (self.baseline is not None or self.baseline_as is not None):
            raise SpecError(
                "A change from baseline has no baseline visit to compare with; leave baseline and baseline_as out."
            )

    def _check_fallback(self, parsed: Formula) -> None:
        chain: object = self.fallback
        if not isinstance(chain, (tuple, list)) or not all(isinstance(name, str) for name in chain):
            raise SpecError(f"fallback is a sequence of structure names, in order; got {self.fallback!r}.")
        object.__setattr__(self, "fallback", tuple(self.fallback))
        if not self.fallback:
            return
        if parsed.structure is None:
            raise SpecError(
                "fallback replaces the residual structure of a formula, and this one has none; "
                "write us(visit | subject), or leave fallback out."
            )
        reads = structure_class(parsed.structure.structure).reads
        if wrong := [name for name in self.fallback if structure_class(name).reads != reads]:
            raise SpecError(
                f"fallback must read the same column as {parsed.structure}, a {reads}; {listing(wrong)} do not."
            )

    def fallbacks(self) -> tuple[ModelSpec, ...]:
        """The specs to try after this one, each with the next structure of `fallback`."""
        term = self.parsed.structure
        names = self.fallback
        if term is not None and term.structure in names:
            names = names[names.index(term.structure) + 1 :]
        return tuple(self.replace(formula=str(parse_formula(self.formula).with_structure(n))) for n in names)

    @cached_property
    def parsed(self) -> Formula:
        """The formula's parts."""
        parsed = parse_formula(self.formula)
        if self.baseline_as == "covariate" and not re.search(r"\bbaseline\b", parsed.fixed):
            return dataclass_replace(parsed, fixed=f"{parsed.fixed} + baseline")
        return parsed

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

    @property
    def conditional(self) -> bool:
        """Whether outcomes are modelled given their linear predictors, or censored: not by cross-moments."""
        return self.censored is not None or not family_of(self.family).transformed_gaussian

    @property
    def jointly_normal(self) -> bool:
        """Whether transformed outcomes of a subject are normal with the covariance terms' covariance, and no residual.

        Censored ones too, where a visit structure says how they vary; beside random effects alone they have a residual.
        """
        gaussian = family_of(self.family).transformed_gaussian
        return gaussian and (self.censored is None or self.parsed.structure is not None)

    def replace(self, **changes: Any) -> ModelSpec:
        """A copy with some fields changed."""
        return dataclass_replace(self, **changes)

    def equation(self) -> str:
        """The model as an equation, in plain text."""
        return equation(
            self.parsed, self.visit_column, self.weights, self.family, not self.jointly_normal, self.hurdle
        )

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
            record["priors"] = self.priors.to_dict()
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
            values["priors"] = Priors.from_dict(values["priors"])
        for name in ("visit_order", "fallback"):
            if isinstance(values.get(name), list):
                values[name] = tuple(values[name])
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
