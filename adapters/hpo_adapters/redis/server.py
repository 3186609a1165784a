"""A Redis server: from its URL to answers, with errors that are those of journals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import redis

from hpo.errors import (
    InvalidArgument,
    InvalidType,
    JournalBusy,
    JournalFull,
    JournalUnwritable,
    OutcomeUnknown,
    UnsupportedJournal,
)


class RedisServer:
    """A server that answers commands, with errors that are those of journals.

    Threads share a pool of connections. A forked child and a pickle connect anew. Nothing is ever sent twice: a
    repeated append would meet its own events, and take them for another writer's.

    Args:
        url: Where it is.
        lock_timeout: How long to wait for an answer, in seconds.
        options: More arguments for `redis.Connection`.

    Raises:
        UnsupportedJournal: the URL can't be read.
        InvalidArgument: an option is not known.
    """

    def __init__(self, url: str, *, lock_timeout: float, options: dict[str, Any]) -> None:
        self.url = url
        self.lock_timeout = lock_timeout
        self.options = options
        self.location, self._secret = _without_password(url)
        seconds = max(lock_timeout, 0.001)  # 0 would mean not to wait for the network either
        defaults = {"protocol": 2, "socket_timeout": seconds, "socket_connect_timeout": seconds}
        try:
            self._pool = redis.ConnectionPool.from_url(url, **(defaults | options))
            self._pool.connection_class(**self._pool.connection_kwargs)  # tells unknown options, and sends nothing
        except ValueError as error:
            problem = _clean(error, self._secret)
            raise UnsupportedJournal(self.location, f"this URL can't be read: {problem}") from None
        except TypeError as error:
            raise InvalidArgument(f"options are those of redis.Connection: {error}") from error

    def read(self, *command: bytes | str | int) -> Any:
        """Return the answer to a command that changes nothing.

        Raises:
            UnsupportedJournal: the server can't be reached, or refuses it.
        """
        try:
            return self._answer(self._pool.get_connection(), command)
        except (redis.RedisError, OSError) as error:
            raise UnsupportedJournal(self.location, f"it can't be read: {_clean(error, self._secret)}") from error

    def look(self, *command: bytes | str | int, where: str) -> Any:
        """Return the answer to a command that prepares a write to `where`.

        Raises:
            JournalBusy, JournalFull, JournalUnwritable: nothing was added, because the server did not answer.
        """
        try:
            return self._answer(self._pool.get_connection(), command)
        except (redis.RedisError, OSError) as error:
            raise self._not_added(where, error) from error

    def write(self, script: str, keys: Sequence[str], arguments: Sequence[bytes | str | int], *, where: str) -> Any:
        """Run `script` on the server, and return its answer.

        Raises:
            JournalBusy, JournalFull, JournalUnwritable: nothing was added.
            OutcomeUnknown: the connection was lost before the answer came.
        """
        try:
            connection = self._pool.get_connection()
        except (redis.RedisError, OSError) as error:
            raise JournalUnwritable(where, _clean(error, self._secret)) from error
        try:
            return self._answer(connection, ["EVAL", script, len(keys), *keys, *arguments])
        except (redis.ResponseError, redis.exceptions.BusyLoadingError) as error:  # the server's own words
            raise self._not_added(where, error) from error
        except (redis.RedisError, OSError) as error:
            raise OutcomeUnknown(where, _clean(error, self._secret)) from error

    def _answer(self, connection: Any, command: Sequence[bytes | str | int]) -> Any:
        try:
            connection.send_command(*command)
            return connection.read_response(disable_decoding=True)
        except redis.ResponseError:
            raise
        except BaseException:  # an interrupt, too: the answer may still come, and must not be taken for another one's
            connection.disconnect()
            raise
        finally:
            self._pool.release(connection)

    def _not_added(self, where: str, error: Exception) -> JournalBusy | JournalFull | JournalUnwritable:
        cause = _clean(error, self._secret)
        if isinstance(error, redis.exceptions.OutOfMemoryError) or cause.startswith("OOM "):
            return JournalFull(where, cause)
        if cause.startswith("BUSY ") or "Redis is busy" in cause:
            return JournalBusy(where, 0.0)
        return JournalUnwritable(where, cause)

    def __reduce__(self) -> tuple[Any, ...]:
        return _server, (self.url, self.lock_timeout, self.options)


def _server(url: str, lock_timeout: float, options: dict[str, Any]) -> RedisServer:
    return RedisServer(url, lock_timeout=lock_timeout, options=options)


def _without_password(url: str) -> tuple[str, str]:
    """Return what may be shown of a URL, and its password."""
    if not isinstance(url, str):
        raise InvalidType(f"a URL is a string, got {type(url).__name__}")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        well_formed = "@" not in parts.path
    except ValueError:
        well_formed = False
    if not well_formed:  # errors, and what was taken for a host, may show a part of a password
        scheme = url.partition(":")[0]
        raise UnsupportedJournal(
            f"{scheme}://...",
            "it is not the URL of a server; write redis://:password@host:6379/0, "
            "with %40 for @, %3A for : and %2F for / in the password",
        )
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{parts.path}", unquote(parts.password or "")


def _clean(error: Exception, secret: str) -> str:
    """Return what an error says, in one line and without `secret`."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said.replace(secret, "***") if secret else said
