"""The lines of a journal file: writing one, reading all of them, telling a torn end from damage, and keeping torn bytes.

A line is ``<crc32> <crc32 of the record before> <sequence> <json array of events>``. The first checksum covers
everything behind it; the sequence is the journal's length after the record. Journals of format 1 have no second
checksum. JSON escapes line ends, so a line end is always the end of a record, and ``tail -f``, ``grep`` and ``cut`` work
on journals.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Sequence
from zlib import crc32

import msgspec

from hpo.core import FORMAT, AnyEvent, StudyCreated
from hpo.errors import JournalCorrupted, JournalMoved, UnreadableEvents, UnsupportedJournal
from hpo.journal.disk import CLOEXEC, NOFOLLOW, pread, unreadable, write_all
from hpo.journal.file.checksums import PartialChecksums
from hpo.journal.records import (
    LONGEST,
    DamagedRecord,
    Draft,
    Record,
    order_problem,
    payload_of,
    readable_events,
    starts_chain,
)

BEGINNING = re.compile(rb"[0-9a-f]{8} ([0-9a-f]{8} )?[1-9][0-9]{0,18} \[")
"""How every record begins."""

LONGEST_BEGINNING = 39
"""Bytes of `BEGINNING` at most: two checksums, the sequence, three spaces and the bracket."""

_HEXADECIMAL = b"0123456789abcdef"


def pack(events: Sequence[AnyEvent], sequence: int, previous: int | None = None) -> bytes:
    r"""Return the line, with its line end, that brings a journal to the length `sequence`.

    Args:
        events: What is appended.
        sequence: How many events the journal has then.
        previous: The checksum of the record before it, 0 for the first one; None in a journal of format 1.

    Raises:
        InvalidArgument: the record would be too long.

    Example:
        >>> from hpo.core import TrialStarted
        >>> pack([TrialStarted(0)], 3)
        b'6f58d4a6 3 [["started",0,null,null,null]]\n'
        >>> pack([TrialStarted(0)], 3, 0xA1E92806)
        b'5c5e9f35 a1e92806 3 [["started",0,null,null,null]]\n'
    """
    return line_of(payload_of(events), sequence, previous)[0]


def line_of(payload: bytes, sequence: int, previous: int | None) -> tuple[bytes, int]:
    """Return the line of a record whose events are encoded already, and its checksum; see `pack`."""
    body = b"%d %s" % (sequence, payload) if previous is None else b"%08x %d %s" % (previous, sequence, payload)
    checksum = crc32(body)
    return b"%08x %s\n" % (checksum, body), checksum


def unpack(line: bytes) -> Record:
    """Return the record in a line, which is given without its line end.

    Strict: of all lines, it accepts those that `pack` writes and no others.

    Raises:
        DamagedRecord: the line is not what was once written.

    Example:
        >>> record = unpack(b'6f58d4a6 3 [["started",0,null,null,null]]')
        >>> record.sequence, record.payload, record.previous
        (3, b'[["started",0,null,null,null]]', None)
    """
    body = line[9:]
    checksum = crc32(body)
    if line[:9] != b"%08x " % checksum:
        raise DamagedRecord(_why_damaged(line))
    previous = None
    if body[8:9] == b" " and body[9:10] != b"[" and not body[:8].strip(_HEXADECIMAL):
        previous = int(body[:8], 16)
        body = body[9:]
    sequence, _, payload = body.partition(b" ")
    if not sequence.isdigit() or sequence[:1] == b"0" or len(sequence) > 19:
        raise DamagedRecord("the record has no sequence number")
    return Record(int(sequence), payload, checksum, previous)


def _why_damaged(line: bytes) -> str:
    if line.startswith(b"\xef\xbb\xbf"):
        return "the file begins with a byte order mark, which an editor has put there"
    if not looks_like_record(line):
        return "this line is not a record of a journal"
    if line.endswith(b"\r"):
        return "the checksum is wrong, because the line ends in CR LF, as editors and git for Windows write lines"
    return "the checksum is wrong"


def looks_like_record(text: bytes) -> bool:
    """Return whether `text` begins as records do."""
    return BEGINNING.match(text) is not None


def hides_record(line: bytes) -> bool:
    """Return whether an intact record ends the damaged `line`: then it lost the line end before that record.

    O(length) time, whatever the line is made to look like.

    Args:
        line: The line, without its line end.
    """
    if not line.rstrip(b" ").endswith(b"]"):
        return False
    starts = [found.start() for found in BEGINNING.finditer(line, 1)]
    checksums = PartialChecksums(line, [len(line), *(start + 9 for start in starts)])
    return any(has_checksum(line, start, len(line), checksums) for start in reversed(starts))


def has_checksum(line: bytes, start: int, end: int, checksums: PartialChecksums) -> bool:
    """Return whether what looks like a record from `start` to `end` of a line has the checksum that it begins with."""
    return checksums.between(start + 9, end) == int(line[start : start + 8], 16)


_CHUNK = 1 << 22
_FIRST = 1 << 12


class Mark(msgspec.Struct, frozen=True, gc=False):
    """The end of an intact record, which is the end of the journal until the next one.

    Attributes:
        sequence: How many events the journal has up to here.
        offset: How many bytes.
        checksum: That of the record.
        is_chained: Whether the next record must name this checksum.
        start: How many bytes the journal has before the record.
    """

    sequence: int
    offset: int
    checksum: int = 0
    is_chained: bool = False
    start: int = 0


START = Mark(0, 0)


def place(draft: Draft, end: Mark, *, least: int = 0) -> tuple[bytes, Mark]:
    """Return the line of `draft` for the place behind `end`, and the end of that line.

    Args:
        draft: The record.
        end: The end of the record before it.
        least: How many bytes the line must have at least, as far as a record can be so long: spaces fill it up.
    """
    chained = end.is_chained if end.sequence else draft.starts_chain
    previous = end.checksum if chained else None
    line, checksum = line_of(draft.payload, draft.sequence, previous)
    if len(line) < least:
        filled = draft.payload + b" " * (min(least, LONGEST) - len(line))
        line, checksum = line_of(filled, draft.sequence, previous)
    return line, Mark(draft.sequence, end.offset + len(line), checksum, chained, end.offset)


def check_still_there(fd: int, path: str, mark: Mark, size: int) -> None:
    """Check that the record which ends at `mark` is where it was, in a file of `size` bytes.

    In a chain, its checksum stands for all records before it: the same checksum in the same place is the same history.
    In a journal of format 1 it stands for this record only, and for the number of bytes before it.

    Raises:
        JournalMoved: the file was rewritten.
        UnsupportedJournal: the system failed to read it.
    """
    try:
        if size < mark.offset or (mark.sequence and pread(fd, 8, mark.start) != b"%08x" % mark.checksum):
            raise JournalMoved(path, mark.sequence)
    except OSError as error:
        raise unreadable(path, error) from error


def read_after(fd: int, path: str, start: Mark) -> tuple[list[AnyEvent], Mark]:
    """Do what `read_records` does.

    Raises:
        JournalCorrupted, UnreadableEvents: as there.
        UnsupportedJournal: as there, or the system failed to read it.
    """
    try:
        return read_records(fd, path, start)
    except OSError as error:
        raise unreadable(path, error) from error


def read_records(fd: int, path: str, start: Mark) -> tuple[list[AnyEvent], Mark]:
    """Return all events after `start`, and the end of the last intact record.

    What follows that end is torn: the beginning of a record that is being written, or was when its writer died.

    Raises:
        JournalCorrupted: there is something else than records, or one is missing, doubled, or from another history.
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
    if mark == START and (text := pread(fd, _FIRST, 0)):
        raise _damage(fd, path, 0, "the first record is cut off" if looks_like_record(text) else "")
    return events, mark


def read_header(fd: int, path: str) -> StudyCreated | None:
    """Return the first event of a journal, or None if the file is empty.

    Raises:
        JournalCorrupted, UnreadableEvents, UnsupportedJournal: the first record is damaged, or can't be read.
    """
    size = _FIRST
    while (line := pread(fd, size, 0)).find(b"\n") < 0:
        if not line:
            return None
        if len(line) < size or size > LONGEST:
            raise _damage(fd, path, 0, "the first record is cut off" if looks_like_record(line) else "")
        size *= 4
    try:
        record = unpack(line[: line.find(b"\n")])
    except DamagedRecord as error:
        raise _damage(fd, path, 0, str(error)) from None
    try:
        created = readable_events(record.payload, is_first=True)[0]
    except UnreadableEvents as error:
        raise _located(fd, path, 0, error) from None
    if not isinstance(created, StudyCreated):
        raise UnsupportedJournal(path, f"a journal begins with the creation of a study, and this one with {created!r}")
    return created


def _parse(fd: int, path: str, start: Mark) -> tuple[list[AnyEvent], Mark, str]:
    """Do what `read_records` does, and return what is wrong after the mark; a torn end is not."""
    events: list[AnyEvent] = []
    sequence, offset, checksum, chained = start.sequence, start.offset, start.checksum, start.is_chained
    previous, begin = checksum if chained else None, start.start
    rest, size = b"", _CHUNK
    problem = ""
    while not problem and (chunk := pread(fd, size, offset + len(rest))):
        rest += chunk
        lines = rest.split(b"\n")
        rest = lines.pop()
        for line in lines:
            try:
                record = unpack(line)
            except DamagedRecord as error:
                last = not pread(fd, 1, offset + len(line) + 1)
                problem = "" if last and not hides_record(line) else str(error)
                return events, Mark(sequence, offset, checksum, chained, begin), problem
            try:
                some = readable_events(record.payload, is_first=not offset)
            except UnreadableEvents as error:
                raise _located(fd, path, offset, error) from None
            if not offset and starts_chain(some):
                chained, previous = True, 0
            if record.sequence != sequence + len(some) or record.previous != previous:
                problem = order_problem(record, len(some), after=sequence, previous=previous)
                return events, Mark(sequence, offset, checksum, chained, begin), problem
            events += some
            sequence, checksum, begin = record.sequence, record.checksum, offset
            offset += len(line) + 1
            if chained:
                previous = checksum
        if len(rest) > LONGEST:
            problem = f"a line is longer than {LONGEST} bytes"
        size = max(_CHUNK, len(rest))  # so that a long record is not copied once per chunk
    return events, Mark(sequence, offset, checksum, chained, begin), problem


def _located(fd: int, path: str, offset: int, error: UnreadableEvents) -> UnreadableEvents:
    """Return `error` with the place of the record, whose checksum is right: what is unknown in it is new."""
    where = f"{path}, line {line_number(fd, offset)} (byte {offset}), with a right checksum"
    return UnreadableEvents(f"{where}: {error.problem}", FORMAT)


def _damage(fd: int, path: str, offset: int, problem: str) -> JournalCorrupted | UnsupportedJournal:
    if not offset and not looks_like_record(pread(fd, _FIRST, 0)):
        if not was_journal(pread(fd, _CHUNK, 0)):
            return UnsupportedJournal(path, "it is not the journal of a study, and was left as it is")
        problem = problem or "the first record, which creates the study, is damaged"
    return JournalCorrupted(path, line_number(fd, offset), offset, problem)


def was_journal(text: bytes) -> bool:
    """Return whether `text`, the beginning of a file without an intact first record, is left of a journal."""
    return _CREATION.match(text) is not None or _LATER_RECORD.search(text) is not None


def damaged_name(path: str) -> str | None:
    """Return the study that a damaged first record of the journal `path` names; None if that can't be read, too."""
    with open(path, "rb") as file:
        found = _CREATION.match(file.read(_FIRST))
    if found is None:
        return None
    try:
        name: str = msgspec.json.decode(found[1], type=str)
    except msgspec.DecodeError:
        return None
    return name


_CREATION = re.compile(rb'[^\n]{0,64}\[\["created",[0-9]+,("(?:[^"\\\n]|\\.)*")')
_LATER_RECORD = re.compile(rb"\n" + BEGINNING.pattern)


def line_number(fd: int, offset: int) -> int:
    """Return the number of the line, from 1, that begins at byte `offset`."""
    line, position = 1, 0
    while position < offset and (chunk := pread(fd, min(_CHUNK, offset - position), position)):
        line += chunk.count(b"\n")
        position += len(chunk)
    return line


def place_of_event(fd: int, path: str, position: int) -> str:
    """Return file, line and byte of the record with the event after `position` others; the file alone if it is gone."""
    with open(fd, "rb", closefd=False) as file:
        offset = file.seek(0)
        for number, line in enumerate(iter(file.readline, b""), 1):
            try:
                if unpack(line[:-1]).sequence > position:
                    return f"{path}, line {number} (byte {offset})"
            except DamagedRecord:
                break
            offset += len(line)
    return path


def keep_torn(path: str, offset: int, content: bytes) -> str:
    """Save `content`, cut off the journal `path` at byte `offset`, and return the name of the new file.

    It is ``<path>.torn-<offset>``, followed by ``.2``, ``.3`` and so on if there was one before.

    Raises:
        OSError: the system refused it; there is no new file.
    """
    for attempt in itertools.count(1):
        name = f"{path}.torn-{offset}" + (f".{attempt}" if attempt > 1 else "")
        try:
            fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOFOLLOW | CLOEXEC, 0o666)
        except FileExistsError:
            continue
        try:
            write_all(fd, content)
        except BaseException:
            os.unlink(name)
            raise
        finally:
            os.close(fd)
        return name
    raise AssertionError  # there is always a next number


def torn_files(path: str) -> list[str]:
    """Return the files that `keep_torn` made for the journal `path`."""
    directory, name = os.path.split(path)
    torn = re.compile(re.escape(name) + r"\.torn-[0-9]+(\.[0-9]+)?")
    return [os.path.join(directory, other) for other in os.listdir(directory) if torn.fullmatch(other)]
