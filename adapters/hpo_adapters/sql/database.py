"""A database that holds journals: from its URL to transactions."""

from __future__ import annotations

import contextlib
import math
import os
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Pool, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from hpo.errors import InvalidArgument, JournalUnwritable, MissingExtra, OutcomeUnknown, UnsupportedJournal
from hpo_adapters.sql.failures import LostAnswer, MissingTables, is_collision, is_missing_table, not_added, reason
from hpo_adapters.sql.messages import Line, check_out, clean_up, driver_options
from hpo_adapters.sql.tables import METADATA

T = TypeVar("T")

_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
_OURS = ("psycopg", "pymysql")
_MAKING_ATTEMPTS, _MAKING_PAUSE = 20, 0.05
_SHORTEST_SILENCE = 5.0
"""Seconds for which a writer may stop in the middle of a transaction, however impatient others are."""
_SHORTEST_REST = 60
"""Seconds after which MySQL may close a connection that nobody uses; it is connected again when it is needed."""


class Database:
    """Transactions in a database, with errors that are those of journals.

    Threads share a pool of connections. A forked child and a pickle connect anew.

    Args:
        url: Its URL, as SQLAlchemy reads it.
        lock_timeout: How long to wait for other writers, in seconds.
        options: More arguments for `sqlalchemy.create_engine`.

    Raises:
        UnsupportedJournal: the URL can't be read, or leads to another kind of database.
        MissingExtra: the driver is not installed.
        InvalidArgument: an option is not known.
    """

    def __init__(self, url: str | URL, *, lock_timeout: float, options: Mapping[str, Any]) -> None:
        self.url = _parsed(url)
        self.lock_timeout = lock_timeout
        self.options = dict(options)
        self.location = self.url.set(query={}).render_as_string(hide_password=True)  # a query may hold secrets, too
        self._secret = str(self.url.password or "")
        self._engines = _ForkSafeEngine(self._new_engine())
        weakref.finalize(self, self._engines.close)

    def read(self, act: Callable[[Connection], T]) -> T:
        """Return what `act` returns, called with a connection; what it writes is lost.

        Raises:
            MissingTables: there are no tables for studies.
            UnsupportedJournal: the server can't be reached, or refuses it.
        """
        try:
            with self._engines.current().connect() as connection:
                return act(connection)
        except SQLAlchemyError as error:
            if is_missing_table(error):
                raise MissingTables from None
            raise UnsupportedJournal(self.location, f"it can't be read: {reason(error, self._secret)}") from error

    def write(self, act: Callable[[Connection], T], *, where: str) -> T:
        """Return what `act` returns, called with a connection in a transaction that is then committed.

        A transaction that the server gives up for the sake of another one is tried again, from the start.

        Args:
            act: What to do; if it raises, nothing is done.
            where: The study or server that is written to, for messages.

        Raises:
            JournalBusy, JournalFull, JournalUnwritable: nothing was added.
            MissingTables: nothing was added, there are no tables for studies.
            OutcomeUnknown: the connection was lost after the commit had been sent, and before its answer.
        """
        started = time.monotonic()
        while True:
            try:
                return self._committed(act, where)
            except SQLAlchemyError as error:
                if not is_collision(error) or time.monotonic() - started >= self.lock_timeout:
                    raise self._told(error, where, started) from error

    def _told(self, error: SQLAlchemyError | LostAnswer, where: str, started: float) -> Exception:
        """Return the error of a journal for one of a write that began at `started`."""
        if isinstance(error, LostAnswer):
            return OutcomeUnknown(where, reason(error, self._secret))
        if is_missing_table(error):
            return MissingTables()
        return not_added(where, error, waited=time.monotonic() - started, secret=self._secret)

    def look(self, act: Callable[[Line], T]) -> T:
        """Return what `act` returns, called with a line to the server on which it only reads.

        Raises:
            MissingTables: there are no tables for studies.
            UnsupportedJournal: the server can't be reached, or refuses it.
        """
        try:
            with self._line() as line:
                return act(line)
        except (SQLAlchemyError, LostAnswer) as error:
            if isinstance(error, SQLAlchemyError) and is_missing_table(error):
                raise MissingTables from None
            raise UnsupportedJournal(self.location, f"it can't be read: {reason(error, self._secret)}") from error

    def change(self, act: Callable[[Line], T], *, where: str) -> T:
        """Return what `act` returns, called with a line to the server. Retries and errors are those of `write`.

        Args:
            act: What to do; what it has not committed in its last message is rolled back.
            where: The study that is written to, for messages.
        """
        started = time.monotonic()
        while True:
            try:
                with self._line() as line:
                    return act(line)
            except (SQLAlchemyError, LostAnswer) as error:
                if not (is_collision(error) and time.monotonic() - started < self.lock_timeout):
                    raise self._told(error, where, started) from error

    @contextlib.contextmanager
    def line(self, *, where: str) -> Iterator[Line]:
        """Give a line to the server for the block, after which a transaction that is still open is rolled back.

        Raises:
            As `told`.
        """
        with self.told(where=where), self._line() as line:
            yield line

    @contextlib.contextmanager
    def told(self, *, where: str) -> Iterator[None]:
        """Let a block that writes to `where` raise the errors of journals.

        Raises:
            As `write`; a collision with others is `JournalBusy` at once.
        """
        started = time.monotonic()
        try:
            yield
        except (SQLAlchemyError, LostAnswer) as error:
            raise self._told(error, where, started) from error

    @contextlib.contextmanager
    def _line(self) -> Iterator[Line]:
        engine = self._engines.current()
        try:
            pooled = engine.raw_connection()
        except engine.dialect.loaded_dbapi.Error as error:
            raise DBAPIError(None, None, error) from error
        line = Line(pooled, engine.dialect)
        try:
            yield line
        finally:
            line.leave()

    def make_tables(self) -> None:
        """Make the tables that are missing; others may do so at the same time.

        Raises:
            JournalUnwritable: the server refused it.
        """
        for pause in (*(_MAKING_PAUSE,) * _MAKING_ATTEMPTS, 0.0):
            try:
                self.write(METADATA.create_all, where=self.location)
            except (JournalUnwritable, MissingTables) as error:  # somebody is at it, or we are not allowed to
                if self.read(_has_tables):
                    return
                if not pause:
                    raise JournalUnwritable(self.location, f"its tables can't be made: {error}") from error
                time.sleep(pause)  # MySQL makes one table after the other, for all to see
            else:
                return

    def _committed(self, act: Callable[[Connection], T], where: str) -> T:
        with self._engines.current().connect() as connection:
            result = act(connection)
            try:
                connection.commit()
            except SQLAlchemyError as error:
                if is_collision(error):
                    raise
                raise OutcomeUnknown(where, reason(error, self._secret)) from error
        return result

    def _new_engine(self) -> Engine:
        options: dict[str, Any] = (
            {
                "hide_parameters": True,
                "isolation_level": "READ COMMITTED",
                "pool_reset_on_return": None,  # `clean_up` asks the driver, and the server only if there is something to undo
                "pool_timeout": self.lock_timeout,
            }
            | self.options
        )
        try:
            dialect = self.url.get_dialect()
            if dialect.is_async:
                raise UnsupportedJournal(
                    self.location, f"{self.url.drivername} is a driver for asyncio: use another one"
                )
            options["connect_args"] = driver_options(dialect.driver) | dict(options.get("connect_args", {}))
            engine = create_engine(self.url, **options)
        except ModuleNotFoundError as error:
            if error.name in _OURS:
                raise MissingExtra(f"a journal in {self.url.get_backend_name()}", "sql") from error
            raise UnsupportedJournal(self.location, f"its driver is not installed: pip install {error.name}") from error
        except NoSuchModuleError as error:
            raise UnsupportedJournal(
                self.location, f"SQLAlchemy does not know the driver {self.url.drivername}"
            ) from error
        except (ArgumentError, TypeError) as error:
            raise InvalidArgument(f"options are those of sqlalchemy.create_engine: {error}") from error
        event.listen(engine, "connect", self._set_timeouts(engine))
        event.listen(engine, "checkout", check_out(engine.dialect))
        event.listen(engine, "checkin", lambda _, record: record.info.update(used=time.monotonic()))
        event.listen(engine, "reset", clean_up)
        return engine

    def _set_timeouts(self, engine: Engine) -> Callable[[Any, Any], None]:
        """Return what sets up each new connection: how long it waits for others, and others for it."""
        lock = max(self.lock_timeout, 0.001)  # 0 would mean without a limit
        silence = max(self.lock_timeout, _SHORTEST_SILENCE)
        dialect = engine.dialect

        def set_timeouts(connection: Any, _record: Any) -> None:
            with connection.cursor() as cursor:
                if dialect.name == "postgresql":
                    statement = (
                        "SELECT set_config('lock_timeout', %s, false), "
                        "set_config('default_transaction_isolation', 'read committed', false), "
                        "set_config('idle_in_transaction_session_timeout', %s, false)"
                    )
                    cursor.execute(statement, (str(math.ceil(lock * 1000)), str(math.ceil(silence * 1000))))
                elif getattr(dialect, "is_mariadb", False):
                    statement = "SET SESSION innodb_lock_wait_timeout = %s, SESSION idle_transaction_timeout = %s"
                    cursor.execute(statement, (math.ceil(lock), math.ceil(silence)))
                else:  # it knows no limit for transactions, so it has to close every connection that rests for so long
                    statement = "SET SESSION innodb_lock_wait_timeout = %s, SESSION wait_timeout = %s"
                    cursor.execute(statement, (math.ceil(lock), max(math.ceil(silence), _SHORTEST_REST)))
            connection.commit()

        return set_timeouts

    def __reduce__(self) -> tuple[Any, ...]:
        return _database, (self.url, self.lock_timeout, self.options)


class _ForkSafeEngine:
    """An engine whose connections are those of one process: a child leaves its parent's alone, and makes others."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._process = os.getpid()
        self._inherited: list[Pool] = []
        """Kept, because connections that are forgotten while they are open complain."""

    def current(self) -> Engine:
        """Return the engine for this process."""
        process = os.getpid()
        if process != self._process:
            self._inherited.append(self._engine.pool)
            self._engine.dispose(close=False)
            self._process = process
        return self._engine

    def close(self) -> None:
        """Close the connections of this process."""
        self._engine.dispose(close=self._process == os.getpid())


def _database(url: URL, lock_timeout: float, options: Mapping[str, Any]) -> Database:
    return Database(url, lock_timeout=lock_timeout, options=options)


def _parsed(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
        well_formed = "@" not in (parsed.host or "")
    except (ArgumentError, ValueError):
        well_formed = False
    if not well_formed:  # errors, and what was taken for a host, may show a part of a password
        scheme = str(url).partition(":")[0]
        raise UnsupportedJournal(
            f"{scheme}://...",
            "it is not the URL of a database; write postgresql://user:password@host:5432/database, "
            "with %40 for @, %3A for : and %2F for / in the password",
        )
    parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
    if parsed.get_backend_name() not in _DRIVERS:
        raise UnsupportedJournal(f"{parsed.drivername}://...", "this storage supports PostgreSQL, MySQL and MariaDB")
    return parsed


def _has_tables(connection: Connection) -> bool:
    there = inspect(connection)
    return all(there.has_table(name) for name in METADATA.tables)
