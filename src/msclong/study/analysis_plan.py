"""The analysis plan of a study: every outcome's model, declared before the data are seen."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from os import PathLike
from os.path import isdir
from pathlib import Path
from typing import Any

from msclong.contrasts.graphical import GraphicalProcedure
from msclong.contrasts.multiplicity import JOINT
from msclong.errors import MsclongError, SpecError, listing
from msclong.spec.estimand import Estimand
from msclong.spec.model_spec import ModelSpec
from msclong.study.endpoint import CONFIRMATORY, Endpoint
from msclong.study.engine_names import engine_of, engine_record
from msclong.study.multiplicity import Multiplicity
from msclong.study.records import endpoint_of, endpoint_record, endpoint_with, refuse_unknown, shared

FORMAT = 1
"""Version of the text form."""

Declared = ModelSpec | Endpoint | str | Mapping[str, Any]
"""How an outcome may be stated: whole, as a formula, or by its fields."""


@dataclass(frozen=True)
class AnalysisPlan:
    """What a study will fit and test, as data: immutable, compared by value, written as TOML or JSON and read back.

    endpoints : {name: Endpoint}, in the order in which tables list them.
    title : the study's name. estimand : what all outcomes share of their estimands.
    multiplicity : how the confirmatory hypotheses share one error rate.
    engines : how each outcome is fitted; the first one leads in reports. Empty: Frequentist().
    note : what a reader of the study must know of the plan, such as that it was made after the fact.
    events : {what: column}: adverse events, by a column that is 1 (or True) in a row where a patient had one.

    Most plans are made by `AnalysisPlan.declare` or read from a file. Raises SpecError.

    Examples
    --------
    >>> import msclong as ml
    >>> ssdai = {"role": "primary", "formula": "ssdai ~ C(month) + us(month | patient)"}
    >>> plan = ml.AnalysisPlan.declare({"ssdai": ssdai})
    >>> plan == ml.AnalysisPlan.from_toml(plan.to_toml())
    True
    """

    endpoints: Mapping[str, Endpoint] = field(hash=False)
    title: str | None = None
    note: str | None = None
    estimand: Estimand | None = None
    multiplicity: Multiplicity = field(default_factory=Multiplicity)
    engines: tuple[Any, ...] = ()
    events: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        endpoints: object = self.endpoints
        if not isinstance(endpoints, Mapping) or not endpoints:
            raise SpecError(f"A plan has outcomes by name, {{'name': ml.Endpoint(...)}}; got {endpoints!r}.")
        for name, endpoint in endpoints.items():
            if not isinstance(name, str) or not name or not isinstance(endpoint, Endpoint):
                raise SpecError(f"A plan maps names to endpoints; got {name!r}: {endpoint!r}.")
        object.__setattr__(self, "endpoints", dict(endpoints))
        for what, kinds, takes in (
            ("title", (str, type(None)), "text"),
            ("note", (str, type(None)), "text"),
            ("estimand", (Estimand, type(None)), "an ml.Estimand"),
            ("multiplicity", Multiplicity, "an ml.Multiplicity"),
        ):
            if not isinstance(getattr(self, what), kinds):
                raise SpecError(f"{what} of a plan is {takes}; got {getattr(self, what)!r}.")
        if self.estimand == Estimand():
            object.__setattr__(self, "estimand", None)
        engines: object = self.engines
        if isinstance(engines, (str, Mapping)) or not isinstance(engines, Sequence):
            raise SpecError(
                f"engines is a list such as [ml.Frequentist(), ml.Bayesian(seed=1)]; got {engines!r}."
            )
        object.__setattr__(self, "engines", tuple(engines))
        events: object = self.events
        if not isinstance(events, Mapping) or not all(
            isinstance(c, str) for c in (*events, *events.values())
        ):
            raise SpecError(f"events is {{what: column}}; got {events!r}.")
        object.__setattr__(self, "events", dict(events))
        self._check_graph()
        self._check_equivalence()

    @classmethod
    def declare(
        cls,
        outcomes: Mapping[str, Declared],
        defaults: Mapping[str, Any] | None = None,
        **study: Any,
    ) -> AnalysisPlan:
        """The plan of `outcomes`, each stated as far as it differs from `defaults`.

        outcomes : {name: outcome}; an outcome is a mapping of fields (those of ModelSpec and Endpoint side by side, and
        `outcome`, its column where that is not its name, and `transform`: log, log2, log10, log1p, sqrt, cbrt or
        arcsinh), a formula, a ModelSpec or an Endpoint. defaults : fields of all outcomes that leave them open; its
        formula has {outcome} in the outcome's place. An Endpoint is whole, and takes nothing from them; a ModelSpec
        takes what is not the model's, such as the role.
        study : the other fields of a plan.

        Raises SpecError or FormulaError.
        """
        if not isinstance(outcomes, Mapping):
            raise SpecError(f"Outcomes are stated by name, {{'name': formula or fields}}; got {outcomes!r}.")
        if not isinstance(defaults, (Mapping, type(None))):
            raise SpecError(f"defaults are fields by name, such as {{'formula': ...}}; got {defaults!r}.")
        common = dict(defaults or {})
        refuse_unknown(common, " of the defaults")
        own = [entry.name for entry in fields(cls) if entry.name != "endpoints"]
        if unknown := sorted(set(study) - set(own)):
            raise SpecError(f"A plan has no field {listing(unknown)}; beside outcomes it has {listing(own)}.")
        return cls({name: _endpoint(name, given, common) for name, given in outcomes.items()}, **study)

    def replace(self, **changes: Any) -> AnalysisPlan:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain data: what all outcomes state alike stands once, as defaults."""
        defaults, outcomes = shared({name: endpoint_record(e) for name, e in self.endpoints.items()})
        record: dict[str, Any] = {"msclong_plan": FORMAT, "title": self.title, "note": self.note}
        record |= {"estimand": self.estimand.to_dict() if self.estimand else None}
        record |= {"multiplicity": self.multiplicity.to_dict()}
        record |= {"engines": [engine_record(engine) for engine in self.engines], "events": dict(self.events)}
        record |= {"defaults": defaults, "outcomes": outcomes}
        return {key: value for key, value in record.items() if value not in (None, {}, [])}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> AnalysisPlan:
        """The plan of `to_dict`; raises SpecError for what is none, naming the field."""
        if not isinstance(record, Mapping) or "outcomes" not in record:
            raise SpecError("Not an analysis plan: it has no outcomes.")
        given = dict(record)
        version = given.pop("msclong_plan", FORMAT)
        if version != FORMAT:
            raise SpecError(f"This plan has format {version!r}; this msclong reads format {FORMAT}.")
        known = ("title", "note", "estimand", "multiplicity", "engines", "events", "defaults", "outcomes")
        if unknown := sorted(set(given) - set(known)):
            raise SpecError(f"Unknown fields of a plan: {listing(unknown)}; known are {listing(known)}.")
        for name in ("estimand", "multiplicity", "events", "defaults"):
            if not isinstance(given.get(name, {}), Mapping):
                raise SpecError(f"{name} of a plan is a table of fields; got {given[name]!r}.")
        if "estimand" in given:
            given["estimand"] = Estimand.from_dict(given["estimand"])
        if "multiplicity" in given:
            given["multiplicity"] = Multiplicity.from_dict(given["multiplicity"])
        engines = given.get("engines", [])
        if not isinstance(engines, list) or not all(isinstance(engine, Mapping) for engine in engines):
            raise SpecError(
                f"engines of a plan are tables such as {{engine = 'Bayesian', seed = 1}}; got {engines!r}."
            )
        given["engines"] = tuple(map(engine_of, engines))
        return cls.declare(given.pop("outcomes"), given.pop("defaults", None), **given)

    def to_toml(self, path: str | PathLike[str] | None = None) -> str:
        """The plan as TOML text, written to `path` where one is given.

        Raises SpecError where a value has no place in TOML, or the file cannot be written.
        """
        import tomli_w

        record = self.to_dict()
        try:
            text = tomli_w.dumps(record)
        except (TypeError, ValueError) as error:
            raise SpecError(f"This plan cannot be written as TOML ({error}); use text and numbers.") from None
        return _written(text, path)

    @classmethod
    def from_toml(cls, source: str | PathLike[str]) -> AnalysisPlan:
        """The plan of `to_toml`: a path, or the text itself. Raises SpecError for what is none."""
        return cls._read(source, tomllib.loads, "TOML")

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """The plan as JSON text, written to `path` where one is given; raises SpecError as `to_toml`."""
        record = self.to_dict()
        try:
            text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise SpecError(f"This plan cannot be written as JSON ({error}); use text and numbers.") from None
        return _written(text, path)

    @classmethod
    def from_json(cls, source: str | PathLike[str]) -> AnalysisPlan:
        """The plan of `to_json`: a path, or the text itself. Raises SpecError for what is none."""
        return cls._read(source, json.loads, "JSON")

    @classmethod
    def _read(cls, source: str | PathLike[str], loads: Callable[[str], Any], kind: str) -> AnalysisPlan:
        """The plan of a text, or of a file, which errors then name."""
        text = _text(source)
        where = "" if text is source else f"{source}: "
        try:
            return cls.from_dict(loads(text))
        except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
            raise SpecError(f"{where}Not {kind}: {error}.") from None
        except MsclongError as error:
            raise type(error)(f"{where}{error}") from None

    def _check_equivalence(self) -> None:
        """Raise SpecError where max-t tests are to adjust equivalence tests, whose rows are two tests each."""
        if self.multiplicity.within not in JOINT:
            return
        wrong = [
            name
            for name, e in self.endpoints.items()
            if e.test == "equivalence" and e.role in CONFIRMATORY and not (e.tested and len(e.tested) == 1)
        ]
        if wrong:
            raise SpecError(
                f"Equivalence of {listing(wrong)} is tested at several visits, for which there is no max-t adjustment; "
                "say multiplicity=ml.Multiplicity(within='holm'), or name one visit as tested."
            )

    def _check_graph(self) -> None:
        """Raise SpecError unless a graph's labels are the confirmatory outcomes."""
        graph = self.multiplicity.across
        if not isinstance(graph, GraphicalProcedure):
            return
        confirmatory = {name for name, endpoint in self.endpoints.items() if endpoint.role in CONFIRMATORY}
        if wrong := confirmatory ^ set(graph.weights):
            raise SpecError(
                f"The graph across outcomes and the primary and secondary outcomes differ in "
                f"{listing(sorted(map(str, wrong)))}; its labels are the names of these outcomes."
            )


def _endpoint(name: str, given: Declared, defaults: Mapping[str, Any]) -> Endpoint:
    """The outcome as it is declared; errors name it."""
    if isinstance(given, Endpoint):
        return given
    try:
        if isinstance(given, ModelSpec):
            return endpoint_with(name, given, defaults)
        if isinstance(given, (str, Mapping)):
            return endpoint_of(name, {"formula": given} if isinstance(given, str) else given, defaults)
    except MsclongError as error:
        raise type(error)(f"Outcome {name!r}: {error}") from None
    raise SpecError(
        f"Outcome {name!r} is stated by a formula, fields, a ModelSpec or an Endpoint; got {given!r}."
    )


def _written(text: str, path: str | PathLike[str] | None) -> str:
    if path is not None:
        try:
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise SpecError(f"The plan cannot be written to {path} ({error}).") from None
    return text


def _text(source: str | PathLike[str]) -> str:
    """The text of a file; a string that is no path is text already. Raises SpecError for no file, or none in UTF-8."""
    if not isinstance(source, (str, PathLike)):
        raise SpecError(f"A plan is read from a path or from text; got {source!r}.")
    if isinstance(source, str) and any(mark in source for mark in "\n{="):
        return source
    try:
        return Path(source).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SpecError(f"There is no plan {source}. Check the name and the folder.") from None
    except UnicodeDecodeError as error:
        raise SpecError(f"{source} cannot be read as text in UTF-8 ({error}). Save it in UTF-8.") from None
    except OSError as error:
        if isdir(source):
            raise SpecError(f"{source} is a folder; name the file that holds the plan.") from None
        raise SpecError(
            f"The plan {source} cannot be read ({error.strerror}). Check its permissions."
        ) from None
