"""The journal of one study in a database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from sqlalchemy import Connection, insert, select, update

from hpo.errors import Conflict, JournalMoved, WorkerLost
from hpo.extend import AnyEvent, LeaseTerms
from hpo_adapters._servers.event_rows import BEFORE_ALL, NumberedRow, Tail, from_pages, tail_at, to_rows
from hpo_adapters._servers.leases import HeldLeases, seconds_since_boot
from hpo_adapters.sql.database import Database
from hpo_adapters.sql.failures import MissingTables
from hpo_adapters.sql.leases import SqlLeases, renew
from hpo_adapters.sql.tables import EVENTS, STUDIES, ascii_json

_ROWS_PER_STATEMENT = 1000
_ROWS_PER_PAGE = 20_000


class SqlJournal:
    """A journal in two tables, shared by any number of threads, processes and hosts.

    An append is one transaction: it moves the study's length from what its writer has seen to what it will be, which
    locks the study's row, and adds the events. So of several writers one wins, and the others get `Conflict`. A writer
    that dies, or stays silent for too long, is rolled back by the server. Readers never wait. Reading a study that was
    deleted returns nothing new, and reading it from the start raises `JournalMoved`.

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
        self._held = HeldLeases(SqlLeases(database, study_id, self._where), terms, where=self._where)

    def read(self, after: int) -> Sequence[AnyEvent]:
        """Return the events from number `after` on; see `Journal.read`.

        Raises:
            UnsupportedJournal: the server can't be reached.
            JournalMoved: nothing is left of the study.
        """
        events, tail = from_pages(self._page, _ROWS_PER_PAGE, after=after, known=self._tail, where=self._where)
        if events:
            self._note_tail(tail)
        return events

    def append(self, events: Sequence[AnyEvent], *, expected: int) -> int:
        """Add `events`, all or none, and return the new length; see `Journal.append`.

        Renews the leases of workers that start trials, and of others that are due.
        """
        known = self._tail
        length = expected + len(events)
        starting, late = self._held.to_renew(events)
        started = seconds_since_boot()

        def extend(connection: Connection) -> tuple[list[str], Tail]:
            moved = connection.execute(
                update(STUDIES)
                .where(STUDIES.c.id == self._study_id, STUDIES.c.length == expected)
                .values(length=length)
            )
            if moved.rowcount != 1:
                self._refuse(connection, expected, known.length)
            before = known if known.length == expected else self._tail_at(connection, expected)
            rows, tail = to_rows(events, before, written=ascii_json)
            insert_rows(connection, self._study_id, rows, first=expected)
            renewed = []
            for worker in (*starting, *late):
                if renew(connection, self._study_id, worker, self._terms.milliseconds):
                    renewed.append(worker)
                elif worker in starting:
                    raise WorkerLost(worker)
            return renewed, tail

        try:
            renewed, tail = self._database.write(extend, where=self._where)
        except MissingTables:
            raise JournalMoved(self._where) from None
        self._note_tail(tail)
        self._held.note_renewed(renewed, started)
        return length

    def hold(self, worker: str) -> AbstractContextManager[None]:
        """Let `worker` be alive until the end of the block; see `TracksWorkers.hold`.

        It counts for everybody that can reach the server.
        """
        return self._held.hold(worker)

    def is_alive(self, worker: str) -> bool | None:
        """Return whether `worker` is in its block, or None if that is not known; see `TracksWorkers.is_alive`."""
        return self._held.is_alive(worker)

    def _note_tail(self, tail: Tail) -> None:
        if tail.length > self._tail.length:
            self._tail = tail

    def _tail_at(self, connection: Connection, length: int) -> Tail:
        """Return the end of the journal after `length` events, which it has."""
        query = select(EVENTS.c.payload).where(EVENTS.c.study_id == self._study_id, EVENTS.c.sequence == length - 1)
        payload = connection.scalar(query)
        return Tail(length, None) if payload is None else tail_at((length - 1, payload.encode()))

    def _page(self, start: int) -> list[NumberedRow]:
        query = (
            select(EVENTS.c.sequence, EVENTS.c.payload)
            .where(EVENTS.c.study_id == self._study_id, EVENTS.c.sequence >= start)
            .order_by(EVENTS.c.sequence)
            .limit(_ROWS_PER_PAGE)
        )
        try:
            rows = self._database.read(lambda connection: connection.execute(query).all())
        except MissingTables:
            raise JournalMoved(self._where) from None
        return [(sequence, payload.encode()) for sequence, payload in rows]

    def _refuse(self, connection: Connection, expected: int, seen: int) -> None:
        """Raise the error for an append that found another length than expected."""
        actual = connection.scalar(select(STUDIES.c.length).where(STUDIES.c.id == self._study_id))
        if actual is None or actual < seen:  # deleted, or older than it was: restored from a backup
            raise JournalMoved(self._where)
        raise Conflict(expected, actual)

    def __repr__(self) -> str:
        return f"SqlJournal({self._where})"


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
