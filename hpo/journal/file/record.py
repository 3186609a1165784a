"""One line of a file journal: ``<crc32> <crc32 of the record before> <sequence> <json array of events>``.

The first checksum covers everything behind it; the sequence is the journal's length after the record. Journals of
format 1 have no second checksum. JSON escapes line ends, so a line end is always the end of a record, and ``tail -f``,
``grep`` and ``cut`` work on journals.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from zlib import crc32

from hpo.core import AnyEvent
from hpo.journal.records import DamagedRecord, Record, payload_of

BEGINNING = re.compile(rb"[0-9a-f]{8} ([0-9a-f]{8} )?[1-9][0-9]{0,18} \[")
"""How every record begins."""

LONGEST_BEGINNING = 39
"""Bytes of `BEGINNING` at most: two checksums, the sequence, three spaces and the bracket."""

_MOST_TRIED = 1000
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
        raise DamagedRecord(
            "the checksum is wrong" if looks_like_record(line) else "this line is not a record of a journal"
        )
    previous = None
    if body[8:9] == b" " and body[9:10] != b"[" and not body[:8].strip(_HEXADECIMAL):
        previous = int(body[:8], 16)
        body = body[9:]
    sequence, _, payload = body.partition(b" ")
    if not sequence.isdigit() or sequence[:1] == b"0" or len(sequence) > 19:
        raise DamagedRecord("the record has no sequence number")
    return Record(int(sequence), payload, checksum, previous)


def looks_like_record(text: bytes) -> bool:
    """Return whether `text` begins as records do."""
    return BEGINNING.match(text) is not None


def hides_record(line: bytes) -> bool:
    """Return whether an intact record ends the damaged `line`: then it lost the line end before that record.

    Args:
        line: The line, without its line end.
    """
    for tried, found in enumerate(BEGINNING.finditer(line, 1)):
        if tried == _MOST_TRIED:  # made to look like this: not for us to judge, and not in endless time
            return True
        try:
            unpack(line[found.start() :])
        except DamagedRecord:
            continue
        return True
    return False
