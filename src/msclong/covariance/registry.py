"""The structures that a formula may name. A new structure is one new file and one line here."""

from __future__ import annotations

from msclong.covariance.antedependence import Antedependence, HeterogeneousAntedependence
from msclong.covariance.autoregressive import Autoregressive, HeterogeneousAutoregressive
from msclong.covariance.compound_symmetry import CompoundSymmetry, HeterogeneousCompoundSymmetry
from msclong.covariance.diagonal import Diagonal, HomogeneousDiagonal
from msclong.covariance.spatial import SpatialExponential, SpatialGaussian
from msclong.covariance.time_structure import TimeStructure
from msclong.covariance.toeplitz import HeterogeneousToeplitz, Toeplitz
from msclong.covariance.trial import check_declared, try_out
from msclong.covariance.unstructured import Unstructured
from msclong.covariance.visit_structure import VisitStructure
from msclong.errors import SpecError, listing

Named = type[VisitStructure] | type[TimeStructure]
"""What a formula may name, by what it reads of its column: a VisitStructure (`reads` is 'visit') the position of the
visit, made as cls(visits); a TimeStructure (`reads` is 'time') the time itself, made as cls()."""

_STRUCTURES: dict[str, Named] = {
    structure.keyword: structure
    for structure in (
        Unstructured,
        CompoundSymmetry,
        HeterogeneousCompoundSymmetry,
        Autoregressive,
        HeterogeneousAutoregressive,
        Toeplitz,
        HeterogeneousToeplitz,
        Antedependence,
        HeterogeneousAntedependence,
        SpatialExponential,
        SpatialGaussian,
        Diagonal,
        HomogeneousDiagonal,
    )
}


_BUILT_IN = frozenset(_STRUCTURES)


def register_structure[S: Named](structure: S) -> S:
    """Make a visit or time structure known to formulas under its `keyword`.

    It is tried out first, at made-up parameters and times or visits: shapes, derivatives against differences, scaling.
    Raises SpecError when the keyword is taken by another class or is no plain word, the class is neither kind of
    structure, lacks methods, names an unknown kind of parameter, or fails when tried.
    """
    if not (isinstance(structure, type) and issubclass(structure, (VisitStructure, TimeStructure))):
        raise SpecError(f"A structure derives from VisitStructure or TimeStructure; {structure!r} does not.")
    check_declared(structure)
    known = _STRUCTURES.get(structure.keyword, structure)
    if known is not structure:
        raise SpecError(
            f"The structure name {structure.keyword!r} is taken by {known.__name__}; choose another keyword."
        )
    try_out(structure)
    _STRUCTURES[structure.keyword] = structure
    return structure


def structure_class(keyword: str) -> Named:
    """The structure class of a keyword; raises SpecError when there is none."""
    try:
        return _STRUCTURES[keyword]
    except KeyError:
        raise SpecError(
            f"{keyword!r} is not a known covariance structure; known are {listing(_STRUCTURES, most=20)}."
        ) from None


def known_structures() -> tuple[str, ...]:
    return tuple(_STRUCTURES)


def registered_structures() -> tuple[Named, ...]:
    """Structures that the analyst has registered in this process."""
    return tuple(structure for keyword, structure in _STRUCTURES.items() if keyword not in _BUILT_IN)
