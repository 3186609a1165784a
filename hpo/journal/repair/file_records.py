"""Read as much as possible of an untrusted journal file: its lines and its intact records."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BufferedReader
from itertools import islice

import attrs
import msgspec

from hpo.errors import StudyNotFound
from hpo.journal.disk import open_regular, resolved
from hpo.journal.file.record import BEGINNING, unpack
from hpo.journal.records import LONGEST, DamagedRecord

_MOST_TRIED = 1000


def opened(path: str | os.PathLike[str]) -> BufferedReader:
    """Open the regular file `path` for reading; links are followed.

    Raises:
        StudyNotFound: there is no such file.
        UnsupportedJournal: it is not a regular file, or can't be opened.
    """
    try:
        fd, _ = open_regular(resolved(path))
    except FileNotFoundError:
        raise StudyNotFound(None, os.fspath(path)) from None
    return os.fdopen(fd, "rb")


def lines_of(file: BufferedReader) -> Iterator[tuple[int, bytes]]:
    """Yield the offset and content of each line, with its line end; lines longer than any record come in pieces."""
    file.seek(0)
    offset = 0
    while line := file.readline(LONGEST + 1):
        yield offset, line
        offset += len(line)


@attrs.frozen
class FoundRecord:
    """An intact record in a file.

    Attributes:
        before: The number of events before it.
        sequence: The number of events up to its end.
        offset: The offset of its first byte.
        size: Its size in bytes, without a line end.
        checksum: Its own checksum.
        previous: The checksum of the record before it; None in a journal without a chain.
    """

    before: int
    sequence: int
    offset: int
    size: int
    checksum: int
    previous: int | None


def intact_records(file: BufferedReader) -> tuple[list[FoundRecord], tuple[tuple[int, int], ...]]:
    """Return all intact records without duplicates, and the offset and length of each stretch of other bytes.

    White space after a record, such as the carriage returns of some editors, does not count as other bytes.
    """
    records: dict[tuple[int, int, int], FoundRecord] = {}
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
            records.setdefault((record.before, record.sequence, record.checksum), record)
            read = start + record.size
        if read == 0 or content[read:].strip():
            note(offset + read, len(line) - read)
    return [*records.values()], tuple(others)


def _records_in(line: bytes, offset: int) -> Iterator[FoundRecord]:
    """Yield the intact records in a line without its end; anything may be around them, even other records."""
    starts = [found.start() for found in islice(BEGINNING.finditer(line), _MOST_TRIED)]
    read = tried = 0
    for i, start in enumerate(starts):
        if start < read:
            continue
        for limit in (len(line), *starts[i + 1 :]):
            tried += 1
            if tried > _MOST_TRIED:  # too many false beginnings, as only a crafted file has them
                return
            end = line.rfind(b"]", start, limit) + 1
            try:
                record = unpack(line[start:end])
                n = len(msgspec.json.decode(record.payload, type=list[msgspec.Raw]))
            except (DamagedRecord, msgspec.DecodeError):
                continue
            sequence = record.sequence
            yield FoundRecord(sequence - n, sequence, offset + start, end - start, record.checksum, record.previous)
            read = end
            break


def content_of(file: BufferedReader, record: FoundRecord) -> bytes:
    """Return the line of a record, without its end."""
    file.seek(record.offset)
    return file.read(record.size)
