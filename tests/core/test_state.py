"""States, the events they are folded from, and their serialised forms."""

from __future__ import annotations

import json
import math
import pickle
import re

import numpy as np
import pytest

from hpo.core import (
    AddTrial,
    AnyEvent,
    Ask,
    CategoricalDistribution,
    Enqueue,
    FloatDistribution,
    IntDistribution,
    ParamsSuggested,
    Report,
    SetConstraint,
    SetMetricNames,
    SetStudyAttribute,
    SetTrialAttribute,
    StudyCreated,
    StudyState,
    Suggest,
    Tell,
    TrialEnqueued,
    TrialFinished,
    TrialStarted,
    TrialState,
    ValueReported,
    create_trial,
    decide,
    decode_events,
    encode_events,
    evolve,
    replay,
)
from hpo.core.records.events import ACKNOWLEDGED
from hpo.errors import InconsistentEvents, InvalidType, TrialNotFound, UnreadableEvents

SPACE = {
    "lr": FloatDistribution(1e-5, 1.0, log=True),
    "n": IntDistribution(1, 8),
    "c": CategoricalDistribution(["a", True, 1, None, math.nan, math.inf]),
}


def whole_story() -> list[AnyEvent]:
    """A journal with every kind of event."""
    state, journal = StudyState(), []
    commands = [
        *[Ask(1.5, "w0"), Ask()],
        Enqueue({"$float": 0.5}, {"why": "because"}),
        Enqueue({"lr": 0.1}),
        Ask(),
        Suggest(0, SPACE, {"lr": 0.1, "n": 3, "c": math.nan}, {"rule": [1, None]}),
        Suggest(1, SPACE, {"lr": 1e-5, "n": 8, "c": True}),
        Suggest(2, {"alone": SPACE["n"]}, {"alone": 2}),
        Report(0, 0.5, 0),
        Report(0, math.nan, 1),
        Report(1, math.inf, 2**70),
        SetTrialAttribute(1, "k", {"$": [math.nan, None]}),
        SetConstraint(0, "m", -math.inf),
        SetStudyAttribute("k", {"deep": [{"$float": 1}]}),
        SetMetricNames(["loss"]),
        Tell(0, 1.0, at=2.5, unused=("n",)),
        Tell(1, math.nan),
        AddTrial(create_trial(value=-math.inf, params={"n": 3}, distributions={"n": SPACE["n"]})),
    ]
    journal += [StudyCreated(1, "story", ("minimize",), 2**70, None, None, 0.5)]
    state = replay(journal)
    for command in commands:
        events = decide(state, command)
        journal += events
        state = replay(events, state)
    return journal


STORY = whole_story()


def test_an_event_is_a_short_array_that_begins_with_its_tag() -> None:
    events = [
        TrialStarted(3, 1.5, "w"),
        ParamsSuggested(3, 0, (0.5, 1), {"rule": "a"}),
        ValueReported(3, 7, "nan"),
        TrialFinished(3, TrialState.COMPLETE, (0.97, "-inf"), 2.5),
        TrialEnqueued(4, {"x": 1}),
    ]
    assert json.loads(encode_events(events)) == [
        ["started", 3, 1.5, "w", None],
        ["suggested", 3, 0, [0.5, 1], {"rule": "a"}, False],
        ["reported", 3, 7, "nan", None],
        ["finished", 3, "complete", [0.97, "-inf"], 2.5, None, [], None, None, None, None],
        ["enqueued", 4, {"x": 1}, None, None, None, None],
    ]


def test_every_kind_of_event_comes_back_from_json() -> None:
    written = encode_events(STORY)
    assert decode_events(written) == STORY
    assert encode_events(decode_events(written)) == written
    assert b"\n" not in written
    json.loads(written, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_old_journals_may_lack_the_newest_fields() -> None:
    old = b'[["created",1,"s",["minimize"],7],["started",0],["finished",0,"fail"]]'
    state = replay(decode_events(old))
    assert (state.seed, state.finished[0].state, state.finished[0].reason) == (7, TrialState.FAIL, None)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[",
        b'[["unknown",1]]',
        b'[["started"]]',
        b'[["started","0"]]',
        b'[["finished",0,"done"]]',
        b'[["space",{"x":{"name":"FloatDistribution","attributes":{"low":2,"high":1}}}]]',
        b'[["space",{"x":{"name":"Other","attributes":{}}}]]',
        b'[["space",{"x":3}]]',
        b'[["space",3]]',
        b'[["reported",0,0,null]]',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_strings_that_are_not_events_are_refused(text) -> None:
    with pytest.raises(UnreadableEvents) as caught:
        decode_events(text)
    assert str(caught.value).startswith("these are not events in journal format 2 or older (")
    assert str(caught.value).endswith("): they are damaged, or were written by a newer version of hpo")


def test_events_that_users_rely_on_are_marked() -> None:
    assert {kind.__name__ for kind in ACKNOWLEDGED} == {
        "StudyCreated",
        "TrialEnqueued",
        "TrialPaused",
        "TrialFinished",
        "TrialAdded",
        "ArtifactAdded",
    }


def test_a_state_is_the_fold_of_its_events() -> None:
    state = StudyState()
    for version, event in enumerate(STORY):
        assert state.version == version
        state = evolve(state, event)
    assert state == replay(STORY) == replay(decode_events(encode_events(STORY)))
    assert state.version == len(STORY)
    assert repr(state) == f"<StudyState 'story': version {len(STORY)}, 3 finished, 1 running, 1 waiting>"


@pytest.mark.parametrize(
    "stranger",
    [
        TrialFinished(0, TrialState.COMPLETE, (2.0,)),
        ParamsSuggested(0, 0, (0.5,)),
        ParamsSuggested(1, 7, (0.5,)),
        ValueReported(9, 0, 1.0),
    ],
)
def test_an_inconsistent_event_is_named_with_its_position(stranger) -> None:
    told = [
        StudyCreated(1, "s", ("minimize",), 0),
        TrialStarted(0),
        TrialFinished(0, TrialState.COMPLETE, (1.0,)),
        TrialStarted(1),
    ]
    with pytest.raises(InconsistentEvents, match=f"event 4 of the journal, {re.escape(repr(stranger))}, cannot follow"):
        replay([*told, stranger])
    with pytest.raises(InconsistentEvents):
        evolve(replay(told), stranger)


def test_replaying_leaves_old_states_unchanged() -> None:
    versions = [StudyState()]
    for event in STORY:
        versions.append(evolve(versions[-1], event))
    blobs = [state.to_bytes() for state in versions[1:]]
    for _ in range(2):
        for n, state in enumerate(versions[1:], start=1):
            replay(STORY[n:], state)
    assert [state.to_bytes() for state in versions[1:]] == blobs


def test_every_prefix_of_a_journal_is_a_serialisable_state() -> None:
    for n in range(1, len(STORY) + 1):
        state = replay(STORY[:n])
        twins = [
            StudyState.from_bytes(state.to_bytes()),
            StudyState.from_json(state.to_json()),
            pickle.loads(pickle.dumps(state)),
        ]
        for twin in twins:
            assert twin == state
            assert hash(twin) == hash(state)
            assert twin.to_bytes() == state.to_bytes()
            assert replay(STORY[n:], twin) == replay(STORY)


def test_a_study_continues_from_a_serialised_state() -> None:
    state = StudyState.from_bytes(replay(STORY).to_bytes())
    assert decide(state, Ask()) == decide(replay(STORY), Ask())
    suggest = Suggest(2, SPACE, {"lr": 0.5, "n": 1, "c": 1})
    assert decide(state, suggest) == decide(replay(STORY), suggest)
    assert len(decide(state, suggest)) == 1, "the space has its number still"


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.clear(),
        lambda d: d.pop("created"),
        lambda d: d.update(version="1"),
        lambda d: d.update(spaces=[]),
        lambda d: d["finished"][0].__setitem__(4, 99),
        lambda d: d["finished"][0].__setitem__(5, [1]),
        lambda d: d["finished"][0].__setitem__(5, [1, 99]),
        lambda d: d["created"].__setitem__(1, 3),
    ],
)
def test_bytes_that_are_not_a_state_are_refused(change) -> None:
    document = json.loads(replay(STORY).to_bytes())
    change(document)
    with pytest.raises(UnreadableEvents, match="journal format 2"):
        StudyState.from_bytes(json.dumps(document).encode())


@pytest.mark.parametrize("text", ["", "null", "[]", "{", "[" * 100_000])
def test_strings_that_are_not_a_state_are_refused(text) -> None:
    with pytest.raises(UnreadableEvents, match="they are damaged"):
        StudyState.from_json(text)


def test_a_state_of_a_newer_format_is_refused_by_name() -> None:
    document = json.loads(replay(STORY).to_bytes())
    document["created"][1] = 3
    with pytest.raises(UnreadableEvents) as caught:
        StudyState.from_bytes(json.dumps(document).encode())
    assert "it has format 3" in str(caught.value)


def test_trials_are_found_by_number_whatever_their_state() -> None:
    state = replay(STORY)
    assert [trial.number for trial in state.trials] == list(range(5))
    assert [trial.number for trial in state] == [0, 1, 4, 2, 3]
    assert [state.trial(number).state.name for number in range(5)] == [
        "COMPLETE",
        "FAIL",
        "RUNNING",
        "WAITING",
        "COMPLETE",
    ]
    assert state.trial(np.int64(4)).number == 4
    for number in (5, -1):
        with pytest.raises(TrialNotFound) as caught:
            state.trial(number)
        assert str(caught.value) == f"the study has no trial {number}: its trials are 0 to 4"
    with pytest.raises(InvalidType, match="a trial's number is an int, got 'x'"):
        state.trial("x")  # type: ignore[arg-type]


def test_the_state_holds_what_the_events_say() -> None:
    state = replay(STORY)
    first, second, added = state.finished
    assert (first.values, first.finished_at, first.worker, first.started_at) == ((1.0,), 2.5, "w0", 1.5)
    assert repr(first.params) == "{'lr': 0.1, 'c': nan}"
    assert first.note == {"rule": [1, None]}
    assert repr(first.intermediate_values) == "{0: 0.5, 1: nan}"
    assert first.constraints == {"m": -math.inf}
    assert second.params["c"] is True
    assert second.intermediate_values == {2**70: math.inf}
    assert repr(second.user_attrs) == "{'k': {'$': [nan, None]}}"
    assert added.value == -math.inf
    assert state.running[2].fixed_params == {"$float": 0.5}
    assert state.running[2].user_attrs == {"why": "because"}
    assert state.user_attrs == {"k": {"deep": [{"$float": 1}]}}
    assert state.metric_names == ("loss",)
    assert (state.seed, state.created_at) == (2**70, 0.5)


def test_states_differ_in_every_field() -> None:
    state = StudyState.create(seed=1)
    others = [
        StudyState.create(seed=2),
        StudyState.create(seed=1, name="x"),
        StudyState.create(seed=1, directions=["maximize"]),
        StudyState.create(seed=1, space={"n": SPACE["n"]}),
        replay([TrialStarted(0)], state),
        replay(decide(state, Enqueue({})), state),
        replay(decide(state, SetStudyAttribute("a", 1)), state),
    ]
    assert all(other != state for other in others)
    assert state == StudyState.create(seed=1)
    assert state.key.seed == 1
