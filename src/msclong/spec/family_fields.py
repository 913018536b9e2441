"""The fields of a spec that a family reads: which belong together, and which exclude each other."""

from __future__ import annotations

from typing import Protocol

from msclong.errors import SpecError, listing
from msclong.families.registry import families_reading, family_of
from msclong.spec.formula import Formula


class FamilyFields(Protocol):
    """What is read of a ModelSpec."""

    @property
    def family(self) -> str: ...
    @property
    def trials(self) -> str | None: ...
    @property
    def offset(self) -> str | None: ...
    @property
    def censored(self) -> str | None: ...
    @property
    def censored_upper(self) -> str | None: ...
    @property
    def hurdle(self) -> str | None: ...
    @property
    def dispersion_by(self) -> str | None: ...
    @property
    def weights(self) -> str | None: ...
    @property
    def outcome_type(self) -> str: ...
    @property
    def conditional(self) -> bool: ...
    @property
    def jointly_normal(self) -> bool: ...
    @property
    def parsed(self) -> Formula: ...


def check_family(spec: FamilyFields) -> None:
    """Raise SpecError for an unknown family or fields that do not go with it."""
    family = family_of(spec.family)
    name = f"family={spec.family!r}"
    if ("trials" in family.reads) != (spec.trials is not None):
        raise SpecError(
            f"{name} needs trials='...', the column with the number of trials."
            if spec.trials is None
            else f"{name} has no trials; leave trials={spec.trials!r} out, or use family='binomial'."
        )
    if spec.censored is not None and "censored" not in family.reads:
        raise SpecError(
            f"{name} takes no censored outcomes; {listing(map(repr, families_reading('censored')))} do."
        )
    if spec.censored_upper is not None and spec.censored is None:
        raise SpecError(
            "censored_upper holds the upper limits of intervals; name the column that marks them: censored='...'."
        )
    hurdle = "zero" in family.predictors
    if spec.hurdle is not None and not hurdle:
        raise SpecError(
            f"{name} has no hurdle; leave hurdle= out, or use 'hurdle_gamma' or 'hurdle_lognormal'."
        )
    if hurdle and spec.parsed.structure is not None:
        raise SpecError(
            f"{name} has two linear predictors and takes random effects, such as (1 | {spec.parsed.subject}); "
            f"{spec.parsed.structure} is for families with one."
        )
    if spec.dispersion_by is not None:
        varying = [parameter.name for parameter in family.parameters if parameter.varies]
        if not varying:
            raise SpecError(f"{name} has no residual scale or dispersion that dispersion_by could vary.")
        if spec.jointly_normal:
            raise SpecError(
                f"dispersion_by is for families whose residual is conditional; with {name} write a structure with a "
                f"variance for each visit, such as diag({spec.dispersion_by} | {spec.parsed.subject})."
            )
    if spec.offset is not None and not spec.conditional:
        raise SpecError(f"{name} takes no offset; subtract it from the outcome.")
    if spec.weights is not None and spec.conditional:
        raise SpecError(
            f"weights scale a Gaussian residual covariance, and {name} has none"
            f"{' with censored outcomes' if spec.censored else ''}; leave weights={spec.weights!r} out."
        )
    if spec.outcome_type == "change" and spec.family not in ("gaussian", "student"):
        raise SpecError(
            f"{name} cannot have changes from baseline as outcomes; model the values, and let contrasts compare them."
        )
