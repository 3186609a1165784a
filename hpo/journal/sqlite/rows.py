"""Records as rows of a journal database: sequence, checksum, payload, and the checksum of the row before."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any
from zlib import crc32

from hpo.journal.records import DamagedRecord, Record, checksum_of


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
