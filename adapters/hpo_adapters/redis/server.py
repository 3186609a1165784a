"""A Redis server: from its URL to answers, with errors that are those of journals."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from hashlib import sha1
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

Command = Sequence[bytes | str | int]
"""A command and its arguments."""


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
        self._known: set[str] = set()
        """The scripts that the server has run, and knows unless it was started anew."""
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
            return self._answers(self._pool.get_connection(), [command])[0]
        except (redis.RedisError, OSError) as error:
            raise UnsupportedJournal(self.location, f"it can't be read: {_clean(error, self._secret)}") from error

    def look(self, *command: bytes | str | int, where: str) -> Any:
        """Return the answer to a command that prepares a write to `where`.

        Raises:
            JournalBusy, JournalFull, JournalUnwritable: nothing was added, because the server did not answer.
        """
        try:
            return self._answers(self._pool.get_connection(), [command])[0]
        except (redis.RedisError, OSError) as error:
            raise self._not_added(where, error) from error

    def wait(self, *commands: Command, where: str) -> list[Any]:
        """Return the answers to commands and scripts that are sent in one message and add nothing to `where`.

        A script is a command that begins with ``EVAL`` and the text of the script.

        Raises:
            JournalBusy, JournalFull, JournalUnwritable: the server did not answer.
        """
        try:
            return self._scripted(self._pool.get_connection(), commands)
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
            return self._scripted(connection, [("EVAL", script, len(keys), *keys, *arguments)])[0]
        except (redis.ResponseError, redis.exceptions.BusyLoadingError) as error:  # the server's own words
            raise self._not_added(where, error) from error
        except (redis.RedisError, OSError) as error:
            raise OutcomeUnknown(where, _clean(error, self._secret)) from error

    def _scripted(self, connection: Any, commands: Sequence[Command]) -> list[Any]:
        """Return the answers to commands, of which scripts are named by their digests if the server may know them."""
        known = all(command[0] != "EVAL" or command[1] in self._known for command in commands)
        if known:
            try:
                return self._answers(connection, [*map(_by_digest, commands)])
            except redis.exceptions.NoScriptError:  # it has started anew; what it did not know, it did not run
                connection = self._pool.get_connection()
        answers = self._answers(connection, commands)
        self._known |= {str(command[1]) for command in commands if command[0] == "EVAL"}
        return answers

    def _answers(self, connection: Any, commands: Sequence[Command]) -> list[Any]:
        """Send commands in one message and return the answers; an error is raised after all answers were read."""
        answers: list[Any] = []
        try:
            connection.send_packed_command([b"".join(map(_packed, commands))])
            for _ in commands:
                try:
                    answers.append(connection.read_response(disable_decoding=True))
                except redis.ResponseError as error:
                    answers.append(error)
        except BaseException:  # an interrupt, too: the answer may still come, and must not be taken for another one's
            connection.disconnect()
            raise
        finally:
            self._pool.release(connection)
        for answer in answers:
            if isinstance(answer, redis.ResponseError):
                raise answer
        return answers

    def _not_added(self, where: str, error: Exception) -> JournalBusy | JournalFull | JournalUnwritable:
        cause = _clean(error, self._secret)
        if isinstance(error, redis.exceptions.OutOfMemoryError) or cause.startswith("OOM "):
            return JournalFull(where, cause)
        if cause.startswith("BUSY ") or "Redis is busy" in cause:
            return JournalBusy(where, 0.0)
        return JournalUnwritable(where, cause)

    @property
    def patience(self) -> float:
        """How long it may take the server to answer before a connection is given up, in seconds."""
        return float(self._pool.connection_kwargs.get("socket_timeout") or self.lock_timeout)

    def __reduce__(self) -> tuple[Any, ...]:
        return _server, (self.url, self.lock_timeout, self.options)


def _packed(command: Command) -> bytes:
    """Return a command as the protocol of Redis has it, in a quarter of the time that its client takes for it."""
    parts = [part if isinstance(part, bytes) else str(part).encode() for part in command]
    return b"*%d\r\n%b" % (len(parts), b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts]))


def _by_digest(command: Command) -> Command:
    return command if command[0] != "EVAL" else ("EVALSHA", _digest(str(command[1])), *command[2:])


@functools.lru_cache(maxsize=64)
def _digest(script: str) -> str:
    return sha1(script.encode()).hexdigest()  # noqa: S324 - Redis names scripts so


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
