"""A journal database held open by one process: its locks, its transactions and its syncs."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hpo.errors import HpoError, JournalUnwritable, OutcomeUnknown, UnsupportedJournal
from hpo.journal.disk import reason, sync_directory
from hpo.journal.locks import Waiting, database_holder, watch_forks
from hpo.journal.sqlite.files import (
    Place,
    corrupted,
    is_busy,
    is_undecided,
    opened_at_rest,
    prepare,
    translated,
    unreadable,
)
from hpo.journal.sqlite.schema import version_of

T = TypeVar("T")

_UNSYNCED, _SYNCED = "PRAGMA synchronous = NORMAL", "PRAGMA synchronous = FULL"


class OpenDatabase:
    """One connection to a journal database, for the threads of one process in turn.

    It is opened when it is first used, and anew after a fork. A transaction is begun as a writer's: one that only
    turns into that later fails at once where another writer was faster, however long it would have waited.

    Args:
        place: The database. Connections to one file share it.
        lock_timeout: How long to wait for others, in seconds.
    """

    def __init__(self, place: Place, *, lock_timeout: float) -> None:
        self.path = place.path
        self.mutex = threading.Lock()
        self._place = place
        self._lock_timeout = lock_timeout
        self._connection: sqlite3.Connection | None = None
        self._level = ""
        self._name_is_synced = False
        self._failure: str | None = None
        watch_forks(self)

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection if it is open; the caller holds the mutex, or no other thread uses the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def before_fork(self) -> None:
        """Close the connection, and hold the mutex until the fork is done.

        A child that opens the same file anew beside an inherited connection isn't safe either. SQLite remembers per
        process which locks it holds, and the child inherits that memory, but not the locks: its parent, on closing,
        would take itself for the last user of the database, and delete the write-ahead log that the child goes on
        appending to.
        """
        self.mutex.acquire()
        self.close()

    def after_fork(self, *, in_child: bool) -> None:
        """Release the mutex. The connection is opened again when it is next used."""
        self.mutex.release()

    def read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Return the answer to `question`, which reads. It may be asked again if a lock is in its way.

        Raises:
            FileNotFoundError: there is no such file.
            JournalBusy: others locked the database for too long, which readers see only while it is made or closed.
            JournalCorrupted, UnsupportedJournal: what is there can't be read.
            JournalMoved: the file was replaced after it was opened.
        """
        return self._patiently(lambda: self._answer(question), unreadable)

    def write(self, change: Callable[[sqlite3.Connection], T], *, durable: bool) -> T:
        """Return what `change` returns, after everything that it wrote was committed; if it raises, nothing is.

        Args:
            change: Called once, while nobody else can write.
            durable: Whether this, and all that was committed before, survives a power failure from now on.

        Raises:
            FileNotFoundError: there is no such file.
            JournalBusy, JournalFull, JournalMoved, JournalUnwritable, UnsupportedJournal: nothing was changed.
            JournalCorrupted: the database is damaged; nothing was changed.
            OutcomeUnknown: the change may or may not be durable. This connection writes no more.
        """
        return self._patiently(lambda: self._transaction(change, durable), translated)

    def switch_to_wal(self) -> None:
        """Let writers append to a log beside the database from now on, so that readers never wait for them.

        Raises:
            UnsupportedJournal: the file system can't do it.
            JournalBusy, JournalFull, JournalUnwritable: as `write` raises them.
        """
        (mode,) = self._patiently(lambda: self._connected().execute("PRAGMA journal_mode = WAL").fetchone(), translated)
        if mode != b"wal":
            raise UnsupportedJournal(
                self.path, "this file system shares no memory between processes, which SQLite needs: take another one"
            )

    def _patiently(self, attempt: Callable[[], T], told: Callable[[sqlite3.Error, str], HpoError]) -> T:
        """Repeat `attempt` until no lock is in its way, and return its result. Between attempts the mutex is free.

        Raises:
            HpoError: `told` returned it for an error of SQLite.
        """
        waiting = Waiting(self.path, self._lock_timeout)
        while True:
            try:
                with self.mutex:
                    return attempt()
            except sqlite3.Error as error:
                if not is_busy(error):
                    raise told(error, self.path) from error
            except UnicodeDecodeError as error:  # Python's reading of a message that quotes the database
                raise corrupted(self.path, "its schema is not text") from error
            waiting.pause(lambda: database_holder(self.path))

    def _answer(self, question: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._connected()
        except sqlite3.Error as error:
            with opened_at_rest(self.path, error) as at_rest:
                version_of(at_rest, self.path)
                return question(at_rest)
        return question(connection)

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._place.enter()
            self._connection = self._opened()
            self._level, self._name_is_synced = "", False
        return self._connection

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            Path(self.path).as_uri() + "?mode=rw", uri=True, timeout=0, isolation_level=None, check_same_thread=False
        )
        try:
            prepare(connection)
            version_of(connection, self.path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _transaction(self, change: Callable[[sqlite3.Connection], T], durable: bool) -> T:
        if self._failure is not None:
            raise OutcomeUnknown(self.path, self._failure)
        connection = self._connected()
        if connection.in_transaction:  # an interrupt came while another one was dealt with
            connection.rollback()
        self._set_level(connection, _SYNCED if durable else _UNSYNCED)
        committing = False
        try:
            connection.execute("BEGIN IMMEDIATE")
            self._place.check()
            result = change(connection)
            if durable:
                self._sync_name()
            committing = True
            connection.execute("COMMIT")
        except BaseException as error:
            if committing and isinstance(error, sqlite3.Error) and is_undecided(error):
                # The system is not asked again: it may have dropped what it could not write, and claim success.
                self._failure = str(error)
                self.close()
                raise OutcomeUnknown(self.path, self._failure) from error
            self._roll_back(connection)
            raise
        return result

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        try:
            if connection.in_transaction:
                connection.rollback()
        except sqlite3.Error:
            self.close()  # which rolls back

    def _set_level(self, connection: sqlite3.Connection, level: str) -> None:
        """Set the level of durability; a sync also covers all transactions before it, so not each needs its own."""
        if self._level != level:
            connection.executescript(level)  # it takes effect when it is compiled, and `execute` may reuse what is
            self._level = level

    def _sync_name(self) -> None:
        """Make the names of the database and of its log survive a power failure, even if another process made them."""
        if not self._name_is_synced:
            try:
                sync_directory(os.path.dirname(self.path))
            except OSError as error:
                raise JournalUnwritable(self.path, reason(error)) from error
            self._name_is_synced = True
