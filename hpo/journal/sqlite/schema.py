"""The tables of a journal database: how they are made, recognised and brought up to date.

    studies   id, name                            ids are never given twice
    events    study, sequence, crc32, payload     one row per append

A payload is the JSON array of the appended events; its sequence is the study's length after them, and its checksum
covers both. Payloads are text, since a column of numbers would take NaN for NULL and lose the sign of -0.0.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeAlias

from hpo.errors import UnsupportedJournal

Step: TypeAlias = Callable[[sqlite3.Connection], None]

APPLICATION = 0x68706F4A
"""What SQLite keeps in the file's header to say whose database it is: ``hpoJ``."""


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


STEPS: Sequence[Step] = (_make_tables,)
"""From each version of the tables to the next; a step ends by setting ``user_version``."""


def version_of(connection: sqlite3.Connection, path: str) -> int:
    """The version of the tables of a database; 0 for an empty one.

    Raises:
        UnsupportedJournal: the database belongs to another program, or a newer version of this one, or somebody
            put other things in the place of its tables.
        sqlite3.Error: it can't be read.
    """
    size = os.stat(path).st_size
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        (n_objects,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        (n_pages,) = connection.execute("PRAGMA page_count").fetchone()
        if (
            not n_pages and size and os.stat(path).st_size
        ):  # some bytes, where SQLite sees none; nor did it undo a crash
            raise UnsupportedJournal(path, "this is no SQLite database, and was left as it is")
        if application or version or n_objects:
            if connection.execute("PRAGMA application_id").fetchone() != (application,):
                return version_of(connection, path)  # somebody made the tables between one question and the next
            raise UnsupportedJournal(
                path, "this is the SQLite database of another program, and was left as it is: take a file for studies"
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
        UnsupportedJournal: see `version_of`.
        sqlite3.Error: the system refused it.
    """
    for step in steps[version_of(connection, path) :]:
        step(connection)
