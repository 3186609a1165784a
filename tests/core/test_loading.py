"""Loading gives the state that replay gives, whatever the events are and however they come in batches."""

from __future__ import annotations

import math
import pickle
import random
from pathlib import Path
from typing import Any

import pytest

from hpo.core import (
    AddArtifact,
    AddTrial,
    Artifact,
    Ask,
    CategoricalDistribution,
    CreateStudy,
    Enqueue,
    FloatDistribution,
    IntDistribution,
    Loader,
    Origin,
    ParamsSuggested,
    PauseTrial,
    RecordPruning,
    Report,
    ResumeTrial,
    SearchSpace,
    SetConstraint,
    SetMetricNames,
    SetStudyAttribute,
    SetTrialAttribute,
    StartFork,
    StudyState,
    Suggest,
    Tell,
    TrialFinished,
    TrialStarted,
    TrialState,
    best_or_none,
    best_trial,
    best_trials,
    create_trial,
    decide,
    decode_snapshot,
    encode_snapshot,
    intersection_space,
    joint_space,
    replay,
)
from hpo.core.records import TrialTable
from hpo.errors import HpoError, InconsistentEvents, UnreadableEvents
from hpo.journal import FileJournal

GOLDEN = Path(__file__).parent.parent / "golden"
SPACES = [
    SearchSpace({"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(-1.0, 1.0)}),
    SearchSpace({"y": FloatDistribution(-1.0, 1.0), "n": IntDistribution(0, 9)}),
    SearchSpace({"c": CategoricalDistribution((True, 1, 1.0, None, math.nan)), "x": FloatDistribution(0.0, 1.0)}),
    SearchSpace({"n": IntDistribution(0, 2**70)}),
    SearchSpace(),
]


def walk(seed: int, steps: int) -> list[Any]:
    """A study in which everything happens that can happen, as events."""
    draw = random.Random(seed)
    state, events = StudyState.create(directions=["minimize"] * draw.choice([1, 1, 2]), seed=seed), []
    events = list(state.log.since(0))
    n_values = len(state.directions)

    def values() -> Any:
        return [draw.choice([0.5, -0.0, math.inf, draw.random()]) for _ in range(n_values)]

    def suggestion(number: int, space: SearchSpace, *, lone: bool) -> Suggest:
        params = {name: dist.from_unit(draw.random()) for name, dist in space.items()}
        note = draw.choice([None, {}, {"rule": "middle", "at": math.nan}]) if not lone else None
        return Suggest(number, space, params, note, lone=lone)

    def command() -> Any:
        running = draw.choice([*state.running] or [0])
        anyone = draw.randrange(max(state.n_trials, 1))
        at = draw.choice([None, 1.5, 1796077245.257])
        origin = draw.choice([None, None, None, Origin(author="ann"), Origin(request=f"r{draw.randrange(9)}")])
        told: Any = draw.choice([TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL])
        unused = tuple(name for name in (state.running[running].params if state.running else ()) if draw.random() < 0.1)
        kinds = {
            "usual": lambda: draw.choice([Ask(at, draw.choice([None, "a", "b"])), suggestion(running, draw.choice(SPACES), lone=False)]),
            "tell": lambda: Tell(running, None if told is TrialState.FAIL else values(), told, at, draw.choice([None, "é"]), unused),
            "odd tell": lambda: Tell(running, values(), None, at, sem=draw.choice([None, 0.1]), cost=2.0, origin=origin),
            "ask": lambda: Ask(at, origin=origin),
            "lone": lambda: suggestion(running, SearchSpace({f"p{draw.randrange(5)}": FloatDistribution(0.0, 1.0)}), lone=True),
            "report": lambda: Report(running, draw.choice([0.5, math.nan, {"loss": 0.5}]), draw.randrange(9), origin),
            "attribute": lambda: SetTrialAttribute(running, "a", [1, {"b": None}]),
            "study attribute": lambda: SetStudyAttribute(f"s{draw.randrange(3)}", draw.random()),
            "constraint": lambda: SetConstraint(running, "k", draw.random() - 0.5),
            "enqueue": lambda: Enqueue(draw.choice([{}, {"x": 0.25}, {"x": 7.0}]), {"who": "me"}, origin),
            "off the queue": lambda: Tell(anyone, state=TrialState.FAIL, reason="not wanted"),
            "pause": lambda: PauseTrial(running, draw.choice([None, "c.pt"]), at),
            "resume": lambda: ResumeTrial(draw.choice([*state.paused] or [0]), at, "c", {"why": 1}),
            "fork": lambda: StartFork(anyone, {"x": 0.5}, None, at),
            "add": lambda: AddTrial(create_trial(values=values(), params={"x": 0.5}, distributions={"x": FloatDistribution(0.0, 1.0)})),
            "artifact": lambda: AddArtifact(Artifact("id", "f"), draw.choice([None, anyone])),
            "judged": lambda: RecordPruning(running, "continue", {"rule": "median"}),
            "names": lambda: SetMetricNames([f"m{i}" for i in range(n_values)]),
        }  # fmt: skip
        kind = draw.choice(["usual"] * 12 + ["tell"] * 6 + [*kinds])
        return kinds[kind]()

    while len(events) < steps:
        try:
            some = decide(state, command())
        except (HpoError, LookupError):
            continue
        state = replay(some, state)
        events += some
    return events


def loaded(events: list[Any], *, batches: int = 1, ask_between: bool = False) -> StudyState:
    loader = Loader()
    for i in range(batches):
        loader.add(events[len(events) * i // batches : len(events) * (i + 1) // batches])
        if ask_between:
            loader.state()
    return loader.state()


def check_same(got: StudyState, wanted: StudyState) -> None:
    assert got == wanted
    assert got.to_bytes() == wanted.to_bytes()
    for a, b in zip(got.finished, wanted.finished, strict=True):
        assert a == b
        assert [*a.distributions] == [*b.distributions]
        assert [(type(x), repr(x)) for x in a.params.values()] == [(type(x), repr(x)) for x in b.params.values()]
        assert repr(a.values) == repr(b.values)  # also the sign of zero
    assert got.trials == wanted.trials
    assert joint_space(got) == joint_space(wanted)
    assert pickle.loads(pickle.dumps(got)) == wanted
    number = wanted.n_trials
    later = [TrialStarted(number), TrialFinished(number, TrialState.FAIL)]
    assert replay(later, got) == replay(later, wanted)
    # a fork: the state that was continued is what it was
    assert got == wanted
    assert replay(later, got).trial(number) == replay(later, wanted).trial(number)


@pytest.mark.parametrize("seed", range(12))
def test_loading_is_replay(seed) -> None:
    events = walk(seed, 400)
    wanted = replay(events)
    check_same(loaded(events), wanted)
    check_same(loaded(events, batches=7), wanted)
    check_same(loaded(events, batches=9, ask_between=True), wanted)
    check_same(loaded(events, batches=len(events), ask_between=True), wanted)
    half = len(events) // 2
    loader = Loader(replay(events[:half]))
    loader.add(events[half:])
    check_same(loader.state(), wanted)


@pytest.mark.parametrize("seed", range(6))
def test_a_snapshot_is_the_state(seed) -> None:
    events = walk(seed, 400)
    first = loaded(events[:300])
    if (blob := encode_snapshot(first, "here", "1")) is None:
        pytest.skip("the first trials were folded before the table began")
    state, stamp = decode_snapshot(blob, "1")
    assert stamp == "here"
    check_same(state, replay(events[:300]))
    loader = Loader(state)
    loader.add(events[300:])
    check_same(loader.state(), replay(events))
    again = encode_snapshot(loader.state(), "there", "1")
    assert again is not None
    check_same(decode_snapshot(again, "1")[0], replay(events))
    with pytest.raises(UnreadableEvents, match="version 1"):
        decode_snapshot(blob, "2")


@pytest.mark.parametrize("name", ["optimized", "advised", "forked", "format-2", "all-events"])
def test_golden_journals_load_as_they_replay(name) -> None:
    events = [*FileJournal(GOLDEN / f"{name}.jsonl").read(0)]
    for batches in (1, 3, len(events)):
        check_same(loaded(events, batches=batches), replay(events))


def usual(n: int) -> list[Any]:
    """Trials of one joint space, one after the other."""
    state = StudyState.create(seed=1)
    events = list(state.log.since(0))
    for number in range(n):
        suggest = Suggest(number, SPACES[0], {"x": 0.5, "y": number / n})
        for command in (Ask(1.0, "w"), suggest, Tell(number, number / 7, at=float(number))):
            some = decide(state, command)
            state = replay(some, state)
            events += some
    return events


def test_finished_trials_are_columns_until_they_are_asked_for() -> None:
    events = usual(3000)
    state, wanted = loaded(events), replay(events)
    history = state.finished._buffer.trials
    assert history.n_lazy == 3000
    assert best_trial(state) == best_trial(wanted)
    assert sum(trial.number for trial in state.finished) == sum(range(3000))
    assert not history._made, "a fold or a loop keeps no objects"
    assert state.finished[2500] is state.finished[2500]
    assert [*history._made] == [2]
    assert {id(trial.distributions) for trial in state.finished} == {id(state.spaces.key_at(0))}
    assert state.finished[1020:1030] == wanted.finished[1020:1030]
    assert state.finished[-1] == wanted.finished[-1]
    assert state.finished[::-700] == wanted.finished[::-700]
    assert state.finished[5:2] == []


def test_a_fork_of_a_loaded_study_makes_no_objects() -> None:
    events = usual(2000)
    state = loaded(events)
    end = [TrialStarted(2000), TrialFinished(2000, TrialState.FAIL)]
    one, other = replay(end, state), replay(end, state)
    assert one == other
    assert one.finished._buffer is not other.finished._buffer
    assert not other.finished._buffer.trials._made
    early = replay(events[:300])
    shorter = state.finished._buffer.trials.first(len(early.finished))
    assert shorter.items(0, len(shorter)) == early.finished[:]


@pytest.mark.parametrize(
    "wrong",
    [
        TrialFinished(7, TrialState.COMPLETE, (0.5,)),
        ParamsSuggested(20, 5, (0.5,)),
        ParamsSuggested(20, 0, (0.5,)),
    ],
)
def test_events_that_do_not_follow_are_refused_with_their_place(wrong) -> None:
    events = [*usual(20), TrialStarted(20)]
    with pytest.raises(InconsistentEvents) as wanted:
        replay([*events, wrong])
    with pytest.raises(InconsistentEvents) as caught:
        loaded([*events, wrong])
    assert str(caught.value) == str(wanted.value)


def test_trials_that_waited_for_a_worker_keep_when_they_began():
    state, events = StudyState(), []
    for command in (
        CreateStudy("s", ["minimize"], 1),
        Ask(1.0),
        Tell(0, 0.5, at=9.0, began=4.0),
        Ask(10.0),
        Tell(1, 0.5, at=11.0),
    ):
        decided = decide(state, command)
        events += decided
        state = replay(decided, state)
    loader = Loader()
    loader.add(events)
    assert loader.state() == state
    assert [trial.started_at for trial in loader.state().finished] == [4.0, 10.0]


def test_the_best_trial_and_the_joint_space_of_a_loaded_study_make_few_objects(monkeypatch) -> None:
    events = usual(3000)
    state, wanted = loaded(events), replay(events)
    made = []
    trials = TrialTable.trials
    monkeypatch.setattr(TrialTable, "trials", lambda table, a, b: made.append(b - a) or trials(table, a, b))
    assert best_trial(state) == best_trial(wanted)
    assert joint_space(state) is state.spaces.key_at(0)
    assert intersection_space(state) == intersection_space(wanted)
    assert sum(made) <= 3


@pytest.mark.parametrize("seed", range(8))
def test_folds_over_columns_are_those_over_trials(seed) -> None:
    events = walk(seed, 600)
    state, wanted = loaded(events), replay(events)
    assert joint_space(state) == joint_space(wanted)
    assert [*joint_space(state)] == [*joint_space(wanted)]
    assert intersection_space(state) == intersection_space(wanted)
    if len(state.directions) == 1:
        assert best_or_none(state) == best_or_none(wanted)
    else:
        assert best_trials(state) == best_trials(wanted)


def test_a_new_field_of_an_event_does_not_get_lost() -> None:
    """The loader takes these events apart by itself. A field that it does not know must make them unusual first."""
    assert TrialStarted.__struct_fields__ == ("number", "at", "worker", "origin")
    assert ParamsSuggested.__struct_fields__ == ("number", "space", "values", "note", "lone")
    known = "number", "state", "values", "at", "reason", "unused", "sem", "cost", "origin", "began"
    assert TrialFinished.__struct_fields__ == known
