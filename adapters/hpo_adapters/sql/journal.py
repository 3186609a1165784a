"""The journal of one study in a database."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select, update

from hpo.core.events import AnyEvent
from hpo.errors import Conflict, JournalMoved
from hpo_adapters.event_rows import from_rows, to_rows
from hpo_adapters.sql.database import Database
from hpo_adapters.sql.failures import MissingTables
from hpo_adapters.sql.tables import EVENTS, STUDIES, ascii_json

_ROWS_PER_STATEMENT = 1000
_ROWS_PER_PAGE = 20_000


class SqlJournal:
    """A journal in two tables, shared by any number of threads, processes and hosts.

    An append is one transaction: it moves the study's length from what its writer has seen to what it will be, which
    locks the study's row, and adds the events. So of several writers one wins, and the others get `Conflict`; a
    writer that dies, or stays silent for too long, is rolled back by the server. Readers never wait. A read of
    a study that was deleted gives nothing new, or, from the start on, `JournalMoved`.

    Made by `SqlStorage`.

    Args:
        database: Where the tables are.
        study_id: The study's key in them.
        name: The study's name, for messages.
    """

    def __init__(self, database: Database, study_id: int, name: str) -> None:
        self._database = database
        self._study_id = study_id
        self._where = f"{database.location}, study {name!r}"
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
            page = self._page(start)
            events += from_rows(page, after=start, where=self._where)
            if len(page) < _ROWS_PER_PAGE:
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
        length = expected + len(rows)
        seen = self._seen

        def extend(connection: Connection) -> None:
            moved = connection.execute(
                update(STUDIES)
                .where(STUDIES.c.id == self._study_id, STUDIES.c.length == expected)
                .values(length=length)
            )
            if moved.rowcount != 1:
                self._refuse(connection, expected, seen)
            insert_rows(connection, self._study_id, rows, first=expected)

        try:
            self._database.write(extend, where=self._where)
        except MissingTables:
            raise JournalMoved(self._where) from None
        self._seen = max(self._seen, length)
        return length

    def _page(self, start: int) -> list[tuple[int, bytes]]:
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
        """Say why an append found another length than expected."""
        actual = connection.scalar(select(STUDIES.c.length).where(STUDIES.c.id == self._study_id))
        if actual is None or actual < seen:  # deleted, or older than it was: restored from a backup
            raise JournalMoved(self._where)
        raise Conflict(expected, actual)

    def __repr__(self) -> str:
        return f"SqlJournal({self._where})"


def insert_rows(connection: Connection, study_id: int, rows: Sequence[bytes], *, first: int) -> None:
    """Add the rows of events to the study `study_id`, numbered from `first` on."""
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        some = rows[start : start + _ROWS_PER_STATEMENT]
        connection.execute(
            insert(EVENTS),
            [
                {"study_id": study_id, "sequence": sequence, "payload": ascii_json(row.decode())}
                for sequence, row in enumerate(some, first + start)
            ],
        )
