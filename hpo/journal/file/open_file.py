"""A journal file held open by one process: its lock, its writes and its syncs."""

# Descriptors, flags and error numbers are those of os, and so are paths.
from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import random
import stat
import threading
import time

from hpo.core import AnyEvent
from hpo.errors import (
    Conflict,
    JournalBusy,
    JournalCorrupted,
    JournalFull,
    JournalMoved,
    JournalUnwritable,
    OutcomeUnknown,
    UnsupportedJournal,
)
from hpo.journal.file.claims import ClaimedFile, claims_directory, remove_claims
from hpo.journal.file.lock_owner import lock_holder
from hpo.journal.file.scan import START, Mark, line_number, read_records
from hpo.journal.file.torn import keep_torn

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0002, 0.005
"""Seconds between attempts to lock. With 64 writers, pauses of up to 50 ms left some of them without a single turn."""

_NO_PERMISSION = (errno.EACCES, errno.EPERM, errno.EROFS)
_STANDARD_STREAMS = 2
"""The last descriptor of those; a process may be started without some of them."""


def reason(error: OSError) -> str:
    """What the system says."""
    return error.strerror or str(error)


def not_added(path: str, error: OSError) -> JournalFull | JournalUnwritable:
    """`error` as what a caller should know: nothing was added to `path`, and whether room is what it needs."""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    return (JournalFull if full else JournalUnwritable)(path, reason(error))


def unreadable(path: str, error: OSError) -> UnsupportedJournal:
    """`error` as what a reader of `path` should know."""
    return UnsupportedJournal(path, f"it can't be read: {reason(error)}")


def open_regular(path: str) -> tuple[int, bool]:
    """A descriptor of the regular file `path`, and whether it can be written; links are not followed.

    Raises:
        FileNotFoundError: there is no such file.
        UnsupportedJournal: there is something else, or it can't be opened.
    """
    flags = os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe must not keep us waiting
    try:
        try:
            fd, writable = os.open(path, flags | os.O_RDWR), True
        except OSError as error:
            if error.errno not in _NO_PERMISSION:
                raise
            fd, writable = os.open(path, flags | os.O_RDONLY), False
        if fd <= _STANDARD_STREAMS:
            fd = _moved_away(fd)
    except FileNotFoundError:
        raise
    except OSError as error:
        problem = "it is a symbolic link" if error.errno == errno.ELOOP else reason(error)
        raise UnsupportedJournal(path, f"this is no file that can hold a journal: {problem}") from error
    try:
        regular = stat.S_ISREG(os.fstat(fd).st_mode)
    except OSError as error:
        os.close(fd)
        raise unreadable(path, error) from error
    if not regular:
        os.close(fd)
        raise UnsupportedJournal(path, "this is no file that can hold a journal: it is no regular file")
    return fd, writable


def _moved_away(fd: int) -> int:
    """A descriptor that is no standard stream's, instead of `fd`: libraries write to those, closed by then or not."""
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _STANDARD_STREAMS + 1)
    finally:
        os.close(fd)


class OpenFile:
    """What one process knows of a journal file.

    Readers take no lock: marks are facts that stay true. Writers hold the mutex against the threads of their process
    and the kernel's lock on the file against other processes; it ends with the process that holds it, however that
    dies. Syncs need neither, so that one of them serves every thread that wrote before it began. A journal that was
    made where nothing can be locked is written by claims instead, for ever and from everywhere: see `file_claims`.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = -1
        self.fd, self.writable = open_regular(path)
        try:
            status = os.fstat(self.fd)
        except OSError as error:
            raise unreadable(path, error) from error
        self.identity = status.st_dev, status.st_ino
        self.head = START
        self._claims_directory = self._find_claims()
        self._claims = (
            None if self._claims_directory is None else ClaimedFile(path, self._claims_directory, self.identity)
        )
        self._mutex = threading.Lock()
        self._unsettled = False
        self._sync_lock = threading.Lock()
        self._synced = 0
        self._sync_failure: str | None = None

    def __del__(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)

    def _find_claims(self) -> str | None:
        try:
            directory = claims_directory(self.path, os.pread(self.fd, 8, 0))
            if directory is None or not stat.S_ISDIR(os.stat(directory, follow_symlinks=False).st_mode):
                return None
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ENAMETOOLONG}:  # there is none, nor could there be
                return None
            raise unreadable(self.path, error) from error
        return directory

    def size(self) -> int:
        """How many bytes the file has.

        Raises:
            UnsupportedJournal: the system failed to say.
        """
        try:
            return os.fstat(self.fd).st_size
        except OSError as error:
            raise unreadable(self.path, error) from error

    def read_from(self, start: Mark, size: int) -> tuple[list[AnyEvent], Mark]:
        """See `read_records`. `size` is what the file has at least.

        Raises:
            UnsupportedJournal: as there, or the system failed to read it.
        """
        try:
            if size < start.offset:
                line = line_number(self.fd, size)
                raise JournalCorrupted(self.path, line, size, "the file ends here, before records that it had already")
            return read_records(self.fd, self.path, start)
        except OSError as error:
            raise unreadable(self.path, error) from error

    def add(self, line: bytes, *, expected: int, length: int, lock_timeout: float) -> Mark:
        """Append the record `line`, which brings the journal from `expected` to `length` events; an empty line checks.

        Returns:
            The new end of the journal.

        Raises:
            As `hpo.journal.storage.Journal.append`.
        """
        deadline = time.monotonic() + lock_timeout
        with self._mutex:
            self._refuse_after_failed_sync()
            if self._unsettled:
                raise OutcomeUnknown(self.path, "it was interrupted")
            if not self.writable:
                raise JournalUnwritable(self.path, "it may only be read")
            if self._claims is not None:
                return self._add_by_claim(self._claims, line, expected)
            try:
                self._lock(deadline, lock_timeout)
                end = self._end(expected)
                if line:
                    self._write(line, end.offset)
                    end = Mark(length, end.offset + len(line))
                self.head = end
                return end
            finally:
                try:  # not in a function of its own: an interrupt could come between the call and the unlocking
                    fcntl.flock(self.fd, fcntl.LOCK_UN)
                except OSError as error:  # what was appended stands; a new description of the file holds no lock
                    self._replace_description(error)

    def _add_by_claim(self, claims: ClaimedFile, line: bytes, expected: int) -> Mark:
        if claims.unsettled is not None:
            raise OutcomeUnknown(self.path, claims.unsettled)
        self.head = end = claims.add(line, head=self.head, expected=expected)
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
        """Unlink the file, when no writer is at work on it, and what there is for claims.

        Raises:
            JournalBusy, JournalMoved, JournalUnwritable: it is as it was.
        """
        with self._mutex:
            try:
                if self._claims is None:
                    self._lock(time.monotonic() + lock_timeout, lock_timeout)
                self._size()
                try:
                    os.unlink(self.path)
                except OSError as error:
                    raise JournalUnwritable(self.path, reason(error)) from error
            finally:
                self._unlock()
        if self._claims_directory is not None:
            remove_claims(self._claims_directory)

    def fill_with(self, other: str, *, lock_timeout: float) -> None:
        """Put the file `other` in the place of this one, if this one is still empty.

        Raises:
            FileExistsError: it is not.
            JournalBusy: it was locked for too long.
            OSError: the system refused it.
        """
        with self._mutex:
            try:
                if not self._size():  # else it never will be empty again: nothing to wait for
                    self._lock(time.monotonic() + lock_timeout, lock_timeout)
                if self._size():
                    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self.path)
                os.rename(other, self.path)
            except JournalMoved:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self.path) from None
            finally:
                self._unlock()

    def _unlock(self) -> None:
        """Let the lock go, now or with the descriptor, if there is one."""
        with contextlib.suppress(OSError):
            fcntl.flock(self.fd, fcntl.LOCK_UN)

    def _refuse_after_failed_sync(self) -> None:
        if self._sync_failure is not None:
            raise OutcomeUnknown(self.path, self._sync_failure)

    def _lock(self, deadline: float, lock_timeout: float) -> None:
        pause, chance = _SHORTEST_PAUSE, None
        while True:
            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if (late := time.monotonic() - deadline) > 0:
                    raise JournalBusy(self.path, lock_timeout + late, lock_holder(self.fd)) from None
            except OSError as error:
                raise JournalUnwritable(self.path, f"it can't be locked: {reason(error)}") from error
            else:
                return
            chance = chance or random.Random()  # noqa: S311 - not the global one: its numbers are the user's
            time.sleep(chance.uniform(_SHORTEST_PAUSE, pause))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _size(self) -> int:
        """The size of the file, under the lock, if it is still the one that the path leads to."""
        try:
            status = os.stat(self.path, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise JournalMoved(self.path) from error
        except OSError as error:
            raise not_added(self.path, error) from error
        if (status.st_dev, status.st_ino) != self.identity:
            raise JournalMoved(self.path)
        return status.st_size

    def _end(self, expected: int) -> Mark:
        """The end of the journal, under the lock, with nothing torn behind it."""
        size, end = self._size(), self.head
        if size != end.offset:
            end = self.read_from(end, size)[1]
        if end.sequence != expected:
            raise Conflict(expected, end.sequence)
        if size > end.offset:
            self._cut(end.offset, size)
        return end

    def _cut(self, offset: int, size: int) -> None:
        """Take off what is torn, and keep it in a file beside the journal."""
        try:
            keep_torn(self.path, offset, os.pread(self.fd, size - offset, offset))
            os.ftruncate(self.fd, offset)
        except OSError as error:
            raise not_added(self.path, error) from error

    def _write(self, line: bytes, offset: int) -> None:
        """Append `line` at `offset`, the end, all or nothing, whatever comes in between."""
        self._unsettled = True  # pessimism: it stays if even the settling below is cut short
        try:
            rest = memoryview(line)
            while rest:  # once, but where a disk or a quota fills up: the second attempt says which
                rest = rest[os.write(self.fd, rest) :]
        except BaseException as error:
            self._settle(error, offset, len(line))
            raise
        self._unsettled = False

    def _settle(self, error: BaseException, offset: int, n: int) -> None:
        """After an interrupt or error in `_write`: leave the file with all or nothing of the record, and know which."""
        try:
            if isinstance(error, OSError) or os.fstat(self.fd).st_size < offset + n:
                os.ftruncate(self.fd, offset)  # no reader takes part of a record for one
        except OSError as second:
            raise OutcomeUnknown(self.path, reason(second)) from error
        self._unsettled = False
        if isinstance(error, OSError):
            raise not_added(self.path, error) from error

    def _replace_description(self, error: OSError) -> None:
        """Close the description that can't be unlocked, under a descriptor that readers go on using."""
        try:
            fd, _ = open_regular(self.path)
            if os.path.sameopenfile(fd, self.fd):
                os.dup2(fd, self.fd, inheritable=False)
            else:
                self._sync_failure = f"it can't be unlocked: {reason(error)}"
            os.close(fd)
        except (OSError, UnsupportedJournal):
            self._sync_failure = f"it can't be unlocked: {reason(error)}"
