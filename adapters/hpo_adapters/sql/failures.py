"""Translating errors of database drivers into those of journals."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, TimeoutError as PoolTimeoutError

from hpo.errors import JournalBusy, JournalFull, JournalUnwritable

# PostgreSQL and the SQL standard name errors by five characters (appendix A of its manual), MySQL and MariaDB by
# numbers (their server error references).
_LOCKED = {"55P03", "57014", 1205, 3024, 3572}  # lock not available, timeouts of locks and statements
_COLLIDED = {"40001", "40P01", 1213}  # serialization failures and deadlocks: the transaction is rolled back
_FULL = {"53100", 1021, 1114}  # disk or table full
_NO_TABLE = {"42P01", 1146}


class MissingTables(Exception):  # noqa: N818 - it says what was found
    """The database has no tables for studies yet."""


class LostAnswer(Exception):  # noqa: N818 - it says what happened
    """The connection was lost, or the commit failed, after a message with a commit had been sent.

    Its arguments are those of the driver's error.
    """


def is_locked_out(error: SQLAlchemyError) -> bool:
    """Return whether others held a lock, or all connections of the pool, for too long."""
    return isinstance(error, PoolTimeoutError) or _code(error) in _LOCKED


def is_collision(error: SQLAlchemyError | LostAnswer) -> bool:
    """Return whether the server gave up this transaction in favour of another one, so that trying again may succeed."""
    return _code(error) in _COLLIDED


def is_missing_table(error: SQLAlchemyError) -> bool:
    """Return whether a table was not found."""
    return _code(error) in _NO_TABLE


def not_added(
    where: str, error: SQLAlchemyError, *, waited: float, secret: str
) -> JournalBusy | JournalFull | JournalUnwritable:
    """Return the error for a write of which the database kept nothing.

    Args:
        where: What was written to, for the message.
        error: Why not.
        waited: For how long, in seconds.
        secret: What the message must not contain.
    """
    if is_locked_out(error) or is_collision(error):
        return JournalBusy(where, waited)
    cause = reason(error, secret)
    return JournalFull(where, cause) if _code(error) in _FULL else JournalUnwritable(where, cause)


def reason(error: SQLAlchemyError | LostAnswer, secret: str) -> str:
    """Return what the driver says, in one line, without statements and their parameters, and without `secret`."""
    parts = error.orig.args if isinstance(error, DBAPIError) and error.orig else error.args
    said = " ".join(": ".join(map(str, parts)).split()) or type(error).__name__
    return said.replace(secret, "***") if secret else said


def _code(error: SQLAlchemyError | LostAnswer) -> object:
    """Return the error code of the server, or None if there is none."""
    origin = getattr(error, "orig", None)
    arguments = getattr(origin, "args", ())
    if arguments and isinstance(arguments[0], int):  # those of MySQL say more than its sqlstates
        return arguments[0]
    return getattr(origin, "sqlstate", None) or getattr(origin, "pgcode", None)  # psycopg 3, psycopg2
