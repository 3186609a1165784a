"""The journal of one study in an SQLite database."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import msgspec

from hpo.core import FORMAT, AnyEvent, StudyCreated, decode_events, is_acknowledged
from hpo.errors import Conflict, JournalMoved, StudyNotFound, UnreadableEvents
from hpo.journal.file.journal import Durability, check_options
from hpo.journal.file.record import DamagedRecord
from hpo.journal.sqlite.connection import OpenDatabase, Place
from hpo.journal.sqlite.errors import corrupted
from hpo.journal.sqlite.rows import check_place, insert_row, payload_of, unpack_row
from hpo.journal.sqlite.studies import study_number
from hpo.journal.worker_locks import held, is_held

T = TypeVar("T")

_LAST = (1 << 63) - 1


class SqliteJournal:
    """The journal of one study in an SQLite database, shared by any number of threads and processes of one machine.

    Safe against the death of writers at any moment. A fork and a pickle open the database anew. Readers never wait for
    writers. An append after the study was deleted, or the file removed or replaced, gets `JournalMoved`, even where
    there is a new study of this name.

    Args:
        path: The database; it exists, see `SqliteStorage`.
        study_name: The study in it.
        durability: ``"power"`` syncs the disk with each acknowledged event; ``"process"`` leaves it to the system.
        lock_timeout: How long an append waits for other writers before it raises `JournalBusy`, in seconds.

    Raises:
        StudyNotFound: there is no such file, or no such study in it.
        UnsupportedJournal, JournalCorrupted: what is there can't be read.

    Example:
        >>> import tempfile
        >>> from hpo.core.records.events import StudyCreated, TrialStarted
        >>> from hpo.journal import SqliteStorage
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     storage = SqliteStorage(f"{directory}/studies.db")
        ...     journal = storage.create("s", [StudyCreated(1, "s", ("minimize",), 7)])
        ...     journal.append([TrialStarted(0)], expected=1)
        ...     journal.read(1)
        2
        [TrialStarted(number=0, at=None, worker=None)]
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        study_name: str,
        *,
        durability: Durability = "power",
        lock_timeout: float = 30.0,
    ) -> None:
        check_options(durability, lock_timeout)
        self._set_up(os.path.abspath(path), study_name, durability, lock_timeout)
        try:
            study = self._reader.read(lambda connection: study_number(connection, study_name))
        except FileNotFoundError:
            study = None
        if study is None:
            raise StudyNotFound(study_name, self._path)
        self._study = study

    def _set_up(self, path: str, study_name: str, durability: Durability, lock_timeout: float) -> None:
        self._path = path
        self._study_name = study_name
        self._durability = durability
        self._lock_timeout = lock_timeout
        place = Place(path)
        # Two connections, so that a reader never waits for a writer of the same process.
        self._reader = OpenDatabase(place, lock_timeout=lock_timeout)
        self._writer = OpenDatabase(place, lock_timeout=lock_timeout)

    @property
    def path(self) -> str:
        """The database, absolute."""
        return self._path

    def read(self, after: int) -> Sequence[AnyEvent]:
        """See `Journal.read`.

        Raises:
            JournalMoved: the study was deleted.
        """
        return self._told_if_moved(lambda: self._reader.read(lambda connection: self._events(connection, after)))

    def append(self, events: Sequence[AnyEvent], *, expected: int) -> int:
        """See `Journal.append`.

        Raises:
            JournalFull, JournalUnwritable: the system refused it. Nothing was added.
            JournalCorrupted: the database is damaged. Nothing was added.
            InvalidArgument: the record would be too long.
        """
        length = expected + len(events)
        payload = payload_of(events) if events else None

        def add(connection: sqlite3.Connection) -> None:
            actual = _length(connection, self._study)
            if actual != expected:
                raise JournalMoved(self._path) if actual is None else Conflict(expected, actual)
            if payload is not None:
                insert_row(connection, self._study, length, payload)

        durable = self._durability == "power" and is_acknowledged(events)
        self._told_if_moved(lambda: self._writer.write(add, durable=durable))
        return length

    def hold(self, worker: str) -> AbstractContextManager[None]:
        """See `TracksWorkers.hold`; for every process of this machine."""
        return held(self._path, worker)

    def is_alive(self, worker: str) -> bool | None:
        """See `TracksWorkers.is_alive`."""
        return is_held(self._path, worker)

    def _told_if_moved(self, act: Callable[[], T]) -> T:
        try:
            return act()
        except FileNotFoundError:
            raise JournalMoved(self._path) from None

    def _events(self, connection: sqlite3.Connection, after: int) -> Sequence[AnyEvent]:
        """The events from number `after` on; rows are read from the last one that ends before it."""
        events: list[AnyEvent] = []
        start, end = 0, -1
        for row in connection.execute(_READ, (self._study, self._study, min(after, _LAST))):
            if type(row[0]) is int and row[0] <= after:
                start = end = row[0]
                continue
            previous = max(end, 0)
            try:
                sequence, payload = unpack_row(row)
                some = self._decoded(previous, payload)
                check_place(sequence, len(some), previous)
            except DamagedRecord as error:
                raise self._corrupted(previous, str(error)) from None
            events += some
            end = sequence
        if end < 0:
            if study_number(connection, self._study_name) == self._study:
                raise self._corrupted(0, "all events are missing")
            raise JournalMoved(self._path)
        if not start and self._is_cut(connection, end):
            raise self._corrupted(end, "the row that follows has another key")
        return events[after - start :] if after != start else events

    def _is_cut(self, connection: sqlite3.Connection, end: int) -> bool:
        """Whether a row that has lost its key hides what follows event `end`."""
        following = connection.execute(_NEXT, (self._study, end)).fetchone()
        if following is None:
            return False
        study, known, *row = following
        try:
            sequence, payload = unpack_row(row)
            follows: bool = sequence - len(msgspec.json.decode(payload, type=list[msgspec.Raw])) == end
        except (DamagedRecord, msgspec.DecodeError):
            return bool(study == self._study or not known)
        return follows is not bool(study == self._study)  # one of ours that follows was appended just now

    def _decoded(self, previous: int, payload: bytes) -> list[AnyEvent]:
        """The events of a record whose checksum is right: what is unknown in it is new, not damaged."""
        try:
            events = decode_events(payload)
        except UnreadableEvents as error:
            problem = error.problem
        else:
            if previous or not events or not isinstance(events[0], StudyCreated) or events[0].format <= FORMAT:
                return events
            problem = f"its format is {events[0].format}"
        where = f"{self._path}, study {self._study_name!r}, after event {previous}, with a right checksum"
        raise UnreadableEvents(f"{where}: {problem}", FORMAT)

    def _corrupted(self, previous: int, problem: str) -> Exception:
        return corrupted(self._path, f"study {self._study_name!r}, after event {previous}: {problem}")

    def __getstate__(self) -> dict[str, Any]:
        return {
            "path": self._path,
            "study": self._study,
            "study_name": self._study_name,
            "durability": self._durability,
            "lock_timeout": self._lock_timeout,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._set_up(state["path"], state["study_name"], state["durability"], state["lock_timeout"])
        self._study = state["study"]

    def __repr__(self) -> str:
        options = f"durability={self._durability!r}, lock_timeout={self._lock_timeout!r}"
        return f"SqliteJournal({self._path!r}, {self._study_name!r}, {options})"


_READ = (
    "SELECT sequence, crc32, payload FROM events WHERE study = ? AND sequence >= "
    "(SELECT coalesce(max(sequence), 0) FROM events WHERE study = ? AND sequence <= ?) ORDER BY sequence"
)

_NEXT = (
    "SELECT study, study IN (SELECT id FROM studies), sequence, crc32, payload FROM events "
    "WHERE (study, sequence) > (?, ?) ORDER BY study, sequence LIMIT 1"
)


def _length(connection: sqlite3.Connection, study: int) -> int | None:
    """The number of a study's events; None where it is gone."""
    (length,) = connection.execute("SELECT max(sequence) FROM events WHERE study = ?", (study,)).fetchone()
    return None if length is None else int(length)
