"""Checking journal files without trusting them, and saving what is intact in a damaged one.

`check_journal` reads as every reader does, and reports flaws instead of raising. `repair_journal` leaves the file
unchanged and writes a new one. Each record states which events it holds, so intact records are put in order wherever in
the file they are: nothing is lost if a line is duplicated, misplaced, merged with another or surrounded by garbage, or
if an editor changed all line ends. Records after a gap can't be replayed, because they depend on the events in the gap;
they are saved in a separate file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BufferedReader

import attrs
import msgspec

from hpo.core import FORMAT, AnyEvent, StudyState, decode_events
from hpo.errors import JournalBusy, StudyNotFound, UnreadableEvents, UnsupportedJournal
from hpo.journal.disk import open_regular, resolved
from hpo.journal.file.checksums import PartialChecksums
from hpo.journal.file.create_delete import create_file
from hpo.journal.file.lines import BEGINNING, LONGEST_BEGINNING, has_checksum, hides_record, looks_like_record, unpack
from hpo.journal.locks import HAS_FLOCK, lock_holder
from hpo.journal.records import LONGEST, DamagedRecord, Record, check_order, readable_events, starts_chain
from hpo.journal.repair.reports import (
    Flaw,
    Inconsistent,
    Inspection,
    Repair,
    folded,
    gaps,
    refuse_existing,
    write_aside,
)

_SUFFIX = ".jsonl"
_NO_WAIT = 0.0


def check_journal(path: str | os.PathLike[str]) -> Inspection:
    """Return a report about the journal file `path`; nothing is changed, and no writer has to wait.

    O(size of the file) time; memory for the study's trials.

    Raises:
        StudyNotFound: there is no such file.
        UnsupportedJournal: it is not a regular file, or can't be opened.

    Example:
        >>> import tempfile
        >>> from hpo.core import StudyCreated
        >>> from hpo.journal import FileStorage
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     path = f"{directory}/s.jsonl"
        ...     _ = FileStorage(path).create("s", [StudyCreated(1, "s", ("minimize",), 7)])
        ...     found = check_journal(path)
        >>> found.healthy, found.study, found.records, found.torn
        (True, 's', 1, 0)
    """
    shown = os.fspath(path)
    before: Inspection | None = None
    while True:
        with opened(path) as file:
            found = _inspected(file, shown)
        # A writer may have cut off a torn end and appended while we read page by page: only a flaw that is seen twice
        # is damage.
        if found.healthy or (before is not None and found.flaw == before.flaw):
            return found
        before = found


def repair_journal(path: str | os.PathLike[str], output: str | os.PathLike[str] | None = None) -> Repair:
    """Write a new journal with the intact and consistent events of a damaged one, which is left unchanged.

    Other intact records go unchanged into a second file, ``<output>.salvaged``. Stop all writers first: events that are
    appended meanwhile are not in the new file. Both files survive a power failure. A healthy file is not copied.

    Args:
        path: The damaged file.
        output: The new file, which must not exist; ``<name>.repaired.jsonl`` beside the old one if not given.

    Raises:
        StudyNotFound: there is no such file.
        UnreadableEvents: a newer version wrote the file, and has to repair it.
        UnsupportedJournal: the file was never a journal.
        InvalidArgument: one of the new files exists already.
        JournalBusy: a writer is appending to the file.
        JournalFull, JournalUnwritable: the system refused the new files.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from hpo.core import StudyCreated, TrialStarted
        >>> from hpo.journal.file.lines import pack
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     path = Path(directory, "s.jsonl")
        ...     created, started = StudyCreated(1, "s", ("minimize",), 7), TrialStarted(0)
        ...     _ = path.write_bytes(pack([created], 1) + b"garbage" + chr(10).encode() + pack([started], 2))
        ...     done = repair_journal(path)
        >>> done.flaw.line, done.events, done.lost, len(done.unreadable)
        (2, 2, (), 1)
    """
    shown = os.fspath(path)
    target = _default_output(shown) if output is None else os.fspath(output)
    aside = f"{target}.salvaged"
    with opened(path) as file:
        _keep_writers_out(file, shown)
        found = _inspected(file, shown)
        if found.flaw is None:
            return Repair(shown, None, events=found.events)
        if found.flaw.kind == "foreign":
            raise UnsupportedJournal(shown, found.flaw.problem)
        if found.flaw.kind == "newer":
            raise UnreadableEvents(f"{shown}, line {found.flaw.line}: {found.flaw.problem}", FORMAT)
        refuse_existing(target, aside)
        records, unreadable = intact_records(file)
        events, state, kept = _history(file, records)
        rest = [record for record in records if record not in kept]
        _write(target, events, aside, b"".join(content_of(file, record) + b"\n" for record in rest))
    return Repair(
        source=shown,
        flaw=found.flaw,
        output=target if events else None,
        events=len(events),
        n_trials=state.n_trials,
        n_running=len(state.running),
        salvaged=aside if rest else None,
        salvaged_events=sum(record.sequence - record.before for record in rest),
        lost=gaps([(record.before, record.sequence) for record in rest], len(events)),
        unreadable=unreadable,
    )


def _keep_writers_out(file: BufferedReader, path: str) -> None:
    """Lock the file until it is closed; without locks in the file system, writers cannot be kept out."""
    if not HAS_FLOCK:
        return
    import fcntl

    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise JournalBusy(path, _NO_WAIT, lock_holder(file.fileno())) from None
    except OSError:
        return


def _inspected(file: BufferedReader, path: str) -> Inspection:
    state, records, end, flaw, previous = StudyState(), 0, 0, None, None
    for offset, line in lines_of(file):
        end = offset
        if not line.endswith(b"\n") and len(line) <= LONGEST:
            break
        try:
            record = unpack(line.removesuffix(b"\n"))
        except DamagedRecord as error:
            torn = not file.peek(1) and not hides_record(line.removesuffix(b"\n")) and records
            flaw = None if torn else Flaw("damaged", records + 1, offset, str(error))
            break
        try:
            state, previous = _with_record(state, record, previous)
        except DamagedRecord as error:
            flaw = Flaw("damaged", records + 1, offset, str(error))
            break
        except UnreadableEvents as error:
            flaw = Flaw("newer", records + 1, offset, error.problem)
            break
        except Inconsistent as error:
            flaw = Flaw("inconsistent", records + 1, offset, str(error))
            break
        records, end = records + 1, offset + len(line)
    size = os.fstat(file.fileno()).st_size
    if not records and size:
        flaw = _flawed_beginning(file, flaw)
    name = state.name if records else None
    return Inspection(path, name, records, state.version, 0 if flaw else max(size - end, 0), flaw)


def _with_record(state: StudyState, record: Record, previous: int | None) -> tuple[StudyState, int | None]:
    """Return the state after the events of an intact record, and the checksum that the next one must name.

    Raises:
        DamagedRecord: the record is not the next one.
        UnreadableEvents: a newer version wrote it.
        Inconsistent: its events can't be folded in.
    """
    events = readable_events(record.payload, is_first=not state.version)
    if not state.version and starts_chain(events):
        previous = 0
    check_order(record, len(events), after=state.version, previous=previous)
    return folded(state, events), None if previous is None else record.checksum


def _flawed_beginning(file: BufferedReader, flaw: Flaw | None) -> Flaw:
    """Return the flaw of a file without an intact first record: newer, damaged, or not a journal at all."""
    if flaw is not None and flaw.kind != "damaged":
        return flaw
    file.seek(0)
    if looks_like_record(file.read(LONGEST_BEGINNING)) or intact_records(file)[0]:
        return flaw or Flaw("damaged", 1, 0, "the first record is cut off")
    return Flaw("foreign", 1, 0, "it is not the journal of a study")


def _history(file: BufferedReader, records: list[FoundRecord]) -> tuple[list[AnyEvent], StudyState, set[FoundRecord]]:
    """Return the events that follow each other from the first one on, their state, and their records."""
    following: dict[tuple[int, int | None], FoundRecord] = {}
    for record in records:
        following.setdefault((record.before, record.previous), record)
    events: list[AnyEvent] = []
    state, kept = StudyState(), set()
    found = following.get((0, 0)) or following.get((0, None))
    while found is not None and found.sequence > found.before:
        try:
            some = decode_events(unpack(content_of(file, found)).payload)
            state = folded(state, some)
        except (UnreadableEvents, Inconsistent):
            break
        events += some
        kept.add(found)
        found = following.get((state.version, None if found.previous is None else found.checksum))
    return events, state, kept


def _default_output(path: str) -> str:
    return f"{path.removesuffix(_SUFFIX)}.repaired{_SUFFIX}"


def _write(target: str, events: list[AnyEvent], aside: str, salvaged: bytes) -> None:
    """Write the new journal and the salvaged records, if there are any; either both files or neither."""
    if salvaged:
        write_aside(aside, salvaged)
    try:
        if events:
            create_file(os.path.abspath(target), events, durable=True, lock_timeout=_NO_WAIT)
    except BaseException:  # so that the next attempt does not find existing files
        if salvaged:
            os.unlink(aside)
        raise


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
    starts = [found.start() for found in BEGINNING.finditer(line)]
    if not starts:
        return
    ends = [line.rfind(b"]", start, limit) + 1 for start, limit in zip(starts, [*starts[1:], len(line)], strict=True)]
    checksums = PartialChecksums(line, [0, len(line), *ends, *(start + 9 for start in starts)])
    # A record ends with the line, before the white space that an editor left there, or where the next one begins. If what
    # looks like a beginning is a part of it, it ends elsewhere; such ends are tried a limited number of times, because
    # only a crafted file has many of them.
    whole = {
        start: end
        for end in {len(line), max(ends, default=0)}
        for start in reversed(starts)
        if start + 9 < end and has_checksum(line, start, end, checksums)
    }
    read, left = 0, _MOST_TRIED
    for i, start in enumerate(starts):
        if start < read:
            continue
        for k, end in enumerate([whole[start]] if start in whole else ends[i : i + 1 + left]):
            left -= k > 0
            if end <= start + 9 or not has_checksum(line, start, end, checksums):
                continue
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
