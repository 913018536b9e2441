"""What a trial without a control needs said: exact limits for events, and regression to the mean."""

from msclong.single_arm.events import EventLimits, event_limits
from msclong.single_arm.regression_to_the_mean import (
    RegressionToTheMean,
    regression_to_the_mean,
)
from msclong.single_arm.selection import expected_change, population_sd
from msclong.single_arm.summary import PairedSummary

__all__ = [
    "EventLimits",
    "PairedSummary",
    "RegressionToTheMean",
    "event_limits",
    "expected_change",
    "population_sd",
    "regression_to_the_mean",
]
