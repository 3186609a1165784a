"""Journals, the append-only lists of events, and the storages that keep them.

- `storage`: the protocols of journals and storages, and their options; `open`: from a path or URL to a storage
- `memory`: the reference
- `file`: a journal in a file, and directories of them; `sqlite`: journals in a database; `repair`: checking and repairing
- `records`: what an append becomes in every medium, and which record may follow which
- `disk`, `locks`, `worker_locks`: what files and databases have in common

`sqlite` is loaded when it is first used, because it brings Python's sqlite3 along.
"""

from typing import TYPE_CHECKING

from hpo._lazy import attach
from hpo.journal.file.journal import FileJournal
from hpo.journal.file.storage import DirectoryStorage, FileStorage
from hpo.journal.memory import MemoryStorage
from hpo.journal.open import StorageLike, open_journal
from hpo.journal.storage import (
    DeferredSync,
    Journal,
    LoadsState,
    Storage,
    TakesTurns,
    TellsPlaces,
    TracksWorkers,
    Turn,
    current_state,
    replay_from,
)

if TYPE_CHECKING:
    from hpo.journal.sqlite import SqliteJournal, SqliteStorage

__all__ = [
    "DeferredSync",
    "DirectoryStorage",
    "FileJournal",
    "FileStorage",
    "Journal",
    "LoadsState",
    "MemoryStorage",
    "SqliteJournal",
    "SqliteStorage",
    "Storage",
    "StorageLike",
    "TakesTurns",
    "TellsPlaces",
    "TracksWorkers",
    "Turn",
    "current_state",
    "open_journal",
    "replay_from",
]

# sqlite3 is loaded when a database is used
__getattr__ = attach(__name__, {"hpo.journal.sqlite": ("SqliteJournal", "SqliteStorage")})[0]
