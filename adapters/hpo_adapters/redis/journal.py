"""The journal of one study in a stream, and the leases of the workers on it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import attrs

from hpo.errors import Conflict, JournalMoved, WorkerLost
from hpo.extend import AnyEvent, LeaseTerms
from hpo_adapters._servers.event_rows import BEFORE_ALL, NumberedRow, Tail, from_pages, tail_at, to_rows
from hpo_adapters._servers.leases import KEPT_MILLISECONDS, HeldLeases, Lease, seconds_since_boot
from hpo_adapters.redis.scripts import APPEND, BEGIN, END, END_LATE, LOOK, RENEW
from hpo_adapters.redis.server import RedisServer

_ENTRIES_PER_PAGE = 20_000
_FIELD = b"event"


@attrs.frozen
class RedisLeases:
    """The leases on the journal of one study; see `hpo_adapters._servers.leases.Leases`.

    Args:
        server: Where they are.
        stream: The key of the journal's stream.
        key: The key of its leases.
        where: The study, for messages.
    """

    server: RedisServer
    stream: str
    key: str
    where: str

    def begin(self, worker: str, milliseconds: int) -> bool:
        """Give `worker` a lease, and return False if it has or had one; see `Leases.begin`.

        Also removes leases that ran out long ago.
        """
        begun = self._write(BEGIN, [self.stream, self.key], [worker, milliseconds, KEPT_MILLISECONDS])
        if begun < 0:
            raise JournalMoved(self.where)
        return bool(begun)

    def renew(self, worker: str, milliseconds: int) -> bool:
        """Renew the lease of `worker`, and return False if it has ended; see `Leases.renew`."""
        return bool(self._write(RENEW, [self.key], [worker, milliseconds]))

    def end(self, worker: str) -> None:
        """End the lease of `worker`, if it has one; see `Leases.end`."""
        self._write(END, [self.key], [worker])

    def look(self, worker: str) -> Lease | None:
        """Return the lease of `worker`, or None if it has none; see `Leases.look`."""
        found = self.server.write(LOOK, [self.key], [worker], where=self.where)
        return Lease(*found) if found else None

    def end_late(self, worker: str) -> bool:
        """End the lease of `worker` if it has run out, and return whether this ended it; see `Leases.end_late`."""
        return bool(self._write(END_LATE, [self.key], [worker]))

    def uptime(self) -> float:
        """Return for how many seconds the server has been running; see `Leases.uptime`."""
        lines = self.server.read("INFO", "server").splitlines()
        return float(next(line for line in lines if line.startswith(b"uptime_in_seconds:")).partition(b":")[2])

    def _write(self, script: str, keys: Sequence[str], arguments: Sequence[str | int]) -> int:
        return int(self.server.write(script, keys, arguments, where=self.where))


class RedisJournal:
    """A journal in a stream, shared by any number of threads, processes and hosts.

    Writers never wait: the first of several succeeds, and the others get `Conflict`. Reading a study that was
    deleted returns nothing new, and reading it from the start raises `JournalMoved`.

    Made by `RedisStorage`.

    Args:
        server: Where the stream is.
        keys: The stream's, and that of its leases.
        name: The study's name, for messages.
        terms: How long a worker counts as alive.
        tail: The end of the journal, if it is known.
    """

    def __init__(
        self, server: RedisServer, keys: tuple[str, str], name: str, terms: LeaseTerms, *, tail: Tail = BEFORE_ALL
    ) -> None:
        self._server = server
        self._keys = keys
        self._terms = terms
        self._where = f"{server.location}, study {name!r}"
        self._tail = tail
        """The last end of the journal that was seen: it never becomes shorter."""
        self._held = HeldLeases(RedisLeases(server, *keys, self._where), terms, where=self._where)

    def read(self, after: int) -> Sequence[AnyEvent]:
        """Return the events from number `after` on; see `Journal.read`.

        Raises:
            UnsupportedJournal: the server can't be reached.
            JournalMoved: nothing is left of the study.
        """
        events, tail = from_pages(self._page, _ENTRIES_PER_PAGE, after=after, known=self._tail, where=self._where)
        if events:
            self._note_tail(tail)
        return events

    def _page(self, start: int) -> list[NumberedRow]:
        entries = self._server.read("XRANGE", self._keys[0], f"{start + 1}-0", "+", "COUNT", _ENTRIES_PER_PAGE)
        return [read_row(entry) for entry in entries]

    def _note_tail(self, tail: Tail) -> None:
        if tail.length > self._tail.length:
            self._tail = tail

    def _tail_at(self, length: int) -> Tail:
        """Return the end of the journal after `length` events, if it has so many."""
        entries = self._server.look("XRANGE", self._keys[0], f"{length}-0", f"{length}-0", where=self._where)
        return tail_at(read_row(entries[0])) if entries else Tail(length, None)

    def append(self, events: Sequence[AnyEvent], *, expected: int) -> int:
        """Add `events`, all or none, and return the new length; see `Journal.append`.

        Renews the leases of workers that start trials, and of others that are due.
        """
        known = self._tail
        rows, tail = to_rows(events, known if known.length == expected else self._tail_at(expected))
        starting, late = self._held.to_renew(events)
        started = seconds_since_boot()
        actual, *workers = self._server.write(
            APPEND,
            self._keys,
            [expected, self._terms.milliseconds, len(starting), len(late), *starting, *late, *rows],
            where=self._where,
        )
        if actual == -2:
            raise WorkerLost(workers[0].decode())
        if 0 <= actual < max(known.length, 1):  # deleted, or older than it was: the server lost its last seconds
            raise JournalMoved(self._where)
        if actual >= 0:
            raise Conflict(expected, actual)
        self._note_tail(tail)
        self._held.note_renewed([worker.decode() for worker in workers], started)
        return tail.length

    def hold(self, worker: str) -> AbstractContextManager[None]:
        """Let `worker` be alive until the end of the block; see `TracksWorkers.hold`.

        It counts for everybody that can reach the server.
        """
        return self._held.hold(worker)

    def is_alive(self, worker: str) -> bool | None:
        """Return whether `worker` is in its block, or None if that is not known; see `TracksWorkers.is_alive`."""
        return self._held.is_alive(worker)

    def __repr__(self) -> str:
        return f"RedisJournal({self._where})"


def read_row(entry: Any) -> NumberedRow:
    """Return the number and the text of an entry as the server sends it."""
    key, fields = entry
    number, _, part = key.partition(b"-")
    if part != b"0" or len(fields) != 2 or fields[0] != _FIELD:
        return -1, b""  # not an entry of a journal
    return int(number) - 1, fields[1]
