"""Trials that a state returns do not share memory with it, and its memory stays bounded."""

import attrs
import pytest

import hpo
from hpo.core import History


def state_with_one_trial():
    state = hpo.StudyState.create(seed=1)
    state, trial = hpo.ask(state, hpo.samplers.RandomSampler(), {"x": hpo.FloatDistribution(0, 1)})
    return hpo.tell(state, trial.number, 0.5)


def test_an_attribute_set_on_a_best_trial_does_not_reach_the_state():
    state = state_with_one_trial()
    before = state.to_bytes()
    hpo.best_trial(state).set_user_attr("k", 1)
    hpo.best_trials(state)[0].set_user_attr("k", 1)
    assert state.to_bytes() == before


def test_an_attribute_set_on_an_asked_trial_does_not_reach_the_state():
    state, trial = hpo.ask(hpo.StudyState.create(), hpo.samplers.RandomSampler(), {"x": hpo.FloatDistribution(0, 1)})
    trial.set_user_attr("k", 1)
    assert not state.running[trial.number].user_attrs


@attrs.frozen
class Labelled:
    """Fold: the number of trials; one fold per label."""

    label: int

    def init(self):
        return 0

    def step(self, carry, trial):
        return carry + 1


def test_a_history_keeps_a_bounded_number_of_recent_folds():
    history = History(state_with_one_trial().finished)
    for label in range(1000):
        assert history.fold(Labelled(label)) == 1
        assert history.fold(Labelled(-1)) == 1
    memo = history._buffer.memo
    assert len(memo) <= 512
    assert Labelled(-1) in memo


def test_an_impossible_enqueued_trial_can_be_taken_off_the_queue():
    space = {"kind": hpo.CategoricalDistribution(["a", "b"])}
    state = hpo.enqueue(hpo.StudyState.create(), {"kind": "z"})
    with pytest.raises(ValueError, match="'z'"):
        hpo.ask(state, hpo.samplers.RandomSampler(), space)
    state = hpo.tell(state, state.waiting.first(), state=hpo.TrialState.FAIL, reason="no such kind")
    assert not state.waiting
    assert state.finished[0].reason == "no such kind"
    state, trial = hpo.ask(state, hpo.samplers.RandomSampler(), space)
    assert trial.number == 1
