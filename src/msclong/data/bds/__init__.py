"""CDISC ADaM Basic Data Structure (BDS): read from any of its file formats, checked, and cut to analysis records."""

from msclong.data.bds.bds import BDS
from msclong.data.bds.check import RULES, check_bds
from msclong.data.bds.read import read_bds

__all__ = ["BDS", "RULES", "check_bds", "read_bds"]
