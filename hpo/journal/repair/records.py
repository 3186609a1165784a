"""What can be read of a journal file that nobody vouches for: its lines, its intact records, its events."""

# Descriptors, flags and error numbers are those of os, and so are paths.
from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from io import BufferedReader
from itertools import islice

import attrs
import msgspec

from hpo.core import FORMAT, AnyEvent, StudyCreated, StudyState, evolve
from hpo.errors import InconsistentEvents, StudyNotFound, UnreadableEvents
from hpo.journal.file.create_delete import resolved, sync_directory
from hpo.journal.file.open_file import not_added, open_regular
from hpo.journal.file.record import BEGINNING, LONGEST, DamagedRecord, unpack
from hpo.journal.file.torn import write_all

_MOST_TRIED = 1000


def opened(path: str | os.PathLike[str]) -> BufferedReader:
    """The regular file `path`, links followed, for reading.

    Raises:
        StudyNotFound: there is no such file.
        UnsupportedJournal: there is something else, or it can't be opened.
    """
    try:
        fd, _ = open_regular(resolved(path))
    except FileNotFoundError:
        raise StudyNotFound(None, os.fspath(path)) from None
    return os.fdopen(fd, "rb")


def lines_of(file: BufferedReader) -> Iterator[tuple[int, bytes]]:
    """Offset and content of each line, with its end; longer ones than records can be come in pieces."""
    file.seek(0)
    offset = 0
    while line := file.readline(LONGEST + 1):
        yield offset, line
        offset += len(line)


class Inconsistent(ValueError):  # noqa: N818 - it says what was found
    """Events that do not follow from those before."""


def folded(state: StudyState, events: list[AnyEvent]) -> StudyState:
    """The state after `events`, which may be anything.

    Raises:
        UnreadableEvents: they are of a newer format.
        Inconsistent: they do not follow from those before.
    """
    for event in events:
        if isinstance(event, StudyCreated) and event.format > FORMAT:
            raise UnreadableEvents(f"its format is {event.format}", FORMAT)
        if isinstance(event, StudyCreated) == bool(state.version):
            raise Inconsistent(f"a journal has one creation of a study, at its beginning; here is {event!r}")
        try:
            state = evolve(state, event)
        except InconsistentEvents as error:
            raise Inconsistent(f"{event!r} does not follow from the events before it") from error
    return state


@attrs.frozen
class FoundRecord:
    """An intact record in a file: it leads from `before` to `sequence` events."""

    before: int
    sequence: int
    offset: int
    size: int


def intact_records(file: BufferedReader) -> tuple[list[FoundRecord], tuple[tuple[int, int], ...]]:
    """All intact records, copies of others left out, and offset and length of the bytes that make none.

    Blanks behind a record, such as the carriage returns of some editors, are not counted among those.
    """
    records: dict[tuple[int, int, bytes], FoundRecord] = {}
    others: list[tuple[int, int]] = []

    def note(offset: int, length: int) -> None:
        if length and others and sum(others[-1]) == offset:
            others[-1] = (others[-1][0], others[-1][1] + length)
        elif length:
            others.append((offset, length))

    for offset, line in lines_of(file):
        content, read = line.removesuffix(b"\n"), 0
        for record in _records_in(content, offset):
            start = record.offset - offset
            if read == 0 or content[read:start].strip():
                note(offset + read, start - read)
            records.setdefault((record.before, record.sequence, content[start : start + 8]), record)
            read = start + record.size
        if read == 0 or content[read:].strip():
            note(offset + read, len(line) - read)
    return [*records.values()], tuple(others)


def _records_in(line: bytes, offset: int) -> Iterator[FoundRecord]:
    """The intact records in a line without its end: what is around them does not matter, be it other records."""
    starts = [found.start() for found in islice(BEGINNING.finditer(line), _MOST_TRIED)]
    read = tried = 0
    for i, start in enumerate(starts):
        if start < read:
            continue
        for limit in (len(line), *starts[i + 1 :]):
            tried += 1
            if tried > _MOST_TRIED:  # more of them were made to look like records
                return
            end = line.rfind(b"]", start, limit) + 1
            try:
                sequence, text = unpack(line[start:end])
                n = len(msgspec.json.decode(text, type=list[msgspec.Raw]))
            except (DamagedRecord, msgspec.DecodeError):
                continue
            yield FoundRecord(sequence - n, sequence, offset + start, end - start)
            read = end
            break


def gaps(records: Iterable[tuple[int, int]], length: int) -> tuple[tuple[int, int], ...]:
    """The events that are neither among the first `length` nor in `records`: first and last of each gap, from 1 on.

    Args:
        records: The number of events before each record, and after it.
        length: How many events there are before all gaps.

    Example:
        >>> gaps([(9, 10), (4, 6)], 3)
        ((4, 4), (7, 9))
    """
    missing = []
    for before, sequence in sorted(records):
        if before > length:
            missing.append((length + 1, before))
        length = max(length, sequence)
    return tuple(missing)


def content_of(file: BufferedReader, record: FoundRecord) -> bytes:
    """The line of a record, without its end."""
    file.seek(record.offset)
    return file.read(record.size)


def write_aside(path: str, content: bytes) -> None:
    """Make the file `path` with `content`, so that it survives a power failure.

    Raises:
        JournalFull, JournalUnwritable: the system refused it, or there is something; nothing is left behind.
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            write_all(fd, content)
            os.fsync(fd)
            sync_directory(os.path.dirname(os.path.abspath(path)))
        except BaseException:
            os.unlink(path)
            raise
        finally:
            os.close(fd)
    except OSError as error:
        raise not_added(path, error) from error
