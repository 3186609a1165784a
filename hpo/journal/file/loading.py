"""Loading the state of a study from a long journal file, in a fraction of the time that reading event by event takes."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Iterator
from itertools import accumulate, chain
from typing import Any
from zlib import crc32

import msgspec

from hpo.core import AnyEvent, Loader, StudyState, decode_hook, decode_snapshot, encode_snapshot
from hpo.errors import HpoError, UnreadableEvents
from hpo.journal.disk import CLOEXEC, NOFOLLOW, NONBLOCK, pread, unlink_if_there, write_all
from hpo.journal.file.lines import START, Mark, unpack
from hpo.journal.records import DamagedRecord, readable_events, starts_chain

_CHUNK = 1 << 14  # small, so that its events are still in the processor's cache when they are folded
_CHUNK_TO_CHECK = 1 << 18
_WORTHWHILE = 1 << 20  # bytes of a journal from which on it pays to load numpy
_MANY_EVENTS = 30_000  # that a snapshot does not have, before another one is written: about 0.1 s of reading
_MANY = 0.1  # the same, as a share of what it has


def load_state(fd: int, path: str, *, snapshots: bool) -> tuple[StudyState, Mark] | None:
    """Return the state after nearly all events of a journal, and where the other ones begin.

    What is out of the ordinary is left to `hpo.journal.file.lines.read_records`, which says what is wrong with it: a
    torn end, damage, events of a newer version, or events that do not follow the ones before.

    Args:
        fd: The file.
        path: Its path.
        snapshots: Whether to read a snapshot of it, and to write one if there is much that the last one does not have.

    Returns:
        None if the journal is short, if it is of format 1, or if nothing could be read in this way.
    """
    try:
        if os.fstat(fd).st_size < _WORTHWHILE:
            return None
        kept = _read_snapshot(fd, path) if snapshots else None
        state, end, checksum = (None, START, 0) if kept is None else kept
        begin, loader = end, Loader(state)
        for events, after, so_far in _batches(fd, end, checksum):
            loader.add(events)
            end, checksum = after, so_far
        if end == START:
            return None
        state = loader.state()
    except (OSError, HpoError):  # reading the journal in the ordinary way raises it again, with its place
        return None
    news = end.sequence - begin.sequence
    if snapshots and news >= max(_MANY_EVENTS, begin.sequence * _MANY):
        _write_snapshot(fd, path, state, _Stamp(end.sequence, end.offset, end.checksum, end.start, checksum))
    return state, end


def snapshot_of(path: str) -> str:
    """Return the path of the snapshot of the journal `path`."""
    return f"{path}.snapshot"


class _Stamp(msgspec.Struct, frozen=True, array_like=True):
    """The records that a snapshot stands for: `Mark` has the first four fields.

    Attributes:
        sequence: The number of events.
        offset: The number of bytes.
        checksum: The checksum of the last record.
        start: Where it begins.
        of_bytes: The CRC-32 of all bytes.
    """

    sequence: int
    offset: int
    checksum: int
    start: int
    of_bytes: int


def _read_snapshot(fd: int, path: str) -> tuple[StudyState, Mark, int] | None:
    """Return the state in a snapshot, the end of the records that it stands for, and the CRC-32 of their bytes.

    None unless the journal has these very bytes: a snapshot is never trusted over its journal.
    """
    name = snapshot_of(path)
    try:
        kept = os.open(name, os.O_RDONLY | NOFOLLOW | NONBLOCK | CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        _note("The snapshot %s can't be read: %s", name, error)
        return None
    with open(kept, "rb") as file:
        try:
            state, written = decode_snapshot(file.read(), _library())
            stamp = msgspec.json.decode(written, type=_Stamp)
        except (OSError, UnreadableEvents, msgspec.MsgspecError) as error:
            _note("The snapshot %s is ignored: %s", name, error)
            return None
    if state.version != stamp.sequence or _checksum_of_bytes(fd, stamp.offset) != stamp.of_bytes:
        _note("The snapshot %s is ignored: the journal has other bytes", name)
        return None
    return state, Mark(stamp.sequence, stamp.offset, stamp.checksum, is_chained=True, start=stamp.start), stamp.of_bytes


def _write_snapshot(fd: int, path: str, state: StudyState, stamp: _Stamp) -> None:
    """Write a snapshot beside the journal, whole or not at all. Whatever prevents it is no more than logged."""
    directory, name = os.path.split(path)
    draft = os.path.join(directory, f".{name[:40]}.{secrets.token_hex(8)}.tmp")
    try:
        content = encode_snapshot(state, msgspec.json.encode(stamp).decode(), _library())
        if content is None:
            return
        new = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | CLOEXEC, 0o600)
        try:
            # users who may read the journal may read its snapshot, and nobody else
            if hasattr(os, "fchmod"):
                os.fchmod(new, os.fstat(fd).st_mode & 0o666)
            write_all(new, content)
        finally:
            os.close(new)
        os.replace(draft, snapshot_of(path))
    except OSError as error:
        _note("No snapshot was written beside %s: %s", path, error)
        with contextlib.suppress(OSError):
            unlink_if_there(draft)


def _checksum_of_bytes(fd: int, length: int) -> int | None:
    """Return the CRC-32 of the first `length` bytes of a file, or None if there are fewer."""
    checksum, place = 0, 0
    while place < length and (chunk := pread(fd, min(_CHUNK_TO_CHECK, length - place), place)):
        checksum = crc32(chunk, checksum)
        place += len(chunk)
    return checksum if place == length else None


def _library() -> str:
    # by name, because rooms do not import the top; it has been loaded, or this module would not be here
    return str(sys.modules["hpo"].__version__)


def _batches(fd: int, end: Mark, checksum: int) -> Iterator[tuple[list[AnyEvent], Mark, int]]:
    """Yield the events of records that are as they should be, the end of each batch, and the CRC-32 up to there.

    Args:
        fd: The file.
        end: The end of the record before the first one.
        checksum: The CRC-32 of all bytes up to `end`.
    """
    if end == START:
        text = pread(fd, _CHUNK, 0)
        first = _first_record(text)
        if first is None:
            return
        events, end = first
        checksum = crc32(text[: end.offset])
        yield events, end, checksum
    size = _CHUNK
    while chunk := pread(fd, size, end.offset):
        length = chunk.rfind(b"\n") + 1
        if not length:  # a record that is longer, or a torn end
            if len(chunk) < size:
                return
            size *= 4
            continue
        lines = chunk[: length - 1].split(b"\n")
        try:
            batch = _intact(lines, end)
        except (ValueError, RecursionError, HpoError):  # not four fields, or not events
            return
        if batch is None:
            return
        events, sequence, last = batch
        after = end.offset + length
        end = Mark(sequence, after, last, is_chained=True, start=after - len(lines[-1]) - 1)
        checksum = crc32(chunk[:length], checksum)
        yield events, end, checksum


def _first_record(text: bytes) -> tuple[list[AnyEvent], Mark] | None:
    """Return the events of the first record and its end, if it starts a chain."""
    line, ending, _ = text.partition(b"\n")
    try:
        record = unpack(line)
        events = readable_events(record.payload, is_first=True)
    except (DamagedRecord, HpoError):
        return None
    if not ending or not starts_chain(events) or record.previous != 0 or record.sequence != len(events):
        return None
    return events, Mark(record.sequence, len(line) + 1, record.checksum, is_chained=True)


def _intact(lines: list[bytes], end: Mark) -> tuple[list[AnyEvent], int, int] | None:
    """Return the events of `lines`, the length of the journal after them, and the checksum of the last one.

    None if one of them is not a record in the chain that `end` is in. The checks are those of `unpack`, `order_problem`
    and `readable_events`, for all lines at a time: each step below is one call, and not one for each line.

    Raises:
        ValueError: a line has other fields, or they are something else than events.
    """
    n = len(lines)
    checksums, before, lengths, payloads = zip(*[line.split(b" ", 3) for line in lines], strict=True)
    written = b"".join(checksums)
    if {*map(len, checksums)} != {8} or written != b"%08x" * n % tuple([crc32(line[9:]) for line in lines]):
        return None
    if {*map(len, before)} != {8} or b"".join(before) != b"%08x" % end.checksum + written[:-8]:
        return None
    # The zeros between the records keep one with a bracket too many from joining another.
    decoded = _DECODER.decode(b"[%b]" % b",0,".join(payloads))
    records = decoded[::2]
    if len(decoded) != 2 * n - 1 or {*map(type, records)} != {list} or not {*map(type, decoded[1::2])} <= {int}:
        return None
    sequences = [*accumulate(map(len, records), initial=end.sequence)]
    if not all(records) or b" ".join(lengths) != b" ".join([b"%d" % sequence for sequence in sequences[1:]]):
        return None
    return [*chain.from_iterable(records)], sequences[-1], int(checksums[-1], 16)


_DECODER: msgspec.json.Decoder[list[Any]] = msgspec.json.Decoder(list[list[AnyEvent] | int], dec_hook=decode_hook)


def _note(message: str, *values: object) -> None:
    import logging  # it is slow to import, and rarely needed

    logging.getLogger("hpo.journal").debug(message, *values)
