"""Journals in Redis and its relatives, as streams; ``pip install 'hpo[redis]'``.

One hash leads from the names of studies to streams, and an entry of a stream is an event: number ``n``, counted from 0,
has the id ``<n + 1>-0``. Writes are scripts, which the server runs whole and one after the other.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from hpo.core.events import AnyEvent
from hpo.errors import (
    Conflict,
    DuplicatedStudyError,
    InvalidArgument,
    InvalidType,
    JournalBusy,
    JournalFull,
    JournalMoved,
    JournalUnwritable,
    MissingExtra,
    OutcomeUnknown,
    StudyNotFound,
    UnsupportedJournal,
)
from hpo.journal.file import check_options
from hpo.journal.storage import check_beginning
from hpo_adapters.event_rows import from_rows, to_rows

try:
    import redis
except ModuleNotFoundError as missing:
    raise MissingExtra("a journal in Redis", "redis") from missing

_ENTRIES_PER_PAGE = 20_000
_FIELD = b"event"

# KEYS: the stream; ARGV: its expected length, then events. Only the first addition can fail, so all or none are added.
_APPEND = """
local length = redis.call('XLEN', KEYS[1])
if length ~= tonumber(ARGV[1]) then return length end
for i = 2, #ARGV do
    redis.call('XADD', KEYS[1], string.format('%.0f-0', length + i - 1), 'event', ARGV[i])
end
return -1
"""

# KEYS: the names, a new stream; ARGV: the name, the stream's token, then events.
_CREATE = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 0 end
for i = 3, #ARGV do
    redis.call('XADD', KEYS[2], string.format('%.0f-0', i - 2), 'event', ARGV[i])
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
"""

# KEYS: the names, the stream; ARGV: the name, the stream's token.
_DELETE = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('UNLINK', KEYS[2])
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
"""


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
        InvalidArgument: there is no such option.
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
        """The answer to a command that changes nothing.

        Raises:
            UnsupportedJournal: the server can't be reached, or refuses it.
        """
        try:
            return self._answer(self._pool.get_connection(), command)
        except (redis.RedisError, OSError) as error:
            raise UnsupportedJournal(self.location, f"it can't be read: {_clean(error, self._secret)}") from error

    def write(self, script: str, keys: Sequence[str], arguments: Sequence[bytes | str | int], *, where: str) -> Any:
        """What `script` returns.

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


class RedisJournal:
    """A journal in a stream, shared by any number of threads, processes and hosts.

    Nobody waits: of several writers one is first, and the others get `Conflict`. Whoever reads a study that was
    deleted gets nothing new, or, from the start on, `JournalMoved`.

    Made by `RedisStorage`.

    Args:
        server: Where the stream is.
        key: The stream's.
        name: The study's name, for messages.
    """

    def __init__(self, server: RedisServer, key: str, name: str) -> None:
        self._server = server
        self._key = key
        self._where = f"{server.location}, study {name!r}"
        self._seen = 0
        """A length that the journal has had: it never becomes shorter."""

    def read(self, after: int) -> Sequence[AnyEvent]:
        """See `Journal.read`.

        Raises:
            UnsupportedJournal: the server can't be reached.
            JournalMoved: nothing is left of the study.
        """
        events: list[AnyEvent] = []
        while True:
            start = after + len(events)
            page = self._server.read("XRANGE", self._key, f"{start + 1}-0", "+", "COUNT", _ENTRIES_PER_PAGE)
            events += from_rows([_row(entry) for entry in page], after=start, where=self._where)
            if len(page) < _ENTRIES_PER_PAGE:
                break
        length = after + len(events)
        if not length:
            raise JournalMoved(self._where)
        if events:
            self._seen = max(self._seen, length)
        return events

    def append(self, events: Sequence[AnyEvent], *, expected: int) -> int:
        """See `Journal.append`."""
        rows = to_rows(events)
        seen = self._seen
        actual = self._server.write(_APPEND, [self._key], [expected, *rows], where=self._where)
        if 0 <= actual < max(seen, 1):  # deleted, or older than it was: the server lost its last seconds
            raise JournalMoved(self._where)
        if actual >= 0:
            raise Conflict(expected, actual)
        length = expected + len(rows)
        self._seen = max(self._seen, length)
        return length

    def __repr__(self) -> str:
        return f"RedisJournal({self._where})"


class RedisStorage:
    """Any number of studies in a Redis server, version 5 or later, or one that speaks its language.

    What is acknowledged is as durable as the server makes it: with ``appendonly yes`` and ``appendfsync always`` it
    survives a power failure; with ``everysec``, a server that is killed loses up to its last two seconds, too; without
    ``appendonly``, all after its last snapshot. Who still has a study open that lost events is told (`JournalMoved`).
    ``maxmemory-policy`` has to be ``noeviction``, the server's default.
    A pickle holds the URL with its password; messages never do.

    Args:
        url: ``redis://user:password@host:6379/0``, ``rediss://...`` for TLS, or ``unix:///path/to/socket?db=0``.
        lock_timeout: How long to wait for an answer of the server, in seconds.
        namespace: What the server's keys begin with, in braces: a cluster keeps them in one place.
        connection_options: More arguments for `redis.Connection`, such as ``health_check_interval``.

    Raises:
        UnsupportedJournal: the URL can't be read.
        InvalidArgument: there is no such option.

    Example:
        >>> RedisStorage("redis://:secret@cache.example.org:6379/0").location
        'redis://cache.example.org:6379/0'
    """

    def __init__(
        self, url: str, *, lock_timeout: float = 30.0, namespace: str = "hpo", **connection_options: Any
    ) -> None:
        check_options("power", lock_timeout)
        if not namespace or set(namespace) & set("{}"):
            raise InvalidArgument(f"a namespace is a text without braces, and not empty; got {namespace!r}")
        self._server = RedisServer(url, lock_timeout=lock_timeout, options=connection_options)
        self._prefix = f"{{{namespace}}}:"
        self._names = f"{self._prefix}studies"

    @property
    def location(self) -> str:
        """See `Storage.location`: the URL, without user, password and query."""
        return self._server.location

    def create(self, name: str, events: Sequence[AnyEvent]) -> RedisJournal:
        """See `Storage.create`."""
        check_beginning(name, events)
        token = secrets.token_hex(8)
        created = self._server.write(
            _CREATE,
            [self._names, self._stream(token)],
            [_to_field(name), token, *to_rows(events)],
            where=self.location,
        )
        if not created:
            raise DuplicatedStudyError(name, self.location)
        return RedisJournal(self._server, self._stream(token), name)

    def open(self, name: str | None) -> RedisJournal:
        """See `Storage.open`."""
        if name is None:
            names = self.names()
            if len(names) != 1:
                raise StudyNotFound(None, self.location, names)
            name = names[0]
        key = self._stream(self._token(name))
        first = self._server.read("XRANGE", key, "-", "+", "COUNT", 1)
        where = f"{self.location}, study {name!r}"
        if not first:
            raise UnsupportedJournal(
                where, "the server has dropped its events: its maxmemory-policy has to be noeviction"
            )
        from_rows([_row(entry) for entry in first], after=0, where=where)
        return RedisJournal(self._server, key, name)

    def names(self) -> list[str]:
        """See `Storage.names`."""
        return sorted(map(_from_field, self._server.read("HKEYS", self._names)))

    def delete(self, name: str) -> None:
        """See `Storage.delete`."""
        token = self._token(name)
        deleted = self._server.write(
            _DELETE,
            [self._names, self._stream(token)],
            [_to_field(name), token],
            where=f"{self.location}, study {name!r}",
        )
        if not deleted:
            raise StudyNotFound(name, self.location, self.names())

    def _token(self, name: str) -> str:
        """What tells the stream of a study from those of deleted ones of the same name."""
        token = self._server.read("HGET", self._names, _to_field(name))
        if token is None:
            raise StudyNotFound(name, self.location, self.names())
        return str(token.decode())

    def _stream(self, token: str) -> str:
        return f"{self._prefix}events:{token}"

    def __repr__(self) -> str:
        return f"RedisStorage({self.location!r})"


open_storage = RedisStorage
"""What `hpo.open_journal` calls for ``redis://`` and ``rediss://``."""


def _row(entry: Any) -> tuple[int, bytes]:
    """The number and the text of an entry as the server sends it."""
    key, fields = entry
    number, _, part = key.partition(b"-")
    if part != b"0" or len(fields) != 2 or fields[0] != _FIELD:
        return -1, b""  # nothing of ours
    return int(number) - 1, fields[1]


def _to_field(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _from_field(field: bytes) -> str:
    return field.decode("utf-8", "surrogatepass")


def _without_password(url: str) -> tuple[str, str]:
    """What may be shown of a URL, and its password."""
    if not isinstance(url, str):
        raise InvalidType(f"a URL is a text, got {type(url).__name__}")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        well_formed = "@" not in parts.path
    except ValueError:
        well_formed = False
    if not well_formed:  # of which errors, and what was taken for a host, may show a part of a password
        scheme = url.partition(":")[0]
        raise UnsupportedJournal(
            f"{scheme}://...",
            "this is no URL of a server: redis://:password@host:6379/0 is one, "
            "with %40 for @, %3A for : and %2F for / in the password",
        )
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{parts.path}", unquote(parts.password or "")


def _clean(error: Exception, secret: str) -> str:
    """What an error says, in one line and without `secret`."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said.replace(secret, "***") if secret else said
