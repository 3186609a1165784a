"""`FixedTrial` and `FrozenTrial`: trials outside of a run."""

import datetime
import math
import random

import pytest

import hpo
from hpo.distributions import FloatDistribution, IntDistribution
from hpo.errors import InvalidArgument, InvalidType, ValueOutsideDistribution
from hpo.samplers import RandomSampler
from hpo.trial import FixedTrial, TrialState, create_trial

X = FloatDistribution(0, 10)


def one_trial(**fields):
    return create_trial(**{"value": 1.0, "params": {"x": 2.0}, "distributions": {"x": X}, **fields})


def test_fixed_trial_refuses_what_it_was_not_given():
    trial = FixedTrial({"x": 11.0, "c": "z"})
    with pytest.raises(ValueError, match=r"no value was given for parameter 'y'.* x, c"):
        trial.suggest_float("y", 0, 1)
    with pytest.raises(ValueOutsideDistribution, match=r"11.0 is not a valid value for parameter 'x'"):
        trial.suggest_float("x", 0, 10)
    with pytest.raises(ValueOutsideDistribution, match="'z' is not a valid value for parameter 'c'"):
        trial.suggest_categorical("c", ["a", "b"])
    assert (trial.params, trial.distributions) == ({}, {})


def test_fixed_trial_remembers_what_was_asked_for():
    trial = FixedTrial({"x": 2, "n": 3.0, "unused": None}, number=5)
    assert (trial.suggest_float("x", 0, 10), trial.suggest_int("n", 1, 3)) == (2.0, 3)
    assert trial.params == {"x": 2, "n": 3}
    assert trial.distributions == {"x": X, "n": IntDistribution(1, 3)}
    assert trial.number == 5
    assert isinstance(trial.datetime_start, datetime.datetime)


def test_fixed_trial_keeps_reports_attributes_and_constraints():
    trial = FixedTrial({})
    trial.report(math.nan, 0)
    trial.report(1.0, 1)
    trial.report(2.0, 1)
    trial.set_user_attr("a", (1, 2))
    trial.set_constraint("c", 3)
    assert trial.should_prune() is False
    assert trial.intermediate_values[1] == 1.0
    assert (trial.user_attrs, trial.constraints) == ({"a": [1, 2]}, {"c": 3.0})
    with pytest.raises(InvalidType):
        trial.set_user_attr("a", object())
    with pytest.raises(InvalidArgument):
        trial.report(1.0, -1)


def test_equality_of_frozen_trials():
    one, other = one_trial(), one_trial()
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other}) == 1
    assert one != one_trial(value=2.0)
    assert one != one_trial(user_attrs={"a": 1})
    assert one != (one.number, one.state)


def test_frozen_trials_are_ordered_by_number():
    study = hpo.create_study(sampler=RandomSampler())
    study.optimize(lambda trial: -float(trial.number), n_trials=10)
    shuffled = random.Random(0).sample(study.trials, 10)
    assert sorted(shuffled) == study.trials
    assert max(shuffled).number == 9


def test_unknown_duration_and_last_step_are_none():
    study = hpo.create_study(sampler=RandomSampler())
    study.ask()
    running = study.trials[0]
    assert (running.duration, running.datetime_complete, running.last_step, running.value) == (None, None, None, None)
    assert running.datetime_start is not None
    assert one_trial(intermediate_values={7: 1.0, 2: 0.5}).last_step == 7


def test_frozen_trial_suggests_what_it_holds():
    trial = one_trial()
    assert trial.suggest_float("x", 0, 10) == 2.0
    with pytest.warns(UserWarning, match=r"keeps the given value 2.0"):
        assert trial.suggest_float("x", 5, 10) == 2.0
    with pytest.raises(InvalidArgument, match="no value for parameter 'y'"):
        trial.suggest_int("y", 0, 1)
    trial.report(1.0, 0)
    assert (trial.intermediate_values, trial.should_prune()) == ({}, False)


def test_params_of_a_frozen_trial_are_immutable():
    study = hpo.create_study(sampler=RandomSampler())
    study.optimize(lambda trial: trial.suggest_float("x", 0, 10), n_trials=1)
    with pytest.raises(TypeError, match="immutable"):
        study.trials[0].params["x"] = 3.0
    with pytest.raises(AttributeError):
        study.trials[0].state = TrialState.FAIL
