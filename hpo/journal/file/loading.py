"""Loading the state of a study from a long journal file, in a fraction of the time that reading event by event takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import accumulate, chain
from typing import Any
from zlib import crc32

import msgspec

from hpo.core import AnyEvent, Loader, StudyState, decode_hook
from hpo.errors import HpoError
from hpo.journal.file.lines import START, Mark, unpack
from hpo.journal.records import DamagedRecord, readable_events, starts_chain

_CHUNK = 1 << 14  # small, so that its events are still in the processor's cache when they are folded
_WORTHWHILE = 1 << 20  # bytes of a journal from which on it pays to load numpy


def load_state(fd: int) -> tuple[StudyState, Mark] | None:
    """Return the state after nearly all events of a journal, and where the other ones begin.

    What is out of the ordinary is left to `hpo.journal.file.lines.read_records`, which says what is wrong with it: a
    torn end, damage, events of a newer version, or events that do not follow the ones before.

    Args:
        fd: The file.

    Returns:
        None if the journal is short, if it is of format 1, or if nothing could be read in this way.
    """
    try:
        if os.fstat(fd).st_size < _WORTHWHILE:
            return None
        loader, end = Loader(), START
        for events, after in _batches(fd):
            loader.add(events)
            end = after
        return None if end == START else (loader.state(), end)
    except (OSError, HpoError):  # who reads the journal in the ordinary way gets it again, with its place
        return None


def _batches(fd: int) -> Iterator[tuple[list[AnyEvent], Mark]]:
    """Yield the events of records that are as they should be, and the end of each batch."""
    first = _first_record(os.pread(fd, _CHUNK, 0))
    if first is None:
        return
    events, end = first
    yield events, end
    size = _CHUNK
    while chunk := os.pread(fd, size, end.offset):
        length = chunk.rfind(b"\n") + 1
        if not length:  # a record that is longer, or a torn end
            if len(chunk) < size:
                return
            size *= 4
            continue
        lines = chunk[: length - 1].split(b"\n")
        try:
            batch = _intact(lines, end)
        except (
            ValueError,
            RecursionError,
            HpoError,
        ):  # not four fields, or not events; msgspec's errors are ValueErrors
            return
        if batch is None:
            return
        events, sequence, checksum = batch
        after = end.offset + length
        end = Mark(sequence, after, checksum, is_chained=True, start=after - len(lines[-1]) - 1)
        yield events, end


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
