"""The two ways of appending to a journal file: under the kernel's lock, or by claims if there are no locks.

The choice is made when the journal is created, and binds all later writers. Locks are here; `claims` has the other way.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from functools import partial
from typing import Protocol

from hpo.errors import Conflict, JournalMoved, JournalUnwritable, OutcomeUnknown, UnsupportedJournal
from hpo.journal.disk import not_added, open_regular, pread, reason, size_of_same
from hpo.journal.file.claims import ClaimedFile, claims_in_use, make_claims_directory, remove_claims
from hpo.journal.file.lines import Mark, check_still_there, keep_torn, place, read_after
from hpo.journal.locks import HAS_FLOCK, Waiting, lock_holder
from hpo.journal.records import Draft

if HAS_FLOCK:
    import fcntl


class Appender(Protocol):
    """Gives each place in a journal file to one record. One thread at a time."""

    failure: str | None
    """Why this object appends no more: it is not known what became of the last append. None if it is."""

    @property
    def syncs(self) -> bool:
        """Whether a record that was appended survives a power failure at once."""
        ...

    def append(self, draft: Draft, *, head: Mark, expected: int, waiting: Waiting) -> Mark:
        """Append the record `draft` after `expected` events; one without a payload only checks their number.

        Args:
            draft: The record.
            head: The end of any record of the journal.
            expected: How many events the journal has.
            waiting: The pauses while others append.

        Returns:
            The new end of the journal.

        Raises:
            Conflict, JournalBusy, JournalFull, JournalMoved, JournalUnwritable: nothing was added.
            JournalCorrupted, UnreadableEvents, UnsupportedJournal: the journal can't be read; nothing was added.
            OutcomeUnknown: the record may or may not be there.
        """
        ...

    def remove(self, waiting: Waiting) -> None:
        """Remove the journal while no writer appends to it, together with the files that writers need.

        Raises:
            JournalBusy, JournalMoved, JournalUnwritable: it is as it was.
        """
        ...


def appender_of(path: str, fd: int, identity: tuple[int, int]) -> Appender:
    """Return how records are appended to the journal `path`.

    Args:
        path: The journal.
        fd: A descriptor of it.
        identity: Device and number of the file.

    Raises:
        UnsupportedJournal: the system failed to say.
    """
    directory = claims_in_use(path, fd)
    return LockedFile(path, fd, identity) if directory is None else ClaimedFile(path, directory, identity)


def decide_appender(draft: str, fd: int, path: str) -> Callable[[], None]:
    """Decide how records will be appended to a new journal.

    Args:
        draft: Where it is until it is whole.
        fd: A descriptor of it.
        path: Where it will be.

    Returns:
        A function that takes the decision back, if the journal does not get there.

    Raises:
        OSError: the system refused it.
    """
    if can_lock(fd):
        return _nothing
    return partial(remove_claims, make_claims_directory(draft, path))


def _nothing() -> None:
    """Take back what needed no preparation."""


_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS})
"""The errors of `fcntl.flock` on a file system without locks."""


def can_lock(fd: int) -> bool:
    """Return whether the file system of the file `fd` has locks; if it has, the file is locked.

    Raises:
        OSError: the system failed to say.
    """
    if not HAS_FLOCK:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return False
        raise
    return True


class LockedFile:
    """Appends to a journal file under a lock, which ends with the process that holds it, however that dies.

    The methods are those of `hpo.journal.file.appending.Appender`, which states their contracts.

    Args:
        path: The journal.
        fd: A descriptor of it that appends.
        identity: Device and number of the file.
    """

    syncs = False

    def __init__(self, path: str, fd: int, identity: tuple[int, int]) -> None:
        self._path = path
        self._fd = fd
        self._identity = identity
        self.failure: str | None = None

    def append(self, draft: Draft, *, head: Mark, expected: int, waiting: Waiting) -> Mark:
        """Append the record `draft` after `expected` events; see `Appender.append`."""
        try:
            self._lock(waiting)
            end = self._end(head, expected)
            if draft.payload:
                line, after = place(draft, end)
                self._write(line, end.offset)
                end = after
            return end
        finally:
            try:  # not in a function of its own: an interrupt could come between the call and the unlocking
                if HAS_FLOCK:
                    fcntl.flock(self._fd, fcntl.LOCK_UN)
            except OSError as error:  # what was appended stands; a new description of the file holds no lock
                self._replace_description(error)

    def remove(self, waiting: Waiting) -> None:
        """Remove the journal while no writer appends to it, with the errors of `Appender.remove`."""
        try:
            self._lock(waiting)
            size_of_same(self._path, self._identity)
            try:
                os.unlink(self._path)
            except OSError as error:
                raise JournalUnwritable(self._path, reason(error)) from error
        finally:
            self._unlock()

    def fill_with(self, other: str, waiting: Waiting) -> None:
        """Put the file `other` in the place of this one, if this one is still empty.

        Raises:
            FileExistsError: it is not.
            JournalBusy: it was locked for too long.
            OSError: the system refused it.
        """
        try:
            if not self._size():  # else it never will be empty again: nothing to wait for
                self._lock(waiting)
            if self._size():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self._path)
            os.rename(other, self._path)
        except JournalMoved:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self._path) from None
        finally:
            self._unlock()

    def _size(self) -> int:
        return size_of_same(self._path, self._identity)

    def _lock(self, waiting: Waiting) -> None:
        if not HAS_FLOCK:
            raise JournalUnwritable(
                self._path,
                "its writers take turns by a lock that this system does not have: copy the study to a new file with "
                "hpo.copy_study, or write to it where it was created",
            )
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting.pause(lambda: lock_holder(self._fd))
            except OSError as error:
                raise JournalUnwritable(self._path, f"it can't be locked: {reason(error)}") from error
            else:
                return

    def _unlock(self) -> None:
        """Release the lock, now or with the descriptor, if it is held."""
        if not HAS_FLOCK:
            return
        with contextlib.suppress(OSError):
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _end(self, head: Mark, expected: int) -> Mark:
        """Return the end of the journal, under the lock, with nothing torn behind it."""
        size, end = size_of_same(self._path, self._identity), head
        check_still_there(self._fd, self._path, head, size)
        if size != end.offset:
            end = read_after(self._fd, self._path, end)[1]
        if end.sequence != expected:
            raise Conflict(expected, end.sequence)
        if size > end.offset:
            self._cut(end.offset, size)
        return end

    def _cut(self, offset: int, size: int) -> None:
        """Take off what is torn, and keep it in a file beside the journal."""
        try:
            keep_torn(self._path, offset, pread(self._fd, size - offset, offset))
            os.ftruncate(self._fd, offset)
        except OSError as error:
            raise not_added(self._path, error) from error

    def _write(self, line: bytes, offset: int) -> None:
        """Append `line` at `offset`, the end, all or nothing, whatever comes in between."""
        self.failure = "it was interrupted"  # pessimism: it stays if even the settling below is cut short
        try:
            rest = memoryview(line)
            while rest:  # once, unless a disk or a quota is full: then the second attempt says which
                rest = rest[os.write(self._fd, rest) :]
        except BaseException as error:
            self._settle(error, offset, len(line))
            raise
        self.failure = None

    def _settle(self, error: BaseException, offset: int, n: int) -> None:
        """After an interrupt or error in `_write`: leave the file with all or nothing of the record, and know which."""
        try:
            if isinstance(error, OSError) or os.fstat(self._fd).st_size < offset + n:
                os.ftruncate(self._fd, offset)  # no reader takes part of a record for one
        except OSError as second:
            raise OutcomeUnknown(self._path, reason(second)) from error
        self.failure = None
        if isinstance(error, OSError):
            raise not_added(self._path, error) from error

    def _replace_description(self, error: OSError) -> None:
        """Close the description that can't be unlocked, under a descriptor that readers go on using."""
        try:
            fd, _ = open_regular(self._path)
            if os.path.sameopenfile(fd, self._fd):
                os.dup2(fd, self._fd, inheritable=False)
            else:
                self.failure = f"it can't be unlocked: {reason(error)}"
            os.close(fd)
        except (OSError, UnsupportedJournal):
            self.failure = f"it can't be unlocked: {reason(error)}"
