"""Several workers on one study, in every storage of this library, with samplers and pruners that remember much."""

from hypothesis import settings
from strategies import examples

from hpo.journal import FileStorage, SqliteStorage
from hpo.pruners import MedianPruner
from hpo.samplers import BruteForceSampler, CmaEsSampler, GridSampler, QMCSampler, TPESampler, Warmup
from hpo.testing import StudyMachine
from hpo.testing.scenarios import SMALL


class RandomInMemory(StudyMachine):
    pass


class TpeAndMedianInMemory(StudyMachine):
    sampler = TPESampler(n_startup_trials=2)
    pruner = MedianPruner(n_startup_trials=1)


class RandomInAFile(StudyMachine):
    make_storage = staticmethod(lambda place: FileStorage(place / "s.jsonl", durability="process"))


class TpeAndMedianInAFile(TpeAndMedianInMemory):
    make_storage = staticmethod(lambda place: FileStorage(place / "s.jsonl", durability="process"))


class RandomInSqlite(StudyMachine):
    make_storage = staticmethod(lambda place: SqliteStorage(place / "s.db", durability="process"))


class TpeAndMedianInSqlite(TpeAndMedianInMemory):
    make_storage = staticmethod(lambda place: SqliteStorage(place / "s.db", durability="process"))


class CmaEs(StudyMachine):
    sampler = CmaEsSampler(popsize=3)


class Grid(StudyMachine):
    sampler = GridSampler({"n": [0, 1, 2], "kind": ["a", "b"], "step": [0.0, 1.0]})
    space = SMALL


class BruteForce(StudyMachine):
    sampler = BruteForceSampler()
    space = SMALL


class WarmedUp(StudyMachine):
    sampler = Warmup(2, QMCSampler(), TPESampler(n_startup_trials=1))


MACHINES = [
    RandomInMemory,
    TpeAndMedianInMemory,
    RandomInAFile,
    TpeAndMedianInAFile,
    RandomInSqlite,
    TpeAndMedianInSqlite,
    CmaEs,
    Grid,
    BruteForce,
    WarmedUp,
]
for machine in MACHINES:
    machine.TestCase.settings = settings(
        examples(0.1 if "Sqlite" in machine.__name__ else 0.25), stateful_step_count=25
    )
    globals()[f"Test{machine.__name__}"] = machine.TestCase
del machine


def test_every_machine_is_collected_under_its_name():
    assert {f"Test{machine.__name__}" for machine in MACHINES} <= {*globals()}
