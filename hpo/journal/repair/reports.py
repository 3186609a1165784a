"""Reports: what was found in journals that were checked without trusting them, and what was saved of damaged ones."""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

Kind: TypeAlias = Literal["damaged", "newer", "inconsistent", "foreign"]
"""Why a journal can't be read: its bytes were changed; it has events of a newer version; it has events that can't
follow the ones before them; or it never was a journal."""


@attrs.frozen
class Flaw:
    """Why a journal can't be read, and where.

    Attributes:
        kind: What sort of flaw it is; `Kind` explains them.
        line: The line, counted from 1; None in a database, which has no lines.
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
    """What was found in a journal: a file, or one study of a database.

    Attributes:
        path: The file, as it was given.
        study: The name of the study; None if it can't be read, or the file is empty.
        records: How many intact records it begins with.
        events: How many events those hold.
        torn: Bytes behind them that a crash left of a record, which the next writer saves in a file; always 0 in a
            database.
        flaw: Why the journal can't be read; None if it can.
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
        source: The damaged file, which was not changed.
        flaw: What was wrong with the journal; None if nothing was.
        output: The new journal, or the new database with it; None if there is none, because nothing was wrong or the
            study's creation is lost.
        events: How many events the new journal has.
        n_trials: How many trials those make.
        n_running: How many of these still run as far as the new journal knows: their ends may be lost.
        salvaged: The file with the intact records that do not follow; None if there are none.
        salvaged_events: How many events those records hold.
        lost: The numbers, counted from 1, of events that were found nowhere: first and last of each gap. What came
            after the last intact record is not known.
        unreadable: What is not part of an intact record: offset and length of bytes in a file, sequence and length of
            records in a database.
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
