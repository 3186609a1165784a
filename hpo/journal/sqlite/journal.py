"""The journal of one study in an SQLite database."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar
from zlib import crc32

import msgspec

from hpo.core import FORMAT, AnyEvent, decode_events, is_acknowledged
from hpo.errors import Conflict, JournalMoved, StudyNotFound, UnreadableEvents
from hpo.journal.records import DamagedRecord, Record, check_order, draft_of, readable_events, starts_chain
from hpo.journal.sqlite.connection import OpenDatabase
from hpo.journal.sqlite.files import Place, corrupted
from hpo.journal.sqlite.schema import columns, insert_row, is_chained, study_number, unpack_row
from hpo.journal.storage import Durability, check_options
from hpo.journal.worker_locks import hold, is_alive

T = TypeVar("T")

_LAST = (1 << 63) - 1
_ROWS_AT_ONCE = 1000
_OPENING, _CLOSING = b"[]"


class SqliteJournal:
    """The journal of one study in an SQLite database, shared by any number of threads and processes of one machine.

    Writers may die at any moment. A forked child and a pickle open the database anew. Readers never wait for writers.
    Reading and appending after the study was deleted, the file removed or replaced, or a backup restored into it, raises
    `JournalMoved`, even if there is a new study of the same name, or the old one has grown again.

    Args:
        path: The database, which exists; `SqliteStorage` creates it.
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
        [TrialStarted(number=0, at=None, worker=None, origin=None)]
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
            found = self._reader.read(lambda connection: _find(connection, study_name))
        except FileNotFoundError:
            found = None
        if found is None:
            raise StudyNotFound(study_name, self._path)
        self._study, self._is_chained = found

    def _set_up(self, path: str, study_name: str, durability: Durability, lock_timeout: float) -> None:
        self._path = path
        self._study_name = study_name
        self._durability = durability
        self._lock_timeout = lock_timeout
        place = Place(path)
        self._known = (0, 0)
        """The last end of the journal that was seen: the number of events, and the checksum of the last record."""
        # Two connections, so that a reader never waits for a writer of the same process.
        self._reader = OpenDatabase(place, lock_timeout=lock_timeout)
        self._writer = OpenDatabase(place, lock_timeout=lock_timeout)

    @property
    def path(self) -> str:
        """The absolute path of the database."""
        return self._path

    def read(self, after: int) -> Sequence[AnyEvent]:
        """Return the events from number `after` on; see `Journal.read`.

        Raises:
            JournalMoved: the study was deleted.
        """
        return self._told_if_moved(lambda: self._reader.read(lambda connection: self._events(connection, after)))

    def append(self, events: Sequence[AnyEvent], *, expected: int) -> int:
        """Add `events`, all or none, and return the new length; see `Journal.append`.

        Raises:
            JournalFull, JournalUnwritable: the system refused it. Nothing was added.
            JournalCorrupted: the database is damaged. Nothing was added.
            InvalidArgument: the record would be too long.
        """
        draft = draft_of(events, expected + len(events))
        known = self._known

        def add(connection: sqlite3.Connection) -> tuple[int, int]:
            length, checksum = connection.execute(_LAST_ROW, (self._study,)).fetchone()
            if length is None or (length, checksum) != known:
                self._check_known(connection, known)
            if length != expected:
                raise Conflict(expected, length)
            if draft.payload:
                previous = checksum if self._is_chained else None
                checksum = insert_row(connection, self._study, draft.sequence, draft.payload, previous)
            return draft.sequence, checksum

        durable = self._durability == "power" and is_acknowledged(events)
        self._note(self._told_if_moved(lambda: self._writer.write(add, durable=durable)))
        return draft.sequence

    def hold(self, worker: str) -> AbstractContextManager[None]:
        """Let `worker` be alive until the end of the block; see `TracksWorkers.hold`.

        It counts for every process on this machine.
        """
        return hold(self._path, worker)

    def is_alive(self, worker: str) -> bool | None:
        """Return whether `worker` is in its block, or None if that is not known; see `TracksWorkers.is_alive`."""
        return is_alive(self._path, worker)

    def place_of(self, position: int) -> str:
        """Return the database and the study; see `TellsPlaces`."""
        return f"{self._path}, study {self._study_name!r}"

    def _told_if_moved(self, act: Callable[[], T]) -> T:
        try:
            return act()
        except FileNotFoundError:
            raise JournalMoved(self._path) from None

    def _events(self, connection: sqlite3.Connection, after: int) -> Sequence[AnyEvent]:
        """Return the events from number `after` on; rows are read from the last one that ends before it."""
        known = self._known
        begin = min(after, known[0]) if known[0] else after
        rows = connection.execute(_READ[self._is_chained], (self._study, self._study, min(begin, _LAST)))
        events: list[AnyEvent] = []
        start, end, checksum = 0, -1, 0
        is_known = not known[0]
        while some := rows.fetchmany(_ROWS_AT_ONCE):
            if end < 0 and type(some[0][0]) is int and some[0][0] <= begin:
                row, *some = some
                start, end, checksum = row[0], row[0], row[1]
                is_known = is_known or (end, checksum) == known
            if not some:
                continue
            if end < 0:  # the first row says which format the journal has
                (record, first), *some = self._one(some[0], 0, 0), *some[1:]
                end, checksum = record.sequence, record.checksum
                events += first
            whole = self._verified(some, end, checksum)
            if whole is not None:
                events += whole
                end, checksum = some[-1][:2] if some else (end, checksum)
                continue
            for row in some:  # whatever is wrong is told about the row that it is in
                record, more = self._one(row, end, checksum)
                end, checksum = record.sequence, record.checksum
                events += more
        if end < 0:
            if study_number(connection, self._study_name) == self._study:
                raise self._corrupted(0, "all events are missing")
            raise JournalMoved(self._path)
        if not is_known:
            self._check_known(connection, known)
        if not start and self._is_cut(connection, end):
            raise self._corrupted(end, "the row that follows has another key")
        self._note((end, checksum))
        return events[after - start :] if after != start else events

    def _verified(self, rows: Sequence[Any], end: int, checksum: int) -> list[AnyEvent] | None:
        """Return the events of rows that follow event `end`, or None if something about them is not as it should be.

        It takes one call of the decoder and few operations per row; what is wrong is found out by `_one`.
        """
        texts, before, chained = [], end, self._is_chained
        try:
            for sequence, written, payload, previous in rows:
                if chained:
                    if previous != checksum or crc32(payload, crc32(b"%08x %d " % (checksum, sequence))) != written:
                        return None
                    checksum = written
                elif previous is not None or crc32(payload, sequence & 0xFFFFFFFF) != written:
                    return None
                if sequence <= before or payload[0] != _OPENING or payload[-1] != _CLOSING:
                    return None
                before = sequence
                texts.append(payload[1:-1])
            events = decode_events(b"[%s]" % b",".join(texts))
        except (TypeError, IndexError, UnreadableEvents):
            return None
        return events if len(events) == before - end else None

    def _one(self, row: Sequence[Any], before: int, checksum: int) -> tuple[Record, list[AnyEvent]]:
        """Return the record in a row after event `before`, and its events.

        Raises:
            JournalCorrupted, UnreadableEvents: it is damaged, out of order, or from a newer version.
        """
        try:
            record = unpack_row(row)
            events = self._decoded(before, record)
            chained = self._is_chained if before else starts_chain(events)
            check_order(record, len(events), after=before, previous=checksum if chained else None)
        except DamagedRecord as error:
            raise self._corrupted(before, str(error)) from None
        return record, events

    def _check_known(self, connection: sqlite3.Connection, known: tuple[int, int]) -> None:
        """Check that the last record that this handle has seen is still in its place.

        Raises:
            JournalMoved: the study was deleted, or has another history.
            JournalCorrupted: that record is damaged.
        """
        row = connection.execute(_AT[self._is_chained], (self._study, known[0])).fetchone() if known[0] else None
        if row is not None and row[1] != known[1]:
            try:
                unpack_row(row)
            except DamagedRecord as error:
                raise self._corrupted(known[0], str(error)) from None
        if (row is None and known[0]) or (row is not None and row[1] != known[1]) or not self._is_there(connection):
            raise JournalMoved(self._path)

    def _is_there(self, connection: sqlite3.Connection) -> bool:
        return connection.execute(_LAST_ROW, (self._study,)).fetchone()[0] is not None

    def _note(self, end: tuple[int, int]) -> None:
        if end[0] > self._known[0]:
            self._known = end

    def _is_cut(self, connection: sqlite3.Connection, end: int) -> bool:
        """Return whether a row that has lost its key hides what follows event `end`."""
        following = connection.execute(_NEXT[self._is_chained], (self._study, end)).fetchone()
        if following is None:
            return False
        study, known, *row = following
        try:
            record = unpack_row(row)
            n_events = len(msgspec.json.decode(record.payload, type=list[msgspec.Raw]))
        except (DamagedRecord, msgspec.DecodeError):
            return bool(study == self._study or not known)
        follows = record.sequence - n_events == end
        return follows is not bool(study == self._study)  # one of ours that follows was appended just now

    def _decoded(self, previous: int, record: Record) -> list[AnyEvent]:
        try:
            return readable_events(record.payload, is_first=not previous)
        except UnreadableEvents as error:
            where = f"{self._path}, study {self._study_name!r}, after event {previous}, with a right checksum"
            raise UnreadableEvents(f"{where}: {error.problem}", FORMAT) from None

    def _corrupted(self, previous: int, problem: str) -> Exception:
        return corrupted(self._path, f"study {self._study_name!r}, after event {previous}: {problem}")

    def __getstate__(self) -> dict[str, Any]:
        return {
            "path": self._path,
            "study": self._study,
            "is_chained": self._is_chained,
            "study_name": self._study_name,
            "durability": self._durability,
            "lock_timeout": self._lock_timeout,
            "known": self._known,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._set_up(state["path"], state["study_name"], state["durability"], state["lock_timeout"])
        self._study = state["study"]
        self._is_chained = state.get("is_chained", False)  # earlier versions knew no chains
        self._known = state.get("known", (0, 0))

    def __repr__(self) -> str:
        options = f"durability={self._durability!r}, lock_timeout={self._lock_timeout!r}"
        return f"SqliteJournal({self._path!r}, {self._study_name!r}, {options})"


_READ = [
    f"SELECT {columns(version)} FROM events WHERE study = ? AND sequence >= "  # noqa: S608 - these are constants
    "(SELECT coalesce(max(sequence), 0) FROM events WHERE study = ? AND sequence <= ?) ORDER BY sequence"
    for version in (1, 2)
]
"""The rows of a study from the last one on that ends before an event: without a chain, and with one."""

_AT = [
    f"SELECT {columns(version)} FROM events WHERE study = ? AND sequence = ?"  # noqa: S608 - as above
    for version in (1, 2)
]
"""The row that ends with an event."""

_NEXT = [
    f"SELECT study, study IN (SELECT id FROM studies), {columns(version)} FROM events "  # noqa: S608 - as above
    "WHERE (study, sequence) > (?, ?) ORDER BY study, sequence LIMIT 1"
    for version in (1, 2)
]
"""The row behind an event, whatever its study is."""

_LAST_ROW = "SELECT max(sequence), crc32 FROM events WHERE study = ?"
"""The length of a study and the checksum of its last row: SQLite takes bare columns from the row of the `max`."""


def _find(connection: sqlite3.Connection, study_name: str) -> tuple[int, bool] | None:
    """Return the number of a study, and whether its rows are chained; None if there is no such study."""
    study = study_number(connection, study_name)
    return None if study is None else (study, is_chained(connection, study))
