"""Journals in memory: the reference. No other storage may behave differently."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from hpo.core import AnyEvent
from hpo.errors import Conflict, DuplicatedStudyError, JournalMoved, JournalUnwritable, StudyNotFound
from hpo.journal.storage import check_first_event, check_worker_name, is_worker_name


class MemoryJournal:
    """A journal that lives as long as the process, or as its pickle."""

    def __init__(self, events: Sequence[AnyEvent] = ()) -> None:
        self._events = list(events)
        self._deleted = False
        self._lock = threading.Lock()
        self._workers: set[str] = set()  # of this process: a pickle has none

    def read(self, after: int) -> Sequence[AnyEvent]:
        """Return the events from number `after` on; see `Journal.read`."""
        if self._deleted:
            raise JournalMoved("memory")
        return () if after == len(self._events) else self._events[after:]

    def append(self, events: Sequence[AnyEvent], *, expected: int) -> int:
        """Add `events`, all or none, and return the new length; see `Journal.append`."""
        with self._lock:
            if self._deleted:
                raise JournalMoved("memory")
            if len(self._events) != expected:
                raise Conflict(expected, len(self._events))
            self._events.extend(events)
            return len(self._events)

    def delete(self) -> None:
        """Make every later read and append raise `JournalMoved`."""
        with self._lock:
            self._deleted = True

    @contextlib.contextmanager
    def hold(self, worker: str) -> Iterator[None]:
        """Let `worker` be alive until the end of the block; see `TracksWorkers.hold`."""
        check_worker_name(worker)
        with self._lock:
            if worker in self._workers:
                raise JournalUnwritable("memory", f"there is a worker {worker!r} already")
            self._workers.add(worker)
        try:
            yield
        finally:
            with self._lock:
                self._workers.remove(worker)

    def is_alive(self, worker: str) -> bool | None:
        """Return whether `worker` is in its block, or None if that is not known; see `TracksWorkers.is_alive`."""
        with self._lock:
            return worker in self._workers if is_worker_name(worker) else None

    def __getstate__(self) -> dict[str, Any]:
        return {"events": [*self._events], "deleted": self._deleted}

    def __setstate__(self, state: dict[str, Any]) -> None:
        MemoryJournal.__init__(self, state["events"])
        self._deleted = state["deleted"]


class MemoryStorage:
    """Studies in the memory of this process."""

    location = "memory"

    def __init__(self) -> None:
        self._journals: dict[str, MemoryJournal] = {}
        self._lock = threading.Lock()

    def create(self, name: str, events: Sequence[AnyEvent]) -> MemoryJournal:
        """Create the study `name` with its first events, and return its journal; see `Storage.create`."""
        check_first_event(name, events)
        with self._lock:
            if name in self._journals:
                raise DuplicatedStudyError(name, self.location)
            journal = self._journals[name] = MemoryJournal(events)
            return journal

    def open(self, name: str | None) -> MemoryJournal:
        """Return the journal of the study `name`, or of the only study; see `Storage.open`."""
        with self._lock:
            if name is None and len(self._journals) == 1:
                return next(iter(self._journals.values()))
            if name is None or name not in self._journals:
                raise StudyNotFound(name, self.location, sorted(self._journals))
            return self._journals[name]

    def names(self) -> list[str]:
        """Return the names of all studies, sorted."""
        return sorted(self._journals)

    def names_by_creation(self) -> list[str]:
        """Return the names of all studies, the oldest study first."""
        return [*self._journals]

    def delete(self, name: str) -> None:
        """Remove the study `name` with all its events; see `Storage.delete`."""
        with self._lock:
            if name not in self._journals:
                raise StudyNotFound(name, self.location, sorted(self._journals))
            self._journals.pop(name).delete()

    def __getstate__(self) -> dict[str, Any]:
        return {"journals": self._journals}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._journals = state["journals"]
        self._lock = threading.Lock()
