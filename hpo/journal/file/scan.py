"""Reading the records of a journal file, and telling a torn end from damage."""

from __future__ import annotations

import os
from typing import NamedTuple

from hpo.core import FORMAT, AnyEvent, StudyCreated, decode_events
from hpo.errors import JournalCorrupted, UnreadableEvents, UnsupportedJournal
from hpo.journal.file.record import LONGEST, DamagedRecord, hides_record, looks_like_record, unpack

_CHUNK = 1 << 22
_FIRST = 1 << 12


class Mark(NamedTuple):
    """The end of an intact record: so many events, so many bytes."""

    sequence: int
    offset: int


START = Mark(0, 0)


def read_records(fd: int, path: str, start: Mark) -> tuple[list[AnyEvent], Mark]:
    """All events after `start`, and the end of the last intact record.

    What follows that end is torn: the beginning of a record that is being written, or was when its writer died.

    Raises:
        JournalCorrupted: there is something else than records, or one is missing or doubled.
        UnreadableEvents: a newer version of the library wrote a record.
        UnsupportedJournal: the file is something else than a journal.
    """
    events, mark, problem = _parse(fd, path, start)
    while problem:
        # A writer may have cut a torn end and written on while the bytes were read, page by page. A second look
        # begins after that, so it sees whole what the first one saw in parts; what it sees again is damage.
        more, again, problem = _parse(fd, path, mark)
        if problem and again == mark:
            raise _damage(fd, path, mark.offset, problem)
        events, mark = events + more, again
    if mark == START and (text := os.pread(fd, _FIRST, 0)):
        raise _damage(fd, path, 0, "the first record is cut off" if looks_like_record(text) else "")
    return events, mark


def read_header(fd: int, path: str) -> StudyCreated | None:
    """The first event of a journal; None where the file is empty.

    Raises:
        JournalCorrupted, UnreadableEvents, UnsupportedJournal: the first record isn't one, or not readable.
    """
    size = _FIRST
    while (line := os.pread(fd, size, 0)).find(b"\n") < 0:
        if not line:
            return None
        if len(line) < size or size > LONGEST:
            raise _damage(fd, path, 0, "the first record is cut off" if looks_like_record(line) else "")
        size *= 4
    try:
        sequence, text = unpack(line[: line.find(b"\n")])
    except DamagedRecord as error:
        raise _damage(fd, path, 0, str(error)) from None
    created = _decoded(fd, path, START, sequence, text)[0]
    if not isinstance(created, StudyCreated):
        raise UnsupportedJournal(path, f"a journal begins with a study's creation, this one with {created!r}")
    return created


def _parse(fd: int, path: str, start: Mark) -> tuple[list[AnyEvent], Mark, str]:
    """As `read_records`, but with what is wrong after the mark; a torn end is not."""
    events: list[AnyEvent] = []
    sequence, offset = start
    rest, size = b"", _CHUNK
    while chunk := os.pread(fd, size, offset + len(rest)):
        rest += chunk
        lines = rest.split(b"\n")
        rest = lines.pop()
        for line in lines:
            try:
                number, text = unpack(line)
            except DamagedRecord as error:
                last = not os.pread(fd, 1, offset + len(line) + 1)
                problem = "" if last and not hides_record(line) else str(error)
                return events, Mark(sequence, offset), problem
            if number <= sequence:
                return events, Mark(sequence, offset), f"record {number} follows record {sequence}"
            some = _decoded(fd, path, Mark(sequence, offset), number, text)
            if number != sequence + len(some):
                problem = f"record {number} with {len(some)} event(s) follows record {sequence}: others are missing"
                return events, Mark(sequence, offset), problem
            events += some
            sequence, offset = number, offset + len(line) + 1
        if len(rest) > LONGEST:
            return events, Mark(sequence, offset), f"a line is longer than {LONGEST} bytes"
        size = max(_CHUNK, len(rest))  # so that a long record is not copied once per chunk
    return events, Mark(sequence, offset), ""


def _decoded(fd: int, path: str, before: Mark, sequence: int, text: bytes) -> list[AnyEvent]:
    """The events of a record whose checksum is right: what is unknown in it is new, not damaged."""
    try:
        events = decode_events(text)
    except UnreadableEvents as error:
        problem = error.problem
    else:
        if before.offset or not events or not isinstance(events[0], StudyCreated) or events[0].format <= FORMAT:
            return events
        problem = f"its format is {events[0].format}"
    line = line_number(fd, before.offset)
    raise UnreadableEvents(f"{path}, line {line} (byte {before.offset}), with a right checksum: {problem}", FORMAT)


def _damage(fd: int, path: str, offset: int, problem: str) -> JournalCorrupted | UnsupportedJournal:
    if not offset and not looks_like_record(os.pread(fd, _FIRST, 0)):
        return UnsupportedJournal(path, "this is no journal of a study, and was left as it is")
    return JournalCorrupted(path, line_number(fd, offset), offset, problem)


def line_number(fd: int, offset: int) -> int:
    """The number of the line, from 1, that begins at byte `offset`."""
    line, position = 1, 0
    while position < offset and (chunk := os.pread(fd, min(_CHUNK, offset - position), position)):
        line += chunk.count(b"\n")
        position += len(chunk)
    return line
