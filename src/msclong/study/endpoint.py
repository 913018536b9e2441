"""An outcome of a study: its model, and what the study wants to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from math import inf, isfinite
from typing import Any, Literal

import numpy as np

from msclong.contrasts.margins import OF_MARGINS, TESTS
from msclong.errors import SpecError, listing
from msclong.families.registry import family_of
from msclong.linear_hypothesis import label
from msclong.results.effect_scale import SCALES
from msclong.spec.estimand import Estimand
from msclong.spec.model_spec import ModelSpec

Better = Literal["higher", "lower"]
Role = Literal["primary", "secondary", "exploratory"]

BETTER: tuple[Better, ...] = ("higher", "lower")
ROLES: tuple[Role, ...] = ("primary", "secondary", "exploratory")
CONFIRMATORY: tuple[Role, ...] = ("primary", "secondary")
"""Roles whose hypotheses are adjusted for multiplicity."""

OF_OTHER_FAMILIES = ("trials", "offset", "censored", "censored_upper", "hurdle", "dispersion_by")
"""Fields of a spec that a Gaussian approximation has no use for."""


@dataclass(frozen=True)
class Endpoint:
    """One outcome of a study.

    Parameters
    ----------
    spec : ModelSpec or formula
        The probability model, with the outcome's family, transform (in the formula, or as the family), margin, label
        and unit.
    better : 'higher' or 'lower', optional
        The direction of benefit; None: that of the spec's margin, else unknown.
    role : 'primary', 'secondary' or 'exploratory'
        The family of hypotheses that the outcome belongs to; exploratory outcomes are not adjusted for multiplicity.
    tested : sequence of visits, optional
        The visits whose contrasts are the outcome's hypotheses; None: all.
    test : str, optional
        What is tested of each, as `Fit.contrasts(test=...)` takes it; None: two-sided, of no difference.
    mid : float, optional
        The minimal important difference of one patient, signed: a change (of a ratio, a ratio) that makes a responder.
    resolution : float, optional
        The step of the outcome's scale, such as 1 for a score of whole points: a normal model's probability of a
        responder is then that of a change beyond the mid less half a step.
    approximation : ModelSpec or name of a family, optional
        The model that is fitted instead by engines that do not have the spec's family: declared beforehand,
        and named wherever its figures stand. A family's name ('gaussian', 'lognormal', 'logitnormal') stands for the
        spec with that family. None: such engines do not fit this outcome.
    rows : mapping {column: value or values}, optional
        Which rows of the table are this outcome's, such as {'PARAMCD': 'SSDAI'}; all, where it is empty.
    estimand : Estimand, optional
        Where it differs from the study's.

    Raises SpecError for an impossible value, or a direction that contradicts the margin's or the mid's.

    Examples
    --------
    >>> import msclong as ml
    >>> spec = ml.ModelSpec("ssdai ~ C(month) + us(month | patient)", margin=-1)
    >>> ml.Endpoint(spec, role="primary").better
    'lower'
    """

    spec: ModelSpec
    better: Better | None = None
    role: Role = "secondary"
    tested: tuple[Any, ...] | None = None
    test: str | None = None
    mid: float | None = None
    resolution: float | None = None
    approximation: ModelSpec | None = None
    rows: Mapping[str, Any] = field(default_factory=dict, hash=False)
    estimand: Estimand | None = None

    def __post_init__(self) -> None:
        spec: object = self.spec
        if isinstance(spec, str):
            object.__setattr__(self, "spec", ModelSpec(spec))
        elif not isinstance(spec, ModelSpec):
            raise SpecError(f"An endpoint's spec is a ModelSpec or a formula; got {spec!r}.")
        for name, allowed in (("better", (None, *BETTER)), ("role", ROLES), ("test", (None, *TESTS))):
            if getattr(self, name) not in allowed:
                raise SpecError(
                    f"{name} takes {listing(map(repr, allowed))}; got {getattr(self, name)!r} for {self.name}."
                )
        if self.test in OF_MARGINS and not self.spec.margin:
            raise SpecError(f"test={self.test!r} of {self.name} needs a margin in its spec.")
        for name in ("mid", "resolution"):
            value: Any = getattr(self, name)
            object.__setattr__(self, name, value.item() if isinstance(value, np.generic) else value)
        step: object = self.resolution
        if step is not None and not (
            isinstance(step, (int, float)) and not isinstance(step, bool) and 0 < step < inf
        ):
            raise SpecError(f"resolution is a number above zero; got {step!r} for {self.name}.")
        self._check_tested()
        self._check_rows()
        if not isinstance(self.estimand, (Estimand, type(None))):
            raise SpecError(f"estimand is an ml.Estimand; got {self.estimand!r} for {self.name}.")
        self._check_approximation()
        self._check_directions()

    @property
    def name(self) -> str:
        """The outcome's label, for messages."""
        return self.spec.label or self.spec.parsed.outcome

    @property
    def sign(self) -> float | None:
        """1 where higher values are a benefit, -1 where lower ones are; None where that is not known."""
        return None if self.better is None else 1.0 if self.better == "higher" else -1.0

    def spec_for(self, engine: object) -> ModelSpec:
        """What this engine fits: the spec, or the declared approximation where it has no such family."""
        from msclong.engines.bayesian.engine import Bayesian

        if self.approximation is not None and self.spec.conditional and not isinstance(engine, Bayesian):
            return self.approximation
        return self.spec

    def replace(self, **changes: Any) -> Endpoint:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def _check_tested(self) -> None:
        tested: Any = self.tested
        if tested is None:
            return
        listed = () if isinstance(tested, (str, Mapping)) or not np.iterable(tested) else tuple(tested)
        if not listed:
            raise SpecError(
                f"tested is a sequence of visits, such as [6, 12]; got {tested!r} for {self.name}."
            )
        if len({label(visit) for visit in listed}) < len(listed):
            raise SpecError(f"tested names a visit twice for {self.name}: {listing(map(repr, listed), 20)}.")
        object.__setattr__(self, "tested", _plain(listed))

    def _check_rows(self) -> None:
        rows: object = self.rows
        if not isinstance(rows, Mapping) or not all(isinstance(column, str) for column in rows):
            raise SpecError(f"rows is {{column: value}}; got {rows!r} for {self.name}.")
        several = {
            column: not isinstance(value, str) and np.iterable(value) for column, value in rows.items()
        }
        plain = {
            column: _plain(tuple(value)) if several[column] else _plain((value,))[0]
            for column, value in rows.items()
        }
        object.__setattr__(self, "rows", plain)

    def _check_approximation(self) -> None:
        other: object = self.approximation
        if other is None:
            return
        if isinstance(other, str):
            other = approximated(self.spec, {"family": other})
            object.__setattr__(self, "approximation", other)
        if not isinstance(other, ModelSpec) or other.conditional:
            raise SpecError(
                f"The approximation of {self.name} is a ModelSpec, or the name, of an uncensored Gaussian, lognormal "
                f"or logitnormal model, which every engine fits; got {self.approximation!r}."
            )

    def _check_directions(self) -> None:
        """Raise SpecError where margin, mid and direction disagree; take an unsaid direction from them."""
        scale = SCALES[family_of(self.spec.family).effects[0]]
        for what, value in (("margin", self.spec.margin), ("mid", self.mid)):
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
                raise SpecError(f"{what} is a number; got {value!r} for {self.name}.")
            distance = scale.distance(value, what)
            if not distance:
                if what == "mid":
                    raise SpecError(f"A mid of {value} is no change; got it for {self.name}.")
                continue
            way: Better = "higher" if distance > 0 else "lower"
            if what == "margin" and self.test == "equivalence":
                continue  # its sign says nothing
            if self.better is None:
                object.__setattr__(self, "better", way)
            elif self.better != way:
                raise SpecError(
                    f"{self.better} values are the benefit of {self.name}, but its {what} {value} asks for {way} "
                    "ones; change one of them."
                )


def approximated(spec: ModelSpec, changes: Mapping[str, Any]) -> ModelSpec:
    """`spec` without what belongs to its own family, then with `changes`; a margin stays where it means the same."""
    bare = {entry.name: entry.default for entry in fields(ModelSpec) if entry.name in OF_OTHER_FAMILIES}
    family = changes.get("family", "gaussian")
    same = family_of(family).effects[0] == family_of(spec.family).effects[0]
    bare |= {"family": family, "margin": spec.margin if same else None}
    return spec.replace(**(bare | dict(changes)))


def _plain(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """NumPy's numbers as Python's, which text forms can hold."""
    return tuple(value.item() if isinstance(value, np.generic) else value for value in values)
