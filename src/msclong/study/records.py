"""Endpoints as plain data: how a plan's text states them, and what of them the outcomes share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from msclong.errors import SpecError, listing
from msclong.spec.estimand import Estimand
from msclong.spec.model_spec import ModelSpec
from msclong.spec.prior import Priors
from msclong.study.endpoint import Endpoint, approximated

TRANSFORMS = {
    "log": "np.log",
    "log2": "np.log2",
    "log10": "np.log10",
    "log1p": "np.log1p",
    "sqrt": "np.sqrt",
    "cbrt": "np.cbrt",
    "arcsinh": "np.arcsinh",
}
"""Transforms by name, as a formula writes them."""

OF_TEXT = ("outcome", "transform")
"""Fields that shape the formula, and are gone once it stands."""

PLACE = "{outcome}"
"""Where a formula that outcomes share has the outcome's own name."""

OF_SPEC = tuple(entry.name for entry in fields(ModelSpec))
OF_ENDPOINT = tuple(entry.name for entry in fields(Endpoint) if entry.name != "spec")


def endpoint_of(name: str, record: Mapping[str, Any], defaults: Mapping[str, Any]) -> Endpoint:
    """The endpoint that `record` states, with what it leaves out from `defaults`.

    A formula may have {outcome} in the outcome's place: the field `outcome` (a column, or an expression of columns),
    else the endpoint's name. `transform` is applied to it. Raises SpecError or FormulaError.
    """
    given = dict(defaults) | dict(record)
    given.pop("msclong_spec", None)
    refuse_unknown(given)
    given["formula"] = _formula(name, given)
    of_spec = {key: value for key, value in given.items() if key in OF_SPEC}
    if isinstance(of_spec.get("priors"), Priors):
        of_spec["priors"] = of_spec["priors"].to_dict()
    return endpoint_with(name, ModelSpec.from_dict(of_spec), given)


def endpoint_with(name: str, spec: ModelSpec, given: Mapping[str, Any]) -> Endpoint:
    """The endpoint of a spec and of those fields in `given` that are not the spec's; raises SpecError."""
    rest = {key: value for key, value in given.items() if key in OF_ENDPOINT}
    other = rest.get("approximation")
    if isinstance(other, Mapping):
        rest["approximation"] = _approximation(name, spec, given, other)
    if isinstance(rest.get("estimand"), Mapping):
        rest["estimand"] = Estimand.from_dict(rest["estimand"])
    return Endpoint(spec, **rest)


def refuse_unknown(given: Mapping[str, Any], where: str = "") -> None:
    """Raise SpecError for fields that no outcome has."""
    known = {*OF_SPEC, *OF_ENDPOINT, *OF_TEXT}
    if unknown := sorted(map(str, set(given) - known)):
        raise SpecError(f"Unknown fields{where}: {listing(unknown)}; known are {listing(sorted(known), 40)}.")


def endpoint_record(endpoint: Endpoint) -> dict[str, Any]:
    """The fields of an endpoint that differ from their defaults, those of its spec among them."""
    record = _spec_record(endpoint.spec)
    del record["msclong_spec"]
    for entry in fields(Endpoint):
        value = getattr(endpoint, entry.name)
        if entry.name in ("spec", "rows", "approximation", "estimand") or value == entry.default:
            continue
        record[entry.name] = list(value) if isinstance(value, tuple) else value
    if endpoint.rows:
        record["rows"] = {k: list(v) if isinstance(v, tuple) else v for k, v in endpoint.rows.items()}
    if endpoint.approximation is not None:
        record["approximation"] = _changes(endpoint.spec, endpoint.approximation)
    if endpoint.estimand is not None:
        record["estimand"] = endpoint.estimand.to_dict()
    return record


def shared(records: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """What all records state alike, and each record without it; formulas alike but for the outcome are alike."""
    named = {name: _templated(name, dict(record)) for name, record in records.items()}
    first = next(iter(named.values()))
    alike = {
        key: value
        for key, value in first.items()
        if all(key in record and _same(record[key], value) for record in named.values())
    }
    if len(named) < 2:
        return {}, {name: dict(record) for name, record in records.items()}
    own = {
        name: {key: value for key, value in (named[name] if "formula" in alike else record).items()
               if key not in alike}
        for name, record in records.items()
    }  # fmt: skip
    return alike, own


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


def _spec_record(spec: ModelSpec) -> dict[str, Any]:
    """Its `to_dict` without priors that are None: that is their default, and TOML has no word for it."""
    record = spec.to_dict()
    if "priors" in record:
        record["priors"] = {key: value for key, value in record["priors"].items() if value is not None}
    return record


def _changes(spec: ModelSpec, other: ModelSpec) -> dict[str, Any]:
    """What `_approximation` needs to make `other` of `spec`; where it lacks what the spec has, all of it."""
    bare = approximated(spec, {"family": other.family})
    differing = [e.name for e in fields(ModelSpec) if getattr(other, e.name) != getattr(bare, e.name)]
    whole = _spec_record(other)
    if any(name not in whole for name in differing):
        return whole
    return {"family": other.family} | {name: whole[name] for name in differing}


def _approximation(
    name: str, spec: ModelSpec, given: Mapping[str, Any], record: Mapping[str, Any]
) -> ModelSpec:
    """The approximation that a record states: its differences from the spec, or (with its format) all of it."""
    if "msclong_spec" in record:
        return ModelSpec.from_dict(dict(record))
    changes = dict(record)
    if wrong := sorted(map(str, set(changes) - set(OF_SPEC))):
        raise SpecError(f"Unknown fields of the approximation: {listing(wrong)}.")
    if PLACE in str(changes.get("formula", "")):
        changes["formula"] = _formula(name, dict(given) | changes)
    if isinstance(changes.get("priors"), Mapping):
        changes["priors"] = Priors.from_dict(changes["priors"])
    return approximated(spec, changes)


def _formula(name: str, given: Mapping[str, Any]) -> str:
    formula = given.get("formula")
    if not isinstance(formula, str):
        wrong = "it has no formula" if formula is None else f"its formula is no text: {formula!r}"
        raise SpecError(
            f"{wrong}; state one, or one for all in the defaults, such as 'y ~ week + us(week | id)'."
        )
    outcome, transform = given.get("outcome"), given.get("transform")
    if transform is not None and not (isinstance(transform, str) and transform in TRANSFORMS):
        raise SpecError(f"transform takes {listing(TRANSFORMS)}; got {transform!r}.")
    if PLACE not in formula:
        if outcome is None and transform is None:
            return formula
        stated, tilde, rest = formula.partition("~")
        if not tilde or (outcome is not None and stated.strip() != outcome):
            raise SpecError(
                f"its column is {outcome!r}, and its formula {formula!r} names another; write {PLACE} ~ ... in the "
                "formula, or leave the column out."
            )
        if transform is not None and not stated.strip().isidentifier():
            raise SpecError(
                f"its formula {formula!r} transforms the outcome, and so does transform={transform!r}; keep one."
            )
        formula, outcome = f"{PLACE} ~{rest}", stated.strip()
    what = str(outcome or name)
    if transform is not None:
        what = f"{TRANSFORMS[transform]}({what})"
    return formula.replace(PLACE, what)


def _templated(name: str, record: dict[str, Any]) -> dict[str, Any]:
    outcome, tilde, rest = record["formula"].partition("~")
    return record | {"formula": f"{PLACE} ~{rest}"} if outcome.strip() == name else record
