"""Trials to try the library on, each call a fresh pandas frame with its source in `attrs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msclong.datasets.examples import hamd17, sleepstudy

if TYPE_CHECKING:
    from msclong.datasets.sjogren import sjogren_msct as sjogren_msct

__all__ = ["hamd17", "sjogren_msct", "sleepstudy"]


def __getattr__(name: str) -> Any:
    """The founding study when it is first asked for: to make it up takes what a fit does without."""
    if name != "sjogren_msct":
        raise AttributeError(f"module 'msclong.datasets' has no attribute {name!r}")
    from msclong.datasets.sjogren import sjogren_msct

    globals()[name] = sjogren_msct
    return sjogren_msct


def __dir__() -> list[str]:
    return sorted(__all__)
