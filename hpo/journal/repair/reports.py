"""Reports about journals that were checked without trusting them, and about repairs of damaged ones."""

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
        kind: The kind of the flaw, as `Kind` explains it.
        line: The line, counted from 1; None in a database, which has no lines.
        offset: The offset of its first byte, counted from 0; None in a database.
        problem: A short description.
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
    """The result of checking a journal: a file, or one study of a database.

    Attributes:
        path: The file, as it was given.
        study: The name of the study; None if it can't be read, or the file is empty.
        records: The number of intact records at its beginning.
        events: The number of events in those records.
        torn: The number of bytes after them that a crash left of a record, and that the next writer saves in a file;
            always 0 in a database.
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
        """Whether the study can be loaded; it can even if its end is torn."""
        return self.flaw is None


@attrs.frozen
class Repair:
    """The result of repairing a journal: a file, or one study of a database.

    Attributes:
        source: The damaged file, which was not changed.
        flaw: What was wrong with the journal; None if nothing was.
        output: The new journal, or the new database that holds it; None if nothing was wrong, or if nothing could be
            written because the study's creation is lost.
        events: The number of events in the new journal.
        n_trials: The number of trials in the new journal.
        n_running: The number of those that are still running in the new journal; their ends may be lost.
        salvaged: The file with the intact records that do not follow; None if there are no such records.
        salvaged_events: The number of events in those records.
        lost: The numbers, counted from 1, of missing events: first and last of each gap. It is not known how many
            events followed the last intact record.
        unreadable: The parts outside of intact records: offset and length of bytes in a file, sequence and length of
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
