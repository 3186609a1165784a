"""Locks that processes hold on files and databases: waiting for one, finding its holder, and what a fork does to them.

A forked child inherits open files, locks and memory, but none of the threads that were using them. An object with a
resource that a child must not share registers with `watch_forks` what to do before and after a fork.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from weakref import WeakSet

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


def lock_holder(fd: int) -> str | None:
    """Return in words which process holds a lock of `flock` on the file `fd`, or None if that can't be found out.

    The latter is the case if the system has no ``/proc/locks``, or if the owner is in another container, has left the
    lock to a child, or has released it meanwhile.

    Example:
        >>> import fcntl, tempfile
        >>> with tempfile.TemporaryFile() as file:
        ...     lock_holder(file.fileno())
        ...     fcntl.flock(file, fcntl.LOCK_EX)
        ...     lock_holder(file.fileno()) in ("this process", None)
        True
    """
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return _holder(_place(status), "FLOCK", _ANYWHERE)


def database_holder(path: str) -> str | None:
    """Return in words which process keeps others from writing to the SQLite database `path`, or None if not known.

    SQLite uses the locks of `fcntl` on bytes of the file and of its ``-shm``. In the latter, writers lock byte 120,
    and a process that copies the log into the database, or reads it after a crash, the two bytes after it. No file is
    opened here, because closing it would release what this process has locked.

    Example:
        >>> import sqlite3, tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     connection = sqlite3.connect(f"{directory}/studies.db", isolation_level=None)
        ...     _ = connection.executescript("PRAGMA journal_mode = WAL; CREATE TABLE t (x); BEGIN IMMEDIATE")
        ...     database_holder(f"{directory}/studies.db") in ("this process", None)
        ...     connection.close()
        True
    """
    for file, bytes_ in ((f"{path}-shm", _OF_WRITERS), (path, _ANYWHERE)):
        try:
            place = _place(os.stat(file))
        except OSError:
            continue
        if (holder := _holder(place, "POSIX", bytes_)) is not None:
            return holder
    return None


_ANYWHERE = range(1 << 63)
_OF_WRITERS = range(120, 123)  # section 2.2.3 of https://sqlite.org/walformat.html


def _place(status: os.stat_result) -> str:
    return f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"


def _holder(place: str, kind: str, bytes_: range) -> str | None:
    """Return the process that has locked one of these bytes of a file for writing."""
    try:
        text = Path("/proc/locks").read_text("ascii", errors="replace")
    except OSError:
        return None
    for line in text.splitlines():
        fields = (
            line.split()
        )  # number, kind, ADVISORY, WRITE, process, file, first, last; for one that waits, "->" is second
        if fields[1:2] == [kind] and fields[3:4] == ["WRITE"] and fields[5:6] == [place] and int(fields[6]) in bytes_:
            return _process(fields[4])
    return None


def _process(number: str) -> str | None:
    if number == str(os.getpid()):
        return "this process"
    try:
        name = Path("/proc", number, "comm").read_text(errors="replace").strip()
    except OSError:
        return None
    return f"process {number} ({name})"


class ForkAware(Protocol):
    """An object that holds something which a forked child must not share."""

    def before_fork(self) -> None:
        """Get ready for a fork: take the locks that the child will find free."""
        ...

    def after_fork(self, *, in_child: bool) -> None:
        """Go on after a fork. In the child, forget what belongs to the parent."""
        ...


class _Registry:
    """Every such object of this process: a fork happens to all of them, whichever thread calls it."""

    def __init__(self) -> None:
        self._registered: WeakSet[ForkAware] = WeakSet()
        self._lock = threading.Lock()
        self._prepared: list[ForkAware] = []

    def add(self, holder: ForkAware) -> None:
        with self._lock:
            self._registered.add(holder)

    def before(self) -> None:
        self._lock.acquire()
        for holder in [*self._registered]:
            holder.before_fork()
            self._prepared.append(holder)

    def after_in_parent(self) -> None:
        self._after(in_child=False)

    def after_in_child(self) -> None:
        self._after(in_child=True)

    def _after(self, *, in_child: bool) -> None:
        while self._prepared:
            self._prepared.pop().after_fork(in_child=in_child)
        if self._lock.locked():  # it is not if the fork was not announced
            self._lock.release()


try:
    import fcntl
except ImportError:  # Windows
    HAS_FLOCK = False
else:
    HAS_FLOCK = hasattr(fcntl, "flock")
"""Whether the system has the locks of `flock`. Where it has none, files are written by claims, and no worker is known to be dead."""


_REGISTRY = _Registry()
if hasattr(os, "register_at_fork"):  # else no process can fork
    os.register_at_fork(
        before=_REGISTRY.before, after_in_parent=_REGISTRY.after_in_parent, after_in_child=_REGISTRY.after_in_child
    )


def watch_forks(holder: ForkAware) -> None:
    """Call `holder` before and after each fork of this process, as long as it lives."""
    _REGISTRY.add(holder)
