"""Records: what one append becomes in a file or a database, how long it may be, and which record may follow which.

A record holds the events of one append as a JSON array, the number of events that the journal has after it (its
sequence), and a checksum of both. In journals of format 2 and later it also holds the checksum of the record before it,
and its own checksum covers that one too. So each record can be verified by itself, and the chain of checksums shows
whether a record still follows the one that it was written after. Journals of format 1 have no chain and never get one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from zlib import crc32

import msgspec

from hpo.core import FORMAT, AnyEvent, StudyCreated, decode_events, encode_events
from hpo.errors import InvalidArgument, UnreadableEvents

LONGEST = 1 << 28
"""Bytes of the longest record: a reader never has to hold more of a file that isn't a journal."""

CHAINED_SINCE = 2
"""The first format whose records hold the checksum of the record before them."""

_EVENTS_PER_RECORD = 1000
_HEADER = 64  # bytes that a medium may need beside the payload


class DamagedRecord(ValueError):  # noqa: N818 - it says what was found
    """Bytes that were not written as a record, or a record that does not follow the one before it."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """An intact record as it was read.

    Attributes:
        sequence: How many events the journal has after it.
        payload: Its events as a JSON array.
        checksum: CRC-32 of all of the above, and of `previous`.
        previous: The checksum of the record before it, 0 in the first one; None in a journal without a chain.
    """

    sequence: int
    payload: bytes
    checksum: int
    previous: int | None


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A record that has not got its place yet.

    Attributes:
        payload: Its events as a JSON array; empty if the append only checks the length of the journal.
        sequence: How many events the journal has after it.
        starts_chain: Whether it starts a chain of checksums, should it become the first record of a journal.
    """

    payload: bytes
    sequence: int
    starts_chain: bool = False


def draft_of(events: Sequence[AnyEvent], sequence: int) -> Draft:
    """Return the record that brings a journal to the length `sequence`.

    Raises:
        InvalidArgument: the record would be too long.
    """
    is_first = len(events) == sequence
    return Draft(payload_of(events) if events else b"", sequence, is_first and starts_chain(events))


def payload_of(events: Sequence[AnyEvent]) -> bytes:
    """Return `events` as a JSON array, in UTF-8.

    Raises:
        InvalidArgument: it is longer than a record may be.
    """
    payload = encode_events(events)
    if len(payload) > LONGEST - _HEADER:
        raise InvalidArgument(f"a record of {len(payload)} bytes is too long: a journal takes {LONGEST} at once")
    return payload


def starts_chain(events: Sequence[AnyEvent]) -> bool:
    """Return whether a journal that begins with `events` chains its records."""
    return bool(events) and isinstance(events[0], StudyCreated) and events[0].format >= CHAINED_SINCE


def checksum_of(payload: bytes, sequence: int, previous: int | None) -> int:
    """Return the checksum of a record: the CRC-32 of its line in a file, without the checksum itself."""
    if previous is None:
        return crc32(b"%d %s" % (sequence, payload))
    return crc32(b"%08x %d %s" % (previous, sequence, payload))


def batches(events: Sequence[AnyEvent]) -> Iterator[tuple[int, Sequence[AnyEvent]]]:
    """Yield `events` in pieces of the size of a record, each with the length of the journal after it."""
    for start in range(0, len(events), _EVENTS_PER_RECORD):
        some = events[start : start + _EVENTS_PER_RECORD]
        yield start + len(some), some


def readable_events(payload: bytes, *, is_first: bool) -> list[AnyEvent]:
    """Return the events of a record whose checksum is right: what is unknown in it is new, and not damaged.

    Args:
        payload: The events as a JSON array.
        is_first: Whether the record begins the journal, so that it may say which format the journal has.

    Raises:
        UnreadableEvents: a newer version of the library wrote it.
    """
    events = decode_events(payload)
    if is_first and events and isinstance(events[0], StudyCreated) and events[0].format > FORMAT:
        raise UnreadableEvents(f"its format is {events[0].format}", FORMAT)
    return events


def order_problem(record: Record, n_events: int, *, after: int, previous: int | None) -> str:
    """Return why a record does not follow the one that it was read after, or an empty string; see `check_order`."""
    if record.sequence <= after:
        return f"record {record.sequence} follows record {after}"
    if record.sequence != after + n_events:
        return f"record {record.sequence} with {n_events} event(s) follows record {after}: others are missing"
    if record.previous != previous:
        return _broken_chain(record, after, previous)
    return ""


def check_order(record: Record, n_events: int, *, after: int, previous: int | None) -> None:
    """Check that a record follows the record that it was read after.

    Args:
        record: The record.
        n_events: How many events it holds.
        after: How many events come before it.
        previous: The checksum that it must name as that of the record before it; None without a chain.

    Raises:
        DamagedRecord: records are missing, doubled or swapped, or another record was here when this one was written.
    """
    if problem := order_problem(record, n_events, after=after, previous=previous):
        raise DamagedRecord(problem)


def _broken_chain(record: Record, after: int, previous: int | None) -> str:
    if record.previous is None:
        return f"record {record.sequence} does not hold the checksum of the record before it"
    if previous is None:
        return f"record {record.sequence} holds the checksum of another one, which this journal's format does not have"
    return (
        f"record {record.sequence} was written after a record with the checksum {record.previous:08x}, but the record "
        f"before it has {previous:08x}: the chain of checksums is broken"
    )
