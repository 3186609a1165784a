"""Read as much as possible of an untrusted journal database: its pages, its studies and their rows."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import attrs
import msgspec

from hpo.core import AnyEvent, StudyState
from hpo.errors import StudyNotFound, UnreadableEvents, UnsupportedJournal
from hpo.journal.disk import resolved
from hpo.journal.records import DamagedRecord, Record, check_order, readable_events, starts_chain
from hpo.journal.repair.reports import Flaw, Inconsistent, Kind, folded
from hpo.journal.sqlite.files import is_kept_from_writing, opened_at_rest, prepare
from hpo.journal.sqlite.schema import APPLICATION, STEPS, columns, unpack_row, version_of

UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""The errors that a query on damaged pages may raise; the second one if SQLite's message quotes their bytes."""

_PATIENCE = 30.0  # seconds to wait for a process that creates or closes the database
_CHECK = "PRAGMA integrity_check(3)"  # three problems are enough for a report
_ROWS = "SELECT {} FROM events WHERE study = ? ORDER BY sequence"
_ALL_ROWS = (
    "SELECT study, {} FROM events ORDER BY study, sequence",
    "SELECT study, {} FROM events ORDER BY study DESC, sequence DESC",
)
_ORPHANS = "SELECT DISTINCT study FROM events WHERE study NOT IN (SELECT id FROM studies) ORDER BY study"


@attrs.frozen
class Row:
    """An intact row that does not continue the study: it leads from `before` to `sequence` events."""

    before: int
    sequence: int
    payload: bytes


@attrs.define
class Content:
    """The readable content of one study.

    Attributes:
        number: Its key in the tables.
        name: Its name; None if the study is missing and only its rows exist.
        events: The events that follow from each other.
        state: The state after `events`.
        previous: The checksum that the next row must name as the one before it; None without a chain.
        rest: The intact rows that do not continue `events`.
        unreadable: The sequence and size in bytes of each damaged row.
        flaw: The first flaw of the study.
        n_records: The number of rows before the flaw.
        n_events: The number of events in those rows.
    """

    number: int
    name: str | None
    events: list[AnyEvent] = attrs.field(factory=list)
    state: StudyState = attrs.field(factory=StudyState)
    previous: int | None = None
    rest: list[Row] = attrs.field(factory=list)
    unreadable: list[tuple[int, int]] = attrs.field(factory=list)
    flaw: Flaw | None = None
    n_records: int = 0
    n_events: int = 0

    def note(self, kind: Kind, problem: str) -> None:
        """Record what is wrong at this point, if nothing was wrong before."""
        self.flaw = self.flaw or flaw_of(kind, f"after event {self.state.version}: {problem}")


@contextmanager
def opened_database(path: str | os.PathLike[str]) -> Iterator[sqlite3.Connection]:
    """Open a database without writing to it: transactions that a crash left in the log stay there.

    Raises:
        StudyNotFound: there is no such file.
        UnsupportedJournal: it is not a regular file, or can't be opened.
    """
    shown, real = os.fspath(path), resolved(path)
    if not os.path.exists(real):
        raise StudyNotFound(None, shown)
    if not os.path.isfile(real):
        raise UnsupportedJournal(shown, "it can't be opened as a database: it is not a regular file")
    with ExitStack() as block:
        try:
            place = Path(real).as_uri() + "?mode=ro"
            connection = sqlite3.connect(place, uri=True, timeout=_PATIENCE, isolation_level=None)
        except sqlite3.Error as error:
            raise unreadable_database(error, shown) from error
        block.callback(connection.close)
        prepare(connection)
        try:
            connection.execute("PRAGMA schema_version")
        except sqlite3.Error as error:
            if is_kept_from_writing(error):  # the queries will report any other problem
                connection = block.enter_context(opened_at_rest(real, error))
        connection.execute("BEGIN")  # so that all queries see the same moment
        yield connection


def foreignness(connection: sqlite3.Connection, path: str) -> Flaw | None:
    """Return why this version cannot read the database as a journal, or None if it can."""
    try:
        if version_of(connection, resolved(path)):
            return None
    except UnsupportedJournal as error:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return flaw_of("newer" if application == APPLICATION and version > len(STEPS) else "foreign", error.problem)
    except UNREADABLE as error:
        return flaw_of("damaged", str(error))
    return None


def page_damage(connection: sqlite3.Connection) -> list[Flaw]:
    """Return the problems that SQLite finds in its pages: a list of one flaw, or an empty one."""
    try:
        answers = [row[0] for row in connection.execute(_CHECK)]
    except UNREADABLE as error:
        return [flaw_of("damaged", str(error))]
    problems = [str(answer, "utf-8", "replace").removeprefix("*** in database main ***\n") for answer in answers]
    return [] if problems == ["ok"] else [flaw_of("damaged", "; ".join(problems))]


def contents_of(connection: sqlite3.Connection, *, damaged: bool = False) -> Iterator[Content]:
    """Yield the content of each study, sorted by name, and then the rows of missing studies.

    Args:
        connection: A connection to a journal database.
        damaged: Whether its pages are damaged: rows are then searched for everywhere, not only by the index.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if not version:
        return
    studies = [(_text(name), number) for number, name in connection.execute("SELECT id, name FROM studies")]
    source: _Rows | _FoundRows = (_FoundRows if damaged else _Rows)(connection, columns(version))
    for name, number in sorted(studies, key=lambda study: (study[0] or "", study[1])):
        content = Content(number, name)
        if name is None:
            content.flaw = flaw_of("damaged", f"the name of study {number} is not text")
        _read(source, content)
        if not content.events:
            content.note("damaged", "all events are missing")
        yield content
    for number in source.orphans({number for _, number in studies}):
        content = Content(number, None, flaw=flaw_of("inconsistent", f"rows of a study {number} that is not there"))
        _read(source, content)
        yield content


def _text(name: Any) -> str | None:
    try:
        return str(name, "utf-8")
    except (TypeError, UnicodeDecodeError):
        return None


class _Rows:
    """The rows of each study as SQLite's index finds them."""

    def __init__(self, connection: sqlite3.Connection, selected: str) -> None:
        self._connection = connection
        self._query = _ROWS.format(selected)

    def of(self, study: int) -> Iterator[Sequence[Any]]:
        """Yield each row in order, as `unpack_row` takes it; raises one of `UNREADABLE`."""
        return self._connection.execute(self._query, (study,))

    def orphans(self, studies: set[int]) -> list[int]:
        """Return the studies that rows name and that are not in `studies`."""
        return [number for (number,) in self._connection.execute(_ORPHANS)]


class _FoundRows:
    """All rows that SQLite returns from the first one on and, if that ends with an error, from the last one back.

    A search by study would miss the rows behind a damaged key or page. O(size of the table) memory.
    """

    def __init__(self, connection: sqlite3.Connection, selected: str) -> None:
        self._found: dict[Any, dict[Sequence[Any], None]] = {}
        self._problem: Exception | None = None
        self._reached: list[int | None] = []
        for direction in _ALL_ROWS:
            reached = None
            try:
                for study, *row in connection.execute(direction.format(selected)):
                    self._found.setdefault(study, {})[tuple(row)] = None
                    reached = study if type(study) is int else reached
            except UNREADABLE as error:
                self._problem = error
            else:
                self._problem = None  # this direction returned all rows
                break
            self._reached.append(reached)

    def of(self, study: int) -> Iterator[Sequence[Any]]:
        """Yield each row in order, as `unpack_row` takes it; raises one of `UNREADABLE` at the end."""
        yield from sorted(self._found.get(study, ()), key=lambda row: row[0] if type(row[0]) is int else 0)
        if self._problem is not None and self._may_lack_rows(study):
            raise self._problem

    def _may_lack_rows(self, study: int) -> bool:
        first, last = self._reached
        return first is None or last is None or first <= study <= last

    def orphans(self, studies: set[int]) -> list[int]:
        """Return the studies that rows name and that are not in `studies`."""
        return sorted((number for number in self._found if number not in studies), key=repr)


def _read(source: _Rows | _FoundRows, content: Content) -> None:
    """Read the rows of a study into `content`."""
    rows = source.of(content.number)
    while True:
        try:
            row = next(rows, None)
        except UNREADABLE as error:
            content.note("damaged", f"SQLite can't read on: {error}")
            return
        if row is None:
            return
        try:
            record = unpack_row(row)
            n = len(msgspec.json.decode(record.payload, type=list[msgspec.Raw]))
        except (DamagedRecord, msgspec.DecodeError) as error:
            content.note("damaged", str(error))
            number, payload = row[0], row[2]
            content.unreadable.append(
                (number if type(number) is int else 0, len(payload) if type(payload) is bytes else 0)
            )
            continue
        if content.name is None or not _follows(content, record, n):
            content.rest.append(Row(record.sequence - n, record.sequence, record.payload))


def _follows(content: Content, record: Record, n: int) -> bool:
    """Return whether an intact row continues `content`; if it does, add its events."""
    try:
        events = readable_events(record.payload, is_first=not content.state.version)
        if not content.state.version and starts_chain(events):
            content.previous = 0
        check_order(record, n, after=content.state.version, previous=content.previous)
        state = folded(content.state, events)
        _check_name(state, content)
    except DamagedRecord as error:
        content.note("damaged", str(error))
    except UnreadableEvents as error:
        content.note("newer", error.problem)
    except Inconsistent as error:
        content.note("inconsistent", str(error))
    else:
        content.events += events
        content.state = state
        content.previous = None if content.previous is None else record.checksum
        if content.flaw is None:
            content.n_records += 1
            content.n_events += n
        return True
    return False


def _check_name(state: StudyState, content: Content) -> None:
    if state.name != content.name:
        raise Inconsistent(f"it belongs to the study {state.name!r}, and not to {content.name!r}")


def flaw_of(kind: Kind, problem: str) -> Flaw:
    """Return a flaw of a database, which has no lines to name."""
    return Flaw(kind, None, None, problem)


def unreadable_database(error: sqlite3.Error, path: str) -> UnsupportedJournal:
    """Return the error for a file that the system does not let SQLite read."""
    return UnsupportedJournal(path, f"it can't be read: {error}")
