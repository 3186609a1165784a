"""Why a program failed, in words: its exit code, the signal that ended it, or that there was not enough memory."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from pathlib import Path

_OUT_OF_MEMORY = re.compile(
    r"MemoryError|out of memory|OutOfMemory|OOM\b|Cannot allocate memory|bad_alloc|RESOURCE_EXHAUSTED", re.IGNORECASE
)
_SHELLS = 128
"""What shells add to the number of the signal that ended a command."""
_LONGEST_QUOTE = 200  # characters of the last line that a reason quotes


def why_it_failed(code: int, last_words: Sequence[str], *, kills: int) -> str:
    """Return the reason of a trial whose program has not ended well.

    Args:
        code: The exit code, or minus the number of the signal that ended it.
        last_words: The last lines that it wrote.
        kills: How many processes the system has ended for lack of memory while it ran, as far as is known.

    Example:
        >>> why_it_failed(-11, [], kills=0)
        'ended by SIGSEGV'
        >>> why_it_failed(137, [], kills=1)
        'out of memory: ended by SIGKILL, while the system ended 1 process for lack of memory'
    """
    number = -code if code < 0 else code - _SHELLS
    try:
        how = f"ended by {signal.Signals(number).name}"
    except ValueError:
        how, number = f"exit code {code}", 0
    if last_words:
        how += f": {shortened(last_words[-1])}"
    if number == signal.SIGKILL:
        if kills:
            processes = "1 process" if kills == 1 else f"{kills} processes"
            return f"out of memory: {how}, while the system ended {processes} for lack of memory"
        return f"{how} (somebody else sent it, perhaps the system for lack of memory)"
    if any(_OUT_OF_MEMORY.search(line) for line in last_words):
        return f"out of memory: {how}"
    return how


def kills_for_memory() -> int:
    """Return how many processes the system has ended for lack of memory since it started; 0 where it does not count them."""
    try:
        counters = Path("/proc/vmstat").read_text(encoding="ascii")
    except OSError:
        return 0
    found = re.search(r"^oom_kill (\d+)$", counters, re.MULTILINE)
    return int(found[1]) if found else 0


def shortened(line: str) -> str:
    """Return the beginning of a long line."""
    return line if len(line) <= _LONGEST_QUOTE else f"{line[:_LONGEST_QUOTE]}..."
