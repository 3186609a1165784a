"""What checks and repairs of files and databases have in common: reports, folding untrusted events, saving the rest."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Literal, TypeAlias

import attrs

from hpo.core import FORMAT, AnyEvent, StudyCreated, StudyState, evolve
from hpo.errors import InconsistentEvents, InvalidArgument, UnreadableEvents
from hpo.journal.disk import CLOEXEC, NOFOLLOW, not_added, sync_directory, write_all

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


class Inconsistent(ValueError):  # noqa: N818 - it is a finding
    """Events that can't follow the ones before them."""


def folded(state: StudyState, events: list[AnyEvent]) -> StudyState:
    """Return the state after `events`, which are not trusted.

    Raises:
        UnreadableEvents: they have a newer format.
        Inconsistent: they can't follow the ones before them.
    """
    for event in events:
        if isinstance(event, StudyCreated) and event.format > FORMAT:
            raise UnreadableEvents(f"its format is {event.format}", FORMAT)
        if isinstance(event, StudyCreated) == bool(state.version):
            problem = "a journal has one creation of a study, at its beginning"
            raise Inconsistent(InconsistentEvents(state.version, event, problem).finding)
        try:
            state = evolve(state, event)
        except InconsistentEvents as error:
            raise Inconsistent(error.finding) from error
    return state


def gaps(records: Iterable[tuple[int, int]], length: int) -> tuple[tuple[int, int], ...]:
    """Return the gaps: the first and last number, from 1 on, of events beyond the first `length` that no record has.

    Args:
        records: The number of events before each record, and after it.
        length: The number of events before all gaps.

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


def refuse_existing(*paths: str) -> None:
    """Check that none of the new files exists.

    Raises:
        InvalidArgument: one exists.
    """
    for taken in filter(os.path.lexists, paths):
        raise InvalidArgument(f"{taken} exists already: choose another output")


def write_aside(path: str, content: bytes) -> None:
    """Write a new file `path` with `content` so that it survives a power failure.

    Raises:
        JournalFull, JournalUnwritable: the system refused it, or the file exists; nothing is left behind.
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOFOLLOW | CLOEXEC, 0o666)
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
