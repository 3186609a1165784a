"""The laws of journals on generated histories: after any commands, a storage answers as one in memory does."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hpo.core import (
    AnyEvent,
    ConstraintSet,
    Origin,
    PruningDecided,
    StudyAttributeSet,
    TrialAttributeSet,
    TrialEnqueued,
    TrialFinished,
    TrialPaused,
    TrialResumed,
    TrialStarted,
    TrialState,
    ValueReported,
    to_json_tree,
    to_number,
)
from hpo.errors import Conflict, DuplicatedStudyError, JournalUnwritable
from hpo.journal.memory import MemoryStorage
from hpo.journal.storage import Storage
from hpo.testing.journals.expectations import expect, expect_error, expect_events
from hpo.testing.journals.samples import NAMES, VALUES, created
from hpo.testing.journals.worker_laws import expect_answer, hold_shortly, why_a_journal_knows_no_workers


def _name(index: int) -> str:
    return NAMES[index]


def _short_value(index: int) -> Any:
    return _SHORT_VALUES[index]


# Drawn by index, so that a message of hypothesis does not show all samples.
_SHORT_VALUES = [value for value in VALUES if len(repr(value)) < 1000]
_names = st.integers(0, len(NAMES) - 1).map(_name)
_values = st.integers(0, len(_SHORT_VALUES) - 1).map(_short_value)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | _names
attributes = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | _values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
).map(to_json_tree)
numbers = st.floats().map(to_number)
trials = st.integers(0, 2**40)
origins = st.none() | st.builds(Origin, texts, texts, texts)
events: st.SearchStrategy[AnyEvent] = st.one_of(
    st.builds(StudyAttributeSet, texts, attributes),
    st.builds(TrialEnqueued, trials, attributes),
    st.builds(TrialStarted, trials, st.none() | st.floats(0, 1e10), st.none() | texts, origins),
    st.builds(ValueReported, trials, trials, numbers | st.dictionaries(texts, numbers, max_size=3)),
    st.builds(TrialPaused, trials, st.none(), st.none() | texts, origins, st.none() | texts),
    st.builds(TrialResumed, trials, st.none(), st.none() | texts, attributes),
    st.builds(PruningDecided, trials, st.sampled_from(["continue", "pause", "stop"]), st.booleans(), attributes),
    st.builds(TrialAttributeSet, trials, texts, attributes),
    st.builds(ConstraintSet, trials, texts, numbers),
    st.builds(TrialFinished, trials, st.sampled_from(TrialState), st.lists(numbers, max_size=3).map(tuple)),
)
batches = st.lists(events, max_size=4)
handles = st.integers(0, 1)


class JournalMachine(RuleBasedStateMachine):
    """The same study in several storages and in memory, each used through two handles, with workers on it."""

    make_storages: ClassVar[Mapping[str, Callable[[Path], Storage]]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        memory = MemoryStorage()
        self.openers: dict[str, Callable[[], Storage]] = {"memory": lambda: memory}
        for name, make in self.make_storages.items():
            place = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
            self.openers[name] = partial(make, place)
        self.journals: dict[str, list[Any]] = {}
        self.length = 0
        self.watched: list[str] = []
        """The storages whose journals track workers."""
        self.workers: dict[str, ExitStack | None] = {}
        """Their blocks in all of these storages; None for workers that have left."""

    @initialize()
    def create(self) -> None:
        """Create the same study in all storages."""
        for name, opened in self.openers.items():
            self.journals[name] = [opened().create("s", created()), opened().open("s")]
            if why_a_journal_knows_no_workers(self.journals[name][0]) is None:
                self.watched.append(name)
        self.length = 1

    @rule(handle=handles, batch=batches)
    def append(self, handle: int, batch: list[AnyEvent]) -> None:
        """Append a batch through a handle that expects the right length."""
        self.length += len(batch)
        for name, journals in self.journals.items():
            expect(journals[handle].append(batch, expected=self.length - len(batch)), self.length, name)

    @rule(handle=handles, batch=batches, expected=st.integers(0, 30))
    def append_with_any_expectation(self, handle: int, batch: list[AnyEvent], expected: int) -> None:
        """Append a batch with any expected length; a wrong one is a conflict."""
        if expected == self.length:
            self.append(handle, batch)
        else:
            for name, journals in self.journals.items():
                error = expect_error(partial(journals[handle].append, batch, expected=expected), Conflict, name)
                expect((error.expected, error.actual), (expected, self.length), f"{name}, the lengths in the error")

    @rule(handle=handles, after=st.integers(0, 30))
    def read(self, handle: int, after: int) -> None:
        """Read from anywhere, whatever was read before."""
        model = self.journals["memory"][0].read(after)
        for name, journals in self.journals.items():
            expect_events(journals[handle].read(after), model, f"{name}, after {after}")

    @rule(handle=handles)
    def reopen(self, handle: int) -> None:
        """Replace a handle by a new one."""
        for name, opened in self.openers.items():
            self.journals[name][handle] = opened().open("s")

    @rule()
    def create_again(self) -> None:
        """Create the study again, which is refused."""
        for name, opened in self.openers.items():
            expect_error(partial(opened().create, "s", created()), DuplicatedStudyError, name)

    @rule(handle=handles, digits=st.integers(8, 64))
    def come(self, handle: int, digits: int) -> None:
        """Let a new worker be alive from now on, and start a trial."""
        worker = f"{len(self.workers):0{digits}x}"
        block = self.workers[worker] = ExitStack()
        for name in self.watched:
            block.enter_context(self.journals[name][handle].hold(worker))
        self.append(handle, [TrialStarted(0, worker=worker)])

    @precondition(lambda self: self._there())
    @rule(data=st.data(), handle=handles)
    def come_under_the_name_of_another(self, data: st.DataObject, handle: int) -> None:
        """Hold the name of a living worker, which is refused."""
        worker = data.draw(st.sampled_from(self._there()))
        for name in self.watched:
            expect_error(partial(hold_shortly, self.journals[name][handle], worker), JournalUnwritable, name)

    @precondition(lambda self: self._there())
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """Let a worker leave, in any order, even if its handle was replaced."""
        self._end(data.draw(st.sampled_from(self._there())))

    def _there(self) -> list[str]:
        return [worker for worker, block in self.workers.items() if block is not None]

    def _end(self, worker: str) -> None:
        block, self.workers[worker] = self.workers[worker], None
        if block is not None:
            block.close()

    @rule(batch=batches)
    def delete_and_recreate(self, batch: list[AnyEvent]) -> None:
        """Delete the study after the last worker has left, and create it again, which begins anew."""
        for worker in self._there():
            self._end(worker)
        for name, opened in self.openers.items():
            opened().delete("s")
            expect(opened().names(), [], f"{name}, after the deletion")
            self.journals[name] = [opened().create("s", [*created(), *batch]), opened().open("s")]
        self.length = 1 + len(batch)

    @invariant()
    def all_agree(self) -> None:
        """All handles read the same events, and give the same answers about workers."""
        if self.journals:
            model = self.journals["memory"][0].read(0)
            for name, (first, second) in self.journals.items():
                expect_events(first.read(0), model, f"{name}, first handle")
                expect_events(second.read(0), model, f"{name}, second handle")
        for worker, block in self.workers.items():
            for name in self.watched:
                for journal in self.journals[name]:
                    expect_answer(journal, worker, block is not None, f"in {name}")

    def teardown(self) -> None:
        """Let all workers leave, and remove the storages."""
        for worker in self._there():
            self._end(worker)
        self.journals.clear()
        self.stack.close()
