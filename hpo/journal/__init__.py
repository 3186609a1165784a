"""Journals: append-only lists of events, and the places that keep them.

- `storage`: what a journal and a storage are; `opening`: from a path to a storage
- `memory`: the reference
- `file_storage`, `directory`: files, one study each; `file`: the journal in one
- `open_file`, `lifecycle`, `torn`, `scan`, `record`: what a journal file is made of, from locks down to bytes
- `file_claims`: what they are made of where nothing can be locked; `file_holder`: who holds the lock on a file
- `liveness`: which of the workers on a journal file are alive
- `inspection`, `salvage`, `findings`: what there is in files that nobody vouches for
- `sqlite`: a database, and the journals in it

`sqlite` is loaded when it is first used: it brings Python's sqlite3 along.
"""

from typing import TYPE_CHECKING

from hpo._lazy import attach
from hpo.journal.file.directory import DirectoryStorage
from hpo.journal.file.journal import FileJournal
from hpo.journal.file.storage import FileStorage
from hpo.journal.memory import MemoryStorage
from hpo.journal.open import open_journal
from hpo.journal.storage import DeferredSync, Journal, Storage, TracksWorkers

if TYPE_CHECKING:
    from hpo.journal.sqlite import SqliteJournal, SqliteStorage

__all__ = [
    "DeferredSync",
    "DirectoryStorage",
    "FileJournal",
    "FileStorage",
    "Journal",
    "MemoryStorage",
    "SqliteJournal",
    "SqliteStorage",
    "Storage",
    "TracksWorkers",
    "open_journal",
]

# sqlite3 is loaded when a database is used
__getattr__ = attach(__name__, {"hpo.journal.sqlite": ("SqliteJournal", "SqliteStorage")})[0]
