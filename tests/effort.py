"""How much work a call is, without a clock: the lines of msclong that it runs."""

from __future__ import annotations

import sys
from collections.abc import Callable

TOOL = 4  # of sys.monitoring's six, one that debuggers, profilers and coverage leave alone


def lines_run(call: Callable[[], object]) -> int:
    """Lines of msclong's files executed by `call()`, each as often as it runs; also where `call` raises."""
    ran = 0

    def line(code, _number):
        nonlocal ran
        if "msclong" not in code.co_filename:
            return sys.monitoring.DISABLE
        ran += 1
        return None

    sys.monitoring.use_tool_id(TOOL, "lines_run")
    sys.monitoring.register_callback(TOOL, sys.monitoring.events.LINE, line)
    sys.monitoring.set_events(TOOL, sys.monitoring.events.LINE)
    try:
        call()
    finally:
        sys.monitoring.set_events(TOOL, 0)
        sys.monitoring.free_tool_id(TOOL)
    return ran
