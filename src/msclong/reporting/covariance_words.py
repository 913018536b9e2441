"""The covariance of a model in words, with its sources."""

from __future__ import annotations

from msclong.design.coordinates import codes, effects
from msclong.design.design import Design
from msclong.linear_hypothesis import label
from msclong.reporting.citations import cited
from msclong.reporting.references import Description, Sourced
from msclong.reporting.wording import counted, listed
from msclong.spec.formula import CovarianceTerm

STRUCTURES: dict[str, Sourced] = {
    "us": (
        "an unstructured covariance: a variance of its own for each visit and a covariance of its own for each pair of "
        "visits",
        (),
    ),
    "cs": (
        "a compound symmetric covariance: the same variance at every visit and the same covariance for every pair of "
        "visits",
        ("jennrich",),
    ),
    "csh": (
        "a heterogeneous compound symmetric covariance: a variance of its own for each visit and the same correlation "
        "for every pair of visits",
        ("wolfinger",),
    ),
    "ar1": (
        "a first-order autoregressive covariance: the same variance at every visit, and a correlation that falls by "
        "the same factor with each visit between two",
        ("jennrich",),
    ),
    "ar1h": (
        "a heterogeneous first-order autoregressive covariance: a variance of its own for each visit, and a "
        "correlation that falls by the same factor with each visit between two",
        ("wolfinger",),
    ),
    "toep": (
        "a Toeplitz covariance: the same variance at every visit, and a covariance that depends on the number of "
        "visits between two",
        ("jennrich",),
    ),
    "toeph": (
        "a heterogeneous Toeplitz covariance: a variance of its own for each visit, and a correlation that depends on "
        "the number of visits between two",
        ("wolfinger",),
    ),
    "ad": (
        "a first-order antedependent covariance with the same variance at every visit: neighbouring visits have a "
        "correlation of their own, and visits further apart the product of those between them",
        ("gabriel",),
    ),
    "adh": (
        "a heterogeneous first-order antedependent covariance: a variance of its own for each visit; neighbouring "
        "visits have a correlation of their own, and visits further apart the product of those between them",
        ("gabriel",),
    ),
    "sp_exp": (
        "a spatial exponential covariance in time: the same variance at all times, and a correlation exp(−d / range) "
        "between measurements a time d apart",
        ("diggle",),
    ),
    "sp_gau": (
        "a spatial Gaussian covariance in time: the same variance at all times, and a correlation exp(−d² / range²) "
        "between measurements a time d apart",
        ("diggle",),
    ),
    "diag": ("a variance of its own for each visit and no correlation between visits", ()),
    "homdiag": ("the same variance at every visit and no correlation between visits", ()),
}
"""Structures by keyword, to follow 'have'; one that is not here is described by its own `description`."""


def covariance_in_words(design: Design) -> Description:
    """Random effects, residual structure, groups, weights, and what is independent of what."""
    parsed, spec = design.spec.parsed, design.spec
    cites: tuple[str, ...] = ()
    sentences = []
    if parsed.random:
        listing = "; ".join(_effects(term, design) for term in parsed.random)
        sentences.append(
            f"Outcomes are correlated through random effects: {listing}. These are normal with mean zero (Laird and "
            "Ware 1982)."
        )
        cites += ("laird",)
    term = parsed.structure
    if term is not None:
        words, sources = STRUCTURES.get(
            term.structure, (f"a covariance that is {design.structure.description}", ())
        )
        cites += sources
        own = "residuals" if spec.jointly_normal else "linear predictors"
        what = (
            f"Around them, the {own}"
            if parsed.random
            else f"The {'outcomes' if spec.jointly_normal else own}"
        )
        sentences.append(" ".join([f"{what} of one participant have {words}", *map(cited, sources)]) + ".")
        if term.group is not None:
            names = listed([label(level) for level in design.covariance.group_levels])
            sentences.append(f"Each {term.group} ({names}) has such parameters of its own.")
    elif spec.jointly_normal:
        sentences.append("Around them, residuals are independent with one variance.")
    if not spec.jointly_normal:
        sentences.append("Given these, outcomes are independent.")
    if spec.weights is not None:
        sentences.append(
            f"Observations are weighted by the column {spec.weights}: {'the residual' if parsed.random else 'the'} "
            "variance of an observation is divided by its weight."
        )
    sentences.append(_independence(design))
    return Description(" ".join(sentences), cites)


def _effects(term: CovarianceTerm, design: Design) -> str:
    """'an intercept and an effect of time for each id (correlated)'."""
    found = effects(term.variable, design.fixed.frame).names
    names = ["an intercept" if name == "Intercept" else f"an effect of {name}" for name in found]
    tie = "" if len(names) == 1 else " (correlated)" if term.correlated else " (uncorrelated)"
    return f"{listed(names)} for each {' within '.join(reversed(term.grouping))}{tie}"


def _independence(design: Design) -> str:
    units = int(design.unit.max()) + 1
    if units == design.n_subjects:
        return "Participants are independent."
    for grouping in design.spec.parsed.groupings:
        if codes(design.fixed.frame, grouping).max() + 1 == units:
            name = " within ".join(reversed(grouping))
            return (
                f"Participants of one {name} are correlated; the {units:,} levels of {name} are independent."
            )
    if units == 1:
        return "The groupings cross each other, so that all observations are correlated with each other."
    return (
        f"The groupings cross each other in part: observations fall into {counted(units, 'set')} that are independent "
        "of each other."
    )
