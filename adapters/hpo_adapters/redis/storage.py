"""A Redis server that holds many studies."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from hpo.errors import DuplicatedStudyError, InvalidArgument, StudyNotFound, UnsupportedJournal
from hpo.extend import AnyEvent, LeaseTerms, check_first_event, check_options
from hpo_adapters._servers.event_rows import BEFORE_ALL, from_rows, to_rows
from hpo_adapters.redis.journal import RedisJournal, read_row
from hpo_adapters.redis.scripts import CREATE, DELETE
from hpo_adapters.redis.server import RedisServer


class RedisStorage:
    """Any number of studies in a Redis server, version 5 or later, or one that speaks its language.

    Acknowledged events are as durable as the server makes them. With ``appendonly yes`` and ``appendfsync always`` they
    survive a power failure; with ``everysec``, a server that is killed loses up to its last two seconds; without
    ``appendonly``, everything after its last snapshot. An open study that lost events raises `JournalMoved`.
    ``maxmemory-policy`` must be ``noeviction``, the server's default.
    A pickle holds the URL with its password; messages never do.

    Args:
        url: ``redis://user:password@host:6379/0``, ``rediss://...`` for TLS, or ``unix:///path/to/socket?db=0``.
        lock_timeout: How long to wait for an answer of the server, in seconds.
        namespace: What the server's keys begin with, in braces: a cluster keeps them in one place.
        heartbeat_interval: How often a worker says that it is alive, in seconds; see `hpo.Study.fail_lost_trials`.
        grace_period: After how many seconds of silence it counts as dead; by default twice the interval. It applies to
            the workers that use this object: others may have their own.
        connection_options: More arguments for `redis.Connection`, such as ``health_check_interval``.

    Raises:
        UnsupportedJournal: the URL can't be read.
        InvalidArgument: an option is not known, or has another value than described.

    Example:
        >>> RedisStorage("redis://:secret@cache.example.org:6379/0").location
        'redis://cache.example.org:6379/0'
    """

    def __init__(
        self,
        url: str,
        *,
        lock_timeout: float = 30.0,
        namespace: str = "hpo",
        heartbeat_interval: float = 60.0,
        grace_period: float | None = None,
        **connection_options: Any,
    ) -> None:
        check_options("power", lock_timeout)
        self._terms = LeaseTerms.checked(heartbeat_interval=heartbeat_interval, grace_period=grace_period)
        if not namespace or set(namespace) & set("{}"):
            raise InvalidArgument(f"a namespace is a string without braces, and not empty; got {namespace!r}")
        self._server = RedisServer(url, lock_timeout=lock_timeout, options=connection_options)
        self._prefix = f"{{{namespace}}}:"
        self._names = f"{self._prefix}studies"

    @property
    def location(self) -> str:
        """Return where the studies are, for messages: the URL, without user, password and query."""
        return self._server.location

    def create(self, name: str, events: Sequence[AnyEvent]) -> RedisJournal:
        """Create the study `name` with its first events, and return its journal; see `Storage.create`."""
        check_first_event(name, events)
        token = secrets.token_hex(8)
        rows, tail = to_rows(events, BEFORE_ALL)
        created = self._server.write(
            CREATE,
            [self._names, self._keys(token)[0]],
            [_to_field(name), token, *rows],
            where=self.location,
        )
        if not created:
            raise DuplicatedStudyError(name, self.location)
        return RedisJournal(self._server, self._keys(token), name, self._terms, tail=tail)

    def open(self, name: str | None) -> RedisJournal:
        """Return the journal of the study `name`, or of the only study; see `Storage.open`."""
        if name is None:
            names = self.names()
            if len(names) != 1:
                raise StudyNotFound(None, self.location, names)
            name = names[0]
        keys = self._keys(self._token(name))
        first = self._server.read("XRANGE", keys[0], "-", "+", "COUNT", 1)
        where = f"{self.location}, study {name!r}"
        if not first:
            raise UnsupportedJournal(
                where, "the server has dropped its events: its maxmemory-policy must be noeviction"
            )
        from_rows([read_row(entry) for entry in first], BEFORE_ALL, where=where)
        return RedisJournal(self._server, keys, name, self._terms)

    def names(self) -> list[str]:
        """Return the names of all studies, sorted."""
        return sorted(map(_from_field, self._server.read("HKEYS", self._names)))

    def delete(self, name: str) -> None:
        """Remove the study `name` with all its events; see `Storage.delete`."""
        token = self._token(name)
        deleted = self._server.write(
            DELETE,
            [self._names, *self._keys(token)],
            [_to_field(name), token],
            where=f"{self.location}, study {name!r}",
        )
        if not deleted:
            raise StudyNotFound(name, self.location, self.names())

    def _token(self, name: str) -> str:
        """Return the token that tells the stream of a study from those of deleted studies of the same name."""
        token = self._server.read("HGET", self._names, _to_field(name))
        if token is None:
            raise StudyNotFound(name, self.location, self.names())
        return str(token.decode())

    def _keys(self, token: str) -> tuple[str, ...]:
        return tuple(f"{self._prefix}{kind}:{token}" for kind in ("events", "workers", "turns", "turn"))

    def __repr__(self) -> str:
        return f"RedisStorage({self.location!r})"


def _to_field(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _from_field(field: bytes) -> str:
    return field.decode("utf-8", "surrogatepass")
