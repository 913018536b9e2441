"""How the kernel is compiled."""

from __future__ import annotations

from numba import njit

compiled = njit(nogil=True, error_model="numpy")
"""For what the kernel's door calls: without a cache of its own, compiled together with that."""
