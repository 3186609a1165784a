"""Files, directories and databases do as memory does, whatever is done to them."""

from hypothesis import settings
from strategies import examples

from hpo.journal import DirectoryStorage, FileStorage, SqliteStorage
from hpo.testing.journals import agreement_machine

machine = agreement_machine(
    {
        "file": lambda place: FileStorage(place / "s.jsonl", durability="process"),
        "directory": lambda place: DirectoryStorage(place, durability="process"),
        "sqlite": lambda place: SqliteStorage(place / "studies.db", durability="process"),
    }
)
machine.TestCase.settings = settings(examples(0.15), stateful_step_count=25)
test_all_backends_agree_with_memory = machine.TestCase
