"""Journals in PostgreSQL, MySQL and MariaDB, through SQLAlchemy; ``pip install 'purehpo[sql]'``.

- `storage`: the place for studies; `journal`: one of them
- `database`: from a URL to transactions; `failures`: what errors of drivers mean
- `tables`: what is kept, and how; `leases`: which workers are alive
"""

from hpo.errors import MissingExtra

try:
    import sqlalchemy  # noqa: F401 - it may not be installed
except ModuleNotFoundError as missing:
    raise MissingExtra("a journal in a database", "sql") from missing

from hpo_adapters.sql.journal import SqlJournal
from hpo_adapters.sql.storage import SqlStorage

open_storage = SqlStorage
"""The function that `hpo.open_journal` calls for URLs of databases."""

__all__ = ["SqlJournal", "SqlStorage", "open_storage"]
