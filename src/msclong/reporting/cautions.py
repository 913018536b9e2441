"""What a reader must know before using the figures: a declared model that was not used, a boundary, no convergence."""

from __future__ import annotations

import re

import numpy as np

from msclong.covariance.registry import structure_class
from msclong.errors import HypothesisError
from msclong.reporting.analysis import Analysis
from msclong.reporting.record import Noted
from msclong.reporting.wording import inside, listed, spoken
from msclong.results.fit import Fit

NEGLIGIBLE = 1e-8
"""A random effect's variance below this share of the largest variance is zero."""


def cautions(analysis: Analysis) -> list[str]:
    """Sentences for the head of the report; none where all went as declared."""
    found = [_fallback(analysis)] if analysis.first.outcome.fallback else []
    for name, fit in analysis.fits.items():
        if not fit.outcome.converged:
            found.append(
                f"The {spoken(name)} fit did not converge. Its figures should not be used as they are."
            )
        if fit.outcome.singular:
            found.append(singular(spoken(name), fit))
    return found


def warned(analysis: Analysis, outcome: str) -> list[Noted]:
    """What must be known of each engine's figures, for the ARD."""
    found = []
    for name, fit in analysis.fits.items():
        found += [Noted(outcome, name, fallback) for fallback in fit.outcome.fallback]
        if not fit.outcome.converged:
            found.append(Noted(outcome, name, "The fit did not converge."))
        if fit.outcome.singular:
            found.append(Noted(outcome, name, "The estimated covariance is singular."))
    return found


def noted(analysis: Analysis, outcome: str) -> list[Noted]:
    """What each engine noticed on the way, for the ARD."""
    return [Noted(outcome, name, note) for name, fit in analysis.fits.items() for note in fit.outcome.notes]


def unused(analysis: Analysis) -> list[tuple[str, str]]:
    """Declared structures that could not be estimated, each with the reason, in the order tried."""
    found = []
    for attempt in analysis.first.outcome.fallback:
        term, _, error = attempt.removeprefix("Declared structure ").partition(" was not used: ")
        # The rest of an error message advises the analyst, who has taken the advice.
        found.append((structure_name(term), error.split(". ")[0].rstrip(".")))
    return found


def used(analysis: Analysis) -> str:
    """The residual structure that was fitted, by name."""
    return structure_name(str(analysis.spec.parsed.structure))


def _fallback(analysis: Analysis) -> str:
    (first, reason), *others = unused(analysis)
    plain = re.sub(r" \((?:[^()]|\([^()]*\))*\)", "", inside(reason))
    text = f"The covariance structure that was declared first, {first}, could not be estimated: {plain}."
    if others:
        text += f" Nor could {listed([name for name, _ in others])}."
    return (
        f"{text} All figures rest on the alternative that was declared for this case beforehand, {used(analysis)}; see "
        "[[section:model]]."
    )


def structure_name(term: str) -> str:
    """'us(visit | subject)' as 'unstructured (us)'."""
    keyword = term.partition("(")[0]
    return f"{structure_class(keyword).description.partition(':')[0]} ({keyword})"


def boundary(fit: Fit) -> str:
    """What a singular fit estimated as zero, or as one."""
    zero = _without_variance(fit)
    return (
        f"the variation of {listed(zero)} was estimated as zero"
        if zero
        else "a variance was estimated as zero, or a correlation as exactly one"
    )


def singular(name: str, fit: Fit) -> str:
    return (
        f"In the {name} fit {boundary(fit)}: these data show less variation between or within participants than the "
        "model has room for (its covariance is singular). Estimated means and differences remain those of the best "
        "fit, but standard errors take that estimate as it stands."
    )


def _without_variance(fit: Fit) -> list[str]:
    """Random effects whose variance is zero."""
    try:
        variances = np.diag(fit.covariance.random_effects)
    except HypothesisError:
        return []
    largest = max(float(variances.max()), float(np.max(fit.covariance.parameters["estimate"])))
    names = fit.covariance.random_effects.index
    return [
        f"the random effect {name.replace(' | ', ' by ')}"
        for name, variance in zip(names, variances, strict=True)
        if variance <= NEGLIGIBLE * largest
    ]
