"""Messages to a server: several statements at once where the driver can do that, and connections that need no ping.

A statement costs a server little, and waiting for its answer costs a writer a way through the network and back, with
everybody who waits for the writer. psycopg and PyMySQL put several statements in one message; others send one by one.
"""

from __future__ import annotations

import contextlib
import functools
import select
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Dialect, PoolProxiedConnection, text
from sqlalchemy.exc import DBAPIError, DisconnectionError

from hpo_adapters.sql.failures import LostAnswer

BEGIN, COMMIT, ROLLBACK = "BEGIN", "COMMIT", "ROLLBACK"
"""Statements that other statements can't be told from by their text alone in every driver."""

_CONNECT_SECONDS = 10
_FOUND_ROWS, _MULTI_STATEMENTS = 1 << 1, 1 << 16
"""What a client of MySQL says of itself: it counts rows that were found, not changed, and may send several statements."""
_LONGEST_REST = 30.0
"""Seconds after which a connection that nobody used is asked whether it is there: routers forget those that rest."""


class Answer(NamedTuple):
    """What a server says to a statement: how many rows it found or changed, and those that it returned."""

    n_rows: int
    rows: Sequence[Any]


class Line:
    """A connection of a pool on which messages are sent, for one thread.

    A message that is sent outside of a transaction is a transaction of its own.

    Args:
        pooled: The connection.
        dialect: What it speaks.
    """

    def __init__(self, pooled: PoolProxiedConnection, dialect: Dialect) -> None:
        self._pooled = pooled
        self._raw: Any = pooled.driver_connection
        self._dialect = dialect
        self._send = _SENDERS.get(dialect.driver, _one_by_one)
        self._is_open = False
        self._is_usable = True

    @property
    def is_postgresql(self) -> bool:
        """Whether the server is PostgreSQL; else it is MySQL or MariaDB."""
        return self._dialect.name == "postgresql"

    def ask(self, statements: Sequence[str], values: Mapping[str, Any]) -> list[Answer]:
        """Send statements in one message and return the answers, without those to `BEGIN` and `COMMIT`.

        Args:
            statements: SQL with names like ``:name``; `BEGIN` only as the first one, `COMMIT` only as the last one.
            values: The values of all names.

        Raises:
            DBAPIError: the server refused it, or can't be reached; nothing of an open transaction is done.
            LostAnswer: it can't be known whether the message was committed.
        """
        begins = statements[0] == BEGIN
        stays_open = (begins or self._is_open) and statements[-1] not in {COMMIT, ROLLBACK}
        commits = not stays_open and statements[-1] != ROLLBACK
        texts = [one for one in statements if one not in {BEGIN, COMMIT}]
        way = _Way(begins, begins or self._is_open, commits)
        done: list[Answer] = []
        self._is_usable = False  # an interrupt leaves an answer behind that would be taken for another one's
        try:
            self._send(self._raw, self._dialect, texts, values, way, done)
        except self._dialect.loaded_dbapi.Error as error:
            lost = self._dialect.is_disconnect(error, self._raw, None)
            self._is_usable = not lost
            self._is_open = not lost
            if commits and (lost or len(done) == len(texts)):
                raise LostAnswer(*error.args) from error
            raise DBAPIError(None, None, error) from error
        self._is_usable, self._is_open = True, stays_open
        return done

    def leave(self) -> None:
        """Give the connection back to its pool, after a rollback if a transaction is open."""
        if self._is_open and self._is_usable:
            try:
                self.ask([ROLLBACK], {})
            except (DBAPIError, LostAnswer):
                self._is_usable = False
        if self._is_usable:
            self._pooled.close()
        else:
            self._pooled.invalidate()


class _Way(NamedTuple):
    """How a message goes: whether it begins a transaction, is in one then, and commits."""

    begins: bool
    is_inside: bool
    commits: bool


@functools.lru_cache(maxsize=256)
def _compiled(dialect: Dialect, statement: str) -> tuple[str, tuple[str, ...], bool]:
    """Return a statement as its driver wants it, its names in their order, and whether values are given by position."""
    made = text(statement).compile(dialect=dialect)
    positions = getattr(made, "positiontup", None)
    return str(made), tuple(positions or made.params), positions is not None


def _in_one(dialect: Dialect, statements: Sequence[str]) -> str:
    return "; ".join(_compiled(dialect, one)[0] for one in statements)


def _by_psycopg(
    raw: Any, dialect: Dialect, statements: Sequence[str], values: Mapping[str, Any], way: _Way, done: list[Answer]
) -> None:
    """Send a message with psycopg; what is not in a transaction is committed by the server.

    It goes through libpq, as `psycopg.pq` gives it, because psycopg's cursors take three times as long for it.
    """
    psycopg, adapt, errors, pq = _psycopg()
    connection, encoding = raw.pgconn, raw.info.encoding
    if not raw.autocommit:
        raw.autocommit = True  # else it would begin a transaction in a message of its own
    several = (*((BEGIN,) if way.begins else ()), *statements, *((COMMIT,) if way.commits and way.is_inside else ()))
    quote = pq.Escaping(connection).escape_literal
    quoted = {
        name.encode(): b"%d" % value if type(value) is int else _literal(value, quote, encoding)
        for name, value in values.items()
    }
    first, end = (1, len(statements) + 1) if way.begins else (0, len(statements))
    for i, result in enumerate(_results(psycopg, raw, _template(dialect, several) % quoted)):
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise errors.error_from_result(result, encoding)
        if first <= i < end:
            rows: Sequence[Any] = ()
            if n_rows := result.ntuples:
                rows_of = adapt.Transformer(raw)
                rows_of.set_pgresult(result)
                rows = rows_of.load_rows(0, n_rows, tuple)
            done.append(Answer(result.command_tuples or 0, rows))


@functools.cache
def _psycopg() -> tuple[Any, Any, Any, Any]:
    """Return psycopg and its modules, which may not be installed."""
    import psycopg
    from psycopg import adapt, errors, pq

    return psycopg, adapt, errors, pq


@functools.lru_cache(maxsize=256)
def _template(dialect: Dialect, statements: tuple[str, ...]) -> bytes:
    return _in_one(dialect, statements).encode()


def _literal(value: Any, quote: Callable[[bytes], bytes], encoding: str) -> bytes:
    """Return a string or a list of strings as PostgreSQL reads it in a statement."""
    if isinstance(value, str):
        return bytes(quote(value.encode(encoding)))
    return b"ARRAY[%s]" % b",".join([bytes(quote(one.encode(encoding))) for one in value])


def _results(psycopg: Any, raw: Any, message: bytes) -> list[Any]:
    """Return what a PostgreSQL server answers to a message, in the order of its statements, up to the first error."""
    results: list[Any] = []
    connection, waiting = raw.pgconn, select.poll()
    try:
        connection.send_query(message)
        waiting.register(connection.socket, select.POLLIN | select.POLLOUT)
        while connection.flush():  # a part of it did not fit
            waiting.poll()
            connection.consume_input()
        waiting.modify(connection.socket, select.POLLIN)
        while True:
            while connection.is_busy():
                waiting.poll()
                connection.consume_input()
            if (result := connection.get_result()) is None:
                return results
            results.append(result)
    except psycopg.Error:
        raise
    except BaseException:  # an interrupt: the server shall not go on with what nobody waits for
        with contextlib.suppress(psycopg.Error):
            raw.cancel()
        raise


def _by_pymysql(
    raw: Any, dialect: Dialect, statements: Sequence[str], values: Mapping[str, Any], way: _Way, done: list[Answer]
) -> None:
    """Send a message with PyMySQL, which is always in a transaction."""
    if not raw.client_flag & _MULTI_STATEMENTS:  # an option of the user
        _one_by_one(raw, dialect, statements, values, way, done)
        return
    cursor = raw.cursor()
    several = [*statements, *([COMMIT] if way.commits else [])]
    cursor.execute(cursor.mogrify(_in_one(dialect, several), values))
    for _ in statements:
        done.append(Answer(cursor.rowcount, cursor.fetchall() if cursor.description else ()))
        cursor.nextset()


def _one_by_one(
    raw: Any, dialect: Dialect, statements: Sequence[str], values: Mapping[str, Any], way: _Way, done: list[Answer]
) -> None:
    """Send statements with any driver, one after the other; it begins transactions by itself."""
    cursor = raw.cursor()
    for one in statements:
        if one == ROLLBACK:
            raw.rollback()
            continue
        made, names, by_position = _compiled(dialect, one)
        cursor.execute(
            made, [values[name] for name in names] if by_position else {name: values[name] for name in names}
        )
        done.append(Answer(cursor.rowcount, cursor.fetchall() if cursor.description else ()))
    if way.commits:
        raw.commit()
    cursor.close()


_SENDERS = {"psycopg": _by_psycopg, "pymysql": _by_pymysql}


def driver_options(driver: str) -> dict[str, Any]:
    """Return the arguments for new connections that messages need, by the name of the driver."""
    if driver == "psycopg":  # without an encoding, a database in ASCII would return bytes instead of strings
        return {"client_encoding": "utf8", "connect_timeout": _CONNECT_SECONDS}
    if driver == "pymysql":
        return {"client_flag": _FOUND_ROWS | _MULTI_STATEMENTS}
    return {}


def check_out(dialect: Dialect) -> Callable[[Any, Any, Any], None]:
    """Return what looks at a connection before it is used: one that its server has closed is not used again.

    It asks the system, and the server only after a rest, or if there is something to read that nobody asked for.
    """

    def check(connection: Any, record: Any, _proxy: Any) -> None:
        used = record.info.get("used")
        if used is None:  # just made
            return
        driver = record.driver_connection
        if getattr(driver, "closed", False):
            raise DisconnectionError
        descriptor = _descriptor(driver)
        if descriptor is None or time.monotonic() - used > _LONGEST_REST or _is_readable(descriptor):
            try:
                there = dialect.do_ping(connection)
            except dialect.loaded_dbapi.Error:
                there = False
            if not there:
                raise DisconnectionError

    return check


def clean_up(connection: Any, record: Any, _state: Any) -> None:
    """Roll back what a connection that comes back to its pool left open; the driver knows whether it did."""
    driver = record.driver_connection if record is not None else connection
    status = getattr(getattr(driver, "info", None), "transaction_status", None)  # psycopg
    if status is not None:
        if status:
            driver.rollback()
        if driver.autocommit:
            driver.autocommit = False
    elif getattr(driver, "server_status", 1) & 1:  # PyMySQL, SERVER_STATUS_IN_TRANS; others don't say
        driver.rollback()


def _descriptor(driver: Any) -> int | None:
    """Return the descriptor of a connection's socket, or None if its driver does not give it."""
    try:
        return int((driver if hasattr(driver, "fileno") else driver._sock).fileno())  # noqa: SLF001 - PyMySQL has no other
    except (AttributeError, TypeError, ValueError, OSError):
        return None
    except Exception:  # noqa: BLE001 - drivers have errors of their own for what is closed
        return None


def _is_readable(descriptor: int) -> bool:
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(0))
