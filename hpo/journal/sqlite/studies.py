"""Which studies a database has."""

from __future__ import annotations

import os
import sqlite3

from hpo.journal.sqlite.errors import corrupted


def study_number(connection: sqlite3.Connection, name: str) -> int | None:
    """The number of the study `name` in its database; None where there is none."""
    if not _has_tables(connection):
        return None
    row = connection.execute("SELECT id FROM studies WHERE name = ?", (name,)).fetchone()
    return None if row is None else int(row[0])


def study_names(connection: sqlite3.Connection) -> list[str]:
    """The names of all studies, sorted.

    Raises:
        JournalCorrupted: one of them is no text.
    """
    if not _has_tables(connection):
        return []
    names = [name for (name,) in connection.execute("SELECT name FROM studies")]
    try:
        return sorted(str(name, "utf-8") for name in names)
    except (TypeError, UnicodeDecodeError):
        (path,) = [row[2] for row in connection.execute("PRAGMA database_list") if row[1] == b"main"]
        raise corrupted(os.fsdecode(path), "the name of a study is no text") from None


def _has_tables(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA user_version").fetchone()[0])
