"""Waiting for a lock that another thread, process or connection holds."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import msgspec

from hpo.errors import JournalBusy

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0002, 0.005
"""Seconds between two attempts.

With 64 writers, pauses of up to 50 ms left some of them without a single turn; SQLite's own grow to 100 ms."""


class Waiting(msgspec.Struct):
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

    path: str
    lock_timeout: float
    _started: float = msgspec.field(default_factory=time.monotonic)
    _pause: float = _SHORTEST_PAUSE
    _chance: random.Random | None = None  # made when it is needed: most locks are free

    def pause(self, find_owner: Callable[[], str | None]) -> None:
        """Sleep until the next attempt.

        Args:
            find_owner: Finds out who holds the lock, in words, for the error.

        Raises:
            JournalBusy: `lock_timeout` is over.
        """
        if (waited := time.monotonic() - self._started) > self.lock_timeout:
            raise JournalBusy(self.path, waited, find_owner())
        # Random, so that those who wait do not all come back at once; and not from the global generator, whose numbers
        # are the user's.
        self._chance = self._chance or random.Random()  # noqa: S311
        time.sleep(self._chance.uniform(_SHORTEST_PAUSE, self._pause))
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
