"""The laws of journals that know workers name what is wrong, and leave out who does not know them."""

import contextlib
import functools
import importlib
import re
import sys
from pathlib import Path
from unittest import SkipTest

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

import hpo
from hpo.errors import InvalidArgument, JournalUnwritable
from hpo.journal import MemoryStorage
from hpo.journal.memory import MemoryJournal
from hpo.testing.journals import worker_laws
from hpo.testing.journals.laws import (
    LAWS_OF_SILENT_WORKERS,
    LAWS_OF_WORKERS,
    LAWS_OF_WORKERS_ACROSS_PROCESSES,
    StorageLaws,
    agreement_machine,
    check_storage,
)


@pytest.fixture
def mutants(monkeypatch):
    """The module `worker_mutants`, under the name by which other processes find it."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    yield importlib.import_module("worker_mutants")
    del sys.modules["worker_mutants"]


def remembered(kind):
    """Storages in memory, the same for the same place."""
    storages = {}
    return lambda place: storages.setdefault(place, kind())


def first_broken_law(laws):
    """The name of the first law that breaks when those of workers are tried one by one."""
    for law in (*LAWS_OF_WORKERS, *LAWS_OF_WORKERS_ACROSS_PROCESSES, *LAWS_OF_SILENT_WORKERS):
        try:
            getattr(laws, f"test_{law.__name__}")()
        except AssertionError:
            return law.__name__
        except SkipTest:
            assert not laws.across_processes
    return None


def test_each_law_catches_its_mutants_in_memory(mutants):
    caught = {}
    for kind, _ in mutants.IN_MEMORY:

        class Mutant(StorageLaws):
            make_storage = remembered(functools.partial(mutants.MemoryMutant, kind))
            across_processes = False

        caught[kind.__name__] = first_broken_law(Mutant())
    assert caught == {kind.__name__: law for kind, law in mutants.IN_MEMORY}
    assert {*caught.values()} == {law.__name__ for law in LAWS_OF_WORKERS}


@pytest.mark.parametrize("number", range(8))
def test_each_law_catches_its_mutants_in_processes(mutants, number, monkeypatch):
    monkeypatch.setattr(worker_laws, "_PATIENCE", 3.0)  # some of these live for ever
    kind, law = mutants.IN_FILES[number]

    class Mutant(StorageLaws):
        make_storage = staticmethod(lambda place: mutants.FileMutant(place / "s.jsonl", kind))
        grace_period = getattr(kind, "grace_period", 0.0)

    assert first_broken_law(Mutant()) == law


def test_there_is_a_mutant_in_processes_for_each_law_of_them(mutants):
    laws = {law.__name__ for law in (*LAWS_OF_WORKERS_ACROSS_PROCESSES, *LAWS_OF_SILENT_WORKERS)}
    assert laws <= {law for _, law in mutants.IN_FILES}
    assert len(mutants.IN_FILES) == 8


def test_the_agreement_machine_catches_who_knows_workers_badly(mutants):
    quick = settings(max_examples=100, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
    for kind in (mutants.LetsNobodyDie, mutants.SendsAllHome, mutants.HasOneChair, mutants.GivesNamesTwice):
        make_storage = remembered(functools.partial(mutants.MemoryMutant, kind))
        with pytest.raises(AssertionError, match="broken"):
            run_state_machine_as_test(agreement_machine({"broken": make_storage}), settings=quick)


class OnlyAJournal:
    def __init__(self, journal):
        self.read, self.append = journal.read, journal.append


class Unknowing(MemoryStorage):
    """Its journals have nothing to say of workers."""

    def create(self, name, events):
        return OnlyAJournal(super().create(name, events))

    def open(self, name):
        return OnlyAJournal(super().open(name))


class RefusingJournal(MemoryJournal):
    def hold(self, worker):
        raise JournalUnwritable("there", "No locks available")


class Refusing(MemoryStorage):
    """It lies where nothing can be locked."""

    def create(self, name, events):
        journal = super().create(name, events)
        journal.__class__ = RefusingJournal
        return journal


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (Unknowing, "its journals do not offer to know workers (hpo.journal.TracksWorkers)"),
        (Refusing, "its place lets no workers be known (No locks available)"),
    ],
)
def test_who_does_not_know_workers_is_not_asked_about_them_and_a_note_says_so(kind, why, caplog, monkeypatch):
    class Laws(StorageLaws):
        make_storage = remembered(kind)
        across_processes = False

    for law in LAWS_OF_WORKERS:
        with pytest.raises(SkipTest, match=re.escape(why)):
            getattr(Laws(), f"test_{law.__name__}")()
    monkeypatch.setattr(hpo.logging.get_logger(), "propagate", True)
    caplog.set_level(hpo.logging.INFO, hpo.logging.get_logger().name)
    check_storage(remembered(kind), across_processes=False)
    (note,) = {record.getMessage() for record in caplog.records}
    assert note.startswith(f"The laws of workers are left out: {why}")


def test_who_knows_workers_badly_is_asked_about_them():
    class Wrong(RefusingJournal):
        @contextlib.contextmanager
        def hold(self, worker):
            raise KeyError(worker)
            yield

    class Broken(Refusing):
        def create(self, name, events):
            journal = super().create(name, events)
            journal.__class__ = Wrong
            return journal

    with pytest.raises(KeyError) as caught:
        check_storage(remembered(Broken), across_processes=False)
    assert caught.value.__notes__[0].startswith("the law: a_worker_is_alive_in_its_block")


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), "3", None, True])
def test_a_grace_period_is_a_number_of_seconds(wrong):
    with pytest.raises(InvalidArgument, match="grace_period is a number of seconds of at least 0"):
        check_storage(remembered(MemoryStorage), across_processes=False, grace_period=wrong)


def test_a_plain_function_makes_the_storage_as_well_as_a_static_method():
    class Laws(StorageLaws):
        make_storage = remembered(MemoryStorage)  # which is not a method, and gets the place alone

    Laws().test_a_study_is_created_once()
