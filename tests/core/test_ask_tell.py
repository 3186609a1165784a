"""Ask and tell as pure functions, and the calls of samplers and pruners."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from hpo.core import (
    Ask,
    CategoricalDistribution,
    Decision,
    Exhausted,
    FloatDistribution,
    IntDistribution,
    Key,
    SearchSpace,
    StudyState,
    Suggestion,
    TrialState,
    ask,
    decide,
    enqueue,
    events_since,
    is_replayable,
    replay,
    report,
    set_constraint,
    should_prune,
    space_to_ask,
    suggest_joint,
    suggest_lone,
    tell,
    trial_key,
    what_if,
)
from hpo.errors import (
    InvalidArgument,
    InvalidSuggestion,
    InvalidType,
    SearchSpaceExhausted,
    TrialNotRunning,
    ValueOutsideDistribution,
)
from hpo.pruners import NopPruner
from hpo.samplers.random import RandomSampler

X = FloatDistribution(0.0, 1.0)
C = CategoricalDistribution(["a", "b"])


def middle(state, trial, space, key):
    return Suggestion({name: dist.from_unit(0.5) for name, dist in space.items()}, {"rule": "middle"})


class Recorder:
    """A sampler that notes its calls, which only a test may do."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __call__(self, state, trial, space, key):
        self.calls.append((state, trial, space, key))
        return middle(state, trial, space, key)


def running(state: StudyState | None = None) -> StudyState:
    state = StudyState.create(seed=7) if state is None else state
    return replay(decide(state, Ask()), state)


def test_ask_and_tell_leave_the_old_state_unchanged() -> None:
    start = StudyState.create(seed=7)
    asked, trial = ask(start, middle, {"x": X}, at=1.5, worker="w")
    told = tell(asked, trial.number, 0.25, at=2.5)
    assert (start.version, start.n_trials) == (1, 0)
    assert asked.running[0] == trial
    assert (trial.params, trial.note, trial.started_at, trial.worker) == ({"x": 0.5}, {"rule": "middle"}, 1.5, "w")
    assert told.finished[0].values == (0.25,)
    assert asked.finished == start.finished
    assert told.finished[0].duration.total_seconds() == 1.0


def test_a_sampler_sees_the_state_in_which_its_trial_runs() -> None:
    recorder = Recorder()
    state, _ = ask(StudyState.create(seed=7), recorder, {"x": X})
    (seen, trial, space, key) = recorder.calls[0]
    assert seen.running[0] is trial
    assert trial.params == {}
    assert space == {"x": X}
    assert key == Key(7, ("trial", 0))
    assert seen.version == 2
    assert state.version == 4


def test_each_trial_of_a_batch_sees_the_ones_before_it() -> None:
    recorder = Recorder()
    state, trials = ask(StudyState.create(), recorder, {"x": X}, 3)
    assert [trial.number for trial in trials] == [0, 1, 2]
    assert [[t.params for t in call[0].running.values()] for call in recorder.calls] == [
        [{}],
        [{"x": 0.5}, {}],
        [{"x": 0.5}, {"x": 0.5}, {}],
    ]
    assert len(state.running) == 3


@pytest.mark.parametrize("n", [0, -1, 1.5, "2", True])
def test_a_batch_has_at_least_one_trial(n) -> None:
    with pytest.raises(InvalidArgument) as caught:
        ask(StudyState.create(), middle, {}, n)
    assert str(caught.value) == f"n is the number of trials to start, at least 1; got {n!r}"


def test_a_numpy_count_is_a_count() -> None:
    assert len(ask(StudyState.create(), middle, {}, np.int64(2))[1]) == 2


def test_the_space_comes_from_the_call_the_study_or_history() -> None:
    declared = StudyState.create(space={"x": X})
    assert ask(declared, middle)[1].params == {"x": 0.5}
    assert ask(declared, middle, {"c": C})[1].params == {"c": "b"}
    state, trial = ask(StudyState.create(), middle, {"c": C})
    state = tell(state, trial.number, 1.0)
    assert ask(state, middle)[1].params == {"c": "b"}
    assert ask(StudyState.create(), middle)[1].params == {}


def test_the_sampler_completes_an_enqueued_trial() -> None:
    recorder = Recorder()
    state = enqueue(StudyState.create(), {"x": 0.125, "unknown": 3}, user_attrs={"why": "because"})
    state, trial = ask(state, recorder, {"x": X, "c": C})
    assert trial.params == {"x": 0.125, "c": "b"}
    assert list(trial.distributions) == ["x", "c"]
    assert trial.fixed_params == {"x": 0.125, "unknown": 3}
    assert trial.user_attrs == {"why": "because"}
    assert recorder.calls[0][2] == {"c": C}


def test_an_enqueued_value_outside_a_range_is_kept_with_a_warning() -> None:
    state = enqueue(StudyState.create(), {"x": 7})
    with pytest.warns(UserWarning, match="parameter 'x' keeps the given value 7, which is outside"):
        _, trial = ask(state, middle, {"x": X})
    assert trial.params == {"x": 7.0}
    with pytest.raises(ValueOutsideDistribution, match="'z' is not a valid value for parameter 'c'"):
        ask(enqueue(StudyState.create(), {"c": "z"}), middle, {"c": C})


def test_ask_raises_an_error_if_the_space_is_exhausted() -> None:
    state = StudyState.create()
    with pytest.raises(SearchSpaceExhausted) as caught:
        ask(state, lambda *_: Exhausted("all is tried"), {"x": X})
    assert str(caught.value) == "nothing is left to suggest: all is tried"
    assert state.n_trials == 0


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"x": 0.5}, "a sampler answers with a Suggestion or Exhausted; "),
        (None, "a sampler answers with a Suggestion or Exhausted; "),
        (Suggestion({}), "parameter 'x' was asked for and is missing from the suggestion"),
        (Suggestion({"x": 2.0}), "parameter 'x' can't be 2.0: it is outside FloatDistribution(low=0.0, high=1.0)"),
        (Suggestion({"x": "0.5"}), "parameter 'x' can't be '0.5': it is outside"),
        (Suggestion(None), "the params of a suggestion are a dict by name, got None"),  # type: ignore[arg-type]
        (Suggestion({"x": 0.5}, [1]), "the note of a suggestion is a dict, got [1]"),  # type: ignore[arg-type]
    ],
)
def test_invalid_answers_are_refused(answer, message) -> None:
    with pytest.raises(InvalidSuggestion) as caught:
        ask(StudyState.create(), lambda *_: answer, {"x": X})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("params", [None, 3, ["x"]])
def test_invalid_answers_for_an_enqueued_trial_are_refused(params) -> None:
    state = enqueue(StudyState.create(), {"x": 0.5})
    with pytest.raises(InvalidSuggestion, match="are a dict by name"):
        ask(state, lambda *_: Suggestion(params), {"x": X, "y": X})


def test_values_beyond_what_was_asked_for_are_ignored() -> None:
    _, trial = ask(StudyState.create(), lambda *_: Suggestion({"x": 0.5, "y": 3}), {"x": X})
    assert trial.params == {"x": 0.5}


def test_a_lone_parameter_has_a_stream_of_its_own() -> None:
    recorder = Recorder()
    state, trial = ask(StudyState.create(seed=7), recorder, {"x": X})
    command = suggest_lone(state, recorder, trial, "c", SearchSpace({"c": C}))
    assert (command.params, command.note) == ({"c": "b"}, {"c": {"rule": "middle"}})
    assert recorder.calls[-1][1].params == {"x": 0.5}
    assert recorder.calls[-1][3] == Key(7, ("trial", 0, "c"))
    with pytest.raises(InvalidSuggestion, match="has nothing left for parameter 'c' of a running trial"):
        suggest_lone(state, lambda *_: Exhausted("no"), trial, "c", SearchSpace({"c": C}))


def test_an_enqueued_lone_parameter_does_not_call_the_sampler() -> None:
    state = running(enqueue(StudyState.create(), {"c": "a"}))
    recorder = Recorder()
    command = suggest_lone(state, recorder, state.running[0], "c", SearchSpace({"c": C}))
    assert command.params == {"c": "a"}
    assert recorder.calls == []


@attrs.frozen
class Own:
    """A sampler with a seed and a joint space of its own."""

    seed: Any = 5
    replayable = False

    def joint_space(self, state, trial):
        return {"own": X}

    def __call__(self, state, trial, space, key):
        return middle(state, trial, space, key)


def test_a_sampler_may_bring_its_seed_and_its_joint_space() -> None:
    state = running()
    assert trial_key(state, Own(), 0) == Key(5, ("trial", 0))
    assert trial_key(state, Own(None), 0) == Key(7, ("trial", 0))
    assert trial_key(state, Own(np.int64(5)), 0).uniforms("x") == Key(5, ("trial", 0)).uniforms("x")
    assert trial_key(state, middle, 0) == Key(7, ("trial", 0))
    for seed in ("5", 1.5, True):
        with pytest.raises(InvalidType, match="a sampler's seed is an int or None"):
            trial_key(state, Own(seed), 0)
    assert space_to_ask(state, Own(), state.running[0]) == {"own": X}
    assert suggest_joint(state, Own(), state.running[0]).params == {"own": 0.5}
    declared = running(StudyState.create(space={"x": X}))
    assert space_to_ask(declared, Own(), declared.running[0]) == {"x": X}
    assert (is_replayable(Own()), is_replayable(middle)) == (False, True)


def test_a_pruner_is_asked_about_the_running_trial() -> None:
    state = report(running(), 0, 0.5, 3)

    def at_three(state, trial):
        return Decision.STOP if trial.last_step == 3 else Decision.CONTINUE

    assert should_prune(state, at_three, 0)
    assert not should_prune(report(state, 0, 0.5, 4), at_three, 0)
    with pytest.raises(InvalidType) as caught:
        should_prune(state, lambda *_: True, 0)
    assert str(caught.value).startswith("a pruner answers with a Decision or a Verdict; ")
    with pytest.raises(TrialNotRunning):
        should_prune(tell(state, 0, 1.0), at_three, 0)


def test_reports_constraints_and_outcomes_are_recorded() -> None:
    state = set_constraint(report(running(), 0, 0.5, 0), 0, "m", -1.0)
    assert state.running[0].intermediate_values == {0: 0.5}
    assert state.running[0].constraints == {"m": -1.0}
    assert report(state, 0, 9.0, 0) == state
    pruned = tell(state, 0, state=TrialState.PRUNED)
    assert (pruned.finished[0].state, pruned.finished[0].values) == (TrialState.PRUNED, (0.5,))
    failed = tell(state, 0, state=TrialState.FAIL, reason="it broke")
    assert failed.finished[0].reason == "it broke"
    with pytest.raises(TrialNotRunning):
        tell(pruned, 0, 1.0)


def test_several_results_can_be_tried_on_one_state() -> None:
    state, trials = ask(StudyState.create(seed=1), RandomSampler(), {"n": IntDistribution(1, 9)}, 2)
    good, bad = tell(state, 0, 0.0), tell(state, 0, 1.0)
    assert tell(good, 1, 2.0).finished[0].values == (0.0,)
    assert tell(bad, 1, 2.0).finished[0].values == (1.0,)
    assert len(state.finished) == 0
    assert [trial.number for trial in trials] == [0, 1]


def test_a_class_in_place_of_its_object_is_refused_with_advice() -> None:
    with pytest.raises(InvalidType, match=r"got the class RandomSampler: pass an instance of it, RandomSampler\(\)"):
        ask(StudyState.create(), RandomSampler, {})
    with pytest.raises(InvalidType, match=r"got the class NopPruner: pass an instance of it, NopPruner\(\)"):
        should_prune(running(), NopPruner, 0)


def test_the_results_of_what_if_are_a_mapping() -> None:
    with pytest.raises(InvalidType, match=r"results are values by trial number, got \[1\.0\]"):
        what_if(running(), [1.0])


def test_a_state_remembers_its_events_from_its_creation_on():
    created = StudyState.create(seed=7)
    state, trial = ask(created, RandomSampler(), {"x": FloatDistribution(0.0, 1.0)})
    state = tell(state, trial, 0.5)
    events = events_since(state, 0)
    assert [type(event).__name__ for event in events_since(created, 0)] == ["StudyCreated"]
    assert len(events) == state.version
    assert replay(events) == state
