"""The tables of a journal database: how they are made, recognised and brought up to date, and records as their rows.

    studies   id, name                                       ids are never given twice
    events    study, sequence, crc32, payload, previous      one row per append

A payload is the JSON array of the appended events; its sequence is the study's length after them, and its checksum
covers both. Payloads are text, since a column of numbers would take NaN for NULL and lose the sign of -0.0. `previous`
is the checksum of the row before, which the row's own covers as well, and NULL in studies of format 1, which have no
chain.

Version 1 of the tables has no `previous`. Such a database is read and appended to as it is; the first study that is
created in it by this version adds the column, in the same transaction, and changes no row.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias
from zlib import crc32

from hpo.errors import UnsupportedJournal
from hpo.journal.records import DamagedRecord, Record, checksum_of
from hpo.journal.sqlite.files import corrupted

Step: TypeAlias = Callable[[sqlite3.Connection], None]

APPLICATION = 0x68706F4A
"""The application id in the header of an SQLite file that marks a journal of hpo: ``hpoJ``."""

_CHAINED_SINCE = 2
"""The first version of the tables that has room for chains."""


def _make_tables(connection: sqlite3.Connection) -> None:
    from sqlite_utils import Database  # a tenth of a second, which only the first study of a file has to wait

    database = Database(connection, recursive_triggers=False, execute_plugins=False)
    database.execute(
        "CREATE TABLE studies (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE) STRICT"
    )  # without AUTOINCREMENT a handle of a deleted study could write into the next one
    database.execute(
        "CREATE TABLE events (study INTEGER NOT NULL, sequence INTEGER NOT NULL, crc32 INTEGER NOT NULL, "
        "payload TEXT NOT NULL, PRIMARY KEY (study, sequence)) STRICT, WITHOUT ROWID"
    )
    database.execute("PRAGMA application_id = 0x68706F4A")
    database.execute("PRAGMA user_version = 1")


def _add_previous(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE events ADD COLUMN previous INTEGER")
    connection.execute("PRAGMA user_version = 2")


STEPS: Sequence[Step] = (_make_tables, _add_previous)
"""From each version of the tables to the next; a step ends by setting ``user_version``."""


def version_of(connection: sqlite3.Connection, path: str) -> int:
    """Return the version of the tables of a database; 0 if it is empty.

    Raises:
        UnsupportedJournal: the database belongs to another program or a newer version of this one, or its tables
            were replaced by other objects.
        sqlite3.Error: it can't be read.
    """
    size = os.stat(path).st_size
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        (n_objects,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        (n_pages,) = connection.execute("PRAGMA page_count").fetchone()
        # There are bytes and SQLite sees no page; nor did it undo a crash meanwhile.
        if not n_pages and size and os.stat(path).st_size:
            raise UnsupportedJournal(path, "it is not an SQLite database, and was left as it is")
        if application or version or n_objects:
            if connection.execute("PRAGMA application_id").fetchone() != (application,):
                return version_of(connection, path)  # somebody made the tables between one question and the next
            raise UnsupportedJournal(
                path,
                "it is the SQLite database of another program, and was left as it is: keep studies in another file",
            )
        return 0
    if version > len(STEPS):
        raise UnsupportedJournal(
            path,
            f"its tables have version {version}, and this version of the library knows them up to {len(STEPS)}: "
            "a newer one made them, and can read them",
        )
    kinds = connection.execute(
        "SELECT type FROM sqlite_schema WHERE name IN ('studies', 'events') OR "
        "type = 'trigger' AND tbl_name COLLATE NOCASE IN ('studies', 'events')"
    ).fetchall()
    if [str(kind, "utf-8") if isinstance(kind, bytes) else kind for (kind,) in kinds] != ["table", "table"]:
        raise UnsupportedJournal(path, "something else is in the place of its tables, or they have triggers")
    return int(version)


def bring_up_to_date(connection: sqlite3.Connection, path: str, *, steps: Sequence[Step] = STEPS) -> None:
    """Make the tables, or those changes to them that a database of an older version lacks.

    Args:
        connection: In a transaction that nobody else can write beside; the caller commits it.
        path: The database, for messages.
        steps: From each version of the tables to the next.

    Raises:
        UnsupportedJournal: as `version_of` raises it.
        sqlite3.Error: the system refused it.
    """
    for step in steps[version_of(connection, path) :]:
        step(connection)


def study_number(connection: sqlite3.Connection, name: str) -> int | None:
    """Return the number of the study `name` in its database, or None if there is none."""
    if not _has_tables(connection):
        return None
    row = connection.execute("SELECT id FROM studies WHERE name = ?", (name,)).fetchone()
    return None if row is None else int(row[0])


def is_chained(connection: sqlite3.Connection, study: int) -> bool:
    """Return whether the rows of a study hold the checksums of those before them."""
    if connection.execute("PRAGMA user_version").fetchone()[0] < _CHAINED_SINCE:
        return False
    first = connection.execute(
        "SELECT previous FROM events WHERE study = ? ORDER BY sequence LIMIT 1", (study,)
    ).fetchone()
    return first is not None and first[0] is not None


def study_names(connection: sqlite3.Connection) -> list[str]:
    """Return the names of all studies, the oldest study first.

    Raises:
        JournalCorrupted: one of them is not text.
    """
    if not _has_tables(connection):
        return []
    names = [name for (name,) in connection.execute("SELECT name FROM studies ORDER BY id")]
    try:
        return [str(name, "utf-8") for name in names]
    except (TypeError, UnicodeDecodeError):
        (path,) = [row[2] for row in connection.execute("PRAGMA database_list") if row[1] == b"main"]
        raise corrupted(os.fsdecode(path), "the name of a study is not text") from None


def _has_tables(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA user_version").fetchone()[0])


def columns(version: int) -> str:
    """Return what to select of a row for `unpack_row`, from tables of this version."""
    return "sequence, crc32, payload, previous" if version > 1 else "sequence, crc32, payload, NULL"


def insert_row(connection: sqlite3.Connection, study: int, sequence: int, payload: bytes, previous: int | None) -> int:
    """Add the row that brings the journal of `study` to the length `sequence`, and return its checksum.

    Raises:
        sqlite3.Error: the system refused it, or there is one.
    """
    checksum = row_checksum(payload, sequence, previous)
    row = (study, sequence, checksum, str(payload, "utf-8"))
    if previous is None:  # also into tables of version 1
        connection.execute("INSERT INTO events (study, sequence, crc32, payload) VALUES (?, ?, ?, ?)", row)
    else:
        statement = "INSERT INTO events (study, sequence, crc32, payload, previous) VALUES (?, ?, ?, ?, ?)"
        connection.execute(statement, (*row, previous))
    return checksum


def unpack_row(row: Sequence[Any]) -> Record:
    """Return the record in a row, of which `columns` were selected; its payload is given as bytes.

    Raises:
        DamagedRecord: the row is not what was once written.
    """
    sequence, checksum, payload, previous = row
    if not (type(sequence) is type(checksum) is int and type(payload) is bytes):
        raise DamagedRecord("the row is not a record")
    if previous is None:
        right = crc32(payload, sequence & 0xFFFFFFFF)
    elif type(previous) is int and 0 <= previous < 1 << 32:
        right = crc32(b"%08x %d %s" % (previous, sequence, payload))
    else:
        raise DamagedRecord("the row does not hold the checksum of another one")
    if checksum != right:
        raise DamagedRecord("the checksum is wrong")
    return Record(sequence, payload, checksum, previous)


def row_checksum(payload: bytes, sequence: int, previous: int | None) -> int:
    """Return the checksum of a row: in a chain the one of a line in a file, and else its own from version 1."""
    if previous is None:
        return crc32(payload, sequence & 0xFFFFFFFF)
    return checksum_of(payload, sequence, previous)
