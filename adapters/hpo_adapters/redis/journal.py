"""The journal of one study in a stream, and the leases of the workers on it."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NoReturn

import attrs

from hpo.errors import Conflict, HpoError, JournalBusy, JournalMoved, WorkerLost
from hpo.extend import AnyEvent, LeaseTerms, Turn
from hpo_adapters._servers.event_rows import BEFORE_ALL, NumberedRow, Tail, from_pages, tail_at, to_rows
from hpo_adapters._servers.leases import KEPT_MILLISECONDS, HeldLeases, Lease, seconds_since_boot
from hpo_adapters.redis.scripts import APPEND, BEGIN, BEGIN_TURN, END, END_LATE, END_TURN, LOOK, QUEUE_UP, RENEW
from hpo_adapters.redis.server import RedisServer

_ENTRIES_PER_PAGE = 20_000
_FIELD = b"event"
_LONGEST_WAIT = 1
"""Seconds for which a writer waits in the queue before it looks whether the turn of somebody who died has expired."""

_TURN_MILLISECONDS = 1000
"""How long a turn lasts at most; a writer that decides for longer may find that somebody else has appended."""


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

    Of several writers one succeeds, and the others get `Conflict`. Writers that meet others take turns, in the order in
    which they ask; a writer that takes longer than a second loses the turn to the next one. Readers never wait.

    Made by `RedisStorage`.

    Args:
        server: Where the stream is.
        keys: Those of the stream, of its leases, of the list that writers wait at, and of the turn.
        name: The study's name, for messages.
        terms: How long a worker counts as alive.
        tail: The end of the journal, if it is known.
    """

    def __init__(
        self, server: RedisServer, keys: tuple[str, ...], name: str, terms: LeaseTerms, *, tail: Tail = BEFORE_ALL
    ) -> None:
        self._server = server
        self._keys = keys
        self._terms = terms
        self._where = f"{server.location}, study {name!r}"
        self._tail = tail
        """The last end of the journal that was seen: it never becomes shorter."""
        self._held = HeldLeases(RedisLeases(server, keys[0], keys[1], self._where), terms, where=self._where)

    def read(self, after: int) -> Sequence[AnyEvent]:
        """Return the events from number `after` on; see `Journal.read`.

        Raises:
            UnsupportedJournal: the server can't be reached.
            JournalMoved: the study was deleted, or went back to an earlier state.
        """
        events, tail = from_pages(self._page, _ENTRIES_PER_PAGE, after=after, known=self._tail, where=self._where)
        self._note_tail(tail)
        return events

    def _page(self, start: int) -> list[NumberedRow]:
        entries = self._server.read("XRANGE", self._keys[0], f"{start + 1}-0", "+", "COUNT", _ENTRIES_PER_PAGE)
        return [read_row(entry) for entry in entries]

    @contextlib.contextmanager
    def turn(self, after: int) -> Iterator[Turn]:
        """Wait for this writer's turn, and give what is new; see `TakesTurns.turn`."""
        name = secrets.token_hex(8)
        began = ended = False

        def page(start: int) -> list[NumberedRow]:
            nonlocal began
            if began or self._server.patience <= 2 * _LONGEST_WAIT:  # too impatient to wait in a queue
                return self._page(start)
            began = True  # from here on, also if an interrupt comes before the answer
            return self._begin_turn(name, start)

        def add(events: Sequence[AnyEvent]) -> int:
            nonlocal ended
            ended = True
            return self._add(events, tail.length, name)

        try:
            news, tail = from_pages(page, _ENTRIES_PER_PAGE, after=after, known=self._tail, where=self._where)
            self._note_tail(tail)
            yield RedisTurn(news, add)
        finally:
            if began and not ended:
                with contextlib.suppress(HpoError):  # then it ends by itself
                    self._server.wait(("EVAL", END_TURN, 2, *self._keys[2:], name), where=self._where)

    def _begin_turn(self, name: str, start: int) -> list[NumberedRow]:
        """Wait for the turn, call it `name`, and return the rows from number `start` on."""
        stream, _, queue, turn = self._keys
        begun = time.monotonic()
        while (waited := time.monotonic() - begun) <= self._server.lock_timeout:
            *_, (is_mine, *lines) = self._server.wait(
                ("EVAL", QUEUE_UP, 2, queue, turn),
                ("BLPOP", queue, _LONGEST_WAIT),
                ("EVAL", BEGIN_TURN, 2, turn, stream, name, _TURN_MILLISECONDS, f"{start + 1}-0", _ENTRIES_PER_PAGE),
                where=self._where,
            )
            if is_mine:
                return [*map(_row_of_line, lines[0].split(b"\n"))] if lines[0] else []
        raise JournalBusy(self._where, waited)

    def _note_tail(self, tail: Tail) -> None:
        if tail.length > self._tail.length:
            self._tail = tail

    def _tail_at(self, length: int) -> Tail:
        """Return the end of the journal after `length` events, if it has so many."""
        if not length:
            return BEFORE_ALL
        entries = self._server.look("XRANGE", self._keys[0], f"{length}-0", f"{length}-0", where=self._where)
        return tail_at(read_row(entries[0])) if entries else Tail(length, None)

    def _refuse(self, expected: int, known: Tail, found: Sequence[Any] | None = None) -> NoReturn:
        """Raise the error for an append that was not done: somebody was faster, or the journal is another one.

        Args:
            expected: The length that it should have had.
            known: The end of the journal as it was last seen.
            found: How long it is, and what is there of that end, if the server has told already.
        """
        if found is None:
            place = f"{known.length}-0"
            found = self._server.wait(
                ("XLEN", self._keys[0]), ("XRANGE", self._keys[0], place, place), where=self._where
            )
        length, last = found
        if length < max(known.length, 1) or (
            known.mark and (not last or tail_at(read_row(last[0])).mark != known.mark)
        ):
            raise JournalMoved(self._where)  # deleted, or older than it was: the server lost its last seconds
        raise Conflict(expected, length)

    def append(self, events: Sequence[AnyEvent], *, expected: int) -> int:
        """Add `events`, all or none, and return the new length; see `Journal.append`.

        Renews the leases of workers that start trials, and of others that are due.
        """
        return self._add(events, expected, "")

    def _add(self, events: Sequence[AnyEvent], expected: int, turn: str) -> int:
        """Add `events`, and end the turn of this name, if there is one."""
        known = self._tail
        if expected < known.length:
            self._refuse(expected, known)
        before = known if known.length == expected else self._tail_at(expected)
        if before is not known and known.mark and self._tail_at(known.length).mark != known.mark:
            self._refuse(expected, known)
        rows, tail = to_rows(events, before)
        starting, late = self._held.to_renew(events)
        started = seconds_since_boot()
        arguments: list[bytes | str | int] = [expected, before.mark, turn, self._terms.milliseconds]
        arguments += [len(starting), len(late), known.length, *starting, *late, *rows]
        actual, *workers = self._server.write(APPEND, self._keys, arguments, where=self._where)
        if actual == -2:
            raise WorkerLost(workers[0].decode())
        if actual != -1:
            self._refuse(expected, known, workers)
        self._note_tail(tail)
        self._held.note_renewed([worker.decode() for worker in workers], started)
        return tail.length

    def place_of(self, position: int) -> str:
        """Return the server and the study; see `TellsPlaces`."""
        return self._where

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


@attrs.frozen
class RedisTurn:
    """A turn at the journal of one study; see `Turn`."""

    news: Sequence[AnyEvent]
    _add: Callable[[Sequence[AnyEvent]], int]

    def append(self, events: Sequence[AnyEvent]) -> int:
        """Add `events` and end the turn; see `Turn.append`."""
        return self._add(events)


def _row_of_line(line: bytes) -> NumberedRow:
    """Return the number and the text of an entry from a line of `BEGIN_TURN`."""
    key, _, text = line.partition(b" ")
    number, _, part = key.partition(b"-")
    return (int(number) - 1, text) if part == b"0" else (-1, b"")  # not an entry of a journal


def read_row(entry: Any) -> NumberedRow:
    """Return the number and the text of an entry as the server sends it."""
    key, fields = entry
    number, _, part = key.partition(b"-")
    if part != b"0" or len(fields) != 2 or fields[0] != _FIELD:
        return -1, b""  # not an entry of a journal
    return int(number) - 1, fields[1]
