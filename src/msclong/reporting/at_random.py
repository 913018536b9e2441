"""What must hold of missing outcomes for the estimates to be valid, in words; engines are by name."""

from __future__ import annotations

from collections.abc import Mapping

from msclong.reporting.wording import listed, spoken

SQUARES = "by ordinary least squares"


def at_random(engines: Mapping[str, object]) -> str:
    """'at random', 'completely at random', or both with the engines that need the latter."""
    return _said(engines, "at random", "completely at random")


def given(engines: Mapping[str, object]) -> str:
    """The same, with what it is given."""
    return _said(
        engines,
        "at random, given the observed outcomes and the fixed effects",
        "completely at random, given the fixed effects",
    )


def meaning(engines: Mapping[str, object]) -> str:
    """The same, with what it means."""
    return _said(
        engines,
        "at random: that, given what was observed, whether a value is missing does not depend on that value",
        "completely at random: that, given the fixed effects, whether a value is missing depends on no outcome, "
        "observed or not",
    )


def entered(engines: Mapping[str, object], verb: str) -> str:
    """'All observed outcomes of every participant enter the likelihood'; of least squares, the estimates."""
    where = f"estimates {SQUARES}" if 0 < len(_least_squares(engines)) == len(engines) else "likelihood"
    return f"All observed outcomes of every participant {verb} the {where}"


def _said(engines: Mapping[str, object], likelihood: str, least_squares: str) -> str:
    squares = _least_squares(engines)
    if not squares:
        return likelihood
    if len(squares) == len(engines):
        return least_squares
    return (
        f"{likelihood}; for the {listed([spoken(name) for name in squares])} fit, {SQUARES}, {least_squares}"
    )


def _least_squares(engines: Mapping[str, object]) -> list[str]:
    """Those whose coefficients are not the likelihood's."""
    return [name for name, engine in engines.items() if getattr(engine, "ddf", None) == "modified-box"]
