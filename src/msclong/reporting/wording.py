"""Small pieces of English."""

from __future__ import annotations

from collections.abc import Sequence


def listed(items: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """'1 patient', '24 patients'."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def sentence(text: str) -> str:
    """With a capital at the start and a full stop at the end."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def inside(label: str) -> str:
    """A title as it reads inside a sentence: 'Change in X' -> 'change in X', 'HAMD-17 score' unchanged.

    A name of several capitalised words stays as well, and so does what bears a person's: 'Beck Depression Inventory',
    'Sjögren's syndrome'.
    """
    first, *others = label.split(" ")
    name = (bool(others) and others[0].istitle()) or first.endswith(("'s", "\u2019s"))
    return label[0].lower() + label[1:] if first[1:].islower() and not name else label


def spoken(engine: str) -> str:
    """An engine's name inside a sentence: 'frequentist', but 'Bayesian' and 'statsmodels'."""
    return engine.replace("Frequentist", "frequentist", 1)
