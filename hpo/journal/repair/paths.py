"""Check and repair any path: a journal file, a journal database, or a directory of both."""

from __future__ import annotations

import os

from hpo.errors import UnsupportedJournal
from hpo.journal.disk import reason
from hpo.journal.repair.files import check_journal, repair_journal
from hpo.journal.repair.reports import Inspection, Repair

_FILES = ".jsonl"
_DATABASES = (".db", ".sqlite", ".sqlite3")
"""The suffixes of databases in directories; a single file with another suffix is recognised by its content."""


def check_directory(path: str | os.PathLike[str]) -> list[Inspection]:
    """Return reports about each journal file and each journal database of a directory, sorted by file name.

    Only files with a suffix ``.jsonl``, ``.db``, ``.sqlite`` or ``.sqlite3`` are checked. Links and directories are
    ignored, as storages ignore them.

    Raises:
        UnsupportedJournal: the directory, or a file in it, can't be read.
    """
    try:
        with os.scandir(path) as entries:
            names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    except OSError as error:
        raise UnsupportedJournal(os.fspath(path), f"this directory can't be listed: {reason(error)}") from error
    chosen = sorted(name for name in names if name.endswith((_FILES, *_DATABASES)) and not name.startswith("."))
    return [found for name in chosen for found in check_file(os.path.join(path, name))]


def check_file(path: str | os.PathLike[str]) -> list[Inspection]:
    """Return a report about a journal file, or about each study of a journal database.

    Raises:
        As `check_journal` and `hpo.journal.repair.databases.check_database`.
    """
    from hpo.journal.repair.databases import check_database, is_database  # sqlite3 is loaded when it is used

    if not os.fspath(path).endswith(_FILES) and is_database(path):
        return check_database(path)
    return [check_journal(path)]


def repair_file(path: str | os.PathLike[str], output: str | os.PathLike[str] | None = None) -> list[Repair]:
    """Save the intact events of a damaged journal file, or of each study of a damaged journal database.

    Raises:
        As `repair_journal` and `hpo.journal.repair.databases.repair_database`.
    """
    from hpo.journal.repair.databases import is_database, repair_database

    if not os.fspath(path).endswith(_FILES) and is_database(path):
        return repair_database(path, output)
    return [repair_journal(path, output)]
