"""One line of a file journal: ``<crc32> <sequence> <json array of events>``.

The checksum covers the sequence and the events; the sequence is the journal's length after the record. JSON escapes
line ends, so a line end is always the end of a record, and ``tail -f``, ``grep`` and ``cut`` work on journals.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from zlib import crc32

from hpo.core import AnyEvent, encode_events
from hpo.errors import InvalidArgument

LONGEST = 1 << 28
"""Bytes of the longest record: a reader never has to hold more of a file that isn't a journal."""

_MOST_TRIED = 1000
BEGINNING = re.compile(rb"[0-9a-f]{8} [1-9][0-9]{0,18} \[")
"""How every record begins."""

LONGEST_BEGINNING = 30
"""Bytes of `BEGINNING` at most: checksum, sequence, two spaces and the bracket."""


class DamagedRecord(ValueError):  # noqa: N818 - it says what was found
    """Bytes that `pack` did not write."""


def pack(events: Sequence[AnyEvent], sequence: int) -> bytes:
    r"""The line, with its line end, that brings a journal to the length `sequence`.

    Raises:
        InvalidArgument: the record would be longer than `LONGEST`.

    Example:
        >>> from hpo.core.records.events import TrialStarted
        >>> pack([TrialStarted(0)], 3)
        b'd74716d1 3 [["started",0,null,null]]\n'
    """
    body = b"%d %s" % (sequence, encode_events(events))
    if len(body) > LONGEST - 10:
        raise InvalidArgument(f"a record of {len(body)} bytes is too long: a journal takes {LONGEST} at once")
    return b"%08x %s\n" % (crc32(body), body)


def unpack(line: bytes) -> tuple[int, bytes]:
    """The sequence and the encoded events of a line, given without its line end.

    Strict: of all lines, it accepts those that `pack` writes and no others.

    Raises:
        DamagedRecord: the line isn't what was once written.

    Example:
        >>> unpack(b'd74716d1 3 [["started",0,null,null]]')
        (3, b'[["started",0,null,null]]')
    """
    body = line[9:]
    if line[:9] != b"%08x " % crc32(body):
        raise DamagedRecord("the checksum is wrong" if looks_like_record(line) else "this is no record of a journal")
    sequence, _, events = body.partition(b" ")
    if not sequence.isdigit() or sequence[:1] == b"0" or len(sequence) > 19:
        raise DamagedRecord("the record has no sequence number")
    return int(sequence), events


def looks_like_record(text: bytes) -> bool:
    """Whether `text` begins as records do."""
    return BEGINNING.match(text) is not None


def hides_record(line: bytes) -> bool:
    """Whether an intact record ends the damaged `line`, given without its line end: it lost the line end before it."""
    for tried, found in enumerate(BEGINNING.finditer(line, 1)):
        if tried == _MOST_TRIED:  # made to look like this: not for us to judge, and not in endless time
            return True
        try:
            unpack(line[found.start() :])
        except DamagedRecord:
            continue
        return True
    return False
