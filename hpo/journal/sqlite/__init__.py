"""Journals in an SQLite database, any number in one file.

- `storage`: the database; `journal`: the journal of one study; `studies`: which ones there are
- `connection`: transactions, waiting and syncs; `at_rest`: reading where nothing can be written; `forks`: closing
before them
- `schema`: the tables and their versions; `rows`: records as rows; `errors`: what SQLite answers
- `inspection`, `salvage`: what there is in a database that nobody vouches for
"""

from hpo.journal.sqlite.journal import SqliteJournal
from hpo.journal.sqlite.storage import SqliteStorage

__all__ = ["SqliteJournal", "SqliteStorage"]
