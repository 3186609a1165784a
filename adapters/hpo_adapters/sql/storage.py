"""A database that holds many studies."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import URL, Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from hpo.errors import DuplicatedStudyError, JournalCorrupted, StudyNotFound
from hpo.extend import AnyEvent, LeaseTerms, check_first_event, check_options
from hpo_adapters._servers.event_rows import BEFORE_ALL, from_rows, to_rows
from hpo_adapters.sql.database import Database
from hpo_adapters.sql.failures import MissingTables
from hpo_adapters.sql.journal import SqlJournal, insert_rows
from hpo_adapters.sql.tables import EVENTS, STUDIES, ascii_json, name_digest, name_from_text, name_to_text


class SqlStorage:
    """Any number of studies in a PostgreSQL, MySQL or MariaDB database, in tables whose names begin with ``hpo_``.

    The tables are made with the first study. What is acknowledged is as durable as the server makes a commit
    (``synchronous_commit`` and ``fsync``, ``innodb_flush_log_at_trx_commit``: their defaults survive a power
    failure). A pickle holds the URL with its password; messages never do.

    Args:
        url: ``postgresql://user:password@host:5432/database``, ``mysql://...`` or ``mariadb://...``, also with a
            driver, as in ``mysql+pymysql://...``; see SQLAlchemy on URLs.
        lock_timeout: How long an append waits for other writers before it raises `JournalBusy`, in seconds; MySQL and
            MariaDB round it up to whole ones. A writer that stops in the middle of an append is given up by
            PostgreSQL and MariaDB after the same time, and at least five seconds.
        heartbeat_interval: How often a worker says that it is alive, in seconds; see `hpo.Study.fail_lost_trials`.
        grace_period: After how many seconds of silence it counts as dead; by default twice the interval. It applies to
            the workers that use this object: others may have their own.
        engine_options: More arguments for `sqlalchemy.create_engine`, such as ``pool_size`` or ``connect_args``.

    Raises:
        UnsupportedJournal: the URL can't be read, or leads to another kind of database.
        MissingExtra: the driver is not installed.
        InvalidArgument: an option is not known, or has another value than described.

    Example:
        >>> SqlStorage("postgresql://me:secret@db.example.org/hpo").location
        'postgresql+psycopg://me:***@db.example.org/hpo'
    """

    def __init__(
        self,
        url: str | URL,
        *,
        lock_timeout: float = 30.0,
        heartbeat_interval: float = 60.0,
        grace_period: float | None = None,
        **engine_options: Any,
    ) -> None:
        check_options("power", lock_timeout)
        self._terms = LeaseTerms.checked(heartbeat_interval=heartbeat_interval, grace_period=grace_period)
        self._database = Database(url, lock_timeout=lock_timeout, options=engine_options)

    @property
    def location(self) -> str:
        """Return where the studies are, for messages: the URL, without password and query."""
        return self._database.location

    def create(self, name: str, events: Sequence[AnyEvent]) -> SqlJournal:
        """Create the study `name` with its first events, and return its journal; see `Storage.create`.

        Raises:
            JournalBusy: others who were about to create it took too long.
        """
        check_first_event(name, events)
        rows, tail = to_rows(events, BEFORE_ALL, written=ascii_json)
        study_id = secrets.randbits(63)
        study = {"id": study_id, "digest": name_digest(name), "name": name_to_text(name), "length": len(rows)}

        def begin(connection: Connection) -> None:
            try:
                connection.execute(insert(STUDIES), [study])
            except IntegrityError:
                raise DuplicatedStudyError(name, self.location) from None
            insert_rows(connection, study_id, rows, first=0)

        while True:
            try:
                self._database.write(begin, where=self.location)
                break
            except MissingTables:
                self._database.make_tables()
        return SqlJournal(self._database, study_id, name, self._terms, tail=tail)

    def open(self, name: str | None) -> SqlJournal:
        """Return the journal of the study `name`, or of the only study; see `Storage.open`."""
        query = (
            select(STUDIES.c.id, STUDIES.c.name, EVENTS.c.payload)
            .outerjoin(EVENTS, (EVENTS.c.study_id == STUDIES.c.id) & (EVENTS.c.sequence == 0))
            .limit(2)
        )
        if name is not None:
            query = query.where(STUDIES.c.digest == name_digest(name))
        try:
            found = self._database.read(lambda connection: connection.execute(query).all())
        except MissingTables:
            found = []
        if len(found) != 1:
            raise StudyNotFound(name, self.location, self.names())
        study_id, text, first = found[0]
        study_name = name_from_text(text)
        where = f"{self.location}, study {study_name!r}"
        if first is None:
            raise JournalCorrupted(where, None, None, "its first event is missing")
        from_rows([(0, first.encode())], BEFORE_ALL, where=where)
        return SqlJournal(self._database, study_id, study_name, self._terms)

    def names(self) -> list[str]:
        """Return the names of all studies, sorted."""
        try:
            texts = self._database.read(lambda connection: connection.scalars(select(STUDIES.c.name)).all())
        except MissingTables:
            return []
        return sorted(map(name_from_text, texts))

    def delete(self, name: str) -> None:
        """Remove the study `name` with all its events; see `Storage.delete`."""
        statement = delete(STUDIES).where(STUDIES.c.digest == name_digest(name))
        try:
            deleted = self._database.write(
                lambda connection: connection.execute(statement).rowcount,
                where=f"{self.location}, study {name!r}",
            )
        except MissingTables:
            deleted = 0
        if not deleted:
            raise StudyNotFound(name, self.location, self.names())

    def __repr__(self) -> str:
        return f"SqlStorage({self.location!r})"
