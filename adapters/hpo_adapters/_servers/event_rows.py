"""Events as numbered rows, one JSON array each, for stores that keep every event under its number.

In journals of format 2 and later two checksums come before the array, ``<crc32> <crc32 of the row before> <json>``.
They equal those of a journal file in which each event is a record. So each row can be verified by itself, and the chain
shows whether rows are missing or come from another history. Journals of format 1 have, and keep, the bare array.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hpo.errors import JournalCorrupted, JournalMoved, UnreadableEvents
from hpo.extend import FORMAT, AnyEvent, StudyCreated, checksum_of, decode_events, encode_events, starts_chain

_CHECKSUMS = re.compile(rb"([0-9a-f]{8}) ([0-9a-f]{8}) (?=\[)")

NumberedRow = tuple[int, bytes]
"""A row as a store returns it: its number, counted from 0, and its bytes."""


class Tail(NamedTuple):
    """The end of a journal, as far as a handle knows it.

    Attributes:
        length: The number of events.
        checksum: The checksum of the last row; None in a journal without a chain.
    """

    length: int
    checksum: int | None


BEFORE_ALL = Tail(0, None)
"""The end of an empty journal, and of one that was not read yet."""


def to_rows(
    events: Sequence[AnyEvent], tail: Tail, *, written: Callable[[bytes], bytes] = bytes
) -> tuple[list[bytes], Tail]:
    """Return the rows that add `events` to a journal, and its end after them.

    Args:
        events: The events to add.
        tail: The end of the journal before them; `BEFORE_ALL` for a new journal.
        written: Returns JSON in UTF-8 as the store will give it back, by default unchanged; checksums are made of that.

    Example:
        >>> from hpo.extend import TrialStarted
        >>> to_rows([TrialStarted(3)], Tail(7, None))
        ([b'["started",3,null,null,null]'], Tail(length=8, checksum=None))
        >>> to_rows([TrialStarted(3)], Tail(7, 0xA1E92806))[0]
        [b'14720bbd a1e92806 ["started",3,null,null,null]']
    """
    length, previous = tail
    if not length and starts_chain(events):
        previous = 0
    rows = []
    for event in events:
        length += 1
        text = written(encode_events([event])[1:-1])
        if previous is not None:
            checksum = checksum_of(text, length, previous)
            text = b"%08x %08x %s" % (checksum, previous, text)
            previous = checksum
        rows.append(text)
    return rows, Tail(length, previous)


def tail_at(row: NumberedRow) -> Tail:
    """Return the end of a journal whose last row is `row`, without checking that the row is intact."""
    number, text = row
    found = _CHECKSUMS.match(text)
    return Tail(number + 1, None if found is None else int(found[1], 16))


def from_rows(rows: Sequence[NumberedRow], tail: Tail, *, where: str) -> tuple[list[AnyEvent], Tail]:
    """Return the events of numbered rows, and the end of the journal after them; the inverse of `to_rows`.

    Args:
        rows: The number and bytes of each row, in the order of their numbers.
        tail: The end of the journal before the first row, or `BEFORE_ALL`.
        where: What the rows were read from, for messages.

    Raises:
        JournalCorrupted: a row is damaged, missing, duplicated or from another history, or the first event does not
            create a study.
        UnreadableEvents: a newer version wrote a row; or a row is damaged in a journal without checksums.

    Example:
        >>> from_rows([(7, b'["started",0,null,null,null]')], Tail(7, None), where="a table")[0]
        [TrialStarted(number=0, at=None, worker=None, origin=None)]
    """
    texts = []
    length, previous = tail
    if not length and rows and rows[0][1][:1] != b"[":
        previous = 0
    for number, row in rows:
        if number != length:
            raise JournalCorrupted(where, None, None, f"event {length} is missing, event {number} follows")
        length += 1
        if previous is None:
            texts.append(row)
        else:
            text, previous = _verified(row, length, previous, where)
            texts.append(text)
    try:
        events = decode_events(b"[%s]" % b",".join(texts))
    except UnreadableEvents:
        events = []
    if len(events) != len(texts):
        events = [_decoded(number, text, where) for number, text in enumerate(texts, tail.length)]
    if not tail.length and events:
        _check_creation(events, where, chained=previous is not None)
    return events, Tail(length, previous)


def from_pages(
    page: Callable[[int], Sequence[NumberedRow]], size: int, *, after: int, known: Tail, where: str
) -> tuple[list[AnyEvent], Tail]:
    """Return the events of a study that is read page by page, and the end of the journal after them.

    Args:
        page: Returns at most `size` rows from a number on, as `from_rows` takes them.
        size: The number of rows of a full page; a page with fewer rows is the last one.
        after: The number of the first event to return.
        known: The end of the journal as its reader last saw it.
        where: What the rows are read from, for messages.

    Raises:
        JournalMoved: nothing is left of the study: there are no events, not even before `after`.
        JournalCorrupted, UnreadableEvents: as `from_rows` raises them.

    Example:
        >>> rows = [(0, b'["created",1,"s",["minimize"],0]'), (1, b'["started",0,null,null,null]')]
        >>> read = from_pages(lambda start: rows[start : start + 1], 1, after=0, known=BEFORE_ALL, where="a table")
        >>> len(read[0])
        2
    """
    events: list[AnyEvent] = []
    tail = BEFORE_ALL
    if after and known.length == after:
        tail = known
    elif after:  # the row before shows whether there is a chain, and its last checksum
        before = page(after - 1)[:1]
        tail = tail_at(before[0]) if before else Tail(after, None)
    while True:
        rows = page(tail.length)
        some, tail = from_rows(rows, tail, where=where)
        events += some
        if len(rows) < size:
            break
    if not tail.length:
        raise JournalMoved(where)
    return events, tail


def _verified(row: bytes, sequence: int, previous: int, where: str) -> tuple[bytes, int]:
    """Return the JSON text of a row in a chain, and its checksum."""
    found = _CHECKSUMS.match(row)
    if found is None:
        raise JournalCorrupted(where, None, None, f"event {sequence - 1} has no checksums, or damaged ones")
    checksum, written_after, text = int(found[1], 16), int(found[2], 16), row[found.end() :]
    if checksum != checksum_of(text, sequence, written_after):
        raise JournalCorrupted(where, None, None, f"event {sequence - 1}: the checksum is wrong")
    if written_after != previous:
        problem = (
            f"event {sequence - 1} was written after an event with the checksum {written_after:08x}, but the one "
            f"before it has {previous:08x}: the chain of checksums is broken"
        )
        raise JournalCorrupted(where, None, None, problem)
    return text, checksum


def _check_creation(events: Sequence[AnyEvent], where: str, *, chained: bool) -> None:
    first = events[0]
    if not isinstance(first, StudyCreated):
        problem = f"a journal begins with the creation of a study, and this one with {first!r}"
        raise JournalCorrupted(where, None, None, problem)
    if first.format > FORMAT:
        raise UnreadableEvents(f"{where}: its format is {first.format}", FORMAT)
    if chained is not starts_chain(events):
        problem = f"its format is {first.format}, and its rows have {'' if chained else 'no '}checksums"
        raise JournalCorrupted(where, None, None, problem)


def _decoded(number: int, text: bytes, where: str) -> AnyEvent:
    try:
        (event,) = decode_events(b"[%s]" % text)
    except UnreadableEvents as error:
        raise UnreadableEvents(f"{where}, event {number}: {error.problem}", FORMAT) from None
    except ValueError:
        raise UnreadableEvents(f"{where}, event {number}: the row does not hold exactly one event", FORMAT) from None
    return event
