"""Append to a journal file by claims, on file systems without locks. A claim is a file that appears whole, and once.

    <journal>.claims-<checksum of its first record>/<n>        the record that follows event n, and the writer that
    claimed the place

A claim is written under another name and then linked to this one. Links are atomic, and only the first link to a name
succeeds: that is the append. The record is then copied to its place in the journal by the first writer that gets there.
Others may repeat that, because the same bytes at the same place change nothing. So a writer that dies or stops halfway
delays no other, and one that resumes after a day finds its place taken, or writes the bytes that are there already.
No lease can expire, no clock is read, and no stale lock has to be broken.

This is correct under three conditions:

- The journal is never truncated. If a record is torn and its place is unclaimed, the next record overwrites it: the
  writer saves the torn bytes in a file, and pads its own record with spaces until it is at least as long.
- A place is claimed only while the journal ends there. So drafts of claims for earlier places are removed before those
  claims are, and a writer reads the journal again once its draft exists: it either sees that the journal has grown, or
  finds its draft removed. A stale directory listing, as network file systems may return it, could miss a draft; so the
  writer checks once more when it has the claim.
- The journal is opened anew for each read: network file systems guarantee that this shows what others have synced.

`hpo.journal.file.appending.Appender` states what this module has to implement.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import socket
import stat
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from hpo.errors import (
    Conflict,
    HpoError,
    JournalCorrupted,
    JournalFull,
    JournalMoved,
    JournalUnwritable,
    OutcomeUnknown,
)
from hpo.journal.disk import (
    CLOEXEC,
    NO_LINKS,
    NOFOLLOW,
    NONBLOCK,
    not_added,
    pread,
    pwrite,
    reason,
    size_of_same,
    unreadable,
    write_all,
)
from hpo.journal.file.lines import Mark, check_still_there, keep_torn, place, read_after, unpack
from hpo.journal.locks import Waiting
from hpo.journal.records import DamagedRecord, Draft

_CHECKSUM = re.compile(rb"[0-9a-f]{8}")
_NAME = re.compile(r"([0-9]{1,19})(\.[0-9a-f]{16}\.draft)?")


class Claim(NamedTuple):
    """The content of a claim: its owner, and the line for the journal with its line end."""

    owner: dict[str, str | int]
    record: bytes


def claims_directory(path: str, beginning: bytes) -> str | None:
    """Return the directory of the claims for the journal `path`, or None if it is not a journal.

    Args:
        path: The path of the journal.
        beginning: At least the first 8 bytes of the journal.

    Example:
        >>> claims_directory("s.jsonl", b'd74716d1 3 [["st')
        's.jsonl.claims-d74716d1'
    """
    checksum = _CHECKSUM.match(beginning)
    return None if checksum is None else f"{path}.claims-{checksum[0].decode()}"


def claims_in_use(path: str, fd: int) -> str | None:
    """Return the directory of the claims for the journal `path`, or None if it is written without claims.

    Args:
        path: The path of the journal.
        fd: A file descriptor of the journal.

    Raises:
        UnsupportedJournal: the system cannot read the journal or look for the directory.
    """
    try:
        directory = claims_directory(path, pread(fd, 8, 0))
        if directory is None or not stat.S_ISDIR(os.stat(directory, follow_symlinks=False).st_mode):
            return None
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENAMETOOLONG}:  # no such directory, nor could there be
            return None
        raise unreadable(path, error) from error
    return directory


def make_claims_directory(draft: str, path: str) -> str:
    """Make the directory that tells all writers of the journal `draft` to use claims once it is at `path`.

    Returns:
        The directory for the claims.

    Raises:
        OSError: the system refused it.
    """
    with open(draft, "rb") as file:
        directory = claims_directory(path, file.read(8))
    assert directory is not None  # it begins with a record
    with contextlib.suppress(FileExistsError):
        os.mkdir(directory)
    return directory


def remove_claims(directory: str) -> None:
    """Remove the claims for a journal that was removed; files that the system refuses to remove stay."""
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):
            if _NAME.fullmatch(name):
                os.unlink(os.path.join(directory, name))
        os.rmdir(directory)


class ClaimedFile:
    """Appends to a journal file by claims.

    Args:
        path: The journal.
        directory: The directory of its claims.
        identity: The device and inode of the file that `path` leads to.
    """

    syncs = True

    def __init__(self, path: str, directory: str, identity: tuple[int, int]) -> None:
        self._path = path
        self._directory = directory
        self._identity = identity
        self.failure: str | None = None

    def append(self, draft: Draft, *, head: Mark, expected: int, waiting: Waiting) -> Mark:
        """Append the record `draft` after `expected` events, with the errors of `Appender.append`.

        This never waits for other writers, and `OutcomeUnknown` means that the record has its claim.
        """
        if not draft.payload:
            return self._checked(head, expected)
        token = secrets.token_hex(8)
        unlinked = self._place(f"{expected}.{token}.draft")
        try:
            fd = os.open(unlinked, os.O_WRONLY | os.O_CREAT | os.O_EXCL | CLOEXEC | NOFOLLOW, 0o666)
        except OSError as error:
            raise self._not_added(error) from error
        torn = None
        try:
            try:
                try:
                    end, torn, n_torn = self._prepared(head, expected)
                    line, after = place(draft, end, least=n_torn)  # of a longer torn end, the rest stays
                    write_all(fd, _claim_text(token, line))
                    os.fsync(fd)
                finally:
                    os.close(fd)
            except OSError as error:
                raise self._not_added(error) from error
            return self._claimed(unlinked, token, line, (end, after))
        except (Conflict, JournalFull, JournalMoved, JournalUnwritable):
            _unlink(torn)  # nothing was added: the bytes are still torn, or another writer's record
            raise
        finally:
            _unlink(unlinked)

    def remove(self, waiting: Waiting) -> None:
        """Remove the journal while no writer appends to it, with the errors of `Appender.remove`."""
        size_of_same(self._path, self._identity)
        try:
            os.unlink(self._path)
        except OSError as error:
            raise JournalUnwritable(self._path, reason(error)) from error
        remove_claims(self._directory)

    def _prepared(self, head: Mark, expected: int) -> tuple[Mark, str | None, int]:
        """Return the end of the journal after `expected` events, the file with its torn bytes, and their number."""
        with self._opened() as fd:
            end = self._end(fd, head)
            if end.sequence != expected:
                raise Conflict(expected, end.sequence)
            self._finish_other(head, expected)
            rest = os.fstat(fd).st_size - end.offset
            if rest <= 0:
                return end, None, 0
            return end, keep_torn(self._path, end.offset, pread(fd, rest, end.offset)), rest

    def _checked(self, head: Mark, expected: int) -> Mark:
        with self._opened() as fd:
            end = self._end(fd, head)
        if end.sequence != expected:
            raise Conflict(expected, end.sequence)
        self._finish_other(head, expected)
        return end

    def _claimed(self, unlinked: str, token: str, line: bytes, marks: tuple[Mark, Mark]) -> Mark:
        """Link the draft of a claim to its place and copy its record there; or finish what a faster writer claimed.

        Args:
            unlinked: The path of the draft.
            token: A random string that tells it from other writers' drafts.
            line: The record with its line end.
            marks: The ends of the journal before and after the record.
        """
        end, after = marks
        won, self.failure = False, "it was interrupted"
        try:
            won = self._link(unlinked, token, end.sequence)
            if won:
                self._bring(line, end)
        except (HpoError, OSError) as error:
            self.failure = None
            if not won or isinstance(error, Conflict):
                raise
            self.failure = str(error)
            raise OutcomeUnknown(self._path, self.failure) from error
        except BaseException as error:  # an interrupt: all or nothing
            self._settle(error, token, line, end)
            raise
        self.failure = None
        if not won:
            self._finish_other(end, end.sequence)
            raise Conflict(end.sequence, self._checked_length(end))
        self._clean(end.sequence)
        return after

    def _link(self, unlinked: str, token: str, sequence: int) -> bool:
        """Link the draft `unlinked` to the place after event `sequence`, and return whether it got there."""
        try:
            os.link(unlinked, self._place(sequence))
        except (FileExistsError, FileNotFoundError) as error:  # or the answer to a first link was lost
            if isinstance(error, FileNotFoundError) and not os.path.isdir(self._directory):
                raise JournalMoved(self._path) from None
            claim = self._read(sequence)
            return claim is not None and claim.owner.get("token") == token
        except OSError as error:
            if error.errno in NO_LINKS:
                problem = f"its file system has neither locks nor links: {error.strerror}"
                raise JournalUnwritable(self._path, problem) from error
            raise self._not_added(error) from error
        return True

    def _bring(self, line: bytes, end: Mark) -> None:
        """Copy our claimed record to its place, unless another writer did that for us.

        Raises:
            Conflict: the place was taken long ago, and its claim removed.
        """
        with self._opened(writable=True) as fd:
            actual = self._end(fd, end)
            if actual.sequence > end.sequence:
                if pread(fd, len(line), end.offset) != line:
                    _unlink(self._place(end.sequence))
                    raise Conflict(end.sequence, actual.sequence)
            else:
                _write_at(fd, line, end.offset)
            os.fsync(fd)

    def _finish_other(self, head: Mark, sequence: int) -> None:
        """Copy the record that another writer claimed to follow event `sequence` to its place, if it is not there.

        Raises:
            Conflict: another writer has claimed the place.
        """
        claim = self._read(sequence)
        if claim is None:
            return
        with self._opened(writable=True) as fd:  # after the claim was read: now it can't be one that came too late
            end = self._end(fd, head)
            if end.sequence == sequence:
                try:
                    _write_at(fd, claim.record, end.offset)
                    os.fsync(fd)
                except OSError as error:
                    raise self._not_added(error) from error
                end = self._end(fd, end)
        raise Conflict(sequence, end.sequence)

    def _checked_length(self, head: Mark) -> int:
        with self._opened() as fd:
            return self._end(fd, head).sequence

    def _settle(self, error: BaseException, token: str, line: bytes, end: Mark) -> None:
        """Find out after an interrupt whether the place was claimed, and finish the append if it was."""
        try:
            claim = self._read(end.sequence)
            if claim is not None and claim.owner.get("token") == token:
                with contextlib.suppress(Conflict):
                    self._bring(line, end)
        except (HpoError, OSError) as second:
            raise OutcomeUnknown(self._path, str(second)) from error
        self.failure = None

    def _read(self, sequence: int) -> Claim | None:
        """Return the claim for the place after event `sequence`, or None if it is not claimed.

        Raises:
            JournalCorrupted: it is damaged; nothing can be appended until that is repaired by hand.
        """
        name = self._place(sequence)
        try:
            with open(name, "rb") as file:
                text = file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._not_added(error) from error
        owner, _, record = text.partition(b"\n")
        try:
            length = unpack(record.removesuffix(b"\n")).sequence
            claim = Claim(msgspec.json.decode(owner, type=dict[str, str | int]), record)
        except (DamagedRecord, msgspec.DecodeError) as error:
            raise JournalCorrupted(name, 2, len(owner) + 1, f"this claim is damaged: {error}") from None
        if length <= sequence or not record.endswith(b"\n"):
            raise JournalCorrupted(name, 2, len(owner) + 1, "this claim is damaged: it is for another place")
        return claim

    def _clean(self, before: int) -> None:
        """Remove the claims for earlier places, drafts first, as the second condition of this module needs it."""
        with contextlib.suppress(OSError):
            found = [match for name in os.listdir(self._directory) if (match := _NAME.fullmatch(name))]
            old = [match for match in found if int(match[1]) < before]
            for match in sorted(old, key=lambda match: match[2] is None):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._place(match[0]))

    @contextlib.contextmanager
    def _opened(self, *, writable: bool = False) -> Iterator[int]:
        """Open the journal anew.

        Raises:
            JournalMoved: it was removed or replaced by another file.
            JournalUnwritable: the system refused it.
        """
        mode = os.O_RDWR if writable else os.O_RDONLY
        try:
            fd = os.open(self._path, mode | CLOEXEC | NOFOLLOW | NONBLOCK)
        except OSError as error:
            raise self._not_added(error) from error
        try:
            try:
                status = os.fstat(fd)
            except OSError as error:
                raise self._not_added(error) from error
            if (status.st_dev, status.st_ino) != self._identity:
                raise JournalMoved(self._path)
            yield fd
        finally:
            with contextlib.suppress(OSError):  # the content was synced before
                os.close(fd)

    def _end(self, fd: int, head: Mark) -> Mark:
        """Return the end of the last record; `head` is that of an earlier one."""
        try:
            size = os.fstat(fd).st_size
        except OSError as error:
            raise unreadable(self._path, error) from error
        check_still_there(fd, self._path, head, size)
        return read_after(fd, self._path, head)[1]

    def _place(self, name: int | str) -> str:
        return os.path.join(self._directory, str(name))

    def _not_added(self, error: OSError) -> JournalFull | JournalMoved | JournalUnwritable:
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
            return JournalMoved(self._path)
        return not_added(self._path, error)


def _claim_text(token: str, line: bytes) -> bytes:
    owner = {"host": socket.gethostname(), "pid": os.getpid(), "token": token}
    return msgspec.json.encode(owner) + b"\n" + line


def _write_at(fd: int, content: bytes, offset: int) -> None:
    rest = memoryview(content)
    while rest:
        written = pwrite(fd, rest, offset)
        rest, offset = rest[written:], offset + written


def _unlink(path: str | None) -> None:
    """Remove a file; one that the system refuses to remove does no harm."""
    if path is not None:
        with contextlib.suppress(OSError):
            os.unlink(path)
