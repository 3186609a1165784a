"""The work of a call, counted in instructions of the Python interpreter and so the same on every machine."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

FEW, MANY = 1000, 4000
"""The numbers of trials after which work is compared."""

MARKS = (10, 20, 50, 100, 200, 500)
"""Smaller numbers of trials after which an answer is looked at too, so that a fault of any age shows."""


def check_bounded(steps_after: Callable[[int], int], tolerance: float) -> None:
    """Check that the work after `MANY` trials is about the work after `FEW`.

    Args:
        steps_after: Returns the number of steps of one call after so many trials.
        tolerance: The largest ratio of the two; 500 steps are allowed on top of it.

    Raises:
        AssertionError: the work grows.

    Example:
        >>> check_bounded(lambda n: 10, tolerance=1.1)
    """
    few, many = steps_after(FEW), steps_after(MANY)
    if many > tolerance * few + 500:
        raise AssertionError(
            f"it takes {few} steps after {FEW} trials and {many} after {MANY}: keep what is learned from all trials "
            "in a fold (state.finished.fold)"
        )


def count_steps(act: Callable[[], object]) -> int:
    """Return how many instructions of Python `act` takes; rounds of loops count, even if they call nothing.

    Example:
        >>> count_steps(lambda: [n for n in range(9)]) < count_steps(lambda: [n for n in range(99)])
        True
    """
    if sys.version_info < (3, 12):
        return _traced_steps(act)
    # A trace function would miss the first call of every function, since opcodes are traced from the next one on.
    n_steps, thread = 0, threading.get_ident()
    monitoring, instruction = sys.monitoring, sys.monitoring.events.INSTRUCTION
    tool = next(number for number in range(6) if monitoring.get_tool(number) is None)

    def count(code: Any, offset: int) -> None:
        nonlocal n_steps
        n_steps += threading.get_ident() == thread

    monitoring.use_tool_id(tool, "hpo.testing")
    try:
        monitoring.register_callback(tool, instruction, count)
        monitoring.set_events(tool, instruction)
        act()
    finally:
        monitoring.set_events(tool, 0)
        monitoring.register_callback(tool, instruction, None)
        monitoring.free_tool_id(tool)
    return n_steps


def _traced_steps(act: Callable[[], object]) -> int:
    n_steps = 0

    def count(frame: Any, event: str, argument: Any) -> Any:
        nonlocal n_steps
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        n_steps += event == "opcode"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        act()
    finally:
        sys.settrace(before)
    return n_steps
