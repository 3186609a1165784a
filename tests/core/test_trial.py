"""Trials as values, trials made by hand, and trials added to another study."""

from __future__ import annotations

import copy
import datetime
import math
import pickle
import warnings

import numpy as np
import pytest

import hpo
from hpo.core import CategoricalDistribution, FloatDistribution, FrozenTrial, IntDistribution, TrialState, create_trial
from hpo.errors import InvalidArgument, InvalidType, SeveralObjectives, ValueOutsideDistribution
from hpo.samplers import RandomSampler

DISTRIBUTIONS = {
    "x": FloatDistribution(0.0, 10.0),
    "n": IntDistribution(1, 9, step=2),
    "c": CategoricalDistribution(["a", None, True]),
}
PARAMS = {"x": 2.5, "n": 3, "c": True}


def sample(**fields) -> FrozenTrial:
    return create_trial(value=1.0, params=PARAMS, distributions=DISTRIBUTIONS, **fields)


def test_which_states_are_finished() -> None:
    assert {state.name: state.is_finished() for state in TrialState} == {
        "WAITING": False,
        "RUNNING": False,
        "PAUSED": False,
        "COMPLETE": True,
        "PRUNED": True,
        "FAIL": True,
    }


def test_create_trial_returns_a_complete_trial_with_builtin_values() -> None:
    trial = create_trial(
        values=[np.float32(0.5), 2],
        params={"x": 1, "n": np.float64(3.0), "c": np.True_},
        distributions=DISTRIBUTIONS,
        user_attrs={"a": (1, 2)},
        intermediate_values={np.int64(3): np.float32(0.25), 1: math.nan},
        constraints={"memory": 1},
    )
    assert trial.state is TrialState.COMPLETE
    assert (trial.number, trial.values) == (0, (0.5, 2.0))
    assert trial.params == {"x": 1.0, "n": 3, "c": True}
    assert [type(value) for value in trial.params.values()] == [float, int, bool]
    assert trial.distributions == DISTRIBUTIONS
    assert trial.user_attrs == {"a": [1, 2]}
    assert repr(trial.intermediate_values) == "{3: 0.25, 1: nan}"
    assert repr(trial.constraints) == "{'memory': 1.0}"
    assert (trial.datetime_start, trial.datetime_complete, trial.duration) == (None, None, None)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({}, InvalidArgument, "a complete trial needs a value, got none"),
        ({"values": []}, InvalidArgument, "a complete trial needs a value, got none"),
        ({"value": math.nan}, InvalidArgument, "a complete trial can't have a NaN among its values: (nan,)"),
        (
            {"value": 1.0, "values": [1.0]},
            InvalidArgument,
            "give either value or values, got value=1.0 and values=[1.0]",
        ),
        ({"values": 1.0}, InvalidType, "values is a sequence with one number per direction, got 1.0"),
        ({"value": "1"}, InvalidType, "an objective value is a number, got '1' of type str"),
        ({"value": 1.0, "state": TrialState.FAIL}, InvalidArgument, "a fail trial has no value, got (1.0,)"),
        ({"value": 1.0, "state": TrialState.RUNNING}, InvalidArgument, "a running trial has no value, got (1.0,)"),
        ({"value": 1.0, "state": "complete"}, InvalidType, "a trial's state is a TrialState, got 'complete'"),
        (
            {"value": 1.0, "params": {"x": 1.0}},
            InvalidArgument,
            "every parameter needs its distribution: params has ['x'], distributions has []",
        ),
        (
            {"value": 1.0, "distributions": {"x": DISTRIBUTIONS["x"]}},
            InvalidArgument,
            "every parameter needs its distribution: params has [], distributions has ['x']",
        ),
        (
            {"value": 1.0, "params": {"x": 11.0}, "distributions": {"x": DISTRIBUTIONS["x"]}},
            ValueOutsideDistribution,
            "11.0 is not a valid value for parameter 'x'; expected a member of FloatDistribution(low=0.0, high=10.0)",
        ),
        (
            {"value": 1.0, "intermediate_values": {-1: 0.0}},
            InvalidArgument,
            "a step is a whole number from 0 on, got -1",
        ),
        (
            {"value": 1.0, "intermediate_values": {"a": 0.0}},
            InvalidType,
            "a step is a whole number from 0 on, got 'a' of type str",
        ),
        (
            {"value": 1.0, "intermediate_values": {1: "a"}},
            InvalidType,
            "a reported value is a number, got 'a' of type str",
        ),
        (
            {"value": 1.0, "constraints": {"m": math.nan}},
            InvalidArgument,
            "constraint 'm' needs a number, got NaN, which is neither feasible nor infeasible",
        ),
        ({"value": 1.0, "constraints": {"m": "a"}}, InvalidType, "constraint 'm' needs a number, got 'a' of type str"),
        ({"value": 1.0, "constraints": {1: 1.0}}, InvalidType, "a constraint's name is a str, got 1 of type int"),
        (
            {"value": 1.0, "user_attrs": {1: 1.0}},
            InvalidType,
            "the keys of an attribute's dicts are strings; got [1]",
        ),
    ],
)
def test_invalid_trials_are_refused(fields, error, message) -> None:
    with pytest.raises(error) as caught:
        create_trial(**fields)
    assert str(caught.value) == message


def test_a_pruned_trial_with_nan_has_no_value() -> None:
    assert create_trial(state=TrialState.PRUNED).values is None
    assert create_trial(state=TrialState.PRUNED, value=1.0).values == (1.0,)
    assert create_trial(state=TrialState.PRUNED, value=math.nan).values is None


def test_value_requires_a_single_objective() -> None:
    assert FrozenTrial(3, TrialState.RUNNING).value is None
    assert sample().value == 1.0
    with pytest.raises(SeveralObjectives) as caught:
        create_trial(values=[1.0, 2.0]).value  # noqa: B018
    assert str(caught.value) == "the value of trial 0 requires a single objective: for several, use values"


def test_derived_properties() -> None:
    trial = FrozenTrial(0, TrialState.FAIL, started_at=100.0, finished_at=102.5, reason="out of memory")
    assert trial.duration == datetime.timedelta(seconds=2.5)
    assert trial.datetime_start == datetime.datetime.fromtimestamp(100.0)  # noqa: DTZ006
    assert trial.datetime_complete == datetime.datetime.fromtimestamp(102.5)  # noqa: DTZ006
    assert trial.system_attrs == {"fail_reason": "out of memory"}
    backwards = FrozenTrial(0, TrialState.FAIL, started_at=100.0, finished_at=90.0)
    assert backwards.duration == datetime.timedelta(0)
    assert FrozenTrial(0, TrialState.RUNNING, started_at=1.0).duration is None
    assert FrozenTrial(0, TrialState.RUNNING).last_step is None
    assert sample(intermediate_values={5: 0.0, 2: 1.0}).last_step == 5
    assert sample(constraints={"a": 0.0, "b": -1.0}).feasible
    assert not sample(constraints={"a": 0.0, "b": 5e-324}).feasible
    assert sample().feasible


def test_a_frozen_trial_suggests_its_own_values() -> None:
    trial = sample()
    assert trial.suggest_float("x", 0.0, 10.0) == 2.5
    assert trial.suggest_float("n", 0.0, 10.0) == 3.0
    assert trial.suggest_int("n", 1, 9) == 3
    assert trial.suggest_categorical("c", [True, False]) is True
    trial.report(1.0, 0)
    trial.set_constraint("m", 1.0)
    assert trial.should_prune() is False
    assert trial == sample()


def test_a_frozen_trial_warns_outside_of_numeric_ranges() -> None:
    with pytest.warns(UserWarning, match="keeps the given value") as caught:
        assert sample().suggest_float("x", 5.0, 6.0) == 2.5
    assert str(caught[0].message) == (
        "parameter 'x' keeps the given value 2.5, which is outside FloatDistribution(low=5.0, high=6.0)"
    )


def test_a_frozen_trial_refuses_unknown_parameters() -> None:
    with pytest.raises(InvalidArgument) as caught:
        sample().suggest_float("y", 0.0, 1.0)
    assert str(caught.value) == "trial 0 has no value for parameter 'y': it has x, n, c"
    with pytest.raises(ValueOutsideDistribution) as caught_value:
        sample().suggest_categorical("c", [1, 2])
    assert str(caught_value.value) == (
        "True is not a valid value for parameter 'c'; expected a member of CategoricalDistribution(choices=(1, 2))"
    )
    with pytest.raises(ValueOutsideDistribution, match=r"2\.5 is not a valid value for parameter 'x'"):
        sample().suggest_int("x", 0, 9)
    with pytest.raises(InvalidType, match="a reported value is a number"):
        sample().report("a", 0)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="NaN"):
        sample().set_constraint("m", math.nan)


def test_setting_an_attribute_returns_a_changed_copy() -> None:
    original = sample(user_attrs={"a": 1})
    assert copy.copy(original) is copy.deepcopy(original) is original
    assert original.set_user_attr("b", [1]).user_attrs == {"a": 1, "b": [1]}
    assert original.user_attrs == {"a": 1}
    with pytest.raises(InvalidType, match="an attribute is made of"):
        original.set_user_attr("b", object())
    with pytest.raises(InvalidType, match="an attribute's key"):
        original.set_user_attr(1, "b")


def test_trials_are_immutable_comparable_and_hashable() -> None:
    trial = sample()
    with pytest.raises(AttributeError):
        trial.number = 3  # type: ignore[misc]
    assert trial == sample()
    assert hash(trial) == hash(sample())
    assert trial != sample(user_attrs={"a": 1})
    trials = [FrozenTrial(number, TrialState.RUNNING) for number in (2, 0, 1)]
    assert [t.number for t in sorted(trials)] == [0, 1, 2]


def test_a_pickled_trial_is_equal_even_with_nan() -> None:
    nan = CategoricalDistribution([float("nan"), 1])
    trial = create_trial(
        value=math.inf,
        params={"c": float("nan")},
        distributions={"c": nan},
        user_attrs={"a": [float("nan"), {"b": float("nan")}]},
        intermediate_values={0: float("nan")},
    )
    twin = pickle.loads(pickle.dumps(trial))
    assert twin == trial
    assert repr(twin) == repr(trial)
    assert twin.params["c"] is trial.params["c"]


def test_trials_of_a_grid_off_the_step_can_be_added_elsewhere():
    study = hpo.create_study(sampler=hpo.samplers.GridSampler({"x": [-0.5, 0.5]}))
    study.optimize(lambda trial: trial.suggest_float("x", -10, 10, step=1.0), n_trials=9)
    other = hpo.create_study()
    other.add_trials(study.trials)
    assert [trial.params for trial in other.trials] == [{"x": -0.5}, {"x": 0.5}]


def test_a_trial_enqueued_outside_its_range_can_be_added_elsewhere():
    study = hpo.create_study()
    study.enqueue_trial({"x": 100.0})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    other = hpo.create_study()
    other.add_trials(study.trials)
    assert other.trials[0].params == {"x": 100.0}
    assert hpo.StudyState.from_bytes(other.state.to_bytes()) == other.state


def test_no_method_of_a_trial_changes_the_state_that_holds_it() -> None:
    state, trial = hpo.ask(hpo.StudyState.create(), RandomSampler(), {"x": FloatDistribution(0, 1)})
    state = hpo.tell(hpo.report(state, trial, 0.5, 1), trial, 0.25)
    before = state.to_bytes()
    for held in (state.trials[0], state.trial(0), state.finished[0], hpo.best_trial(state)):
        held.set_user_attr("k", 1)
        held.report(0.1, 9)
        held.set_constraint("c", 1.0)
        held.should_prune()
        held.suggest_float("x", 0, 1)
        copy.deepcopy(held).set_user_attr("k", 2)
        for name in held.__struct_fields__:
            with pytest.raises(AttributeError):
                setattr(held, name, None)
    assert state.to_bytes() == before
