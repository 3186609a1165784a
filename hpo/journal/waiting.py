"""Waiting for a lock that another thread, process or connection holds."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from hpo.errors import JournalBusy

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0002, 0.005
"""Seconds between two attempts.

With 64 writers, pauses of up to 50 ms left some of them without a single turn; SQLite's own grow to 100 ms."""


class Waiting:
    """The pauses between the attempts to take one lock, which grow, and end after `lock_timeout`.

    Args:
        path: What is locked, for messages.
        lock_timeout: How long to go on, in seconds from now.

    Example:
        >>> from hpo.errors import JournalBusy
        >>> waiting = Waiting("s.jsonl", 0.0)
        >>> try:
        ...     waiting.pause(lambda: "process 7 (python)")
        ... except JournalBusy as busy:
        ...     print(busy.holder)
        process 7 (python)
    """

    _pause = _SHORTEST_PAUSE
    _chance: random.Random | None = None  # in the class: most locks are free, and every append makes an object

    def __init__(self, path: str, lock_timeout: float) -> None:
        self._path = path
        self._lock_timeout = lock_timeout
        self._deadline = time.monotonic() + lock_timeout

    def pause(self, find_owner: Callable[[], str | None]) -> None:
        """Sleep until the next attempt.

        Args:
            find_owner: Finds out who holds the lock, in words, for the error.

        Raises:
            JournalBusy: `lock_timeout` is over.
        """
        if (late := time.monotonic() - self._deadline) > 0:
            raise JournalBusy(self._path, self._lock_timeout + late, find_owner())
        # Random, so that those who wait do not all come back at once; and not from the global generator, whose numbers
        # are the user's.
        self._chance = self._chance or random.Random()  # noqa: S311
        time.sleep(self._chance.uniform(_SHORTEST_PAUSE, self._pause))
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
