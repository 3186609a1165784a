"""Studies in an SQLite database, any number in one file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import attrs
import msgspec

from hpo.core.events import FORMAT, AnyEvent, StudyCreated, decode_events, is_acknowledged
from hpo.core.numbers import checked_text
from hpo.errors import (
    Conflict,
    DuplicatedStudyError,
    JournalMoved,
    StudyNotFound,
    UnreadableEvents,
    UnsupportedJournal,
)
from hpo.journal.file import Durability, check_options
from hpo.journal.lifecycle import resolved
from hpo.journal.liveness import held, is_held
from hpo.journal.open_file import not_added
from hpo.journal.record import DamagedRecord
from hpo.journal.sqlite_connection import OpenDatabase, Place
from hpo.journal.sqlite_errors import corrupted
from hpo.journal.sqlite_rows import check_place, insert_row, payload_of, unpack_row
from hpo.journal.sqlite_schema import bring_up_to_date
from hpo.journal.storage import check_beginning

T = TypeVar("T")

_EVENTS_PER_RECORD = 1000
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
        >>> from hpo.core.events import StudyCreated, TrialStarted
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
            study = self._reader.read(lambda connection: _study_number(connection, study_name))
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
        """See `KnowsWorkers.hold`; for every process of this machine."""
        return held(self._path, worker)

    def is_alive(self, worker: str) -> bool | None:
        """See `KnowsWorkers.is_alive`."""
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
            if _study_number(connection, self._study_name) == self._study:
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


@attrs.frozen
class SqliteStorage:
    """Any number of studies in an SQLite database, a file that ``sqlite3``, ``sqlite-utils`` and datasette open.

    The file and what SQLite keeps beside it while it is in use (``-wal``, ``-shm``) belong together: copy it while
    nobody uses it, or with ``sqlite3 studies.db '.backup copy.db'``. It has to be on a disk of this machine.

    Args:
        path: The database; it is made with the first study, in a directory that exists. An empty file counts as none.
        durability: See `SqliteJournal`.
        lock_timeout: See `SqliteJournal`.

    Example:
        >>> import tempfile
        >>> from hpo.core.events import StudyCreated
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     storage = SqliteStorage(f"{directory}/studies.db")
        ...     for name in ["b", "a'); DROP TABLE studies; --"]:
        ...         _ = storage.create(name, [StudyCreated(1, name, ("minimize",), 7)])
        ...     storage.names()
        ["a'); DROP TABLE studies; --", 'b']
    """

    path: str = attrs.field(converter=resolved)
    durability: Durability = attrs.field(default="power", kw_only=True)
    lock_timeout: float = attrs.field(default=30.0, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_options(self.durability, self.lock_timeout)

    @property
    def location(self) -> str:
        """See `Storage.location`: the URL that leads here."""
        return f"sqlite:///{self.path}"

    def create(self, name: str, events: Sequence[AnyEvent]) -> SqliteJournal:
        """See `Storage.create`.

        Raises:
            UnsupportedJournal: the file holds something else, or its directory does not exist.
            JournalBusy: others locked the database for too long.
            JournalFull, JournalUnwritable: the system refused it.
        """
        check_beginning(name, events)
        checked_text(name, "a study's name")
        batches = [events[i : i + _EVENTS_PER_RECORD] for i in range(0, len(events), _EVENTS_PER_RECORD)]
        payloads = [payload_of(batch) for batch in batches]

        def add(connection: sqlite3.Connection) -> None:
            bring_up_to_date(connection, self.path)
            if _study_number(connection, name) is not None:
                raise DuplicatedStudyError(name, self.location)
            study = connection.execute("INSERT INTO studies (name) VALUES (?)", (name,)).lastrowid
            assert study is not None
            length = 0
            for batch, payload in zip(batches, payloads, strict=True):
                length += len(batch)
                insert_row(connection, study, length, payload)

        self._make_file()
        with self._database() as database:
            database.switch_to_wal()
            database.write(add, durable=self.durability == "power")
            return self._journal(name)  # before the last connection ends, which would clear the log away

    def open(self, name: str | None) -> SqliteJournal:
        """See `Storage.open`."""
        known = self.names()
        if name is None and len(known) == 1:
            name = known[0]
        if name is None or name not in known:
            raise StudyNotFound(name, self.location, known)
        return self._journal(name)

    def names(self) -> list[str]:
        """See `Storage.names`."""
        try:
            with self._database() as database:
                return database.read(_names)
        except FileNotFoundError:
            return []

    def delete(self, name: str) -> None:
        """See `Storage.delete`."""

        def remove(connection: sqlite3.Connection) -> None:
            study = _study_number(connection, name) if name in _names(connection) else None
            if study is None:
                raise StudyNotFound(name, self.location, _names(connection))
            connection.execute("DELETE FROM events WHERE study = ?", (study,))
            connection.execute("DELETE FROM studies WHERE id = ?", (study,))

        try:
            with self._database() as database:
                database.write(remove, durable=self.durability == "power")
        except FileNotFoundError:
            raise StudyNotFound(name, self.location) from None

    def _make_file(self) -> None:
        """Let an empty file appear, if there is nothing; SQLite takes it for an empty database."""
        try:
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        except FileExistsError:
            return  # never opened and closed here: that would release SQLite's locks on it in this process
        except (FileNotFoundError, NotADirectoryError):
            directory = os.path.dirname(self.path)
            raise UnsupportedJournal(self.path, f"there is no directory {directory}: make it first") from None
        except OSError as error:
            raise not_added(self.path, error) from error

    @contextmanager
    def _database(self) -> Iterator[OpenDatabase]:
        database = OpenDatabase(Place(self.path), lock_timeout=self.lock_timeout)
        try:
            yield database
        finally:
            with database.mutex:
                database.close()

    def _journal(self, name: str) -> SqliteJournal:
        return SqliteJournal(self.path, name, durability=self.durability, lock_timeout=self.lock_timeout)


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


def _study_number(connection: sqlite3.Connection, name: str) -> int | None:
    if not _has_tables(connection):
        return None
    row = connection.execute("SELECT id FROM studies WHERE name = ?", (name,)).fetchone()
    return None if row is None else int(row[0])


def _names(connection: sqlite3.Connection) -> list[str]:
    if not _has_tables(connection):
        return []
    names = [name for (name,) in connection.execute("SELECT name FROM studies")]
    try:
        return sorted(str(name, "utf-8") for name in names)
    except (TypeError, UnicodeDecodeError):
        (path,) = [row[2] for row in connection.execute("PRAGMA database_list") if row[1] == b"main"]
        raise corrupted(os.fsdecode(path), "the name of a study is no text") from None


def _has_tables(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA user_version").fetchone()[0])
