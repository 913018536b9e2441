"""Trials to try the library on, each call a fresh pandas frame with its source in `attrs`."""

from msclong.datasets.examples import hamd17, sleepstudy
from msclong.datasets.sjogren import sjogren_msct

__all__ = ["hamd17", "sjogren_msct", "sleepstudy"]
