"""Appending where the file system has no locks: by claims, which are files that appear whole, and once.

    <journal>.claims-<checksum of its first record>/<n>        the record that follows event n, and who claimed the place

A claim is written under another name and then linked to this one. Links are atomic, and only the first one to a name
succeeds: that is the append. The record is then copied to where it belongs in the journal, by whoever comes first, and as
often as anybody likes: the same bytes at the same place change nothing. So a writer that dies or stops in the middle
keeps nobody waiting, and one that goes on after a day finds its place taken, or writes what is there already. There is
no lease that could run out, no clock, and nothing to break.

What has to hold for that:

- Nothing is ever cut off: a torn end that nobody has claimed is covered by the next record, with spaces.
- A place is claimed only while the journal ends there. So drafts of claims for earlier places are removed before those
  claims are, and a writer looks at the journal again when its draft is there: it either sees that the journal has gone
  on, or finds its draft removed. Directory listings that are out of date could miss a draft, as those of network file
  systems may be; so it looks once more when it has the claim.
- The journal is opened anew for each look: network file systems promise that this shows what others have synced.
"""

# Descriptors, flags and error numbers are those of os, and so are paths.
from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import socket
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

import msgspec

from hpo.errors import (
    Conflict,
    HpoError,
    JournalCorrupted,
    JournalFull,
    JournalMoved,
    JournalUnwritable,
    OutcomeUnknown,
    UnsupportedJournal,
)
from hpo.journal.file.record import LONGEST, DamagedRecord, unpack
from hpo.journal.file.scan import Mark, line_number, read_records
from hpo.journal.file.torn import keep_torn, write_all

NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS})
"""What a file system without locks answers to who asks for one."""

_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})
_CHECKSUM = re.compile(rb"[0-9a-f]{8}")
_NAME = re.compile(r"([0-9]{1,19})(\.[0-9a-f]{16}\.draft)?")


class Claim(NamedTuple):
    """What is in a claim: who made it, and the line for the journal with its line end."""

    owner: dict[str, str | int]
    record: bytes


def claims_directory(path: str, beginning: bytes) -> str | None:
    """Where the claims for the journal `path` are, which begins with these 8 bytes or more; None for no journal.

    Example:
        >>> claims_directory("s.jsonl", b'd74716d1 3 [["st')
        's.jsonl.claims-d74716d1'
    """
    checksum = _CHECKSUM.match(beginning)
    return None if checksum is None else f"{path}.claims-{checksum[0].decode()}"


def remove_claims(directory: str) -> None:
    """Remove the claims for a journal that is no more; what the system refuses stays."""
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):
            if _NAME.fullmatch(name):
                os.unlink(os.path.join(directory, name))
        os.rmdir(directory)


class ClaimedFile:
    """Appends to a journal file by claims. One thread at a time.

    Args:
        path: The journal.
        directory: Where its claims are.
        identity: Device and number of the file that `path` leads to.
    """

    def __init__(self, path: str, directory: str, identity: tuple[int, int]) -> None:
        self._path = path
        self._directory = directory
        self._identity = identity
        self.unsettled: str | None = None
        """Why it is not known whether the last append was done; None if it is."""

    def add(self, line: bytes, *, head: Mark, expected: int) -> Mark:
        """Append the record `line` after `expected` events, durably; an empty line checks.

        Args:
            line: The record with its line end.
            head: The end of any record of the journal.
            expected: How many events the journal has.

        Returns:
            The end of the record, or of the journal for an empty line.

        Raises:
            Conflict, JournalFull, JournalMoved, JournalUnwritable: nothing was added.
            JournalCorrupted, UnreadableEvents, UnsupportedJournal: the journal can't be read; nothing was added.
            OutcomeUnknown: the record is claimed, and may not have got to its place.
        """
        if not line:
            return self._checked(head, expected)
        token = secrets.token_hex(8)
        draft = self._place(f"{expected}.{token}.draft")
        try:
            fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        except OSError as error:
            raise self._not_added(error) from error
        torn = None
        try:
            try:
                try:
                    end, torn, line = self._prepared(line, head, expected)
                    write_all(fd, _claim_text(token, line))
                    os.fsync(fd)
                finally:
                    os.close(fd)
            except OSError as error:
                raise self._not_added(error) from error
            return self._claimed(draft, token, line, end)
        except (Conflict, JournalFull, JournalMoved, JournalUnwritable):
            _unlink(torn)  # nothing was added: it is where it was, or is no torn end but somebody's record
            raise
        finally:
            _unlink(draft)

    def _prepared(self, line: bytes, head: Mark, expected: int) -> tuple[Mark, str | None, bytes]:
        """The end of the journal, where `expected` says; what is torn there, saved; and `line`, long enough to cover it."""
        with self._opened() as fd:
            end = self._end(fd, head)
            if end.sequence != expected:
                raise Conflict(expected, end.sequence)
            self._finish_other(head, expected)
            rest = os.fstat(fd).st_size - end.offset
            if rest <= 0:
                return end, None, line
            torn = keep_torn(self._path, end.offset, os.pread(fd, rest, end.offset))
            return end, torn, _padded(line, rest)  # of a torn end that is longer than a record may be, the rest stays

    def _checked(self, head: Mark, expected: int) -> Mark:
        with self._opened() as fd:
            end = self._end(fd, head)
        if end.sequence != expected:
            raise Conflict(expected, end.sequence)
        self._finish_other(head, expected)
        return end

    def _claimed(self, draft: str, token: str, line: bytes, end: Mark) -> Mark:
        """Link the draft to the place after `end`, and bring its record there; where another was faster, its one."""
        won, self.unsettled = False, "it was interrupted"
        try:
            won = self._link(draft, token, end.sequence)
            if won:
                self._bring(line, end)
        except (HpoError, OSError) as error:
            self.unsettled = None
            if not won or isinstance(error, Conflict):
                raise
            self.unsettled = str(error)
            raise OutcomeUnknown(self._path, self.unsettled) from error
        except BaseException as error:  # an interrupt: all or nothing
            self._settle(error, token, line, end)
            raise
        self.unsettled = None
        if not won:
            self._finish_other(end, end.sequence)
            raise Conflict(end.sequence, self._checked_length(end))
        self._clean(end.sequence)
        return Mark(unpack(line[:-1])[0], end.offset + len(line))

    def _link(self, draft: str, token: str, sequence: int) -> bool:
        """Whether the draft has become the claim."""
        try:
            os.link(draft, self._place(sequence))
        except (FileExistsError, FileNotFoundError) as error:  # or the answer to a first link was lost
            if isinstance(error, FileNotFoundError) and not os.path.isdir(self._directory):
                raise JournalMoved(self._path) from None
            claim = self._read(sequence)
            return claim is not None and claim.owner.get("token") == token
        except OSError as error:
            if error.errno in _NO_LINKS:
                problem = f"its file system has neither locks nor links: {error.strerror}"
                raise JournalUnwritable(self._path, problem) from error
            raise self._not_added(error) from error
        return True

    def _bring(self, line: bytes, end: Mark) -> None:
        """Copy our claimed record to its place, unless somebody did that for us.

        Raises:
            Conflict: the place was taken long ago, and its claim removed.
        """
        with self._opened(writable=True) as fd:
            actual = self._end(fd, end)
            if actual.sequence > end.sequence:
                if os.pread(fd, len(line), end.offset) != line:
                    _unlink(self._place(end.sequence))
                    raise Conflict(end.sequence, actual.sequence)
            else:
                _write_at(fd, line, end.offset)
            os.fsync(fd)

    def _finish_other(self, head: Mark, sequence: int) -> None:
        """Bring the record that somebody claimed to follow event `sequence` to its place, if it is not there.

        Raises:
            Conflict: somebody did.
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
        """After an interrupt: finish what was claimed, and know whether it was."""
        try:
            claim = self._read(end.sequence)
            if claim is not None and claim.owner.get("token") == token:
                with contextlib.suppress(Conflict):
                    self._bring(line, end)
        except (HpoError, OSError) as second:
            raise OutcomeUnknown(self._path, str(second)) from error
        self.unsettled = None

    def _read(self, sequence: int) -> Claim | None:
        """The claim for the place after event `sequence`; None where there is none.

        Raises:
            JournalCorrupted: it is damaged; nothing can be added before somebody has looked at it.
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
            length, _ = unpack(record.removesuffix(b"\n"))
            claim = Claim(msgspec.json.decode(owner, type=dict[str, str | int]), record)
        except (DamagedRecord, msgspec.DecodeError) as error:
            raise JournalCorrupted(name, 2, len(owner) + 1, f"this claim is damaged: {error}") from None
        if length <= sequence or not record.endswith(b"\n"):
            raise JournalCorrupted(name, 2, len(owner) + 1, "this claim is damaged: it is for another place")
        return claim

    def _clean(self, before: int) -> None:
        """Remove what is left of the claims for earlier places: drafts first, see above."""
        with contextlib.suppress(OSError):
            found = [match for name in os.listdir(self._directory) if (match := _NAME.fullmatch(name))]
            old = [match for match in found if int(match[1]) < before]
            for match in sorted(old, key=lambda match: match[2] is None):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._place(match[0]))

    @contextlib.contextmanager
    def _opened(self, *, writable: bool = False) -> Iterator[int]:
        """The journal, opened anew.

        Raises:
            JournalMoved: it is gone, or another file.
            JournalUnwritable: the system refused it.
        """
        mode = os.O_RDWR if writable else os.O_RDONLY
        try:
            fd = os.open(self._path, mode | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
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
            with contextlib.suppress(OSError):  # what matters was synced
                os.close(fd)

    def _end(self, fd: int, head: Mark) -> Mark:
        """The end of the last record; `head` is that of an earlier one."""
        try:
            size = os.fstat(fd).st_size
            if size < head.offset:
                line = line_number(fd, size)
                raise JournalCorrupted(self._path, line, size, "the file ends here, before records that it had already")
            return read_records(fd, self._path, head)[1]
        except OSError as error:
            raise UnsupportedJournal(self._path, f"it can't be read: {error.strerror or error}") from error

    def _place(self, name: int | str) -> str:
        return os.path.join(self._directory, str(name))

    def _not_added(self, error: OSError) -> JournalFull | JournalMoved | JournalUnwritable:
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
            return JournalMoved(self._path)
        full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        return (JournalFull if full else JournalUnwritable)(self._path, error.strerror or str(error))


def _claim_text(token: str, line: bytes) -> bytes:
    owner = {"host": socket.gethostname(), "pid": os.getpid(), "token": token}
    return msgspec.json.encode(owner) + b"\n" + line


def _padded(line: bytes, length: int) -> bytes:
    """The same record, in at least `length` bytes."""
    body = line[9:-1] + b" " * (min(length, LONGEST) - len(line))
    return b"%08x %s\n" % (crc32(body), body)


def _write_at(fd: int, content: bytes, offset: int) -> None:
    rest = memoryview(content)
    while rest:
        written = os.pwrite(fd, rest, offset)
        rest, offset = rest[written:], offset + written


def _unlink(path: str | None) -> None:
    """Remove a file; should the system refuse that, it is in nobody's way."""
    if path is not None:
        with contextlib.suppress(OSError):
            os.unlink(path)
