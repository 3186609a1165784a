"""Connections and forks: SQLite's don't survive one, so they are closed before it.

A child that opens the same file anew isn't safe either. SQLite remembers per process which locks it holds, and the
child inherits that memory, but not the locks: its parent, on closing, would take itself for the last user of the
database, and delete the write-ahead log that the child goes on appending to.
"""

from __future__ import annotations

import os
import threading
from typing import Protocol
from weakref import WeakSet


class Closable(Protocol):
    """Something that holds a connection, and opens it again when it is next used."""

    mutex: threading.Lock
    """Held by whoever uses the connection."""

    def close(self) -> None:
        """Close the connection; the mutex is held."""
        ...


class _Forks:
    """Every holder of a connection in this process: a fork happens to all of them, whoever made them."""

    def __init__(self) -> None:
        self._holders: WeakSet[Closable] = WeakSet()
        self._lock = threading.Lock()
        self._waiting: list[Closable] = []

    def watch(self, holder: Closable) -> None:
        with self._lock:
            self._holders.add(holder)

    def before(self) -> None:
        self._lock.acquire()
        for holder in [*self._holders]:
            holder.mutex.acquire()
            self._waiting.append(holder)
            holder.close()

    def after(self) -> None:
        while self._waiting:
            self._waiting.pop().mutex.release()
        if self._lock.locked():  # not where the fork came without an announcement
            self._lock.release()


_FORKS = _Forks()
os.register_at_fork(before=_FORKS.before, after_in_parent=_FORKS.after, after_in_child=_FORKS.after)


def close_before_forks(holder: Closable) -> None:
    """Have `holder` closed before each fork, as long as it lives. No fork waits for it longer than its mutex is held."""
    _FORKS.watch(holder)
