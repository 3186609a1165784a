"""Checking journal databases without trusting them, and saving what is intact in a damaged one.

`check_database` lets SQLite check its pages, and then reads each study as every reader does. `repair_database` leaves
the file unchanged, and writes a new one with the events of each study that follow from each other. Other intact rows,
and rows of missing studies, are saved in a separate file.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence

import msgspec

from hpo.core import FORMAT
from hpo.errors import UnreadableEvents, UnsupportedJournal
from hpo.journal.disk import unlink_if_there
from hpo.journal.repair.database_records import (
    UNREADABLE,
    Content,
    Row,
    contents_of,
    flaw_of,
    foreignness,
    opened_database,
    page_damage,
    unreadable_database,
)
from hpo.journal.repair.reports import Flaw, Inspection, Repair, gaps, refuse_existing, write_aside
from hpo.journal.sqlite.files import corrupted
from hpo.journal.sqlite.storage import SqliteStorage


def is_database(path: str | os.PathLike[str]) -> bool:
    """Return whether `path` is an SQLite database of any program, damaged or not; an empty file is not one.

    Raises:
        StudyNotFound: there is no such file.
        UnsupportedJournal: it is not a regular file, or can't be opened.
    """
    try:
        with opened_database(path) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            return bool(connection.execute("PRAGMA page_count").fetchone()[0])
    except UnicodeDecodeError:
        return True
    except sqlite3.Error as error:
        kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if kind not in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise unreadable_database(error, os.fspath(path)) from error
        return bool(kind == sqlite3.SQLITE_CORRUPT)


def check_database(path: str | os.PathLike[str]) -> list[Inspection]:
    """Return a report about each study of the journal database `path`, sorted by name, and about the whole file.

    Nothing is changed, and no writer has to wait; SQLite may leave its empty files ``-wal`` and ``-shm`` beside it.
    O(size of the file) time; memory for the events of the largest study.

    Returns:
        One report for each study. Further reports without a study's name are for rows of missing studies, for damage
        that SQLite itself finds, and for a database of another program or a newer version.

    Raises:
        StudyNotFound: there is no such file.
        UnsupportedJournal: it is not a regular file, or can't be opened.

    Example:
        >>> import tempfile
        >>> from hpo.core import StudyCreated
        >>> from hpo.journal import SqliteStorage
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     path = f"{directory}/studies.db"
        ...     _ = SqliteStorage(path).create("s", [StudyCreated(1, "s", ("minimize",), 7)])
        ...     [found] = check_database(path)
        >>> found.healthy, found.study, found.records
        (True, 's', 1)
    """
    shown = os.fspath(path)
    try:
        with opened_database(path) as connection:
            if flaw := foreignness(connection, shown):
                return [Inspection(shown, None, 0, 0, 0, flaw)]
            found = [Inspection(shown, None, 0, 0, 0, flaw) for flaw in page_damage(connection)]
            try:
                found += [_inspection(content, shown) for content in contents_of(connection, damaged=bool(found))]
            except UNREADABLE as error:
                return found or [Inspection(shown, None, 0, 0, 0, flaw_of("damaged", str(error)))]
            return found or [Inspection(shown, None, 0, 0, 0, None)]
    except sqlite3.Error as error:
        raise unreadable_database(error, shown) from error


def repair_database(path: str | os.PathLike[str], output: str | os.PathLike[str] | None = None) -> list[Repair]:
    """Write a new database with the intact and consistent events of a damaged one, which is left unchanged.

    Other intact rows go into a second file, ``<output>.salvaged``, one JSON object per line: the study's name (its
    number if the study is missing), the sequence, and the events. Stop all writers first: events that are appended
    meanwhile are not in the new file. Both files survive a power failure. A healthy database is not copied. If pages
    are damaged, the rows that SQLite can still read are kept; `sqlite3 old.db .recover` may restore more.

    Args:
        path: The damaged database.
        output: The new file, which must not exist; ``<name>.repaired.db`` beside the old one if not given.

    Returns:
        One report for each study, sorted by name; one without a name for rows of a missing study; and one with only a
        flaw for damage that SQLite itself finds.

    Raises:
        StudyNotFound: there is no such file.
        UnreadableEvents: a newer version wrote the tables or a study, and has to repair it.
        UnsupportedJournal: it was never a journal.
        JournalCorrupted: SQLite cannot even list the studies.
        InvalidArgument: one of the new files exists already.
        JournalFull, JournalUnwritable: the system refused the new files.

    Example:
        >>> import sqlite3, tempfile
        >>> from hpo.core import StudyCreated, TrialStarted
        >>> from hpo.journal import SqliteStorage
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     path = f"{directory}/studies.db"
        ...     journal = SqliteStorage(path).create("s", [StudyCreated(1, "s", ("minimize",), 7)])
        ...     for i in range(1, 4):
        ...         _ = journal.append([TrialStarted(i - 1)], expected=i)
        ...     with sqlite3.connect(path) as connection:
        ...         _ = connection.execute("DELETE FROM events WHERE sequence = 3")
        ...     connection.close()
        ...     [done] = repair_database(path)
        >>> done.study, done.events, done.salvaged_events, done.lost
        ('s', 2, 1, ((3, 3),))
    """
    shown = os.fspath(path)
    target = _default_output(shown) if output is None else os.fspath(output)
    aside = f"{target}.salvaged"
    damage, contents = _saved(shown)
    if not damage and all(content.flaw is None for content in contents):
        return [Repair(shown, None, events=len(content.events), study=content.name) for content in contents]
    refuse_existing(target, aside)
    _write(target, contents, aside)
    return [
        *(Repair(shown, flaw) for flaw in damage),
        *(_repaired(content, shown, target, aside) for content in contents),
    ]


def _saved(path: str) -> tuple[list[Flaw], list[Content]]:
    """Return the damage that SQLite finds in the pages, and the content of each study; raises as `repair_database`."""
    try:
        with opened_database(path) as connection:
            flaw = foreignness(connection, path)
            if flaw is not None and flaw.kind == "foreign":
                raise UnsupportedJournal(path, flaw.problem)
            damage = page_damage(connection)
            contents = [] if flaw is not None else [*contents_of(connection, damaged=bool(damage))]
    except UNREADABLE as error:
        raise corrupted(path, f"{error}: save what is left with `sqlite3 {path} .recover`") from error
    for one in (flaw, *(content.flaw for content in contents)):
        if one is not None and one.kind == "newer":
            raise UnreadableEvents(f"{path}: {one.problem}", FORMAT)
    if flaw is not None:
        raise corrupted(path, f"{flaw.problem}: save what is left with `sqlite3 {path} .recover`")
    return damage, contents


def _inspection(content: Content, path: str) -> Inspection:
    records, events = (content.n_records, content.n_events) if content.name is not None else _extent(content.rest)
    return Inspection(path, content.name, records, events, 0, content.flaw)


def _extent(rows: Sequence[Row]) -> tuple[int, int]:
    return len(rows), sum(row.sequence - row.before for row in rows)


def _default_output(path: str) -> str:
    root, suffix = os.path.splitext(path)
    return f"{root}.repaired{suffix or '.db'}"


def _write(target: str, contents: Sequence[Content], aside: str) -> None:
    """Write the new database and the salvaged rows, if there are any; either both files or neither."""
    salvaged = b"".join(_line(content, row) for content in contents for row in content.rest)
    if salvaged:
        write_aside(aside, salvaged)
    storage = SqliteStorage(target)
    try:
        for content in contents:
            if content.name is not None and content.events:
                storage.create(content.name, content.events)
    except BaseException:  # so that the next attempt does not find existing files
        for left in (aside, *(storage.path + suffix for suffix in ("", "-wal", "-shm"))):
            unlink_if_there(left)
        raise


def _line(content: Content, row: Row) -> bytes:
    study = msgspec.json.encode(content.number if content.name is None else content.name)
    return b'{"study":%s,"sequence":%d,"events":%s}\n' % (study, row.sequence, row.payload)


def _repaired(content: Content, source: str, target: str, aside: str) -> Repair:
    known = content.name is not None
    return Repair(
        source=source,
        flaw=content.flaw,
        output=target if content.events else None,
        events=len(content.events),
        n_trials=content.state.n_trials,
        n_running=len(content.state.running),
        salvaged=aside if content.rest else None,
        salvaged_events=_extent(content.rest)[1],
        lost=gaps([(row.before, row.sequence) for row in content.rest], len(content.events)) if known else (),
        unreadable=tuple(content.unreadable),
        study=content.name,
    )
