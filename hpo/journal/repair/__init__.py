"""Checking and repairing files and databases whose content cannot be trusted.

- `paths`: checks and repairs of any path; `reports`: the results, and what both media have in common
- `files`, `databases` and `database_records`: one medium each, from reports down to bytes and rows

`databases` is loaded when it is first used, because it brings Python's sqlite3 along.
"""

from hpo.journal.repair.files import check_journal, repair_journal
from hpo.journal.repair.paths import check_directory, check_file, repair_file
from hpo.journal.repair.reports import Flaw, Inspection, Repair

__all__ = [
    "Flaw",
    "Inspection",
    "Repair",
    "check_directory",
    "check_file",
    "check_journal",
    "repair_file",
    "repair_journal",
]
