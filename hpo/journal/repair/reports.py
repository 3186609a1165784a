"""What was found in journals that were looked at without trusting them, and what was saved of damaged ones."""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

Kind: TypeAlias = Literal["damaged", "newer", "inconsistent", "foreign"]
"""What keeps a journal from being read: bytes that nobody wrote like this; events of a newer version; events that do
not follow from those before; or it never was a journal."""


@attrs.frozen
class Flaw:
    """What keeps a journal from being read, and where.

    Attributes:
        kind: See `Kind`.
        line: The line, counted from 1; None in a database, which has none.
        offset: Its first byte, counted from 0; None in a database.
        problem: What is wrong, in a few words.
    """

    kind: Kind
    line: int | None
    offset: int | None
    problem: str

    def __str__(self) -> str:
        place = "" if self.line is None else f"line {self.line} (byte {self.offset}): "
        return f"{self.kind}: {place}{self.problem}"


@attrs.frozen
class Inspection:
    """What there is in a journal: a file, or one study of a database.

    Attributes:
        path: The file, as it was given.
        study: The name of the study; None if that can't be read, or the file is empty.
        records: How many intact records it begins with.
        events: How many events those hold.
        torn: Bytes behind them that a crash left of a record; the next writer puts them aside. None are in a database.
        flaw: What keeps the journal from being read, or None.
    """

    path: str
    study: str | None
    records: int
    events: int
    torn: int
    flaw: Flaw | None

    @property
    def healthy(self) -> bool:
        """Whether the study can be loaded; a torn end is no obstacle."""
        return self.flaw is None


@attrs.frozen
class Repair:
    """What was saved of a journal: a file, or one study of a database.

    Attributes:
        source: The damaged file, which is as it was.
        flaw: What was wrong with the journal; None if nothing was.
        output: The new journal, or the new database with it; None if there is none, because nothing was wrong or the
            study's creation is lost.
        events: How many events the new journal has.
        n_trials: How many trials those make.
        n_running: How many of these still run as far as the new journal knows: their ends may be lost.
        salvaged: The file with the intact records that do not follow, which is the new database for those of a
            database; None if there are none.
        salvaged_events: How many events those records hold.
        lost: The numbers, counted from 1, of events that are nowhere any more: first and last of each gap. What came
            after the last intact record can't be known.
        unreadable: What makes no intact record: offset and length of bytes in a file, number (its sequence) and length
            of records in a database.
        study: The study's name in a database; None in a file.
    """

    source: str
    flaw: Flaw | None
    output: str | None = None
    events: int = 0
    n_trials: int = 0
    n_running: int = 0
    salvaged: str | None = None
    salvaged_events: int = 0
    lost: tuple[tuple[int, int], ...] = ()
    unreadable: tuple[tuple[int, int], ...] = ()
    study: str | None = None
