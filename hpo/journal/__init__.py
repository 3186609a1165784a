"""Journals: append-only lists of events, and the places that keep them.

- `storage`: what a journal and a storage are; `opening`: from a path to a storage
- `memory`: the reference
- `file_storage`, `directory`: files, one study each; `file`: the journal in one
- `open_file`, `lifecycle`, `torn`, `scan`, `record`: what a journal file is made of, from locks down to bytes
"""

from hpo.journal.directory import DirectoryStorage
from hpo.journal.file import FileJournal
from hpo.journal.file_storage import FileStorage
from hpo.journal.memory import MemoryStorage
from hpo.journal.opening import open_journal
from hpo.journal.storage import Journal, Storage

__all__ = [
    "DirectoryStorage",
    "FileJournal",
    "FileStorage",
    "Journal",
    "MemoryStorage",
    "Storage",
    "open_journal",
]
