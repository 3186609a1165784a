"""Leases of workers in a table, by the clock of the database."""

from __future__ import annotations

from typing import Any

import attrs
from sqlalchemy import BigInteger, ColumnElement, Connection, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.compiler import compiles

from hpo.errors import JournalMoved
from hpo_adapters._servers.leases import KEPT_MILLISECONDS, Lease
from hpo_adapters.sql.database import Database
from hpo_adapters.sql.failures import MissingTables
from hpo_adapters.sql.tables import STUDIES, WORKERS


class _ServerNow(ColumnElement[int]):
    """Milliseconds since 1970, by the clock of the server and in no time zone."""

    inherit_cache = True
    type = BigInteger()


@compiles(_ServerNow, "postgresql")
def _now_in_postgresql(*_: Any, **__: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"  # now() is when the transaction began


@compiles(_ServerNow, "mysql")
@compiles(_ServerNow, "mariadb")
def _now_in_mysql(*_: Any, **__: Any) -> str:
    return "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)"


@attrs.frozen
class SqlLeases:
    """The leases on the journal of one study; see `hpo_adapters._servers.leases.Leases`.

    The clock is read when a statement begins. One that then waits for another writer reads it early, which makes a
    renewal shorter and a worker look no older: no worker is given up because of it.

    Args:
        database: Where the tables are.
        study_id: The study's key in them.
        where: The study, for messages.
    """

    database: Database
    study_id: int
    where: str

    def begin(self, worker: str, milliseconds: int) -> bool:
        """Give `worker` a lease, and return False if it has or had one; see `Leases.begin`.

        Also removes leases that ran out long ago.
        """
        lease = {
            "study_id": self.study_id,
            "worker": worker,
            "expires": _ServerNow() + milliseconds,
            "lasts": milliseconds,
        }
        forgotten = delete(WORKERS).where(
            WORKERS.c.study_id == self.study_id, WORKERS.c.expires < _ServerNow() - KEPT_MILLISECONDS
        )

        def add(connection: Connection) -> bool:
            connection.execute(forgotten)
            try:
                connection.execute(insert(WORKERS).values(lease))
            except IntegrityError:
                connection.rollback()
                there = connection.scalar(select(STUDIES.c.id).where(STUDIES.c.id == self.study_id))
                if there is None:
                    raise JournalMoved(self.where) from None
                return False
            return True

        while True:
            try:
                return self.database.write(add, where=self.where)
            except MissingTables:  # made by a version without workers, or gone
                self.database.make_tables()

    def renew(self, worker: str, milliseconds: int) -> bool:
        """Renew the lease of `worker`, and return False if it has ended; see `Leases.renew`."""
        return self._write(lambda connection: renew(connection, self.study_id, worker, milliseconds))

    def end(self, worker: str) -> None:
        """End the lease of `worker`, if it has one; see `Leases.end`."""
        self._write(lambda connection: bool(connection.execute(delete(WORKERS).where(self._is(worker))).rowcount))

    def look(self, worker: str) -> Lease | None:
        """Return the lease of `worker`, or None if it has none; see `Leases.look`."""
        query = select(WORKERS.c.expires - _ServerNow(), WORKERS.c.lasts).where(self._is(worker))
        try:
            found = self.database.read(lambda connection: connection.execute(query).first())
        except MissingTables:
            raise JournalMoved(self.where) from None
        return None if found is None else Lease(*found)

    def end_late(self, worker: str) -> bool:
        """End the lease of `worker` if it has run out, and return whether this ended it; see `Leases.end_late`."""
        late = delete(WORKERS).where(self._is(worker), WORKERS.c.expires < _ServerNow())
        return self._write(lambda connection: bool(connection.execute(late).rowcount))

    def uptime(self) -> float:
        """Return for how many seconds the server has been running; see `Leases.uptime`."""
        return self.database.read(_uptime)

    def _is(self, worker: str) -> ColumnElement[bool]:
        return (WORKERS.c.study_id == self.study_id) & (WORKERS.c.worker == worker)

    def _write(self, act: Any) -> bool:
        try:
            return bool(self.database.write(act, where=self.where))
        except MissingTables:
            return False


def now_of(*, is_postgresql: bool) -> str:
    """Return the SQL for the milliseconds since 1970 by the server's clock."""
    return _now_in_postgresql() if is_postgresql else _now_in_mysql()


def renew(connection: Connection, study_id: int, worker: str, milliseconds: int) -> bool:
    """Renew the lease of `worker` in the transaction of `connection`, and return False if it has ended."""
    renewed = connection.execute(
        update(WORKERS)
        .where(WORKERS.c.study_id == study_id, WORKERS.c.worker == worker)
        .values(expires=_ServerNow() + milliseconds, lasts=milliseconds)
    )
    return renewed.rowcount == 1


def _uptime(connection: Connection) -> float:
    if connection.dialect.name == "postgresql":
        statement = "SELECT EXTRACT(EPOCH FROM clock_timestamp() - pg_postmaster_start_time())"
        return float(connection.execute(text(statement)).scalar_one())
    return float(connection.execute(text("SHOW GLOBAL STATUS LIKE 'Uptime'")).one()[1])
