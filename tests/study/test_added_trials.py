"""Trials that are added to a study as a whole, and `create_trial`, which makes them."""

import datetime
import math

import pytest

import hpo
from hpo.distributions import FloatDistribution
from hpo.errors import WrongNumberOfValues
from hpo.samplers import RandomSampler
from hpo.trial import TrialState, create_trial

X = FloatDistribution(0, 10)


def one_trial(**fields):
    return create_trial(**{"value": 1.0, "params": {"x": 2.0}, "distributions": {"x": X}, **fields})


def test_added_trial_gets_the_next_number():
    study = hpo.create_study(sampler=RandomSampler())
    study.optimize(lambda trial: trial.suggest_float("x", 0, 10), n_trials=2)
    given = one_trial(user_attrs={"a": [1]}, intermediate_values={0: 3.0, 5: 2.0}, constraints={"c": -1.0})
    study.add_trial(given)
    added = study.trials[2]
    assert added.number == 2
    for field in ("state", "values", "params", "distributions", "user_attrs", "intermediate_values", "constraints"):
        assert getattr(added, field) == getattr(given, field), field


def test_added_trial_keeps_its_times():
    source, target = hpo.create_study(sampler=RandomSampler()), hpo.create_study(sampler=RandomSampler())
    source.optimize(lambda trial: 1.0, n_trials=1)
    target.add_trial(source.trials[0])
    given = one_trial()
    target.add_trial(given)
    ran, made = target.trials
    assert ran.datetime_start == source.trials[0].datetime_start
    assert ran.duration == source.trials[0].duration >= datetime.timedelta(0)
    assert (made.datetime_start, made.datetime_complete) == (given.datetime_start, given.datetime_complete)


@pytest.mark.parametrize(
    "state", [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL], ids=lambda state: state.value
)
def test_finished_trials_of_every_kind_can_be_added(state):
    study = hpo.create_study(sampler=RandomSampler())
    study.add_trial(create_trial(state=state, value=1.0 if state is TrialState.COMPLETE else None))
    assert [trial.state for trial in study.trials] == [state]


def test_a_waiting_trial_is_added_to_the_queue():
    study = hpo.create_study(sampler=RandomSampler())
    study.add_trial(create_trial(state=TrialState.WAITING, params={"x": 2.0}, distributions={"x": X}))
    assert study.trials[0].state is TrialState.WAITING
    study.optimize(lambda trial: trial.suggest_float("x", 0, 10), n_trials=1)
    assert [trial.params for trial in study.trials] == [{"x": 2.0}]


def test_a_running_trial_or_something_else_cannot_be_added():
    study, other = hpo.create_study(sampler=RandomSampler()), hpo.create_study(sampler=RandomSampler())
    other.ask()
    with pytest.raises(ValueError, match="running trial can't be added"):
        study.add_trial(other.trials[0])
    with pytest.raises(TypeError, match="create_trial"):
        study.add_trial({"x": 1.0})
    assert study.trials == []


def test_the_values_of_an_added_trial_fit_the_directions():
    study = hpo.create_study(directions=["minimize", "minimize"], sampler=RandomSampler())
    with pytest.raises(WrongNumberOfValues, match=r"expected 2 objective values, .* but got 1"):
        study.add_trial(one_trial())
    study.add_trial(create_trial(values=[1.0, 2.0]))
    assert study.best_trials[0].values == (1.0, 2.0)


def test_several_trials_are_added_all_or_none():
    study = hpo.create_study(sampler=RandomSampler())
    with pytest.raises(WrongNumberOfValues):
        study.add_trials([one_trial(), create_trial(values=[1.0, 2.0])])
    assert study.trials == []
    study.add_trials(one_trial(value=float(n)) for n in range(3))
    assert [(trial.number, trial.value) for trial in study.trials] == [(0, 0.0), (1, 1.0), (2, 2.0)]


def test_created_trial_is_complete_and_has_the_time_at_which_it_was_made():
    before = datetime.datetime.now() - datetime.timedelta(milliseconds=1)  # noqa: DTZ005 - local, as in every trial
    trial = create_trial(value=0.5)
    assert (trial.state, trial.number) == (TrialState.COMPLETE, 0)
    assert before <= trial.datetime_start == trial.datetime_complete
    waiting = create_trial(state="waiting")
    assert (waiting.datetime_start, waiting.datetime_complete) == (None, None)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"value": None}, "needs a value"),
        ({"value": math.nan}, "NaN"),
        ({"values": [1.0]}, "either value or values"),
        ({"params": {"x": 2.0, "y": 1}}, "every parameter needs its distribution"),
        ({"params": {}}, "every parameter needs its distribution"),
        ({"params": {"x": 11.0}}, "11.0 is not a valid value for parameter 'x'"),
        ({"state": TrialState.FAIL}, "a fail trial has no value"),
        ({"intermediate_values": {-1: 0.0}}, "step"),
    ],
)
def test_create_trial_refuses_inconsistent_fields(fields, problem):
    with pytest.raises(ValueError, match=problem):
        one_trial(**fields)
