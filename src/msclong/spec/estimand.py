"""The estimand: what a trial asks, in the five attributes of ICH E9(R1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from msclong.errors import SpecError, listing
from msclong.families.family import Family
from msclong.families.registry import family_of
from msclong.linear_hypothesis import label
from msclong.spec.model_spec import ModelSpec

Strategy = Literal["treatment policy", "hypothetical", "composite", "while on treatment", "principal stratum"]

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

NOT_DECLARED = "Not declared."

NEEDS: dict[Strategy, str] = {
    "treatment policy": "outcomes count whether or not it happened, so those after it belong in the table",
    "hypothetical": "outcomes as they would be without it: rows after it are left out of the table, and the model "
    "takes them as missing at random",
    "composite": "the event is part of the outcome, which must be coded so in the table",
    "while on treatment": "outcomes up to it count alone; the model compares visits as planned, so the outcome must be "
    "defined so in the table",
    "principal stratum": "those in whom it would not happen; this model does not identify who they are, and needs an "
    "assumption of its own",
}
"""What each strategy asks of the table and the model."""


@dataclass(frozen=True)
class Estimand:
    """What is to be estimated; what the model already says need not be repeated.

    Parameters
    ----------
    population : the patients whom the question is about.
    treatment : the condition of interest, and what it is compared with.
    intercurrent_events : mapping {event: strategy}
        How events after the start of treatment that affect outcomes, or whether they exist, enter the question:
        'treatment policy', 'hypothetical', 'composite', 'while on treatment' or 'principal stratum'.
    variable, summary : the outcome of each patient, and the summary of these that arms or visits are compared by.
        None: as the model has them.

    ICH E9(R1) (2019), Addendum on estimands and sensitivity analysis in clinical trials, section A.3. Plain data:
    `to_dict` writes what JSON and TOML hold. Raises SpecError for other strategies, or for what is not text.

    Examples
    --------
    >>> import msclong as ml
    >>> estimand = ml.Estimand("Adults with depression", "Drug 2 against drug 1", {"stopping": "treatment policy"})
    >>> spec = ml.ModelSpec("change ~ TRT * week + us(week | PATIENT)", outcome_type="change")
    >>> for attribute, text in estimand.statement(spec, "lower", visits=[1, 2], arms=["1", "2"])[:2]:
    ...     print(f"{attribute}: {text}")
    Treatment condition: Drug 2 against drug 1. Compared are 2 with 1.
    Population: Adults with depression.
    """

    population: str | None = None
    treatment: str | None = None
    intercurrent_events: Mapping[str, Strategy] = field(default_factory=dict, hash=False)
    variable: str | None = None
    summary: str | None = None

    def __post_init__(self) -> None:
        for name in ("population", "treatment", "variable", "summary"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, str) and value.strip()):
                raise SpecError(
                    f"{name} of an estimand is a text, or None where it is not declared; got {value!r}."
                )
        events: object = self.intercurrent_events
        if not isinstance(events, Mapping) or not all(isinstance(event, str) for event in events):
            raise SpecError(
                "intercurrent_events maps each event to a strategy, such as {'rescue medication': 'hypothetical'}; "
                f"got {events!r}."
            )
        for event, strategy in events.items():
            if strategy not in STRATEGIES:
                raise SpecError(
                    f"The strategy for {event!r} is one of {listing(map(repr, STRATEGIES))} (ICH E9(R1), A.3.2); got "
                    f"{strategy!r}."
                )
        object.__setattr__(self, "intercurrent_events", dict(events))

    def to_dict(self) -> dict[str, Any]:
        """What was declared, as plain data."""
        given = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return {
            name: dict(value) if isinstance(value, Mapping) else value
            for name, value in given.items()
            if value
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Estimand:
        """The estimand of `to_dict`; raises SpecError for an unknown field."""
        known = [entry.name for entry in fields(cls)]
        if unknown := set(record) - set(known):
            raise SpecError(
                f"Unknown fields of an estimand: {listing(sorted(map(str, unknown)))}; known are {listing(known)}."
            )
        return cls(**record)

    def statement(
        self,
        spec: ModelSpec,
        better: Literal["lower", "higher"] | None = None,
        visits: Sequence[object] | None = None,
        arms: Sequence[object] | None = None,
    ) -> list[tuple[str, str]]:
        """The five attributes of ICH E9(R1) in its order, each with a text: declared, else as the model `spec` has it.

        better : the direction of benefit. visits : of the outcomes that are modelled, in order; the baseline is among
        them unless the spec takes it out. arms : the reference first; empty for a trial without a comparator, None
        where that is unknown. What neither the estimand nor the model says is 'Not declared.'
        """
        return [
            ("Treatment condition", self._treatment(arms)),
            ("Population", _sentence(self.population)),
            ("Variable", self._variable(spec, better, visits)),
            ("Intercurrent events", self._events(spec)),
            ("Population-level summary", _sentence(self.summary or _summary(spec, arms))),
        ]

    def _treatment(self, arms: Sequence[object] | None) -> str:
        text = _sentence(self.treatment)
        if arms is None:
            return text
        if len(arms) < 2:
            return f"{text} There is no comparator: a change from baseline is not by itself an effect of treatment."
        return f"{text} Compared are {_joined(arms[1:])} with {label(arms[0])}."

    def _variable(
        self, spec: ModelSpec, better: Literal["lower", "higher"] | None, visits: Sequence[object] | None
    ) -> str:
        text = _sentence(self.variable or _variable(spec, visits))
        return f"{text} {better.capitalize()} values are better." if better else text

    def _events(self, spec: ModelSpec) -> str:
        declared = [
            f"{event}: {strategy} ({NEEDS[strategy]})" for event, strategy in self.intercurrent_events.items()
        ]
        return (
            f"{_sentence('; '.join(declared) or None)} Outcomes that are missing for whatever reason are not imputed: "
            "the model takes them as missing at random given the patient's observed outcomes and its fixed part "
            f"({spec.parsed.fixed}). It so answers for events that end a patient's outcomes as a hypothetical strategy "
            "would, unless outcomes after them are in the table."
        )


def _variable(spec: ModelSpec, visits: Sequence[object] | None) -> str:
    outcome, family = spec.outcome_label, family_of(spec.family)
    within = spec.outcome_type == "value" and spec.baseline_as != "covariate"
    baseline = spec.baseline if spec.baseline is not None else visits[0] if visits and within else None
    later = [visit for visit in visits or () if baseline is None or visit != baseline]
    at = f"at {spec.visit_column or 'visit'} {_joined(later)}" if later else "at each later visit"
    start = "baseline" if baseline is None else f"baseline ({label(baseline)})"
    if spec.outcome_type == "change" and spec.baseline_as != "change":
        return f"{outcome} of each patient, a change from baseline, {at}"
    if spec.baseline_as == "covariate":
        return f"{outcome} of each patient {at}, given its value at {start}"
    if family.link == "identity":
        return f"Change from {start} in {outcome} of each patient {at}"
    if family.transformed_gaussian and family.effects[0] == "ratio":
        return f"Ratio to {start} in {outcome} of each patient {at}"
    return f"{outcome} of each patient at {start} and {at}"


def _summary(spec: ModelSpec, arms: Sequence[object] | None) -> str:
    family, compared = family_of(spec.family), arms is None or len(arms) > 1
    summary, ratio = _of_patients(family), family.effects[0] in ("ratio", "odds-ratio")
    if spec.baseline_as == "covariate":
        between = {"ratio": "Ratio", "odds-ratio": "Odds ratio"}.get(family.effects[0], "Difference")
        return f"{between} between arms of {summary} at each visit, adjusted for baseline"
    if ratio:
        name = "Ratio" if family.effects[0] == "ratio" else "Odds ratio"
        within, between = (
            f"{name} of {summary} at each visit to baseline",
            "ratio of these ratios between arms",
        )
    elif spec.outcome_type == "change":
        within, between = "Mean change from baseline at each visit", "difference of these means between arms"
    else:
        within = f"Difference of {summary} between each visit and baseline"
        between = "difference of these differences between arms"
    return f"{within}{f', and {between}' if compared else ''}"


def _of_patients(family: Family) -> str:
    """What of the patients' outcomes the family's first effect compares."""
    if family.transformed_gaussian:
        return {"log": "geometric means", "logit": "medians"}.get(family.link, "means")
    if family.keyword in ("bernoulli", "binomial"):
        return "probabilities, averaged over patients,"
    if not family.has_intercept:
        return "mean grades, averaged over patients,"
    zeros = " (zeros included)" if "zero" in family.predictors else ""
    return "means" if family.link == "identity" else f"means{zeros}, averaged over patients,"


def _sentence(text: str | None) -> str:
    if text is None:
        return NOT_DECLARED
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _joined(levels: Iterable[object]) -> str:
    names = [label(level) for level in levels]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
