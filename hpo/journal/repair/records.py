"""Shared functions for repairs of files and databases: folding untrusted events, and saving the rest."""

from __future__ import annotations

import os
from collections.abc import Iterable

from hpo.core import FORMAT, AnyEvent, StudyCreated, StudyState, evolve
from hpo.errors import InconsistentEvents, InvalidArgument, UnreadableEvents
from hpo.journal.disk import not_added, sync_directory, write_all


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
            raise Inconsistent(f"a journal has one creation of a study, at its beginning; found {event!r}")
        try:
            state = evolve(state, event)
        except InconsistentEvents as error:
            raise Inconsistent(f"{event!r} can't follow the events before it") from error
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
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
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
