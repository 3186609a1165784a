"""Where an event is that cannot follow the ones before it, and how the state of a long journal is computed."""

import pytest

import hpo
from hpo.core import replay
from hpo.core.records.events import TrialFinished
from hpo.core.values import TrialState
from hpo.errors import InconsistentEvents
from hpo.journal import current_state, open_journal, storage


@pytest.fixture(params=["s.jsonl", "sqlite:///s.db"])
def place(request, tmp_path):
    return request.param.replace("s.", f"{tmp_path}/s.", 1) if "://" in request.param else str(tmp_path / request.param)


@pytest.mark.parametrize("many", [10, 10_000])
def test_an_event_that_does_not_fit_is_found_with_its_place(place, make_events, monkeypatch, many):
    monkeypatch.setattr(storage, "_MANY", many)
    events = make_events(4)
    journal = open_journal(place).create("s", events)
    journal.append([TrialFinished(99, TrialState.COMPLETE, (1.0,))], expected=len(events))
    for act in (
        lambda: hpo.load_study(study_name="s", storage=place),
        lambda: current_state(open_journal(place).open("s")),
    ):
        with pytest.raises(InconsistentEvents) as caught:
            act()
        assert caught.value.position == len(events)
        assert caught.value.place is not None
        assert place.partition("///")[2] or place in caught.value.place
        assert ("line 2" if place.endswith("jsonl") else "study 's'") in caught.value.place


def test_earlier_states_are_those_of_replay_also_when_many_events_are_folded_at_once(place, monkeypatch):
    study = hpo.create_study(study_name="s", storage=place, sampler=hpo.samplers.RandomSampler(seed=1))
    study.enqueue_trial({"x": 0.5})
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=6)
    events = study.events()
    monkeypatch.setattr(storage, "_MANY", 3)
    for version in range(1, len(events) + 1):
        assert study.at(version) == replay(events[:version])
    assert current_state(open_journal(place).open("s")) == replay(events)
    assert hpo.load_study(study_name="s", storage=place).state == replay(events)
