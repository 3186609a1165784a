"""Translating errors of SQLite into those of journals."""

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
    if kind == sqlite3.SQLITE_FULL:
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


def corrupted(path: str, problem: str) -> JournalCorrupted:
    """Return the error for damage in the database `path`, which has no lines to name."""
    return JournalCorrupted(path, None, None, problem)


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)  # errors of the Python module have none
