"""Forks: resources that have to be closed, held or forgotten when this process is copied.

A forked child inherits open files, locks and memory, but none of the threads that were using them. An object with a
resource that a child must not share registers here what to do before and after a fork.
"""

from __future__ import annotations

import os
import threading
from typing import Protocol
from weakref import WeakSet


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


_REGISTRY = _Registry()
os.register_at_fork(
    before=_REGISTRY.before, after_in_parent=_REGISTRY.after_in_parent, after_in_child=_REGISTRY.after_in_child
)


def watch_forks(holder: ForkAware) -> None:
    """Call `holder` before and after each fork of this process, as long as it lives."""
    _REGISTRY.add(holder)
