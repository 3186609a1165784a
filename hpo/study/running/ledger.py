"""What the workers of an executor know of a study, as far as it can be told from here."""

from __future__ import annotations

import threading
from collections import deque
from typing import NamedTuple

_MANY_REFUSALS = 4
_NEAR = 64  # events


class Known(NamedTuple):
    """What a worker knows: the newest version of a study, and the digest of the last program that it ran."""

    version: int
    program: bytes


class Ledger:
    """What the workers of one executor know of one study, as far as their replies tell."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: dict[str, Known] = {}  # workers whose last reply has come, and that are not known to be busy again
        self._recent: deque[Known] = deque(maxlen=4)
        self._met: set[str] = set()
        self._refusals = self._meetings = 0

    def expected(self) -> tuple[str, Known] | None:
        """Return the worker of the next job, as a guess, and what it knows; None if it is to be told everything."""
        with self._lock:
            if self._refusals > max(_MANY_REFUSALS, self._meetings):
                return None  # hardly a worker gets a second job
            if not self._free:
                return ("", sorted(self._recent)[len(self._recent) // 2]) if self._recent else None
            # What the one that lags knows, the others know too. But one that has been idle for long is not waited for.
            newest = max(self._free.values()).version
            near = [worker for worker, known in self._free.items() if newest - known.version <= _NEAR]
            oldest = min(self._free[worker] for worker in near)
            # If several are free, any of them may take the job. The one that is left in the table is the one that lags, so
            # that the next job will do for it, too.
            worker = max(near, key=lambda worker: self._free[worker])
            programs = {self._free[worker].program for worker in near}
            del self._free[worker]
            return worker, oldest if len(programs) == 1 else Known(oldest.version, b"")

    def note(self, worker: str, known: Known, expected: tuple[str, Known] | None) -> None:
        """Note that `worker` has run a trial that another one was `expected` to run, and what it knows now."""
        with self._lock:
            self._still_free(worker, expected)
            self._meetings += worker in self._met
            self._met.add(worker)
            self._free[worker] = known
            self._recent.append(known)

    def note_refusal(self, worker: str, expected: tuple[str, Known] | None) -> None:
        """Note that `worker` lacked something for a trial that another one was `expected` to run."""
        with self._lock:
            self._still_free(worker, expected)
            self._refusals += 1

    def _still_free(self, worker: str, expected: tuple[str, Known] | None) -> None:
        if expected is not None and expected[0] not in {"", worker}:
            self._free.setdefault(*expected)
