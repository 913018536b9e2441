"""What engines are called where several stand side by side, and engines as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from msclong.errors import EngineError, listing

SHORT = {"StatsmodelsMixedLM": "statsmodels"}
"""Short names of engines where the class name is not one."""


def engine_names(engines: Sequence[object]) -> list[str]:
    """Class names; engines of one class carry the options that tell them apart, or else a number."""
    classes = [type(engine).__name__ for engine in engines]
    short = [SHORT.get(name, name) for name in classes]
    names = []
    for i, engine in enumerate(engines):
        twins = [other for other, name in zip(engines, classes, strict=True) if name == classes[i]]
        options = [
            f"{option} {value}"
            for option, value in getattr(engine, "__dict__", {}).items()
            if any(getattr(twin, option, None) != value for twin in twins)
        ]
        names.append(f"{short[i]} ({', '.join(options)})" if options else short[i])
    return [
        f"{name} #{names[:i].count(name) + 1}" if names.count(name) > 1 else name
        for i, name in enumerate(names)
    ]


def engine_record(engine: Any) -> dict[str, Any]:
    """An engine as plain data: its class's name and the options that differ from their defaults.

    Raises EngineError for one that is not msclong's.
    """
    name = type(engine).__name__
    if name not in _engines() or not is_dataclass(engine):
        raise EngineError(f"A plan can hold {listing(_engines())}; {engine!r} is none of these.")
    options = {entry.name: getattr(engine, entry.name) for entry in fields(engine)}
    stated = {entry.name: entry.default for entry in fields(engine)}
    return {"engine": name} | {key: value for key, value in options.items() if value != stated[key]}


def engine_of(record: Mapping[str, Any]) -> Any:
    """The engine of `engine_record`; raises EngineError or SpecError."""
    given = dict(record)
    name = given.pop("engine", None)
    if name not in _engines():
        raise EngineError(
            f"An engine's record names it, engine = one of {listing(_engines())}; got {name!r}."
        )
    kind = _engines()[name]
    known = [entry.name for entry in fields(kind)]
    if unknown := set(given) - set(known):
        raise EngineError(f"{name} has no option {listing(sorted(unknown))}; it has {listing(known, 20)}.")
    return kind(**given)


def _engines() -> dict[str, Any]:
    from msclong.engines.bayesian.engine import Bayesian
    from msclong.engines.frequentist.engine import Frequentist
    from msclong.engines.statsmodels_engine import StatsmodelsMixedLM

    return {kind.__name__: kind for kind in (Frequentist, Bayesian, StatsmodelsMixedLM)}
