"""The families that a spec may name. A new family is one new file and one line here."""

from __future__ import annotations

from msclong.errors import SpecError, listing
from msclong.families.beta import Beta
from msclong.families.binomial import Bernoulli, Binomial
from msclong.families.cumulative import CumulativeLogit, CumulativeProbit
from msclong.families.family import Family
from msclong.families.gamma import Gamma
from msclong.families.gaussian import Gaussian
from msclong.families.hurdle import HurdleGamma, HurdleLognormal
from msclong.families.logitnormal import Logitnormal
from msclong.families.lognormal import Lognormal
from msclong.families.negative_binomial import NegativeBinomial
from msclong.families.ordered_beta import OrderedBeta
from msclong.families.poisson import Poisson
from msclong.families.student import Student

_FAMILIES: dict[str, type[Family]] = {
    family.keyword: family
    for family in (
        Gaussian,
        Student,
        Lognormal,
        Logitnormal,
        Gamma,
        HurdleLognormal,
        HurdleGamma,
        Beta,
        OrderedBeta,
        Bernoulli,
        Binomial,
        Poisson,
        NegativeBinomial,
        CumulativeLogit,
        CumulativeProbit,
    )
}


def family_of(keyword: object) -> Family:
    """The family of a keyword; raises SpecError when there is none."""
    if not isinstance(keyword, str) or keyword not in _FAMILIES:
        raise SpecError(f"{keyword!r} is not a known family; known are {listing(_FAMILIES, most=30)}.")
    return _FAMILIES[keyword]()


def known_families() -> tuple[str, ...]:
    return tuple(_FAMILIES)


def families_reading(column: str) -> tuple[str, ...]:
    """The keywords of those that read 'trials' or 'censored' beside the outcome."""
    return tuple(keyword for keyword, family in _FAMILIES.items() if column in family.reads)
