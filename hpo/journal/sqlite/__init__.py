"""Journals in an SQLite database, any number in one file.

- `storage`: the database; `journal`: the journal of one study
- `connection`: transactions and syncs; `at_rest`: reading without write permission; `errors`: errors of SQLite
- `schema`: the tables, their versions, and the studies in them; `rows`: records as rows
"""

from hpo.journal.sqlite.journal import SqliteJournal
from hpo.journal.sqlite.storage import SqliteStorage

__all__ = ["SqliteJournal", "SqliteStorage"]
