"""Any number of studies in one storage, under any names, against a dict of lists.

Everything about a single study is a law of `hpo.testing.journals`, which `test_journal_agreement` tries on generated events.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from strategies import attributes, examples, texts

from hpo.core import AnyEvent, CreateStudy, SetStudyAttribute, StudyState, decide
from hpo.errors import DuplicatedStudyError, StudyNotFound
from hpo.journal import DirectoryStorage, MemoryStorage, Storage

Opener = Callable[[], Storage]


@contextlib.contextmanager
def one_memory() -> Iterator[Opener]:
    storage = MemoryStorage()
    yield lambda: storage


@contextlib.contextmanager
def one_directory() -> Iterator[Opener]:
    with tempfile.TemporaryDirectory() as folder:
        yield lambda: DirectoryStorage(Path(folder, "studies"), durability="process")


PLACES = {"memory": one_memory, "directory": one_directory}
study_names = texts.filter(bool) | st.sampled_from(["a", "A", "a.jsonl", "../x", "con", "é", "e\u0301", ".", "x" * 300])


def created(name: str) -> list[AnyEvent]:
    return decide(StudyState(), CreateStudy(name, ("minimize",), 7))


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
