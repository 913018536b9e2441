"""The structures that a formula may name. A new structure is one new file and one line here."""

from __future__ import annotations

from msclong.covariance.autoregressive import Autoregressive, HeterogeneousAutoregressive
from msclong.covariance.compound_symmetry import CompoundSymmetry
from msclong.covariance.toeplitz import HeterogeneousToeplitz
from msclong.covariance.unstructured import Unstructured
from msclong.covariance.visit_structure import VisitStructure
from msclong.errors import SpecError, listing

_STRUCTURES: dict[str, type[VisitStructure]] = {}


def register_structure(structure: type[VisitStructure]) -> type[VisitStructure]:
    """Make a visit structure known to formulas under its `keyword`.

    Raises SpecError when the keyword is taken by another class.
    """
    known = _STRUCTURES.setdefault(structure.keyword, structure)
    if known is not structure:
        raise SpecError(
            f"The structure name {structure.keyword!r} is taken by {known.__name__}; choose another keyword."
        )
    return structure


def visit_structure(keyword: str) -> type[VisitStructure]:
    """The structure class of a keyword; raises SpecError when there is none."""
    try:
        return _STRUCTURES[keyword]
    except KeyError:
        raise SpecError(
            f"{keyword!r} is not a known covariance structure; known are {listing(_STRUCTURES)}."
        ) from None


def known_structures() -> tuple[str, ...]:
    return tuple(_STRUCTURES)


for _structure in (
    Unstructured,
    CompoundSymmetry,
    Autoregressive,
    HeterogeneousAutoregressive,
    HeterogeneousToeplitz,
):
    register_structure(_structure)
