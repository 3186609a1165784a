"""Studies in an SQLite database, any number in one file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress

import attrs

from hpo.core import AnyEvent, checked_text
from hpo.errors import DuplicatedStudyError, HpoError, OutcomeUnknown, StudyNotFound, UnsupportedJournal
from hpo.journal.disk import CLOEXEC, not_added, unlink_if_there
from hpo.journal.records import batches, payload_of, starts_chain
from hpo.journal.sqlite.connection import OpenDatabase
from hpo.journal.sqlite.files import Place
from hpo.journal.sqlite.journal import SqliteJournal
from hpo.journal.sqlite.schema import bring_up_to_date, insert_row, study_names, study_number, version_of
from hpo.journal.storage import LocalStorage, check_first_event


@attrs.frozen
class SqliteStorage(LocalStorage):
    """Any number of studies in an SQLite database, a file that ``sqlite3``, ``sqlite-utils`` and datasette open.

    The file and what SQLite keeps beside it while it is in use (``-wal``, ``-shm``) belong together: copy them while
    nobody uses them, or with ``sqlite3 studies.db '.backup copy.db'``. The file must be on a disk of this machine, under one
    name only: a file with hard links, or one that is mounted by itself, is refused (mount its directory).

    Args:
        path: The database, which is made with the first study. Its directory must exist. An empty file counts as no
            database.
        durability: What acknowledged events survive; see `SqliteJournal`.
        lock_timeout: How long to wait for other writers, in seconds.

    Example:
        >>> import tempfile
        >>> from hpo.core.records.events import StudyCreated
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     storage = SqliteStorage(f"{directory}/studies.db")
        ...     for name in ["b", "a'); DROP TABLE studies; --"]:
        ...         _ = storage.create(name, [StudyCreated(1, name, ("minimize",), 7)])
        ...     storage.names()
        ["a'); DROP TABLE studies; --", 'b']
    """

    @property
    def location(self) -> str:
        """Return where the studies are, for messages: the URL that leads here."""
        return f"sqlite:///{self.path}"

    def create(self, name: str, events: Sequence[AnyEvent]) -> SqliteJournal:
        """Create the study `name` with its first events, and return its journal; see `Storage.create`.

        Raises:
            UnsupportedJournal: the file holds something else, or its directory does not exist.
            JournalBusy: others locked the database for too long.
            JournalFull, JournalUnwritable: the system refused it.
        """
        check_first_event(name, events)
        checked_text(name, "a study's name")
        payloads = [(length, payload_of(some)) for length, some in batches(events)]

        def add(connection: sqlite3.Connection) -> None:
            bring_up_to_date(connection, self.path)
            if study_number(connection, name) is not None:
                raise DuplicatedStudyError(name, self.location)
            study = connection.execute("INSERT INTO studies (name) VALUES (?)", (name,)).lastrowid
            assert study is not None
            chained, previous = starts_chain(events), 0
            for length, payload in payloads:
                previous = insert_row(connection, study, length, payload, previous if chained else None)

        is_new = self._make_file()
        try:
            with self._database() as database:
                database.switch_to_wal()
                database.write(add, durable=self.is_durable)
                return self._journal(name)  # before the last connection ends, which would clear the log away
        except OutcomeUnknown:
            raise
        except BaseException:
            if is_new:
                self._remove_if_empty()
            raise

    def open(self, name: str | None) -> SqliteJournal:
        """Return the journal of the study `name`, or of the only study; see `Storage.open`."""
        known = self.names()
        if name is None and len(known) == 1:
            name = known[0]
        if name is None or name not in known:
            raise StudyNotFound(name, self.location, known, not os.path.lexists(self.path))
        return self._journal(name)

    def names(self) -> list[str]:
        """Return the names of all studies, sorted."""
        try:
            with self._database() as database:
                return sorted(database.read(study_names))
        except FileNotFoundError:
            return []

    def names_by_creation(self) -> list[str]:
        """Return the names of all studies, the oldest study first."""
        try:
            with self._database() as database:
                return database.read(study_names)
        except FileNotFoundError:
            return []

    def delete(self, name: str) -> None:
        """Remove the study `name` with all its events; see `Storage.delete`."""

        def remove(connection: sqlite3.Connection) -> None:
            study = study_number(connection, name) if name in study_names(connection) else None
            if study is None:
                raise StudyNotFound(name, self.location, sorted(study_names(connection)))
            connection.execute("DELETE FROM events WHERE study = ?", (study,))
            connection.execute("DELETE FROM studies WHERE id = ?", (study,))

        try:
            with self._database() as database:
                database.write(remove, durable=self.is_durable)
        except FileNotFoundError:
            raise StudyNotFound(name, self.location, missing=True) from None

    def _make_file(self) -> bool:
        """Let an empty file appear, which SQLite takes for an empty database; return False if there is a file already."""
        try:
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | CLOEXEC, 0o666))
        except FileExistsError:
            return False  # never opened and closed here: that would release SQLite's locks on it in this process
        except (FileNotFoundError, NotADirectoryError):
            directory = os.path.dirname(self.path)
            raise UnsupportedJournal(self.path, f"there is no directory {directory}: make it first") from None
        except OSError as error:
            raise not_added(self.path, error) from error
        return True

    def _remove_if_empty(self) -> None:
        """Remove the file that a failed creation made, unless others have begun to use it.

        The lock of a writer is held meanwhile: whoever waits for it finds that the file is gone before it writes.
        """
        with suppress(sqlite3.Error, HpoError, OSError), closing(sqlite3.connect(self.path, timeout=0)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            if not version_of(connection, self.path):
                for kept in ("", "-wal", "-shm", "-journal"):
                    unlink_if_there(self.path + kept)

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
