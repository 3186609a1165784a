"""What SQLite answers, as what a caller should know."""

from __future__ import annotations

import sqlite3

from hpo.errors import HpoError, InvalidArgument, JournalCorrupted, JournalFull, JournalUnwritable, UnsupportedJournal

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_REFUSED = {
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection stood in the way, so that trying again may help."""
    return _code(error) & 0xFF in _BUSY


def is_undecided(error: sqlite3.Error) -> bool:
    """Whether a commit that failed with `error` may be on the disk: its records were written, but not synced.

    A write that failed, for lack of room or otherwise, left a record without its end, which nobody takes for one.
    """
    code = _code(error)
    return code & 0xFF == sqlite3.SQLITE_IOERR and code != sqlite3.SQLITE_IOERR_WRITE


def is_kept_from_writing(error: sqlite3.Error) -> bool:
    """Whether SQLite could not make the files that it wants beside a database."""
    return _code(error) & 0xFF in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}


def translated(error: sqlite3.Error, path: str) -> HpoError:
    """`error` as one of the library's: nothing was added to the database `path`."""
    kind = _code(error) & 0xFF
    if kind == sqlite3.SQLITE_FULL:
        return JournalFull(path, str(error))
    if kind in _REFUSED:
        return JournalUnwritable(path, str(error))
    if kind == sqlite3.SQLITE_CORRUPT:
        return corrupted(path, f"{error}: restore a copy, or save what is left with `sqlite3 {path} .recover`")
    if kind == sqlite3.SQLITE_NOTADB:
        return UnsupportedJournal(path, "this is no SQLite database, and was left as it is")
    if kind == sqlite3.SQLITE_TOOBIG:
        return InvalidArgument(f"a record is too long for {path}: {error}")
    return UnsupportedJournal(path, f"SQLite can't work with this database: {error}")


def corrupted(path: str, problem: str) -> JournalCorrupted:
    """The error for damage in the database `path`, which has no lines to name."""
    return JournalCorrupted(path, None, None, problem)


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)  # errors of the Python module have none
