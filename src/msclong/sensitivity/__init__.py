"""Sensitivity of a fit's answers to what is assumed of missing outcomes.

A mixed model takes missing outcomes as missing at random. Here they are imputed under other assumptions: worse by a
delta, as in the reference arm, back at baseline; and the tipping point says how much worse they would have to be.
"""

from msclong.sensitivity.analyses import delta, reference_based, return_to_baseline
from msclong.sensitivity.imputed import Imputed
from msclong.sensitivity.multiple_imputation import MultipleImputation
from msclong.sensitivity.tipping import TippingPoint, tipping_point

__all__ = [
    "Imputed",
    "MultipleImputation",
    "TippingPoint",
    "delta",
    "reference_based",
    "return_to_baseline",
    "tipping_point",
]
