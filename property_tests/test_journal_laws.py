"""Every storage keeps what it was given, for everybody who opens it, and refuses stale appends."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from strategies import attributes, examples, names, objective_values, texts

from hpo.core import AnyEvent, Ask, CreateStudy, Enqueue, Report, SetStudyAttribute, StudyState, decide, replay
from hpo.errors import Conflict, DuplicatedStudyError, StudyNotFound
from hpo.journal import DirectoryStorage, FileStorage, MemoryStorage, SqliteStorage, Storage

Opener = Callable[[], Storage]


@contextlib.contextmanager
def one_memory() -> Iterator[Opener]:
    storage = MemoryStorage()
    yield lambda: storage


@contextlib.contextmanager
def one_file() -> Iterator[Opener]:
    with tempfile.TemporaryDirectory() as folder:
        yield lambda: FileStorage(Path(folder, "study.jsonl"), durability="process")


@contextlib.contextmanager
def one_directory() -> Iterator[Opener]:
    with tempfile.TemporaryDirectory() as folder:
        yield lambda: DirectoryStorage(Path(folder, "studies"), durability="process")


@contextlib.contextmanager
def one_database() -> Iterator[Opener]:
    with tempfile.TemporaryDirectory() as folder:
        yield lambda: SqliteStorage(Path(folder, "studies.db"), durability="process")


PLACES = {"memory": one_memory, "file": one_file, "directory": one_directory, "sqlite": one_database}
every_storage = pytest.mark.parametrize("place", PLACES)
study_names = texts.filter(bool) | st.sampled_from(["a", "A", "a.jsonl", "../x", "con", "é", "e\u0301", ".", "x" * 300])


def created(name: str) -> list[AnyEvent]:
    return decide(StudyState(), CreateStudy(name, ("minimize",), 7))


@st.composite
def appendices(draw: st.DrawFn) -> list[list[AnyEvent]]:
    """Batches of events that follow a created study, as decided one after another."""
    state = replay(created("s"))
    batches = []
    for _ in range(draw(st.integers(1, 4))):
        batch: list[AnyEvent] = []
        for _ in range(draw(st.integers(0, 3))):
            kinds = [
                st.builds(SetStudyAttribute, names, attributes),
                st.builds(Enqueue, st.dictionaries(names, st.floats(allow_nan=False) | texts, max_size=2)),
                st.just(Ask(1.5, "w")),
            ]
            if state.running:
                kinds.append(st.builds(Report, st.sampled_from([*state.running]), objective_values, st.integers(0, 5)))
            events = decide(state, draw(st.one_of(kinds)))
            state = replay(events, state)
            batch += events
        batches.append(batch)
    return batches


@every_storage
@given(batches=appendices(), data=st.data())
@examples(0.25)
def test_what_is_appended_is_read_back_equal_by_everybody(place, batches, data) -> None:
    with PLACES[place]() as opened:
        journal = opened().create("s", created("s"))
        reader = opened().open("s")
        kept = created("s")
        for batch in batches:
            assert journal.append(batch, expected=len(kept)) == len(kept) + len(batch)
            kept += batch
            after = data.draw(st.integers(0, len(kept)))
            for handle in (journal, reader, opened().open("s"), opened().open(None)):
                assert [*handle.read(after)] == kept[after:]
                assert [*handle.read(len(kept))] == []
        assert replay(reader.read(0)) == replay(kept)


@every_storage
@given(batches=appendices(), wrong=st.integers(0, 40))
@examples(0.25)
def test_a_stale_append_adds_nothing(place, batches, wrong) -> None:
    with PLACES[place]() as opened:
        journal = opened().create("s", created("s"))
        stale = opened().open("s")
        kept = created("s")
        for batch in batches:
            journal.append(batch, expected=len(kept))
            kept += batch
            for handle in (stale, journal):
                if wrong != len(kept):
                    with pytest.raises(Conflict) as caught:
                        handle.append(created("s"), expected=wrong)
                    assert (caught.value.expected, caught.value.actual) == (wrong, len(kept))
                assert [*opened().open("s").read(0)] == kept
        stale.append(batches[0], expected=len(kept))
        assert [*journal.read(0)] == kept + batches[0]


@every_storage
def test_of_many_threads_that_append_at_once_one_wins_each_place(place) -> None:
    with PLACES[place]() as opened:
        opened().create("s", created("s"))
        won: list[list[int]] = [[], [], [], []]

        def write(writer: int) -> None:
            journal, state = opened().open("s"), StudyState()
            while state.n_trials < 60:
                state = replay(journal.read(state.version), state)
                events = decide(state, Ask(worker=str(writer)))
                try:
                    journal.append(events, expected=state.version)
                except Conflict:
                    continue
                won[writer].append(state.n_trials)

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        state = replay(opened().open("s").read(0))
        assert sorted(number for numbers in won for number in numbers) == list(range(state.n_trials))
        for number, trial in state.running.items():
            assert number in won[int(trial.worker)]


class StorageMachine(RuleBasedStateMachine):
    """Any number of studies, against a dict of lists."""

    place = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.model: dict[str, list[AnyEvent]] = {}

    @initialize()
    def open_place(self) -> None:
        self.opened = self.stack.enter_context(PLACES[self.place]())
        self.storage = self.opened()

    @rule(name=study_names)
    def create(self, name: str) -> None:
        if name in self.model:
            with pytest.raises(DuplicatedStudyError):
                self.storage.create(name, created(name))
        else:
            self.storage.create(name, created(name))
            self.model[name] = created(name)

    @rule(name=study_names, value=attributes)
    def append(self, name: str, value: object) -> None:
        if name not in self.model:
            with pytest.raises(StudyNotFound):
                self.storage.open(name)
            return
        events = decide(StudyState(), SetStudyAttribute("k", value))
        self.opened().open(name).append(events, expected=len(self.model[name]))
        self.model[name] += events

    @rule(name=study_names)
    def delete(self, name: str) -> None:
        if name not in self.model:
            with pytest.raises(StudyNotFound):
                self.storage.delete(name)
        else:
            self.storage.delete(name)
            del self.model[name]

    @invariant()
    def everything_is_there_and_nothing_else(self) -> None:
        assert self.storage.names() == self.opened().names() == sorted(self.model)
        for name, events in self.model.items():
            assert [*self.storage.open(name).read(0)] == events
        if len(self.model) != 1:
            with pytest.raises(StudyNotFound):
                self.storage.open(None)

    def teardown(self) -> None:
        self.stack.close()


class DirectoryMachine(StorageMachine):
    place = "directory"


StorageMachine.TestCase.settings = examples(0.15)
DirectoryMachine.TestCase.settings = examples(0.15)
test_many_studies_in_memory = StorageMachine.TestCase
test_many_studies_in_a_directory = DirectoryMachine.TestCase
