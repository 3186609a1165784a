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

_MARK = 64
"""Bytes of a row that tell it from the row of another history: both checksums, or the kind, number and time."""

NumberedRow = tuple[int, bytes]
"""A row as a store returns it: its number, counted from 0, and its bytes."""


class Tail(NamedTuple):
    """The end of a journal, as far as a handle knows it.

    Attributes:
        length: The number of events.
        checksum: The checksum of the last row; None in a journal without a chain.
        mark: The beginning of the last row, with its checksums, by which a store can say whether that row is still
            there; empty if it was not seen.
    """

    length: int
    checksum: int | None
    mark: bytes = b""


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
        ([b'["started",3,null,null,null]'], Tail(length=8, checksum=None, mark=b'["started",3,null,null,null]'))
        >>> to_rows([TrialStarted(3)], Tail(7, 0xA1E92806))[0]
        [b'14720bbd a1e92806 ["started",3,null,null,null]']
    """
    length, previous, _ = tail
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
    return rows, Tail(length, previous, rows[-1][:_MARK] if rows else tail.mark)


def tail_at(row: NumberedRow) -> Tail:
    """Return the end of a journal whose last row is `row`, without checking that the row is intact."""
    number, text = row
    found = _CHECKSUMS.match(text)
    return Tail(number + 1, None if found is None else int(found[1], 16), text[:_MARK])


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
    length, previous, _ = tail
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
    return events, Tail(length, previous, rows[-1][1][:_MARK] if rows else tail.mark)


def from_pages(
    page: Callable[[int], Sequence[NumberedRow]], size: int, *, after: int, known: Tail, where: str
) -> tuple[list[AnyEvent], Tail]:
    """Return the events of a study that is read page by page, and the end of the journal after them.

    The row before is read as well: it shows whether the journal still is the one that its reader knows, which the rows
    behind it can't show if the journal went back to an earlier length and grew again.

    Args:
        page: Returns at most `size` rows from a number on, as `from_rows` takes them.
        size: The number of rows of a full page; a page with fewer rows is the last one.
        after: The number of the first event to return.
        known: The end of the journal as its reader last saw it.
        where: What the rows are read from, for messages.

    Raises:
        JournalMoved: nothing is left of the study, or its history is another one than was known.
        JournalCorrupted, UnreadableEvents: as `from_rows` raises them.

    Example:
        >>> rows = [(0, b'["created",1,"s",["minimize"],0]'), (1, b'["started",0,null,null,null]')]
        >>> read = from_pages(lambda start: rows[start : start + 2], 2, after=0, known=BEFORE_ALL, where="a table")
        >>> len(read[0])
        2
    """
    events: list[AnyEvent] = []
    begin = start = max(min(after, known.length) - 1, 0)
    tail = BEFORE_ALL
    while True:
        rows = page(start)
        n_rows = len(rows)
        if start and start == begin:
            if not rows:
                raise JournalMoved(where)
            tail = Tail(start, None)
            if rows[0][0] == start:  # else it is missing
                tail = tail_at(rows[0])
                _check_known(rows[:1], known, where)
                rows = rows[1:]
        some, tail = from_rows(rows, tail, where=where)
        _check_known(rows, known, where)
        events += some
        start = tail.length
        if n_rows < size:
            break
    if not tail.length or tail.length < known.length:
        raise JournalMoved(where)
    first = tail.length - len(events)
    return events[after - first :] if after > first else events, tail


def _check_known(rows: Sequence[NumberedRow], known: Tail, where: str) -> None:
    """Check the row that was the last one when the journal was last seen, if it is one of `rows`, which are in order."""
    at = known.length - 1 - (rows[0][0] if rows else 0)
    if not known.mark or not 0 <= at < len(rows) or rows[at][1][:_MARK] == known.mark:
        return
    if found := _CHECKSUMS.match(rows[at][1]):  # an intact row that was not there, or a damaged one?
        _verified(rows[at][1], known.length, int(found[2], 16), where)
    raise JournalMoved(where)


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
