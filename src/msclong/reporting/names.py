"""What the outcome, arms and visits are called, in tables and in sentences."""

from __future__ import annotations

from dataclasses import dataclass

from msclong.linear_hypothesis import SIGNS, Sign, difference_label, label
from msclong.printing.numbers import MINUS
from msclong.spec.model_spec import ModelSpec

YES_OR_NO = ("true", "false", "yes", "no")

UNITS_OF_TIME = ("minute", "hour", "day", "week", "month", "year", "visit")


@dataclass(frozen=True)
class Names:
    """Names of levels; arm and visit are the columns, None where there are none."""

    spec: ModelSpec
    arm_column: str | None
    visit_column: str | None

    @property
    def outcome(self) -> str:
        """The outcome without its unit."""
        return self.spec.label or self.spec.parsed.outcome

    @property
    def unit(self) -> str:
        """The unit after a number, with the space before it; empty where none is stated."""
        return f" {self.spec.unit}" if self.spec.unit else ""

    @property
    def time_axis(self) -> str:
        return self.spec.time or self.visit_column or ""

    @staticmethod
    def label(level: object) -> str:
        """A level as table cells and axes show it."""
        return label(level)

    def arm(self, level: object) -> str:
        """'Placebo' as it is; a bare number, letter, yes or no with its column, 'TRT 1', 'treated True'."""
        text = label(level)
        named = len(text) > 1 and any(map(str.isalpha, text)) and text.casefold() not in YES_OR_NO
        return text if named else f"{self.arm_column} {text}"

    def arm_difference(self, level: object, control: object, sign: Sign) -> str:
        return f"{self.arm(level)} {MINUS if sign == '-' else sign} {self.arm(control)}"

    def visit(self, level: object) -> str:
        """'Month 3' as it is; a bare number with what it counts, 'week 8'."""
        text, column = label(level), str(self.visit_column)
        if any(map(str.isalpha, text)):
            return text
        unit = column.lower().removesuffix("s")
        return f"{unit} {text}" if unit in UNITS_OF_TIME else f"{column} = {text}"

    def of_differences(self, name: str, levels: tuple[object, ...], control: object) -> str:
        """The reader's form of an arm or a difference of arms, as results tables label it."""
        found = {label(level): self.arm(level) for level in levels}
        found |= {
            difference_label(level, control, sign): self.arm_difference(level, control, sign)
            for level in levels
            for sign in SIGNS
        }
        return found[name]
