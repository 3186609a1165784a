"""A study's journal in one file, and the file as one process has it open."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cached_property, partial
from typing import Any

from hpo.core import AnyEvent, StudyState, is_acknowledged
from hpo.errors import JournalCorrupted, JournalMoved, JournalUnwritable, OutcomeUnknown, StudyNotFound
from hpo.journal.disk import ONLY_READABLE, open_regular, reason, sync_data, unreadable
from hpo.journal.file.appending import LockedFile, appender_of
from hpo.journal.file.lines import START, Mark, check_still_there, place_of_event, read_after
from hpo.journal.file.loading import load_state
from hpo.journal.locks import Waiting
from hpo.journal.records import Draft, draft_of
from hpo.journal.storage import Durability, check_options, is_worker_name
from hpo.journal.worker_locks import (
    has_own_byte_locks,
    has_worker_files,
    hold,
    hold_in_file,
    is_alive,
    is_held_in_file,
)


class FileJournal:
    """A journal in a file, one record per line, shared by any number of threads and processes of one machine.

    Writers may die at any moment: readers ignore what a crash leaves of a record, and the next writer cuts it off and
    keeps it in ``<path>.torn-<offset>``. A forked child and a pickle open the file anew. Readers never wait. If the
    file is removed, they go on with what they have open, and writers get `JournalMoved`.

    An interrupt (Ctrl-C) during `append` leaves all of the events or none: read the journal to see which.

    Args:
        path: The file, which exists; `hpo.journal.FileStorage` creates it.
        durability: ``"power"`` syncs the disk with each acknowledged event; ``"process"`` leaves it to the system.
        lock_timeout: How long an append waits for other writers before it raises `JournalBusy`, in seconds.
        snapshots: Whether a state that took long to load is kept in ``<path>.snapshot``, for the next one to load it.

    Raises:
        StudyNotFound: there is no such file.
        UnsupportedJournal: it is not a regular file.

    Example:
        >>> import tempfile
        >>> from hpo.core.records.events import StudyCreated, TrialStarted
        >>> from hpo.journal import FileStorage
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     events = [StudyCreated(1, "s", ("minimize",), 7)]
        ...     journal = FileStorage(f"{directory}/s.jsonl").create("s", events)
        ...     journal.append([TrialStarted(0)], expected=1)
        ...     journal.read(1)
        2
        [TrialStarted(number=0, at=None, worker=None, origin=None)]
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        durability: Durability = "power",
        lock_timeout: float = 30.0,
        snapshots: bool = True,
    ) -> None:
        check_options(durability, lock_timeout)
        self._path = os.path.abspath(path)
        self._durability = durability
        self._lock_timeout = lock_timeout
        self._snapshots = snapshots
        self._open_files: dict[int, OpenFile] = {}
        try:
            self._open_files[os.getpid()] = OpenFile(self._path)
        except FileNotFoundError:
            raise StudyNotFound(None, self._path, missing=True) from None

    @property
    def path(self) -> str:
        """The absolute path of the file."""
        return self._path

    def read(self, after: int) -> Sequence[AnyEvent]:
        """Return the events from number `after` on; see `Journal.read`."""
        file = self._open_file()
        head = file.head
        size = file.checked_size(head)
        if size == head.offset and after >= head.sequence:
            return ()
        start = head if after >= head.sequence else START  # earlier events are only read again to look at the past
        try:
            events, end = file.read_from(start)
        except JournalCorrupted:
            file.checked_size(head)  # it may have been rewritten just now
            raise
        file.checked_size(head)  # what was read belongs to the history of `head`
        if end.offset > file.head.offset:
            file.head = end
        return events if after == start.sequence else events[after - start.sequence :]

    def load_state(self) -> StudyState | None:
        """Return the state of the study without the events that came last; see `LoadsState.load_state`."""
        file = self._open_file()
        loaded = load_state(file.fd, self._path, snapshots=self._snapshots) if file.head == START else None
        if loaded is None:
            return None
        state, file.head = loaded
        return state

    def append(self, events: Sequence[AnyEvent], *, expected: int) -> int:
        """Add `events`, all or none, and return the new length; see `Journal.append`.

        Raises:
            JournalFull, JournalUnwritable: the system refused it. Nothing was added.
            JournalCorrupted, UnreadableEvents: see `read`. Nothing was added.
        """
        self.write(events, expected=expected)()
        return expected + len(events)

    def write(self, events: Sequence[AnyEvent], *, expected: int) -> Callable[[], None]:
        """Add `events` as `append` does, and return the function that syncs them; see `DeferredSync.write`.

        Raises as `append` does.
        """
        draft = draft_of(events, expected + len(events))
        file = self._open_file()
        end = file.add(draft, expected=expected, lock_timeout=self._lock_timeout)
        if self._durability == "power" and is_acknowledged(events):
            return partial(file.sync, end)
        return _nothing_to_sync

    def hold(self, worker: str) -> AbstractContextManager[None]:
        """Let `worker` be alive until the end of the block; see `TracksWorkers.hold`.

        It counts for every process on this machine, under whatever path it has opened the file.
        """
        file = self._open_file()
        if file.holds_workers:
            return hold_in_file(self._path, file.identity, worker)
        return hold(self._path, worker)

    def is_alive(self, worker: str) -> bool | None:
        """Return whether `worker` is in its block, or None if that is not known; see `TracksWorkers.is_alive`."""
        file = self._open_file()
        if file.holds_workers and is_worker_name(worker):
            held = is_held_in_file(file.fd, worker)
            if held is not False or not has_worker_files(self._path):
                return held
        return is_alive(self._path, worker)  # also one that an earlier version holds

    def place_of(self, position: int) -> str:
        """Return the file, line and byte of the record with the event after `position` others; see `TellsPlaces`."""
        return place_of_event(self._open_file().fd, self._path, position)

    def _open_file(self) -> OpenFile:
        """Return the file as this process has it open: an inherited descriptor would share its lock with the parent's.

        The process is asked for at each use, and not at forks: a fork that Python is not told of must not break the
            lock.
        """
        process = os.getpid()
        file = self._open_files.get(process)
        return self._opened(process) if file is None else file

    def _opened(self, process: int) -> OpenFile:
        try:
            file = OpenFile(self._path)
        except FileNotFoundError:
            raise JournalMoved(self._path) from None
        for other, inherited in [*self._open_files.items()]:
            if other != process:
                if inherited.identity != file.identity:
                    raise JournalMoved(self._path)
                file.head = inherited.head
        file = self._open_files.setdefault(process, file)  # two threads may be here, and one file wins
        for other in [*self._open_files]:
            if other != process:
                self._open_files.pop(other, None)
        return file

    def __getstate__(self) -> dict[str, Any]:
        return {
            "path": self._path,
            "durability": self._durability,
            "lock_timeout": self._lock_timeout,
            "snapshots": self._snapshots,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._path = state["path"]
        self._durability = state["durability"]
        self._lock_timeout = state["lock_timeout"]
        self._snapshots = state.get("snapshots", True)  # earlier versions knew none
        self._open_files = {}

    def __repr__(self) -> str:
        return f"FileJournal({self._path!r}, durability={self._durability!r}, lock_timeout={self._lock_timeout!r})"


def _nothing_to_sync() -> None:
    """Do nothing: what was written is as durable as it was promised to be."""


class OpenFile:
    """A journal file as one process has it open.

    Readers take no lock: marks are facts that stay true. Writers hold the mutex against the threads of their process,
    and an `Appender` keeps other processes out. Syncs need neither, so that one of them serves every thread that wrote
    before it began.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = -1
        self.fd, self._writable = open_regular(path)
        try:
            status = os.fstat(self.fd)
        except OSError as error:
            raise unreadable(path, error) from error
        self.identity = status.st_dev, status.st_ino
        self.head = START
        self._appender = appender_of(path, self.fd, self.identity)
        self._mutex = threading.Lock()
        self._sync_lock = threading.Lock()
        self._synced = 0
        self._sync_failure: str | None = None

    def __del__(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)

    @cached_property
    def holds_workers(self) -> bool:
        """Whether workers are held by locks on the file itself."""
        return isinstance(self._appender, LockedFile) and has_own_byte_locks(self.fd)

    def checked_size(self, head: Mark) -> int:
        """Return how many bytes the file has, if the record that ends at `head` is still in its place.

        Raises:
            JournalMoved: it is not.
            UnsupportedJournal: the system failed to say.
        """
        try:
            size = os.fstat(self.fd).st_size
        except OSError as error:
            raise unreadable(self.path, error) from error
        check_still_there(self.fd, self.path, head, size)
        return size

    def read_from(self, start: Mark) -> tuple[list[AnyEvent], Mark]:
        """Return all events after `start`, and the end of the last record; raises as `read_after` does."""
        return read_after(self.fd, self.path, start)

    def add(self, draft: Draft, *, expected: int, lock_timeout: float) -> Mark:
        """Append the record `draft` after `expected` events, and return the new end of the journal.

        Raises:
            As `Appender.append`.
        """
        waiting = Waiting(self.path, lock_timeout)
        with self._mutex:
            self._refuse_after_failed_sync()
            if self._appender.failure is not None:
                raise OutcomeUnknown(self.path, self._appender.failure)
            if not self._writable:
                raise JournalUnwritable(self.path, ONLY_READABLE)
            self.head = end = self._appender.append(draft, head=self.head, expected=expected, waiting=waiting)
            if self._appender.syncs:
                self._synced = max(self._synced, end.offset)
            return end

    def sync(self, end: Mark) -> None:
        """Make everything up to `end` survive a power failure.

        Raises:
            OutcomeUnknown: the system failed to. It is not asked again: it may have dropped what it could not write,
                and would then claim success.
        """
        with self._sync_lock:
            self._refuse_after_failed_sync()
            if self._synced >= end.offset:
                return
            reach = max(end.offset, self.head.offset)
            try:
                sync_data(self.fd)
            except OSError as error:
                self._sync_failure = "a sync failed"  # first of all: an interrupt may come with the next call
                self._sync_failure = reason(error)
                raise OutcomeUnknown(self.path, self._sync_failure) from error
            self._synced = reach

    def remove(self, *, lock_timeout: float) -> None:
        """Remove the file; raises as `Appender.remove` does."""
        waiting = Waiting(self.path, lock_timeout)
        with self._mutex:
            self._appender.remove(waiting)

    def _refuse_after_failed_sync(self) -> None:
        if self._sync_failure is not None:
            raise OutcomeUnknown(self.path, self._sync_failure)
