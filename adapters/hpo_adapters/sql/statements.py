# ruff: noqa: S608
"""The statements of reads and appends. They are put together of constants; values are always given apart.

What an append depends on is checked by its statements themselves: that the journal has the expected length, that its last
event still is the one that the writer knows, and that no worker that starts a trial was given up. If one of them does not
hold, no event is added. So an append is one message, with its commit, and needs no answer in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from hpo_adapters.sql.leases import now_of
from hpo_adapters.sql.messages import Answer

READ = (
    "SELECT sequence, payload FROM hpo_events WHERE study_id = :study AND sequence >= :start "
    "ORDER BY sequence LIMIT :most"
)
"""The events from `start` on, at most `most`."""

LOOK = (
    "SELECT s.length, e.payload FROM hpo_studies s LEFT JOIN hpo_events e "
    "ON e.study_id = s.id AND e.sequence = :last WHERE s.id = :study"
)
"""The length of a journal, and its event `last`."""

Found = tuple[int, str | None]
"""What `LOOK` finds: the length of a journal, and the event that was asked for, or None without it."""

_ROWS_AT_ONCE, _BYTES_AT_ONCE = 200, 1_000_000

_NO_ROWS = "SELECT 0 AS sequence, '' AS payload LIMIT 0"
_STILL_THERE = (
    " AND EXISTS (SELECT 1 FROM hpo_events WHERE study_id = :study AND sequence = :last AND left(payload, :n) = :mark)"
)


def lock(*, is_postgresql: bool) -> str:
    """Return the statement that waits for a writer's turn at a journal, which ends with the transaction.

    In PostgreSQL it is one queue; writers that wait for a row of a table would start over with each new version of it.
    """
    if is_postgresql:
        return "SELECT pg_advisory_xact_lock(:study)"
    return "SELECT length FROM hpo_studies WHERE id = :study FOR UPDATE"


def pieces(rows: Sequence[bytes]) -> Iterator[Sequence[str]]:
    """Yield the rows of an append in pieces that servers take at once; an append without rows is one empty piece."""
    some: list[str] = []
    size = 0
    for row in rows:
        if some and (len(some) == _ROWS_AT_ONCE or size + len(row) > _BYTES_AT_ONCE):
            yield some
            some, size = [], 0
        some.append(row.decode())
        size += len(row)
    yield some


def is_large(rows: Sequence[bytes]) -> bool:
    """Return whether a server may refuse the rows, so that they must not be in one message with their commit."""
    return len(rows) > _ROWS_AT_ONCE or sum(map(len, rows)) > _BYTES_AT_ONCE


@attrs.frozen
class Addition:
    """An append of the first of its rows, on a condition.

    Args:
        study: The study's key.
        expected: The length that the journal must have.
        length: The length that it then has.
        mark: The beginning of its last event; empty if that is not known.
        rows: The first new events, in ASCII.
        starting: Workers that start trials: their leases must be there, and are renewed.
        late: Workers whose leases are renewed if they are there.
        lasts: How long leases last, in milliseconds.
        seen: The length of the journal when its writer last saw it; the event before it tells whether it still is there.
    """

    study: int
    expected: int
    length: int
    mark: str
    rows: Sequence[str]
    starting: Sequence[str]
    late: Sequence[str]
    lasts: int
    seen: int

    def statements(self, *, is_postgresql: bool) -> tuple[list[str], dict[str, Any]]:
        """Return the statements for a server, and the values of their names."""
        values: dict[str, Any] = {"study": self.study, "expected": self.expected, "length": self.length}
        values["seen"] = self.seen - 1
        if self.mark:
            values |= {"last": self.expected - 1, "mark": self.mark, "n": len(self.mark)}
        if self.starting or self.late:
            values["lasts"] = self.lasts
        return (self._in_postgresql if is_postgresql else self._in_mysql)(values), values

    def outcome(self, answers: Sequence[Answer]) -> tuple[bool, list[str], Found | None]:
        """Return what the answers to the statements say.

        Returns:
            Whether the events were added, which leases were renewed, and what there was instead of what was expected,
            if that is known.
        """
        if len(answers) == 1:
            ((n_moved, renewed, length, payload),) = answers[0].rows
            # A statement that had to wait answers with what there was before, which is not why it did nothing.
            found = None if n_moved or length in {None, self.expected} else (length, payload)
            return bool(n_moved), list(renewed or ()), found
        *renewals, moved, _, looked = answers
        workers = (*self.starting, *self.late)
        renewed = [worker for worker, one in zip(workers, renewals, strict=True) if one.n_rows]
        return bool(moved.n_rows), renewed, next(map(tuple, looked.rows), None)

    def _in_postgresql(self, values: dict[str, Any]) -> list[str]:
        condition, renewing, renewed = "", "", "NULL"
        if self.starting or self.late:
            values["workers"] = [*self.starting, *self.late]
            renewing = (
                f"renewed AS (UPDATE hpo_workers SET expires = {now_of(is_postgresql=True)} + :lasts, lasts = :lasts "
                "WHERE study_id = :study AND worker = ANY(CAST(:workers AS text[])) RETURNING worker), "
            )
            renewed = "(SELECT array_agg(CAST(worker AS text)) FROM renewed)"
        if self.starting:
            values |= {"starting": [*self.starting], "n_starting": len(self.starting)}
            condition = (
                " AND (SELECT count(*) FROM renewed WHERE worker = ANY(CAST(:starting AS text[]))) = :n_starting"
            )
        values["rows"] = [*self.rows]
        statement = (
            f"WITH {renewing}moved AS (UPDATE hpo_studies SET length = :length "
            f"WHERE id = :study AND length = :expected{_STILL_THERE if self.mark else ''}{condition} "
            "AND (SELECT count(*) FROM (SELECT pg_advisory_xact_lock(:study)) AS turn) = 1 RETURNING id), "
            "added AS (INSERT INTO hpo_events (study_id, sequence, payload) SELECT id, :expected + n - 1, payload "
            "FROM moved, unnest(CAST(:rows AS text[])) WITH ORDINALITY AS r (payload, n)) "
            f"SELECT (SELECT count(*) FROM moved), {renewed}, "
            "CASE WHEN NOT EXISTS (SELECT 1 FROM moved) THEN (SELECT length FROM hpo_studies WHERE id = :study) END, "
            "CASE WHEN NOT EXISTS (SELECT 1 FROM moved) THEN "
            "(SELECT payload FROM hpo_events WHERE study_id = :study AND sequence = :seen) END"
        )
        return [statement]

    def _in_mysql(self, values: dict[str, Any]) -> list[str]:
        renewals, there = [], []
        for i, worker in enumerate((*self.starting, *self.late)):
            values[f"w{i}"] = worker
            renewals.append(
                f"UPDATE hpo_workers SET expires = {now_of(is_postgresql=False)} + :lasts, lasts = :lasts "
                f"WHERE study_id = :study AND worker = :w{i}"
            )
            if i < len(self.starting):
                there.append(f" AND EXISTS (SELECT 1 FROM hpo_workers WHERE study_id = :study AND worker = :w{i})")
        moving = (
            "UPDATE hpo_studies SET length = :length "
            f"WHERE id = :study AND length = :expected{_STILL_THERE if self.mark else ''}{''.join(there)}"
        )
        adding = _rows_in_mysql(values, self.expected, self.rows) + " WHERE ROW_COUNT() = 1"
        return [*renewals, moving, adding, LOOK.replace(":last", ":seen") + " AND ROW_COUNT() = 0"]


def more_rows(study: int, first: int, rows: Sequence[str], *, is_postgresql: bool) -> tuple[list[str], dict[str, Any]]:
    """Return the statement that adds further rows of an append, numbered from `first` on, and its values."""
    values: dict[str, Any] = {"study": study}
    if not is_postgresql:
        return [_rows_in_mysql(values, first, rows)], values
    values |= {"first": first, "rows": [*rows]}
    statement = (
        "INSERT INTO hpo_events (study_id, sequence, payload) SELECT :study, :first + n - 1, payload "
        "FROM unnest(CAST(:rows AS text[])) WITH ORDINALITY AS r (payload, n)"
    )
    return [statement], values


def _rows_in_mysql(values: dict[str, Any], first: int, rows: Sequence[str]) -> str:
    """Return the statement that adds rows to MySQL, and add its values to `values`."""
    values |= {f"i{i}": first + i for i in range(len(rows))} | {f"r{i}": row for i, row in enumerate(rows)}
    selected = " UNION ALL ".join(f"SELECT :i{i} AS sequence, :r{i} AS payload" for i in range(len(rows)))
    return (
        "INSERT INTO hpo_events (study_id, sequence, payload) SELECT :study, sequence, payload "
        f"FROM ({selected or _NO_ROWS}) AS added"
    )
