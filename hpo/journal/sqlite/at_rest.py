"""Databases in places without write permission, such as archives and the directories of other users.

SQLite needs files beside a database even to read it: the log and its index. If they can't be made, SQLite can be told
that the database does not change. This module checks that as far as possible.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpo.errors import UnsupportedJournal
from hpo.journal.sqlite.errors import is_kept_from_writing


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
