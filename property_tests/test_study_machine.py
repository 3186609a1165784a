"""Three writers with stale states share one journal: whatever they do in whatever order, history stays sound."""

from __future__ import annotations

import math
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from strategies import (
    attributes,
    distributions,
    float_distributions,
    members,
    names,
    objective_values,
    spaces,
    texts,
)

from hpo.core import (
    AddTrial,
    AnyEvent,
    Ask,
    Command,
    CreateStudy,
    Enqueue,
    FrozenTrial,
    Report,
    SetConstraint,
    SetMetricNames,
    SetStudyAttribute,
    SetTrialAttribute,
    StudyState,
    Suggest,
    Tell,
    TrialState,
    create_trial,
    decide,
    decode_events,
    encode_events,
    replay,
)
from hpo.errors import Conflict, HpoError, TrialNotRunning
from hpo.journal.memory import MemoryJournal

writers = st.integers(0, 2)
garbage: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)  # with lone surrogates
    | st.binary(max_size=3)
    | st.sampled_from([[], (), {}, {1: 2}, {"x": object()}, object(), [math.nan], ["a"], {"$float": 1}, 10**400])
    | st.sampled_from(
        [1j, np.float32(1.5), np.int64(3), np.array([1.0]), np.array([1.0, 2.0]), np.datetime64("NaT", "s")]
    )
    | st.sampled_from(list(TrialState))
    | attributes
    | spaces
)


@st.composite
def invalid_trials(draw: st.DrawFn) -> FrozenTrial:
    """A trial that `create_trial` may never have seen."""
    fields = draw(st.sets(st.sampled_from(FrozenTrial.__struct_fields__[2:])))
    odd = {field: draw(garbage) for field in fields if not field.endswith(("params", "attrs", "note"))}
    odd |= {field: draw(st.dictionaries(names, garbage, max_size=2)) for field in fields - odd.keys()}
    for field in ("distributions", "constraints", "intermediate_values"):
        if field in odd:
            odd[field] = draw(st.dictionaries(garbage.filter(_hashable), garbage, max_size=2))
    return FrozenTrial(draw(st.integers(0, 3)), draw(st.sampled_from(TrialState)), **odd)


def _hashable(value: object) -> bool:
    return type(value).__hash__ is not None and not isinstance(value, tuple)


numbers = st.integers(-1, 4) | garbage
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(CreateStudy, garbage, st.tuples(garbage), garbage, st.none() | spaces, st.none() | st.tuples(garbage)),
    st.builds(SetStudyAttribute, garbage, garbage),
    st.builds(SetMetricNames, st.lists(garbage, max_size=2)),
    st.builds(Enqueue, garbage | st.dictionaries(names, garbage, max_size=2), garbage),
    st.builds(Ask, garbage, garbage),
    st.builds(Suggest, numbers, spaces, garbage | st.dictionaries(names, garbage, max_size=2), garbage, st.booleans()),
    st.builds(Report, numbers, garbage, garbage),
    st.builds(SetTrialAttribute, numbers, garbage, garbage),
    st.builds(SetConstraint, numbers, garbage, garbage),
    st.builds(Tell, numbers, garbage, garbage, garbage, garbage, st.lists(garbage, max_size=1).map(tuple)),
    st.builds(AddTrial, garbage | invalid_trials()),
)


def judged(state: StudyState, command: Command) -> list[AnyEvent]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # enqueued values outside of their ranges
        return decide(state, command)


class StudyMachine(RuleBasedStateMachine):
    """What was promised is kept in plain dicts next to the study, and compared with it."""

    def __init__(self) -> None:
        super().__init__()
        self.journal = MemoryJournal()
        self.states = [StudyState()] * 3
        self.snapshots: list[tuple[StudyState, bytes]] = []
        self.started: list[int] = []
        self.queue: list[int] = []
        self.reports: dict[tuple[int, int], float] = {}
        self.told: dict[int, FrozenTrial] = {}

    def catch_up(self, writer: int) -> StudyState:
        state = self.states[writer]
        self.states[writer] = replay(self.journal.read(state.version), state)
        return self.states[writer]

    def commit(self, writer: int, command: Command) -> list[AnyEvent]:
        """Decide, append, and start over with all events when another writer was faster."""
        while True:
            state = self.states[writer]
            try:
                events = judged(state, command)
                self.journal.append(events, expected=state.version)
            except Conflict:
                self.catch_up(writer)
            except HpoError:
                if self.catch_up(writer).version == state.version:
                    raise
            else:
                self.states[writer] = replay(events, state)
                return events

    def running(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from(sorted(set(self.started) - self.told.keys())))

    @initialize(
        writer=writers,
        seed=st.integers(),
        space=st.none() | spaces,
        directions=st.lists(st.sampled_from(["minimize", "maximize"]), min_size=1, max_size=2),
    )
    def create(self, writer: int, seed: int, space: dict[str, Any] | None, directions: list[str]) -> None:
        self.commit(writer, CreateStudy("s", tuple(directions), seed, space))

    @rule(writer=writers)
    def fall_in(self, writer: int) -> None:
        self.catch_up(writer)

    @rule(writer=writers)
    def ask(self, writer: int) -> None:
        (event,) = self.commit(writer, Ask(1.5, f"w{writer}"))
        if self.queue:
            assert event.number == self.queue.pop(0)
        assert event.number not in self.started
        self.started.append(event.number)

    @rule(writer=writers, params=st.dictionaries(names, st.floats(allow_nan=False) | texts | st.none(), max_size=2))
    def enqueue(self, writer: int, params: dict[str, Any]) -> None:
        try:
            (event,) = self.commit(writer, Enqueue(params, {"why": "because"}))
        except HpoError:
            assert self.states[writer].space, "only a declared space refuses values"
        else:
            self.queue.append(event.number)
            assert self.states[writer].waiting[event.number].fixed_params == params

    @precondition(lambda self: set(self.started) - self.told.keys())
    @rule(data=st.data(), writer=writers, space=st.dictionaries(names, distributions, min_size=1, max_size=2))
    def suggest(self, data: st.DataObject, writer: int, space: dict[str, Any]) -> None:
        number = self.running(data)
        params = {name: data.draw(members(distribution)) for name, distribution in space.items()}
        before = self.catch_up(writer).running[number]
        known = {name for name in space if before.distributions.get(name) == space[name]}
        fixed = {name for name in space if name in before.fixed_params}
        try:
            self.commit(writer, Suggest(number, space, params, data.draw(st.dictionaries(names, attributes))))
        except HpoError:
            assert known or fixed, "a member of its distribution is a valid suggestion"
        else:
            assert not known
            after = self.states[writer].running[number]
            assert repr({name: after.params[name] for name in params}) == repr(params)

    @precondition(lambda self: set(self.started) - self.told.keys())
    @rule(data=st.data(), writer=writers, step=st.integers(0, 3) | st.integers(0, 2**70), value=objective_values)
    def report(self, data: st.DataObject, writer: int, step: int, value: float) -> None:
        number = self.running(data)
        events = self.commit(writer, Report(number, value, step))
        assert len(events) == ((number, step) not in self.reports)
        self.reports.setdefault((number, step), value)
        assert repr(self.states[writer].running[number].intermediate_values[step]) == repr(self.reports[number, step])

    @precondition(lambda self: set(self.started) - self.told.keys())
    @rule(data=st.data(), writer=writers, name=names, value=st.floats(allow_nan=False))
    def constrain(self, data: st.DataObject, writer: int, name: str, value: float) -> None:
        number = self.running(data)
        known = self.catch_up(writer).running[number].constraints
        self.commit(writer, SetConstraint(number, name, value))
        assert self.states[writer].running[number].constraints[name] == known.get(name, value)

    @precondition(lambda self: set(self.started) - self.told.keys())
    @rule(data=st.data(), writer=writers, key=names, value=attributes)
    def set_trial_attribute(self, data: st.DataObject, writer: int, key: str, value: Any) -> None:
        number = self.running(data)
        self.commit(writer, SetTrialAttribute(number, key, value))
        assert repr(self.states[writer].running[number].user_attrs[key]) == repr(value)

    @rule(writer=writers, key=names, value=attributes)
    def set_study_attribute(self, writer: int, key: str, value: Any) -> None:
        self.commit(writer, SetStudyAttribute(key, value))
        assert repr(self.states[writer].user_attrs[key]) == repr(value)

    @precondition(lambda self: set(self.started) - self.told.keys())
    @rule(
        data=st.data(),
        writer=writers,
        value=objective_values,
        outcome=st.sampled_from([None, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]),
    )
    def tell(self, data: st.DataObject, writer: int, value: float, outcome: TrialState | None) -> None:
        number = self.running(data)
        values = None if outcome is TrialState.FAIL else [value] * len(self.catch_up(0).directions)
        self.commit(writer, Tell(number, values, outcome, at=2.5))
        trial = self.states[writer].finished[-1]
        if outcome in {None, TrialState.COMPLETE}:
            assert trial.state is (TrialState.FAIL if math.isnan(value) else TrialState.COMPLETE)
        else:
            assert trial.state is outcome
        assert trial.number == number
        self.told[number] = trial

    @precondition(lambda self: self.told)
    @rule(data=st.data(), writer=writers, command=st.sampled_from([Tell, Report, SetConstraint, SetTrialAttribute]))
    def meddle_with_a_finished_trial(self, data: st.DataObject, writer: int, command: Any) -> None:
        number = data.draw(st.sampled_from(sorted(self.told)))
        length = len(self.journal.read(0))
        arguments = {Tell: (1.0,), Report: (1.0, 99), SetConstraint: ("c", 1.0), SetTrialAttribute: ("k", 1)}[command]
        with pytest.raises(TrialNotRunning):
            self.commit(writer, command(number, *arguments))
        assert len(self.journal.read(0)) == length

    @rule(data=st.data(), writer=writers, dist=float_distributions, name=names, value=st.floats(allow_nan=False))
    def add_trial(self, data: st.DataObject, writer: int, dist: Any, name: str, value: float) -> None:
        trial = create_trial(
            values=[value] * len(self.catch_up(writer).directions),
            params={name: data.draw(members(dist))},
            distributions={name: dist},
            user_attrs={name: data.draw(attributes)},
            intermediate_values={3: math.nan, 1: value},
            constraints={name: value},
        )
        self.commit(writer, AddTrial(trial))
        added = self.states[writer].finished[-1]
        assert added.number == self.states[writer].n_trials - 1
        self.started.append(added.number)
        self.told[added.number] = added
        assert repr(added) == repr(trial).replace("number=0", f"number={added.number}")

    @rule(writer=writers, command=commands)
    def nothing_invalid_gets_through(self, writer: int, command: Command) -> None:
        """Judged like any command, and then thrown away: its events are written, read and folded in all the same."""
        state = self.catch_up(writer)
        try:
            events = judged(state, command)
        except HpoError:
            return
        after = replay(events, state)
        assert replay(decode_events(encode_events(events)), state) == after
        assert StudyState.from_bytes(after.to_bytes()) == after
        for trial in after:
            assert trial.datetime_start is None or trial.started_at is not None
            assert trial.duration is None or trial.duration.total_seconds() >= 0.0
            assert trial.last_step is None or trial.last_step >= 0

    @rule(writer=writers)
    def take_a_snapshot(self, writer: int) -> None:
        self.snapshots.append((self.states[writer], self.states[writer].to_bytes()))

    @invariant()
    def everybody_sees_the_fold_of_the_journal(self) -> None:
        written = encode_events(self.journal.read(0))
        fresh = replay(decode_events(written))
        assert encode_events(decode_events(written)) == written
        for state in self.states:
            assert replay(self.journal.read(state.version), state) == fresh

    @invariant()
    def numbers_are_unique_and_dense(self) -> None:
        state = replay(self.journal.read(0))
        assert sorted(trial.number for trial in state) == list(range(state.n_trials))
        assert sorted(state.running) == sorted(set(self.started) - self.told.keys())
        assert list(state.waiting) == self.queue
        assert [trial.number for trial in state.finished] == list(self.told)

    @invariant()
    def finished_trials_never_change(self) -> None:
        for state in self.states:
            for trial in state.finished:
                assert trial == self.told[trial.number]

    def teardown(self) -> None:
        for state, blob in self.snapshots:
            assert state.to_bytes() == blob
        for state in self.states:
            copies = [StudyState.from_bytes(state.to_bytes()), pickle.loads(pickle.dumps(state))]
            for copy in copies:
                assert copy == state
                assert hash(copy) == hash(state)
                assert copy.to_bytes() == state.to_bytes()
                assert [pickle.loads(pickle.dumps(trial)) for trial in copy] == [*state]


StudyMachine.TestCase.settings = settings(stateful_step_count=25)
test_three_writers_with_stale_states = StudyMachine.TestCase
