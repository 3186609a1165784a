"""Trials that are enqueued: their values, and what the sampler adds."""

import operator

import pytest

import hpo
from hpo.samplers import GridSampler, RandomSampler
from hpo.trial import TrialState

unit = operator.methodcaller("suggest_float", "x", 0, 1)


@pytest.fixture
def study():
    return hpo.create_study(sampler=RandomSampler(), seed=0)


def test_enqueued_value_outside_the_range_is_kept_with_a_warning(study):
    study.enqueue_trial({"x": 7.0})
    with pytest.warns(UserWarning, match="keeps the given value 7.0, which is outside"):
        study.optimize(unit, n_trials=1)
    assert (study.trials[0].params, study.trials[0].value) == ({"x": 7.0}, 7.0)


def test_enqueued_value_that_is_not_a_choice_fails_its_trial(study):
    study.enqueue_trial({"c": "z"})
    with pytest.raises(ValueError, match="'z' is not a valid value for parameter 'c'"):
        study.optimize(lambda trial: len(trial.suggest_categorical("c", ["a", "b"])), n_trials=1)
    assert study.trials[0].state is TrialState.FAIL


def test_enqueued_names_that_are_not_asked_for_are_kept(study):
    study.enqueue_trial({"unheard_of": 3})
    study.optimize(unit, n_trials=1)
    (trial,) = study.trials
    assert {*trial.params} == {"x"}
    assert trial.fixed_params == {"unheard_of": 3}


def test_grid_completes_an_enqueued_trial_and_covers_everything():
    study = hpo.create_study(sampler=GridSampler({"x": [0.0, 1.0], "n": [1, 2]}))
    study.enqueue_trial({"x": 0.5})
    study.optimize(lambda trial: unit(trial) + trial.suggest_int("n", 1, 2))
    tried = [(trial.params["x"], trial.params["n"]) for trial in study.trials]
    assert tried[0][0] == 0.5
    assert sorted(tried[1:]) == [(0.0, 1), (0.0, 2), (1.0, 1), (1.0, 2)]
