"""The cost of an event, counted in calls, so that no test depends on a clock."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from hpo.core import (
    AddArtifact,
    Artifact,
    Ask,
    CategoricalDistribution,
    FloatDistribution,
    FrozenDict,
    RemoveArtifact,
    SearchSpace,
    StudyState,
    Suggest,
    TrialFinished,
    TrialStarted,
    TrialState,
    ValueReported,
    ask,
    best_trial,
    decide,
    evolve,
    joint_space,
    replay,
    report,
    set_constraint,
    set_user_attr,
    tell,
)
from hpo.samplers.random import RandomSampler

SPACE = {"x": FloatDistribution(0.0, 1.0), "c": CategoricalDistribution(["a", "b"])}


def calls(work: Callable[[], Any]) -> int:
    """How many functions, of Python and of C, run during `work`."""
    count = 0

    def on_event(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before, collects = sys.getprofile(), gc.isenabled()
    gc.disable()  # what a collection calls depends on what other tests left behind
    sys.setprofile(on_event)
    try:
        work()
    finally:
        sys.setprofile(before)
        if collects:
            gc.enable()
    return count


def finished(n: int) -> StudyState:
    state = StudyState.create(seed=1)
    for _ in range(n):
        state, trial = ask(state, RandomSampler(), SPACE)
        state = tell(state, trial.number, trial.params["x"])
    best_trial(state)
    joint_space(state)
    return state


def one_more_trial(state: StudyState) -> None:
    state, trial = ask(state, RandomSampler())
    state = report(state, trial.number, 0.5, 0)
    state = tell(state, trial.number, 0.5)
    best_trial(state)


def test_the_cost_of_a_trial_does_not_grow() -> None:
    one_more_trial(finished(1))  # abstract classes remember the answers of isinstance for the whole process
    few, many = finished(200), finished(2000)
    assert calls(lambda: one_more_trial(many)) == calls(lambda: one_more_trial(few))


def test_the_cost_of_an_event_does_not_grow() -> None:
    few, many = finished(200), finished(2000)

    def three_events(state: StudyState) -> None:
        number = state.n_trials
        for event in (TrialStarted(number), ValueReported(number, 0, 0.5), TrialFinished(number, TrialState.FAIL)):
            state = evolve(state, event)

    assert calls(lambda: three_events(many)) == calls(lambda: three_events(few))


@pytest.mark.parametrize("n", [1000, 4000])
def test_asking_before_the_first_tell_is_not_quadratic(n) -> None:
    start = StudyState.create(seed=1)

    def asks(state: StudyState, n: int) -> StudyState:
        for _ in range(n):
            state = replay(decide(state, Ask()), state)
        return state

    first = calls(lambda: asks(start, 100))
    behind = asks(start, n)
    assert calls(lambda: asks(behind, 100)) <= 1.1 * first


def test_ten_thousand_running_trials_are_copied_in_small_pieces() -> None:
    """A version holds dicts of at most 64 entries below the top, which has one for 4096 trials."""
    start = StudyState.create(seed=1)
    state = replay([TrialStarted(number) for number in range(10_000)], start)
    root = state.running._root
    assert len(root) == 3
    assert max(len(middle) for middle in root.values()) == 64
    assert max(len(leaf) for middle in root.values() for leaf in middle.values()) == 64
    changed = replay([TrialStarted(10_000)], state).running._root
    shared = sum(changed[top].get(key) is leaf for top, middle in root.items() for key, leaf in middle.items())
    assert shared == sum(map(len, root.values())) - 1


def test_telling_and_finding_a_trial_takes_constant_time() -> None:
    few, many = finished(200), finished(2000)
    for state in (few, many):
        state.trial(0)
    assert calls(lambda: many.trial(1999)) == calls(lambda: few.trial(199))
    assert calls(lambda: many.trial(0)) == calls(lambda: few.trial(0))


def test_the_cost_of_a_report_does_not_grow() -> None:
    def reports(state: StudyState, first: int) -> StudyState:
        for step in range(first, first + 100):
            state = report(state, 0, 0.5, step)
        return state

    start, _ = ask(StudyState.create(), RandomSampler(), SPACE)
    late = start
    for first in range(0, 2000, 100):
        late = reports(late, first)
    assert calls(lambda: reports(late, 2000)) <= 1.05 * calls(lambda: reports(start, 0))


def _attribute(state: StudyState, i: int) -> StudyState:
    return set_user_attr(state, None, f"a{i}", i)


def _trial_attribute(state: StudyState, i: int) -> StudyState:
    return set_user_attr(state, 0, f"a{i}", i)


def _constraint(state: StudyState, i: int) -> StudyState:
    return set_constraint(state, 0, f"c{i}", float(i))


def _lone_parameter(state: StudyState, i: int) -> StudyState:
    space = SearchSpace({f"p{i}": FloatDistribution(0.0, 1.0)})
    return replay(decide(state, Suggest(0, space, {f"p{i}": 0.5}, {f"p{i}": {"rule": "middle"}}, lone=True)), state)


def _artifact(state: StudyState, i: int) -> StudyState:
    return replay(decide(state, AddArtifact(Artifact(f"id{i}", "model.pkl"), 0)), state)


def _removed_artifact(state: StudyState, i: int) -> StudyState:
    state = _artifact(_artifact(state, 2 * i), 2 * i + 1)
    return replay(decide(state, RemoveArtifact(f"id{2 * i}", 0)), state)


@pytest.mark.parametrize(
    ("step", "mappings"),
    [
        (_attribute, lambda state: [state.user_attrs]),
        (_trial_attribute, lambda state: [state.trial(0).user_attrs]),
        (_constraint, lambda state: [state.trial(0).constraints]),
        (
            _lone_parameter,
            lambda state: [state.trial(0).params, state.trial(0).note, state.trial(0).distributions._distributions],
        ),
        (_artifact, lambda state: [state.artifacts_of(0)]),
        (_removed_artifact, lambda state: [state.artifacts_of(0)]),
    ],
)
def test_many_small_entries_are_not_copied_with_each_new_one(step, mappings) -> None:
    """After the first 64 entries a version shares its memory with the one before, but for a few new beginnings."""
    state = replay(decide(start := StudyState.create(), Ask()), start)
    copies = 0
    shared: list[object] = []
    for i in range(600):
        state = step(state, i)
        now = [getattr(mapping, "_buffer", None) for mapping in mappings(state)]
        copies += sum(buffer is None or buffer not in shared for buffer in now)
        shared = now
    assert copies <= 70 * len(shared)
    assert [len(mapping) for mapping in mappings(state)] == [600] * len(shared)
    twin = StudyState.from_bytes(state.to_bytes())
    assert twin == state
    assert [[*a.items()] for a in mappings(twin)] == [[*b.items()] for b in mappings(state)]


def test_a_finished_trial_has_plain_dicts_however_many_entries_it_got() -> None:
    state = replay(decide(start := StudyState.create(), Ask()), start)
    for i in range(100):
        state = _constraint(_trial_attribute(_lone_parameter(state, i), i), i)
    running = state.trial(0)
    trial = tell(state, 0, 0.5, state="complete").trial(0)
    assert {type(x) for x in (trial.params, trial.user_attrs, trial.constraints, trial.note)} == {FrozenDict}
    assert json.loads(json.dumps(trial.user_attrs)) == running.user_attrs == {f"a{i}": i for i in range(100)}
    assert (trial.params, trial.distributions) == (running.params, running.distributions)
    assert [*trial.distributions] == [*running.distributions]
