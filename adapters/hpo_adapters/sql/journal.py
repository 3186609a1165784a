"""The journal of one study in a database."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NoReturn

import attrs
from sqlalchemy import Connection, insert

from hpo.errors import Conflict, JournalMoved, WorkerLost
from hpo.extend import AnyEvent, LeaseTerms, Turn
from hpo_adapters._servers.event_rows import BEFORE_ALL, NumberedRow, Tail, from_pages, tail_at, to_rows
from hpo_adapters._servers.leases import HeldLeases, seconds_since_boot
from hpo_adapters.sql.database import Database
from hpo_adapters.sql.failures import MissingTables
from hpo_adapters.sql.leases import SqlLeases
from hpo_adapters.sql.messages import BEGIN, COMMIT, Line
from hpo_adapters.sql.statements import LOOK, READ, Addition, Found, is_large, lock, more_rows, pieces
from hpo_adapters.sql.tables import EVENTS, ascii_json

_ROWS_PER_STATEMENT = 1000
_ROWS_PER_PAGE = 20_000


class SqlJournal:
    """A journal in two tables, shared by any number of threads, processes and hosts.

    An append is one message and one transaction: if the study still has the length and the last event that its writer
    has seen, it gets its new length and the new events. So of several writers one wins, and the others get `Conflict`.
    Writers that meet others take turns, which the server gives them in the order in which they ask; a turn is two
    messages. A writer that dies, or stays silent for too long, is rolled back by the server. Readers never wait.

    Made by `SqlStorage`.

    Args:
        database: Where the tables are.
        study_id: The study's key in them.
        name: The study's name, for messages.
        terms: How long a worker counts as alive.
        tail: The end of the journal, if it is known.
    """

    def __init__(
        self, database: Database, study_id: int, name: str, terms: LeaseTerms, *, tail: Tail = BEFORE_ALL
    ) -> None:
        self._database = database
        self._study_id = study_id
        self._where = f"{database.location}, study {name!r}"
        self._tail = tail
        """The last end of the journal that was seen: it never becomes shorter."""
        self._terms = terms
        self._leases = SqlLeases(database, study_id, self._where)
        self._held = HeldLeases(self._leases, terms, where=self._where)

    def read(self, after: int) -> Sequence[AnyEvent]:
        """Return the events from number `after` on; see `Journal.read`.

        Raises:
            UnsupportedJournal: the server can't be reached.
            JournalMoved: the study was deleted, or went back to an earlier state.
        """
        try:
            return self._database.look(lambda line: self._news(line, after, [])[0])
        except MissingTables:
            raise JournalMoved(self._where) from None

    def append(self, events: Sequence[AnyEvent], *, expected: int) -> int:
        """Add `events`, all or none, and return the new length; see `Journal.append`.

        Renews the leases of workers that start trials, and of others that are due.
        """
        try:
            return self._database.change(lambda line: self._add(line, events, expected=expected), where=self._where)
        except MissingTables:
            raise JournalMoved(self._where) from None

    @contextlib.contextmanager
    def turn(self, after: int) -> Iterator[Turn]:
        """Wait for this writer's turn, and give what is new; see `TakesTurns.turn`."""
        try:
            with self._database.line(where=self._where) as line:
                news, tail = self._news(line, after, [BEGIN, lock(is_postgresql=line.is_postgresql)])

                def add(events: Sequence[AnyEvent]) -> int:
                    with self._database.told(where=self._where):
                        return self._add(line, events, expected=tail.length, ends=[COMMIT])

                yield _SqlTurn(news, add)
        except MissingTables:
            raise JournalMoved(self._where) from None

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

    def _news(self, line: Line, after: int, first: Sequence[str]) -> tuple[Sequence[AnyEvent], Tail]:
        """Return the events from number `after` on and the end of the journal, after the statements `first`."""
        before = [*first]

        def page(start: int) -> list[NumberedRow]:
            values = {"study": self._study_id, "start": start, "most": _ROWS_PER_PAGE}
            *_, (_, rows) = line.ask([*before, READ], values)
            before.clear()
            return [(sequence, payload.encode()) for sequence, payload in rows]

        events, tail = from_pages(page, _ROWS_PER_PAGE, after=after, known=self._tail, where=self._where)
        self._note_tail(tail)
        return events, tail

    def _add(self, line: Line, events: Sequence[AnyEvent], *, expected: int, ends: Sequence[str] = ()) -> int:
        """Add `events` in a transaction of their own, or in the open one that `ends` commits."""
        known = self._tail
        before = known if known.length == expected else self._tail_at(line, expected, known)
        rows, tail = to_rows(events, before, written=ascii_json)
        starting, late = self._held.to_renew(events)
        started = seconds_since_boot()
        some, *others = pieces(rows)
        addition = Addition(
            *(self._study_id, expected, tail.length, before.mark.decode("ascii", "replace"), some, starting, late),
            *(self._terms.milliseconds, known.length),
        )
        statements, values = addition.statements(is_postgresql=line.is_postgresql)
        large = is_large(
            rows
        )  # a server that refuses a message closes the connection, and its commit must not be in it
        begins = [] if ends or not large else [BEGIN]
        added, renewed, found = addition.outcome(line.ask([*begins, *statements, *(() if large else ends)], values))
        if not added:
            self._refuse(line, expected, known, starting, found)
        if large:
            for more in others:
                line.ask(
                    *more_rows(self._study_id, expected + len(some), more, is_postgresql=line.is_postgresql),
                )
                some = [*some, *more]
            line.ask([COMMIT], {})
        self._note_tail(tail)
        self._held.note_renewed(renewed, started)
        return tail.length

    def _note_tail(self, tail: Tail) -> None:
        if tail.length > self._tail.length:
            self._tail = tail

    def _look(self, line: Line, length: int) -> tuple[int | None, Tail]:
        """Return how many events the journal has, None without a study, and what its end was after `length` events."""
        found = line.ask([LOOK], {"study": self._study_id, "last": length - 1})[0].rows
        return _read_look(found[0] if found else (None, None), length)

    def _tail_at(self, line: Line, length: int, known: Tail) -> Tail:
        """Return the end of the journal after `length` events, if it has just so many, which `known` does not say."""
        if not length:
            return BEFORE_ALL
        if length < known.length or (known.mark and self._look(line, known.length)[1].mark != known.mark):
            self._refuse(line, length, known, [])
        return self._look(line, length)[1]

    def _refuse(
        self, line: Line, expected: int, known: Tail, starting: Sequence[str], found: Found | None = None
    ) -> NoReturn:
        """Raise the error for an append whose condition did not hold.

        Raises:
            JournalMoved: the study was deleted, or went back to an earlier state, also if it has grown since then.
            WorkerLost, Conflict: as `Journal.append` raises them.
        """
        actual, tail = self._look(line, known.length) if found is None else _read_look(found, known.length)
        if actual is None or actual < known.length or (known.mark and tail.mark != known.mark):
            raise JournalMoved(self._where)
        if actual == expected:
            for worker in starting:
                if self._leases.look(worker) is None:
                    raise WorkerLost(worker)
        raise Conflict(expected, actual)

    def __repr__(self) -> str:
        return f"SqlJournal({self._where})"


@attrs.frozen
class _SqlTurn:
    """A turn at the journal of one study: an open transaction in which nobody else adds events; see `Turn`."""

    news: Sequence[AnyEvent]
    _add: Callable[[Sequence[AnyEvent]], int]

    def append(self, events: Sequence[AnyEvent]) -> int:
        """Add `events` and end the turn; see `Turn.append`."""
        return self._add(events)


def _read_look(found: Found | tuple[None, None], length: int) -> tuple[int | None, Tail]:
    """Return the length of a journal, and its end after `length` events, from what `LOOK` found."""
    actual, payload = found
    return actual, Tail(length, None) if payload is None else tail_at((length - 1, payload.encode()))


def insert_rows(connection: Connection, study_id: int, rows: Sequence[bytes], *, first: int) -> None:
    """Add the rows of events, in ASCII, to the study `study_id`, numbered from `first` on."""
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        some = rows[start : start + _ROWS_PER_STATEMENT]
        connection.execute(
            insert(EVENTS),
            [
                {"study_id": study_id, "sequence": sequence, "payload": row.decode()}
                for sequence, row in enumerate(some, first + start)
            ],
        )
