"""The laws of journals on made-up histories: whatever is done to it, a backend answers as memory does."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hpo.core.events import (
    AnyEvent,
    ConstraintSet,
    StudyAttributeSet,
    TrialAttributeSet,
    TrialEnqueued,
    TrialFinished,
    TrialStarted,
    ValueReported,
)
from hpo.core.numbers import to_json_tree, to_number
from hpo.core.trial import TrialState
from hpo.errors import Conflict, DuplicatedStudyError
from hpo.journal.memory import MemoryStorage
from hpo.journal.storage import Journal, Storage
from hpo.testing.expectations import expect, expect_error, expect_events
from hpo.testing.journal_samples import NAMES, VALUES, created


def _texts() -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(NAMES)


def _attributes() -> st.SearchStrategy[Any]:
    short = [value for value in VALUES if len(repr(value)) < 1000]
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | texts | st.sampled_from(short),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=5,
    ).map(to_json_tree)


texts = st.deferred(_texts)  # and so without all samples in every message
attributes = st.deferred(_attributes)
numbers = st.floats().map(to_number)
trials = st.integers(0, 2**40)
events: st.SearchStrategy[AnyEvent] = st.one_of(
    st.builds(StudyAttributeSet, texts, attributes),
    st.builds(TrialEnqueued, trials, attributes),
    st.builds(TrialStarted, trials, st.none() | st.floats(0, 1e10), st.none() | texts),
    st.builds(ValueReported, trials, trials, numbers),
    st.builds(TrialAttributeSet, trials, texts, attributes),
    st.builds(ConstraintSet, trials, texts, numbers),
    st.builds(TrialFinished, trials, st.sampled_from(TrialState), st.lists(numbers, max_size=3).map(tuple)),
)
batches = st.lists(events, max_size=4)
handles = st.integers(0, 1)


class JournalMachine(RuleBasedStateMachine):
    """The same study in several storages and in memory, each with two handles that are used in turn."""

    make_storages: ClassVar[Mapping[str, Callable[[Path], Storage]]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        memory = MemoryStorage()
        self.openers: dict[str, Callable[[], Storage]] = {"memory": lambda: memory}
        for name, make in self.make_storages.items():
            place = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
            self.openers[name] = partial(make, place)
        self.journals: dict[str, list[Journal]] = {}
        self.length = 0

    @initialize()
    def create(self) -> None:
        """All begin alike."""
        for name, opened in self.openers.items():
            self.journals[name] = [opened().create("s", created()), opened().open("s")]
        self.length = 1

    @rule(handle=handles, batch=batches)
    def append(self, handle: int, batch: list[AnyEvent]) -> None:
        """Everybody who has seen everything may append."""
        self.length += len(batch)
        for name, journals in self.journals.items():
            expect(journals[handle].append(batch, expected=self.length - len(batch)), self.length, name)

    @rule(handle=handles, batch=batches, expected=st.integers(0, 30))
    def append_with_any_expectation(self, handle: int, batch: list[AnyEvent], expected: int) -> None:
        """Everybody else may not."""
        if expected == self.length:
            self.append(handle, batch)
        else:
            for name, journals in self.journals.items():
                error = expect_error(partial(journals[handle].append, batch, expected=expected), Conflict, name)
                expect((error.expected, error.actual), (expected, self.length), f"{name}, the lengths in the error")

    @rule(handle=handles, after=st.integers(0, 30))
    def read(self, handle: int, after: int) -> None:
        """Any part may be read, whatever was read before."""
        model = self.journals["memory"][0].read(after)
        for name, journals in self.journals.items():
            expect_events(journals[handle].read(after), model, f"{name}, after {after}")

    @rule(handle=handles)
    def reopen(self, handle: int) -> None:
        """A handle can be thrown away at any time."""
        for name, opened in self.openers.items():
            self.journals[name][handle] = opened().open("s")

    @rule()
    def create_again(self) -> None:
        """There is one already."""
        for name, opened in self.openers.items():
            expect_error(partial(opened().create, "s", created()), DuplicatedStudyError, name)

    @rule(batch=batches)
    def delete_and_recreate(self, batch: list[AnyEvent]) -> None:
        """The new study begins from nothing."""
        for name, opened in self.openers.items():
            opened().delete("s")
            expect(opened().names(), [], f"{name}, after the deletion")
            self.journals[name] = [opened().create("s", [*created(), *batch]), opened().open("s")]
        self.length = 1 + len(batch)

    @invariant()
    def all_agree(self) -> None:
        """Everybody sees the same."""
        if self.journals:
            model = self.journals["memory"][0].read(0)
            for name, (first, second) in self.journals.items():
                expect_events(first.read(0), model, f"{name}, first handle")
                expect_events(second.read(0), model, f"{name}, second handle")

    def teardown(self) -> None:
        """See `RuleBasedStateMachine.teardown`."""
        self.journals.clear()
        self.stack.close()
