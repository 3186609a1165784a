"""Records as rows of a journal database: sequence, checksum and payload, and what may follow what."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any
from zlib import crc32

from hpo.core import AnyEvent, encode_events
from hpo.errors import InvalidArgument
from hpo.journal.file.record import LONGEST, DamagedRecord


def payload_of(events: Sequence[AnyEvent]) -> bytes:
    """What the row of `events` holds of them, in UTF-8.

    Raises:
        InvalidArgument: it would be longer than a record can be.
    """
    payload = encode_events(events)
    if len(payload) > LONGEST:
        raise InvalidArgument(f"a record of {len(payload)} bytes is too long: a journal takes {LONGEST} at once")
    return payload


def insert_row(connection: sqlite3.Connection, study: int, sequence: int, payload: bytes) -> None:
    """Add the row that brings the journal of `study` to the length `sequence`.

    Raises:
        sqlite3.Error: the system refused it, or there is one.
    """
    row = (study, sequence, crc32(payload, sequence & 0xFFFFFFFF), str(payload, "utf-8"))
    connection.execute("INSERT INTO events (study, sequence, crc32, payload) VALUES (?, ?, ?, ?)", row)


def unpack_row(row: Sequence[Any]) -> tuple[int, bytes]:
    """Sequence and payload of a row: its sequence, its checksum and its payload as bytes.

    Raises:
        DamagedRecord: the row isn't what was once written.
    """
    sequence, checksum, payload = row
    if not (type(sequence) is type(checksum) is int and type(payload) is bytes):
        raise DamagedRecord("this is no record")
    if checksum != crc32(payload, sequence & 0xFFFFFFFF):
        raise DamagedRecord("the checksum is wrong")
    return sequence, payload


def check_place(sequence: int, n: int, previous: int) -> None:
    """Make sure that a row of `n` events which leads to `sequence` comes after `previous` events.

    Raises:
        DamagedRecord: others are missing.
    """
    if previous + n != sequence:
        raise DamagedRecord(f"event {sequence} follows event {previous} with {n} between: others are missing")
