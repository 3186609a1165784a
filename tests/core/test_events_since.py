"""What a scheduler that keeps events appends after each step."""

import pytest

import hpo
from hpo.core.memory import event_log
from hpo.errors import InvalidArgument, InvalidType
from hpo.samplers import RandomSampler

SPACE = {"x": hpo.FloatDistribution(0.0, 1.0)}


def steps(state, n):
    for _ in range(n):
        state, trial = hpo.ask(state, RandomSampler(), SPACE)
        state = hpo.report(state, trial, 0.5, 1)
        state = hpo.tell(state, trial, trial.params["x"])
    return state


@pytest.mark.parametrize("n", [1, 3, 40])
def test_the_events_lead_from_the_old_state_to_the_new_one(n):
    old = steps(hpo.StudyState.create(seed=1), 2)
    new = steps(old, n)
    events = hpo.events_since(new, old.version)
    assert len(events) == new.version - old.version
    assert hpo.replay(events, old) == new
    assert hpo.events_since(new, new.version) == []
    assert hpo.events_since(new, new.version - 1) == events[-1:]


def test_forks_of_a_state_have_their_own_events():
    old = steps(hpo.StudyState.create(seed=1), 2)
    one, other = hpo.enqueue(old, {"x": 0.25}), hpo.set_user_attr(old, None, "k", 1)
    assert [type(event).__name__ for event in hpo.events_since(one, old.version)] == ["TrialEnqueued"]
    assert [type(event).__name__ for event in hpo.events_since(other, old.version)] == ["StudyAttributeSet"]


def test_what_is_not_remembered_is_refused_and_never_wrong(monkeypatch):
    monkeypatch.setattr(event_log, "_KEPT", 10)
    start = hpo.StudyState.create(seed=1)
    state, states = start, [start]
    for _ in range(12):
        state = steps(state, 1)
        states.append(state)
    for old in states:
        if state.version - old.version <= 10:
            assert hpo.replay(hpo.events_since(state, old.version), old) == state
    with pytest.raises(InvalidArgument, match="remembers the events after version"):
        hpo.events_since(state, start.version)
    with pytest.raises(InvalidArgument):
        hpo.events_since(state, state.version + 1)
    with pytest.raises(InvalidType, match="a version is a number of events"):
        hpo.events_since(state, "1")


def test_the_memory_starts_anew_after_a_replay_and_after_bytes():
    old = steps(hpo.StudyState.create(seed=1), 2)
    for again in (
        hpo.StudyState.from_bytes(old.to_bytes()),
        hpo.replay(hpo.events_since(old, 1), hpo.StudyState.create(seed=1)),
    ):
        assert again == old
        with pytest.raises(InvalidArgument):
            hpo.events_since(again, 1)
        new = steps(again, 1)
        assert hpo.replay(hpo.events_since(new, again.version), again) == new


def test_how_a_state_came_to_be_is_no_part_of_it():
    one = steps(hpo.StudyState.create(seed=1), 2)
    other = hpo.StudyState.from_bytes(one.to_bytes())
    assert one == other
    assert hash(one) == hash(other)
    assert one.to_bytes() == other.to_bytes()
