"""What distributions, fixed and frozen trials do where the documents are silent: points 9 to 13."""

import datetime
import json
import math
import random

import pytest

import hpo
from hpo.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    check_distribution_compatibility,
    distribution_to_json,
    json_to_distribution,
)
from hpo.errors import InvalidArgument, InvalidDistribution, InvalidType, ValueOutsideDistribution, WrongNumberOfValues
from hpo.samplers import RandomSampler
from hpo.trial import FixedTrial, TrialState, create_trial

X = FloatDistribution(0, 10)


def one_trial(**fields):
    return create_trial(**{"value": 1.0, "params": {"x": 2.0}, "distributions": {"x": X}, **fields})


# 9: add_trial


def test_an_added_trial_gets_the_next_number_and_keeps_all_else():
    study = hpo.create_study(sampler=RandomSampler())
    study.optimize(lambda trial: trial.suggest_float("x", 0, 10), n_trials=2)
    given = one_trial(user_attrs={"a": [1]}, intermediate_values={0: 3.0, 5: 2.0}, constraints={"c": -1.0})
    study.add_trial(given)
    added = study.trials[2]
    assert added.number == 2
    for field in ("state", "values", "params", "distributions", "user_attrs", "intermediate_values", "constraints"):
        assert getattr(added, field) == getattr(given, field), field


def test_an_added_trial_keeps_its_times_and_one_made_by_hand_has_none():
    source, target = hpo.create_study(sampler=RandomSampler()), hpo.create_study(sampler=RandomSampler())
    source.optimize(lambda trial: 1.0, n_trials=1)
    target.add_trial(source.trials[0])
    target.add_trial(one_trial())
    ran, made = target.trials
    assert ran.datetime_start == source.trials[0].datetime_start
    assert ran.duration == source.trials[0].duration >= datetime.timedelta(0)
    assert (made.datetime_start, made.datetime_complete, made.duration) == (None, None, None)


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


# 10: create_trial


def test_a_trial_made_by_hand_is_complete_and_has_no_times():
    trial = create_trial(value=0.5)
    assert (trial.state, trial.number, trial.datetime_start, trial.datetime_complete) == (
        TrialState.COMPLETE,
        0,
        None,
        None,
    )


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
def test_a_trial_that_could_not_have_happened_is_a_value_error(fields, problem):
    with pytest.raises(ValueError, match=problem):
        one_trial(**fields)


# 11: FixedTrial


def test_a_fixed_trial_refuses_what_it_was_not_given():
    trial = FixedTrial({"x": 11.0, "c": "z"})
    with pytest.raises(ValueError, match=r"no value was given for parameter 'y'.* x, c"):
        trial.suggest_float("y", 0, 1)
    with pytest.raises(ValueOutsideDistribution, match=r"11.0 is not a valid value for parameter 'x'"):
        trial.suggest_float("x", 0, 10)
    with pytest.raises(ValueOutsideDistribution, match="'z' is not a valid value for parameter 'c'"):
        trial.suggest_categorical("c", ["a", "b"])
    assert (trial.params, trial.distributions) == ({}, {})


def test_a_fixed_trial_remembers_what_was_asked_for():
    trial = FixedTrial({"x": 2, "n": 3.0, "unused": None}, number=5)
    assert (trial.suggest_float("x", 0, 10), trial.suggest_int("n", 1, 3)) == (2.0, 3)
    assert trial.params == {"x": 2, "n": 3}
    assert trial.distributions == {"x": X, "n": IntDistribution(1, 3)}
    assert trial.number == 5
    assert isinstance(trial.datetime_start, datetime.datetime)


def test_a_fixed_trial_takes_reports_attributes_and_constraints_and_never_prunes():
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


# 12: FrozenTrial


def test_frozen_trials_with_equal_fields_are_equal_and_hash_equal():
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


def test_duration_and_last_step_are_none_where_they_are_unknown():
    study = hpo.create_study(sampler=RandomSampler())
    study.ask()
    running = study.trials[0]
    assert (running.duration, running.datetime_complete, running.last_step, running.value) == (None, None, None, None)
    assert running.datetime_start is not None
    assert one_trial(intermediate_values={7: 1.0, 2: 0.5}).last_step == 7


def test_a_frozen_trial_answers_with_what_it_holds_and_warns_outside_of_a_range():
    trial = one_trial()
    assert trial.suggest_float("x", 0, 10) == 2.0
    with pytest.warns(UserWarning, match=r"keeps the given value 2.0"):
        assert trial.suggest_float("x", 5, 10) == 2.0
    with pytest.raises(InvalidArgument, match="no value for parameter 'y'"):
        trial.suggest_int("y", 0, 1)
    trial.report(1.0, 0)
    assert (trial.intermediate_values, trial.should_prune()) == ({}, False)


def test_the_params_of_a_frozen_trial_cannot_be_changed_by_accident():
    study = hpo.create_study(sampler=RandomSampler())
    study.optimize(lambda trial: trial.suggest_float("x", 0, 10), n_trials=1)
    with pytest.raises(TypeError, match="immutable"):
        study.trials[0].params["x"] = 3.0
    with pytest.raises(AttributeError):
        study.trials[0].state = TrialState.FAIL


# 13: distributions


def test_numeric_distributions_are_equal_by_their_numbers_and_kind():
    assert FloatDistribution(0, 10) == FloatDistribution(0.0, 10.0)
    assert hash(FloatDistribution(0, 10)) == hash(FloatDistribution(0.0, 10.0))
    assert IntDistribution(0, 10) == IntDistribution(0.0, 10.0)
    assert IntDistribution(0, 10) != FloatDistribution(0, 10)
    assert FloatDistribution(0, 10) != FloatDistribution(0, 10, step=1)
    assert FloatDistribution(1, 10) != FloatDistribution(1, 10, log=True)


def test_choices_are_equal_with_their_types_and_in_their_order():
    assert CategoricalDistribution(["a", None]) == CategoricalDistribution(("a", None))
    assert CategoricalDistribution([1, 0]) != CategoricalDistribution([True, False])
    assert CategoricalDistribution([1]) != CategoricalDistribution([1.0])
    assert CategoricalDistribution(["a", "b"]) != CategoricalDistribution(["b", "a"])
    assert CategoricalDistribution([math.nan]) == CategoricalDistribution([math.nan])


@pytest.mark.parametrize("choices", [[], ()])
def test_no_choices_are_refused(choices):
    with pytest.raises(InvalidDistribution, match="at least one choice"):
        CategoricalDistribution(choices)


@pytest.mark.parametrize("choices", ["ab", {"a", "b"}, [["a"]], [object()], [b"a"]])
def test_choices_of_other_kinds_are_refused(choices):
    with pytest.raises(InvalidType):
        CategoricalDistribution(choices)


@pytest.mark.parametrize(
    ("distribution", "attributes"),
    [
        (FloatDistribution(0, 1), {"low": 0.0, "high": 1.0, "log": False, "step": None}),
        (FloatDistribution(0, 1, step=0.25), {"low": 0.0, "high": 1.0, "log": False, "step": 0.25}),
        (IntDistribution(1, 8, log=True), {"low": 1, "high": 8, "log": True, "step": 1}),
        (CategoricalDistribution(["a", None, True, 1, 1.0]), {"choices": ["a", None, True, 1, 1.0]}),
    ],
)
def test_a_distribution_is_written_as_its_name_and_attributes_and_read_back(distribution, attributes):
    text = distribution_to_json(distribution)
    assert json.loads(text) == {"name": type(distribution).__name__, "attributes": attributes}
    assert json_to_distribution(text) == distribution


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"name": "UniformDistribution", "attributes": {"low": 0, "high": 1}}',
        '{"name": "FloatDistribution"}',
        '{"name": "FloatDistribution", "attributes": {"low": 0}}',
        '{"name": "FloatDistribution", "attributes": {"low": 0, "high": 1, "base": 2}}',
        '{"name": "FloatDistribution", "attributes": {"low": 1, "high": 0}}',
    ],
)
def test_json_that_describes_no_distribution_is_a_value_error(text):
    with pytest.raises(InvalidDistribution):
        json_to_distribution(text)


def test_ranges_may_drift_and_kinds_and_choices_may_not():
    check_distribution_compatibility(FloatDistribution(0, 1), FloatDistribution(5, 9, step=0.5))
    check_distribution_compatibility(CategoricalDistribution(["a"]), CategoricalDistribution(["a"]))
    with pytest.raises(ValueError, match="can't change its kind"):
        check_distribution_compatibility(FloatDistribution(0, 1), IntDistribution(0, 1))
    with pytest.raises(ValueError, match="can't change its choices"):
        check_distribution_compatibility(CategoricalDistribution(["a"]), CategoricalDistribution(["b"]))
