"""Checks of a user's structure before any fit: its declaration, the shapes it returns, and its derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from msclong.covariance.time_structure import WORKING_KINDS, TimeStructure
from msclong.covariance.visit_structure import VisitStructure
from msclong.errors import SpecError, listing

TIMES = np.array([[0.0, 0.5, 1.7, 4.0], [0.3, 1.0, 2.9, 3.1]])
"""Made-up times of two patterns."""

VISITS = (0, 1, 2, 3)

EXAMPLES = {
    "keyword": "keyword = 'my_structure'",
    "description": "description = 'one variance, correlation by distance'",
    "parameters": "parameters = {'variance': 'variance', 'range': 'range'}",
}

STEP = 1e-5
"""Of central differences, in units of the parameter: they are off by about STEP^2, and rounding / STEP."""

AGREE = 1e-5
"""What a derivative may differ from them, as a share of the largest number."""


def check_declared(structure: type[VisitStructure] | type[TimeStructure]) -> None:
    """Raise SpecError for a keyword that no formula can hold, missing methods, or parameters of unknown kind."""
    name = structure.__name__
    for attribute in ("keyword", "description", *(["parameters"] if structure.reads == "time" else [])):
        if isinstance(getattr(structure, attribute, property()), property):
            raise SpecError(f"{name} needs a class attribute {attribute!r}, such as {EXAMPLES[attribute]}.")
    if not (isinstance(structure.keyword, str) and structure.keyword.isidentifier()):
        raise SpecError(
            f"{name}.keyword is {structure.keyword!r}, which a formula cannot name; take one word, such as "
            "'my_structure'."
        )
    if missing := sorted(getattr(structure, "__abstractmethods__", ())):
        raise SpecError(f"{name} must also define {listing(missing)}.")
    if issubclass(structure, TimeStructure):
        kinds = structure.parameters
        if not (isinstance(kinds, Mapping) and kinds):
            raise SpecError(f"{name}.parameters maps each parameter's name to its kind; got {kinds!r}.")
        for parameter, kind in kinds.items():
            if not isinstance(kind, str) or kind not in WORKING_KINDS:
                raise SpecError(
                    f"{name}.parameters[{parameter!r}] is {kind!r}; a kind is one of "
                    f"{listing(map(repr, WORKING_KINDS))}."
                )


def try_out(structure: type[VisitStructure] | type[TimeStructure]) -> None:
    """Evaluate it at made-up parameters and times or visits: a wrong derivative would give wrong inference unnoticed.

    Raises SpecError for arrays of another shape than documented, derivatives that are not those of Sigma (or not zero
    where the structure calls itself linear), and a Sigma that does not scale with the outcome. A visit structure that
    has no Sigma over these visits may be meant for others, and is not tried.
    """
    if issubclass(structure, TimeStructure):
        distance = np.abs(TIMES[:, :, None] - TIMES[:, None, :])
        time = structure()
        methods: dict[str, Callable[[np.ndarray], np.ndarray]] = {
            "kernel": lambda theta: time.kernel(theta, distance),
            "kernel_first": lambda theta: time.kernel_first(theta, distance),
            "kernel_second": lambda theta: time.kernel_second(theta, distance),
        }
        trial = Trial(time, methods, distance.shape)
    else:
        try:
            visit = structure(VISITS)
            visit.grid(_parameters(visit))
        except (
            Exception
        ):  # a user's code may refuse made-up visits, by any error; his own will be tried by the fit
            return
        names = ("grid", "grid_first") if visit.linear else ("grid", "grid_first", "grid_second")
        trial = Trial(visit, {name: getattr(visit, name) for name in names}, (len(VISITS), len(VISITS)))
    trial.run()


@dataclass(frozen=True, eq=False)
class Trial:
    """methods : by name, Sigma and its derivatives as functions of theta. shape : of Sigma."""

    structure: VisitStructure | TimeStructure
    methods: dict[str, Callable[[np.ndarray], np.ndarray]]
    shape: tuple[int, ...]

    def run(self) -> None:
        theta = _parameters(self.structure)
        k = theta.size
        sigma, first, *second = self.methods
        value = self._value(sigma, theta, ())
        self._compare(first, self._value(first, theta, (k,)), self._differences(sigma, theta, ()))
        bend = self._value(second[0], theta, (k, k)) if second else np.zeros((k, k, *self.shape))
        self._compare(second[0] if second else "linear", bend, self._differences(first, theta, (k,)))
        scaled = self._value(sigma, self.structure.scale(theta, 2.0), ())
        if not np.allclose(scaled, 4 * value, rtol=AGREE):
            raise SpecError(
                f"{self._name}.scale is not that of {sigma}: with the outcome doubled Sigma must be four times as "
                "large. Override scale: it multiplies variances by factor^2 and leaves correlations and ranges."
            )

    @property
    def _name(self) -> str:
        return type(self.structure).__name__

    def _value(self, method: str, theta: np.ndarray, lead: tuple[int, ...]) -> np.ndarray:
        try:
            value = np.asarray(self.methods[method](theta), dtype=float)
        # A method of a structure that a user has written: a defect in it is told by name, with its cause chained.
        except Exception as error:
            raise SpecError(
                f"{self._name}.{method} fails at made-up values, theta = {theta.round(3)}: "
                f"{type(error).__name__}: {error}"
            ) from error
        if value.shape != (*lead, *self.shape):
            raise SpecError(
                f"{self._name}.{method} returns an array of shape {value.shape} where {(*lead, *self.shape)} is due: "
                f"{'parameters, ' * len(lead)}then the shape of Sigma, {self.shape}."
            )
        return value

    def _differences(self, method: str, theta: np.ndarray, lead: tuple[int, ...]) -> np.ndarray:
        """Central differences of a method's value by each parameter, parameters first."""
        steps = STEP * np.diag(np.abs(theta))
        return np.stack(
            [
                (self._value(method, theta + h, lead) - self._value(method, theta - h, lead)) / (2 * h.sum())
                for h in steps
            ]
        )

    def _compare(self, method: str, given: np.ndarray, numerical: np.ndarray) -> None:
        wrong = ~(np.abs(given - numerical) <= AGREE * max(1.0, np.abs(numerical).max()))
        if not wrong.any():
            return
        names = self.structure.parameter_names
        where = tuple(np.argwhere(wrong)[0])
        by = listing(repr(names[i]) for i in where[: given.ndim - len(self.shape)])
        if method == "linear":
            raise SpecError(
                f"{self._name} calls itself linear, and its second derivative by {by} is not zero; drop "
                "linear = True and define grid_second."
            )
        raise SpecError(
            f"{self._name}.{method} is not the derivative: by {by} it gives {given[where]:.6g} where differences give "
            f"{numerical[where]:.6g} (first of {int(wrong.sum())} elements). Standard errors and df rest on it."
        )


def _parameters(structure: VisitStructure | TimeStructure) -> np.ndarray:
    """theta (k,), each of another size and none on a bound."""
    theta: np.ndarray = structure.working.to_theta(np.linspace(0.2, 0.4, structure.n_parameters))
    return theta
