"""The file of a journal database: which ones are refused, what SQLite's errors mean, and reading it where nobody may write.

SQLite keeps a log and its index beside a database, under the name by which the database was opened. Processes that open one
database by different names, through a hard link or a mount of the file alone, use different logs: each overwrites what the
other has committed. So a file that has several names is refused.

In places without write permission, such as archives and the directories of other users, the log can't be made, not even to
read. SQLite can be told that such a database does not change; this module checks that as far as possible.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from hpo.errors import (
    HpoError,
    InvalidArgument,
    JournalCorrupted,
    JournalFull,
    JournalMoved,
    JournalUnwritable,
    UnsupportedJournal,
)
from hpo.journal.disk import CLOEXEC, reason, size_of_same

_MOUNTS = "/proc/self/mountinfo"


@attrs.define(eq=False)
class Place:
    """A path, and the file that it led to when it was first opened.

    Attributes:
        path: Where the database is, absolute.
        identity: Device and number of that file, for every later connection; None before the first one.
    """

    path: str
    identity: tuple[int, int] | None = None

    def enter(self) -> None:
        """Check that the path leads to a regular file, and still to the same one.

        Raises:
            FileNotFoundError: there is nothing.
            JournalMoved: it leads to another one.
            UnsupportedJournal: it does not lead to a regular file, or the file has other names.
        """
        status = os.stat(self.path, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            raise UnsupportedJournal(self.path, "it can't be opened as a database: it is not a regular file")
        if status.st_nlink > 1:
            problem = (
                f"it has {status.st_nlink} names (hard links), and SQLite would keep a log of its own for each of them"
            )
            raise UnsupportedJournal(
                self.path, f"{problem}: remove the other names, or replace the file by a copy of it"
            )
        if _is_mount_point(self.path):
            problem = "it is mounted by itself, and SQLite would keep a log of its own for each place"
            raise UnsupportedJournal(
                self.path, f"{problem}: mount the directory that it is in, everywhere under one name"
            )
        identity = status.st_dev, status.st_ino
        if self.identity not in {None, identity}:
            raise JournalMoved(self.path)
        self.identity = identity

    def check(self) -> None:
        """Check that the path still leads to the file that is open.

        Raises:
            JournalMoved: it doesn't.
            JournalUnwritable: the system failed to say.
        """
        assert self.identity is not None  # `enter` comes first
        size_of_same(self.path, self.identity)


_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_REFUSED = {
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}


def _is_mount_point(path: str) -> bool:
    """Return whether a file is mounted by itself, as containers do; False where the system does not say."""
    try:
        with open(_MOUNTS, "rb") as mounts:
            points = {line.split(b" ", 5)[4] for line in mounts}
    except OSError:
        return False
    return _escaped(path) in points


def _escaped(path: str) -> bytes:
    return re.sub(rb"[ \t\n\\]", lambda found: b"\\%03o" % ord(found[0]), os.fsencode(os.path.realpath(path)))


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether another connection held a lock, so that trying again may help."""
    return _code(error) & 0xFF in _BUSY


def is_undecided(error: sqlite3.Error) -> bool:
    """Return whether a commit that failed with `error` may be on the disk: its records were written, but not synced.

    A write that failed, for lack of room or otherwise, left a record without its end, which SQLite ignores.
    """
    code = _code(error)
    return code & 0xFF == sqlite3.SQLITE_IOERR and code != sqlite3.SQLITE_IOERR_WRITE


def is_kept_from_writing(error: sqlite3.Error) -> bool:
    """Return whether SQLite could not make the files that it needs beside a database."""
    return _code(error) & 0xFF in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}


def translated(error: sqlite3.Error, path: str) -> HpoError:
    """Return the error of this library for `error`, after which nothing was added to the database `path`."""
    kind = _code(error) & 0xFF
    if kind == sqlite3.SQLITE_FULL or (_code(error) == sqlite3.SQLITE_IOERR_WRITE and _is_at_its_limit(path)):
        return JournalFull(path, str(error))
    if kind in _REFUSED:
        return JournalUnwritable(path, str(error))
    if kind == sqlite3.SQLITE_CORRUPT:
        return corrupted(path, f"{error}: restore a copy, or save what is left with `sqlite3 {path} .recover`")
    if kind == sqlite3.SQLITE_NOTADB:
        return UnsupportedJournal(path, "it is not an SQLite database, and was left as it is")
    if kind == sqlite3.SQLITE_TOOBIG:
        return InvalidArgument(f"a record is too long for {path}: {error}")
    return UnsupportedJournal(path, f"SQLite can't work with this database: {error}")


def unreadable(error: sqlite3.Error, path: str) -> HpoError:
    """Return the error of this library for `error`, which kept the database `path` from being read."""
    if _code(error) & 0xFF not in {*_REFUSED, sqlite3.SQLITE_FULL}:
        return translated(error, path)
    try:  # SQLite does not say why it could not open a file
        os.close(os.open(os.path.dirname(path), os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | CLOEXEC))
    except OSError as refusal:
        return UnsupportedJournal(path, f"it can't be read: {reason(refusal)}")
    return UnsupportedJournal(path, f"it can't be read: {error}")


def _is_at_its_limit(path: str) -> bool:
    """Return whether the database or its log is as large as this process may make a file: SQLite calls that any error."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return False
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    sizes = [os.path.getsize(file) for file in (path, f"{path}-wal", f"{path}-journal") if os.path.exists(file)]
    return limit != resource.RLIM_INFINITY and max(sizes, default=0) + (1 << 16) >= limit


def corrupted(path: str, problem: str) -> JournalCorrupted:
    """Return the error for damage in the database `path`, which has no lines to name."""
    return JournalCorrupted(path, None, None, problem)


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)  # errors of the Python module have none


def prepare(connection: sqlite3.Connection) -> None:
    """Make a connection trust nothing in the file, and return text as bytes.

    Raises:
        sqlite3.Error: the file can't be opened.
    """
    connection.text_factory = bytes
    connection.executescript("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")


@contextmanager
def opened_at_rest(path: str, refusal: sqlite3.Error) -> Iterator[sqlite3.Connection]:
    """Open a database for reading if its directory is not writable and no other process has it open.

    Args:
        path: The database, absolute and without links.
        refusal: The error of SQLite when it was opened as usual.

    Raises:
        sqlite3.Error: `refusal`, if it had another reason.
        UnsupportedJournal: it changed before the block ended, so the rows that were read may be inconsistent.
    """
    before = _look(path)
    if before is None or not is_kept_from_writing(refusal) or os.access(os.path.dirname(path), os.W_OK):
        raise refusal
    place = Path(path).as_uri() + "?mode=ro&immutable=1"
    connection = sqlite3.connect(place, uri=True, isolation_level=None, check_same_thread=False)
    try:
        prepare(connection)
        yield connection
    finally:
        connection.close()
    if _look(path) != before:
        raise UnsupportedJournal(path, "somebody wrote to it while it was read: read it again")


def _look(path: str) -> tuple[int, int] | None:
    """Return what changes when a database is written to, or None if it has a log, without which it is not whole."""
    if os.path.exists(f"{path}-wal"):
        return None
    status = os.stat(path)
    return status.st_mtime_ns, status.st_size
