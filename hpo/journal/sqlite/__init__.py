"""Journals in an SQLite database, any number in one file.

- `storage`: the database; `journal`: the journal of one study
- `connection`: transactions and syncs; `files`: which files are refused, errors of SQLite, reading without write permission
- `schema`: the tables, their versions, the studies in them, and records as rows
"""

from hpo.journal.sqlite.journal import SqliteJournal
from hpo.journal.sqlite.storage import SqliteStorage

__all__ = ["SqliteJournal", "SqliteStorage"]
