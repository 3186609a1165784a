"""Asking, telling, enqueueing, attributes and what a study hands out."""

import operator

import numpy as np
import pytest

import hpo
from hpo.errors import (
    InvalidArgument,
    InvalidType,
    NoCompletedTrial,
    TrialNotFound,
    TrialNotRunning,
    WrongNumberOfValues,
)
from hpo.samplers import RandomSampler
from hpo.trial import TrialState

unit = operator.methodcaller("suggest_float", "x", 0, 1)
SPACE = {
    "x": hpo.FloatDistribution(0, 1),
    "n": hpo.IntDistribution(1, 9),
    "c": hpo.CategoricalDistribution(["a", None]),
}


@pytest.fixture
def study():
    return hpo.create_study(sampler=RandomSampler(), seed=0)


# ask and tell


def test_a_trial_is_asked_for_and_told(study):
    trial = study.ask()
    assert study.trials[0].state is TrialState.RUNNING
    x = trial.suggest_float("x", 0, 1)
    told = study.tell(trial, x**2)
    assert told == study.trials[0]
    assert (told.state, told.value, told.params) == (TrialState.COMPLETE, x**2, {"x": x})
    assert told.distributions == {"x": hpo.FloatDistribution(0, 1)}


def test_a_trial_is_told_by_its_number(study):
    study.ask()
    second = study.ask()
    assert study.tell(second.number, 2.0).number == 1
    assert study.tell(np.int64(0), 1.0).number == 0
    assert [trial.number for trial in study.state.finished] == [1, 0]


def test_a_space_is_suggested_at_once(study):
    trial = study.ask(SPACE)
    assert {*trial.params} == {*SPACE}
    assert all(distribution.contains(trial.params[name]) for name, distribution in SPACE.items())
    study.tell(trial, 1.0)
    assert study.trials[0].params == trial.params
    assert study.trials[0].distributions == SPACE


def test_declared_space_is_suggested_from_the_first_trial_on():
    study = hpo.create_study(space=SPACE, sampler=RandomSampler())
    trial = study.ask()
    x, n = trial.suggest_float("x", 0, 1), trial.suggest_int("n", 1, 9)
    assert study.trials[0].params["x"] == x
    assert study.tell(trial, 1.0).params == {"x": x, "n": n}


def test_several_trials_are_asked_for_at_once(study):
    trials = study.ask(SPACE, n=3)
    assert [trial.number for trial in trials] == [0, 1, 2]
    assert len({trial.params["x"] for trial in trials}) == 3
    for count in (0, -1, 1.5):
        with pytest.raises(InvalidArgument, match="at least 1"):
            study.ask(SPACE, n=count)
    assert len(study.trials) == 3


def test_each_trial_of_a_batch_sees_the_ones_before_it():
    seen = []

    def spy(state, trial, space, key):
        seen.append([{**other.params} for other in state.running.values() if other.number < trial.number])
        return RandomSampler()(state, trial, space, key)

    study = hpo.create_study(sampler=spy)
    trials = study.ask({"x": SPACE["x"]}, n=3)
    assert seen == [[], [trials[0].params], [trials[0].params, trials[1].params]]


@pytest.mark.parametrize(
    ("state", "values", "expected"),
    [
        (None, 1.0, (TrialState.COMPLETE, (1.0,))),
        (TrialState.COMPLETE, [1], (TrialState.COMPLETE, (1.0,))),
        (TrialState.PRUNED, None, (TrialState.PRUNED, (0.5,))),
        (TrialState.PRUNED, 3.0, (TrialState.PRUNED, (3.0,))),
        (TrialState.FAIL, None, (TrialState.FAIL, None)),
        (None, float("nan"), (TrialState.FAIL, None)),
    ],
)
def test_a_trial_ends_as_it_is_told(study, state, values, expected):
    trial = study.ask()
    trial.report(0.5, 0)
    told = study.tell(trial, values, state)
    assert (told.state, told.values) == expected


@pytest.mark.parametrize(
    ("state", "values", "error"),
    [
        (None, None, InvalidArgument),
        (TrialState.COMPLETE, None, InvalidArgument),
        (TrialState.RUNNING, 1.0, InvalidArgument),
        (TrialState.WAITING, None, InvalidArgument),
        (TrialState.FAIL, 1.0, InvalidArgument),
        ("done", 1.0, InvalidArgument),
        (None, "1", InvalidType),
        (None, [1.0, 2.0], WrongNumberOfValues),
        (None, {"loss": 1.0}, InvalidArgument),
    ],
)
def test_invalid_result_is_refused_and_the_trial_stays_running(study, state, values, error):
    trial = study.ask()
    with pytest.raises(error):
        study.tell(trial, values, state)
    assert study.trials[0].state is TrialState.RUNNING
    assert study.tell(trial, 1.0).value == 1.0


def test_only_a_running_trial_can_be_told(study):
    with pytest.raises(TrialNotFound, match="no trial 0: it has no trials"):
        study.tell(0, 1.0)
    trial = study.ask()
    study.tell(trial, 1.0)
    with pytest.raises(TrialNotRunning, match="a finished trial cannot be changed"):
        study.tell(trial, 2.0)
    with pytest.raises(TrialNotFound, match="its trials are 0 to 0"):
        study.tell(7, 1.0)
    study.enqueue_trial({"x": 0.5})
    with pytest.raises(TrialNotRunning, match="ask for it first"):
        study.tell(1, 1.0)
    for nonsense in ("0", None, 0.5):
        with pytest.raises(TypeError):
            study.tell(nonsense, 1.0)


def test_tell_returns_a_finished_trial_on_demand(study):
    trial = study.ask()
    first = study.tell(trial, 1.0)
    assert study.tell(trial, 2.0, skip_if_finished=True) == first
    assert study.tell(0, 2.0, skip_if_finished=True).value == 1.0


def test_the_reason_of_a_failure_can_be_told(study):
    assert study.tell(study.ask(), state=TrialState.FAIL, reason="no memory").reason == "no memory"


def test_results_are_told_by_the_names_of_the_metrics():
    study = hpo.create_study(directions=["minimize", "maximize"], sampler=RandomSampler())
    study.set_metric_names(["loss", "accuracy"])
    assert study.tell(study.ask(), {"accuracy": 0.9, "loss": 0.1}).values == (0.1, 0.9)
    with pytest.raises(InvalidArgument, match="metric names"):
        study.tell(study.ask(), {"accuracy": 0.9})


def test_a_loaded_study_tells_the_trials_of_another_process(tmp_path):
    storage = tmp_path / "s.jsonl"
    number = hpo.create_study(storage=storage, study_name="s").ask(SPACE).number
    loaded = hpo.load_study(storage=storage)
    assert loaded.tell(number, 1.0).params.keys() == SPACE.keys()


# enqueue


def test_enqueued_trials_keep_values_attributes_and_order(study):
    study.enqueue_trial({"x": 0.25}, user_attrs={"from": "me"})
    study.enqueue_trial({"x": 0.75})
    assert [trial.state for trial in study.trials] == [TrialState.WAITING] * 2
    study.optimize(unit, n_trials=3)
    assert [trial.params["x"] for trial in study.trials][:2] == [0.25, 0.75]
    assert study.trials[0].user_attrs == {"from": "me"}
    assert [trial.fixed_params for trial in study.trials] == [{"x": 0.25}, {"x": 0.75}, {}]


def test_ask_with_a_space_starts_enqueued_trials_first(study):
    study.enqueue_trial({"n": 7, "c": None})
    trial = study.ask(SPACE)
    assert (trial.params["n"], trial.params["c"]) == (7, None)
    assert 0 <= trial.params["x"] <= 1


def test_enqueue_skips_existing_configurations_on_demand(study):
    study.enqueue_trial({"x": 0.5})
    study.enqueue_trial({"x": 0.5}, skip_if_exists=True)
    assert len(study.trials) == 1
    study.optimize(unit, n_trials=1)
    study.enqueue_trial({"x": 0.5}, skip_if_exists=True)
    assert len(study.trials) == 1
    study.enqueue_trial({"x": 0.5})
    study.enqueue_trial({"x": 0.75}, skip_if_exists=True)
    assert len(study.trials) == 3


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"x": [1]}, ValueError),
        ({"x": object()}, TypeError),
        ({1: 2}, TypeError),
        ([], TypeError),
    ],
)
def test_what_cannot_be_a_parameter_cannot_be_enqueued(study, params, error):
    with pytest.raises(error):
        study.enqueue_trial(params)
    assert study.trials == []


def test_a_declared_space_judges_enqueued_values():
    study = hpo.create_study(space=SPACE, sampler=RandomSampler())
    with pytest.raises(ValueError, match="'z' is not a valid value for parameter 'c'"):
        study.enqueue_trial({"c": "z"})
    with pytest.warns(UserWarning, match="keeps the given value 99"):
        study.enqueue_trial({"n": 99})


# what a study hands out


def test_trials_are_copies_unless_asked_for_otherwise(study):
    study.optimize(unit, n_trials=2)
    study.trials[0].set_user_attr("mine", 1)
    assert study.trials[0].user_attrs == {}
    assert study.get_trials(deepcopy=False)[0] is study.get_trials(deepcopy=False)[0]


def test_trials_are_filtered_by_state(study):
    def objective(trial):
        if trial.number == 1:
            raise hpo.TrialPruned
        return float("nan") if trial.number == 2 else 0.0

    study.optimize(objective, n_trials=4)
    study.ask()
    numbers = {state: [trial.number for trial in study.get_trials(states=[state])] for state in TrialState}
    assert numbers == {
        TrialState.COMPLETE: [0, 3],
        TrialState.PAUSED: [],
        TrialState.PRUNED: [1],
        TrialState.FAIL: [2],
        TrialState.RUNNING: [4],
        TrialState.WAITING: [],
    }
    assert study.get_trials(states=()) == []
    assert [t.number for t in study.get_trials(states=(TrialState.PRUNED, TrialState.FAIL))] == [1, 2]


def test_without_a_complete_trial_there_is_no_best_one(study):
    for ask in ("best_trial", "best_value", "best_params"):
        with pytest.raises(NoCompletedTrial, match="the study has no best trial yet"):
            getattr(study, ask)
    assert study.best_trials == []


def test_the_best_trial_is_the_first_of_equals(study):
    study.optimize(lambda trial: [3.0, 1.0, 1.0][trial.number], n_trials=3)
    assert (study.best_trial.number, study.best_value) == (1, 1.0)


def test_best_trials_are_the_pareto_front():
    study = hpo.create_study(directions=["minimize", "maximize"], sampler=RandomSampler())
    values = [(1.0, 1.0), (0.0, 0.0), (2.0, 1.0), (1.0, 0.5), (1.0, 1.0)]
    study.optimize(lambda trial: values[trial.number], n_trials=5)
    assert [trial.number for trial in study.best_trials] == [0, 1, 4]


def test_state_is_not_changed_by_later_trials(study):
    before = study.state
    study.optimize(unit, n_trials=2)
    assert (len(before.finished), len(study.state.finished)) == (0, 2)
    assert hpo.StudyState.from_bytes(study.state.to_bytes()) == study.state


# attributes


def test_user_attribute_is_replaced_and_user_attrs_refuses_changes(study):
    study.set_user_attr("a", 1)
    study.set_user_attr("a", [1, {"b": None}])
    with pytest.raises(TypeError, match="set_user_attr"):
        study.user_attrs["a"] = 3
    assert study.user_attrs == {"a": [1, {"b": None}]}


@pytest.mark.parametrize("value", [object(), {1: 2}, {"a": {1}}, b"x", np.array([1j]), lambda: 0])
def test_attribute_without_a_json_form_is_refused_by_a_journal(value, tmp_path):
    study = hpo.create_study(storage=f"{tmp_path}/a.jsonl", sampler=RandomSampler())
    trial = study.ask()
    with pytest.raises(TypeError):
        study.set_user_attr("a", value)
    with pytest.raises(TypeError):
        trial.set_user_attr("a", value)
    assert study.user_attrs == trial.user_attrs == {}


@pytest.mark.parametrize(
    ("value", "kept"), [(np.float32(0.5), 0.5), (np.int64(3), 3), ((1, 2), [1, 2]), (1e308, 1e308)]
)
def test_attributes_become_builtin_values(study, value, kept):
    study.set_user_attr("a", value)
    assert (study.user_attrs["a"], type(study.user_attrs["a"]) in {float, int} or kept == [1, 2]) == (kept, True)


def test_a_finished_trial_refuses_also_what_it_has_already(study):
    trial = study.ask()
    trial.report(0.5, 3)
    trial.set_constraint("memory", -1)
    study.tell(trial, 0.5)
    with pytest.raises(TrialNotRunning):
        trial.report(0.5, 3)
    with pytest.raises(TrialNotRunning):
        trial.set_constraint("memory", -1)


def test_the_first_value_of_a_constraint_stands(study):
    trial = study.ask()
    trial.set_constraint("memory", -1)
    with pytest.warns(UserWarning, match="a value for constraint 'memory' already: it stays"):
        trial.set_constraint("memory", 5)
    with pytest.raises(InvalidArgument, match="neither feasible nor infeasible"):
        trial.set_constraint("time", float("nan"))
    assert trial.constraints == {"memory": -1.0}


# --- one object asks, another one tells


def two_faces(**options):
    """Two objects for one study, as two processes have them."""
    storage = hpo.journal.MemoryStorage()
    hpo.create_study(storage=storage, seed=1, **options)
    return [hpo.load_study(storage=storage, sampler=RandomSampler()) for _ in range(2)]


def test_open_trials_told_elsewhere_are_forgotten():
    asks, tells = two_faces()
    still_running = asks.ask()
    for _ in range(400):
        tells.tell(asks.ask().number, 0.5)
    assert len(asks._trials._by_number) < 200
    still_running.suggest_float("x", 0, 1)
    assert asks.tell(still_running.number, 0.5).params.keys() == {"x"}


def test_unused_parameters_are_dropped_also_after_many_trials():
    asks, tells = two_faces(space={"x": hpo.FloatDistribution(0, 1), "y": hpo.FloatDistribution(0, 1)})
    first = asks.ask()
    first.suggest_float("x", 0, 1)
    for _ in range(400):
        tells.tell(asks.ask().number, 0.5)
    assert asks.tell(first.number, 0.5).params.keys() == {"x"}
