"""A journal file held open by one process: what it has read, whose turn it is to append, and its syncs."""

from __future__ import annotations

import os
import threading

from hpo.core import AnyEvent
from hpo.errors import JournalUnwritable, OutcomeUnknown
from hpo.journal.disk import open_regular, reason, unreadable
from hpo.journal.file.appending import appender_of
from hpo.journal.file.scan import START, Mark, read_after
from hpo.journal.records import Draft
from hpo.journal.waiting import Waiting


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

    def size(self) -> int:
        """Return how many bytes the file has.

        Raises:
            UnsupportedJournal: the system failed to say.
        """
        try:
            return os.fstat(self.fd).st_size
        except OSError as error:
            raise unreadable(self.path, error) from error

    def read_from(self, start: Mark, size: int) -> tuple[list[AnyEvent], Mark]:
        """Return all events after `start`, and the end of the last record; raises as `read_after` does.

        Args:
            start: The end of a record.
            size: How many bytes the file has at least.
        """
        return read_after(self.fd, self.path, start, size)

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
                raise JournalUnwritable(self.path, "it may only be read")
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
                os.fdatasync(self.fd)
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
