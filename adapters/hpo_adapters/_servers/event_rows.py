"""Events as rows: one JSON array each, for stores that keep every event under its number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hpo.errors import JournalCorrupted, JournalMoved, UnreadableEvents
from hpo.extend import FORMAT, AnyEvent, StudyCreated, decode_events, encode_events


def to_rows(events: Sequence[AnyEvent]) -> list[bytes]:
    """The rows of `events`, in UTF-8.

    Example:
        >>> from hpo.core.records.events import TrialStarted
        >>> to_rows([TrialStarted(0), TrialStarted(1)])
        [b'["started",0,null,null]', b'["started",1,null,null]']
    """
    return [encode_events([event])[1:-1] for event in events]


def from_rows(rows: Sequence[tuple[int, bytes]], *, after: int, where: str) -> list[AnyEvent]:
    """The events of numbered rows; the inverse of `to_rows`.

    Args:
        rows: Number and text of each, in the order of their numbers.
        after: The number that the first one must have, counted from 0; each other one follows the one before it.
        where: What they were read from, for messages.

    Raises:
        JournalCorrupted: a row is missing or doubled, or the first of all doesn't create a study.
        UnreadableEvents: a newer version wrote a row, or it is damaged.

    Example:
        >>> from_rows([(7, b'["started",0,null,null]')], after=7, where="a table")
        [TrialStarted(number=0, at=None, worker=None)]
    """
    for expected, (number, _) in enumerate(rows, after):
        if number != expected:
            raise JournalCorrupted(where, None, None, f"event {expected} is missing, event {number} follows")
    try:
        events = decode_events(b"[%s]" % b",".join(text for _, text in rows))
    except UnreadableEvents:
        events = []
    if len(events) != len(rows):
        events = [_decoded(number, text, where) for number, text in rows]
    if after == 0 and events:
        first = events[0]
        if not isinstance(first, StudyCreated):
            raise JournalCorrupted(
                where, None, None, f"a journal begins with a study's creation, this one with {first!r}"
            )
        if first.format > FORMAT:
            raise UnreadableEvents(f"{where}: its format is {first.format}", FORMAT)
    return events


def from_pages(
    page: Callable[[int], Sequence[tuple[int, bytes]]], size: int, *, after: int, where: str
) -> list[AnyEvent]:
    """The events of a study that is read page by page.

    Args:
        page: Gives at most `size` rows from a number on; see `from_rows`.
        size: Fewer rows than that are the last ones.
        after: The number of the first event that is wanted.
        where: What is read, for messages.

    Raises:
        JournalMoved: there is no event at all, nor were there any before `after`: nothing is left of the study.
        JournalCorrupted, UnreadableEvents: see `from_rows`.

    Example:
        >>> rows = [(0, b'["created",1,"s",["minimize"],0]'), (1, b'["started",0,null,null]')]
        >>> len(from_pages(lambda start: rows[start : start + 1], 1, after=0, where="a table"))
        2
    """
    events: list[AnyEvent] = []
    while True:
        start = after + len(events)
        rows = page(start)
        events += from_rows(rows, after=start, where=where)
        if len(rows) < size:
            break
    if not after + len(events):
        raise JournalMoved(where)
    return events


def _decoded(number: int, text: bytes, where: str) -> AnyEvent:
    try:
        (event,) = decode_events(b"[%s]" % text)
    except UnreadableEvents as error:
        raise UnreadableEvents(f"{where}, event {number}: {error.problem}", FORMAT) from None
    except ValueError:
        raise UnreadableEvents(f"{where}, event {number}: the row holds several events, or none", FORMAT) from None
    return event
