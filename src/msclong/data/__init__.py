"""Tables of repeated measurements: roles, checks, what is missing, and example data."""

from msclong.data.long_data import LongData
from msclong.data.missingness import missing_patterns, visit_counts

__all__ = ["LongData", "missing_patterns", "visit_counts"]
