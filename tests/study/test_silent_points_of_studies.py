"""What studies do where the documents of the field are silent: points 6 to 8 and 15."""

import functools
import math
import operator

import pytest

import hpo
from hpo.errors import InvalidArgument, InvalidSuggestion, InvalidType, NotOptimizing, StudyNotFound, TrialNotRunning
from hpo.samplers import GridSampler, RandomSampler
from hpo.trial import TrialState

unit = operator.methodcaller("suggest_float", "x", 0, 1)


@pytest.fixture
def study():
    return hpo.create_study(sampler=RandomSampler(), seed=0)


# 6: arguments of create_study and optimize


@pytest.mark.parametrize("direction", ["upwards", "MINIMIZE", "", 1, hpo.StudyDirection])
def test_a_direction_is_minimize_or_maximize(direction):
    with pytest.raises(ValueError, match="'minimize' or 'maximize'"):
        hpo.create_study(direction=direction)


@pytest.mark.parametrize("directions", [[], "maximize", ["minimize", "up"]])
def test_directions_are_several_of_the_two(directions):
    with pytest.raises(ValueError, match="direction"):
        hpo.create_study(directions=directions)


def test_direction_and_directions_exclude_each_other():
    with pytest.raises(ValueError, match="either direction or directions"):
        hpo.create_study(direction="minimize", directions=["minimize"])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"n_trials": -1}, ValueError),
        ({"n_trials": 2.5}, ValueError),
        ({"timeout": -0.1}, ValueError),
        ({"timeout": math.nan}, ValueError),
        ({"timeout": "1 s"}, ValueError),
        ({"n_jobs": 0}, ValueError),
        ({"n_jobs": -2}, ValueError),
        ({"n_jobs": 1.5}, ValueError),
        ({"order": "reverse"}, ValueError),
        ({"catch": (ValueError, 3)}, TypeError),
        ({"catch": int}, TypeError),
        ({"callbacks": [print, "log"]}, TypeError),
    ],
)
def test_an_argument_of_optimize_that_cannot_be_followed_is_refused_before_any_trial(study, arguments, error):
    with pytest.raises(error, match=next(iter(arguments)).rstrip("s")):
        study.optimize(unit, **{"n_trials": 1, **arguments})
    assert study.trials == []


def test_an_objective_is_callable(study):
    with pytest.raises(InvalidType, match="takes a trial"):
        study.optimize(0.5, n_trials=1)


@pytest.mark.parametrize("limit", [{"n_trials": 0}, {"timeout": 0}, {"n_trials": 5, "timeout": 0.0}])
def test_a_limit_of_zero_starts_no_trial(study, limit):
    study.optimize(unit, **limit)
    assert study.trials == []


def test_optimize_inside_its_own_objective_is_an_error_and_inside_anothers_is_none(study):
    def nested(which, trial):
        which.optimize(unit, n_trials=2)
        return 0.0

    other = hpo.create_study(sampler=RandomSampler())
    study.optimize(functools.partial(nested, other), n_trials=1)
    assert len(other.trials) == 2

    with pytest.raises(NotOptimizing, match="inside an objective or a callback of the same study"):
        study.optimize(functools.partial(nested, study), n_trials=1)
    assert study.trials[-1].state is TrialState.FAIL
    with pytest.raises(RuntimeError):
        study.optimize(unit, n_trials=1, callbacks=[lambda study, trial: study.optimize(unit, n_trials=1)])


def test_an_exception_in_a_callback_ends_the_run_and_the_trial_stays_complete(study):
    later = []

    def broken(study, trial):
        if trial.number == 1:
            raise LookupError("a callback's mistake")

    with pytest.raises(LookupError, match="a callback's mistake"):
        study.optimize(unit, n_trials=5, callbacks=[broken, lambda study, trial: later.append(trial.number)])
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 2
    assert later == [0]


@pytest.mark.parametrize("catch", [LookupError, [KeyError, ZeroDivisionError], (KeyError,), {KeyError}])
def test_catch_takes_one_class_or_several(study, catch):
    def objective(trial):
        if trial.number == 0:
            raise KeyError("gone")
        return 1.0

    study.optimize(objective, n_trials=2, catch=catch)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.COMPLETE]


# 7: studies that are not there


@pytest.mark.parametrize("look", [hpo.load_study, hpo.delete_study])
def test_an_unknown_study_is_a_key_error_that_names_it(tmp_path, look):
    storage = f"{tmp_path}/runs/"
    hpo.create_study(study_name="other", storage=storage)
    with pytest.raises(StudyNotFound, match="'digits'") as caught:
        look(study_name="digits", storage=storage)
    assert isinstance(caught.value, KeyError)
    assert "other" in str(caught.value)


# 8: enqueued parameters


def test_an_enqueued_value_outside_the_range_is_kept_with_a_warning(study):
    study.enqueue_trial({"x": 7.0})
    with pytest.warns(UserWarning, match="keeps the given value 7.0, which is outside"):
        study.optimize(unit, n_trials=1)
    assert (study.trials[0].params, study.trials[0].value) == ({"x": 7.0}, 7.0)


def test_an_enqueued_value_that_is_no_choice_fails_its_trial(study):
    study.enqueue_trial({"c": "z"})
    with pytest.raises(ValueError, match="'z' is not a valid value for parameter 'c'"):
        study.optimize(lambda trial: len(trial.suggest_categorical("c", ["a", "b"])), n_trials=1)
    assert study.trials[0].state is TrialState.FAIL


def test_enqueued_names_that_nobody_asks_for_are_remembered_and_others_are_sampled(study):
    study.enqueue_trial({"unheard_of": 3})
    study.optimize(unit, n_trials=1)
    (trial,) = study.trials
    assert {*trial.params} == {"x"}
    assert trial.fixed_params == {"unheard_of": 3}


def test_a_grid_fills_what_an_enqueued_trial_leaves_open_and_still_covers_everything():
    study = hpo.create_study(sampler=GridSampler({"x": [0.0, 1.0], "n": [1, 2]}))
    study.enqueue_trial({"x": 0.5})
    study.optimize(lambda trial: unit(trial) + trial.suggest_int("n", 1, 2))
    tried = [(trial.params["x"], trial.params["n"]) for trial in study.trials]
    assert tried[0][0] == 0.5
    assert sorted(tried[1:]) == [(0.0, 1), (0.0, 2), (1.0, 1), (1.0, 2)]


def test_a_finished_trial_takes_no_more_facts(study):
    trial = study.ask()
    study.tell(trial, 1.0)
    for late in (
        lambda: trial.report(1.0, 0),
        lambda: trial.set_user_attr("a", 1),
        lambda: trial.set_constraint("c", 1.0),
        lambda: trial.suggest_float("x", 0, 1),
        trial.should_prune,
        lambda: study.tell(trial, 2.0),
    ):
        with pytest.raises(TrialNotRunning):
            late()
    assert study.trials[0].value == 1.0


# 15: grids


def test_a_name_outside_the_grid_fails_the_trial_with_the_names_that_it_has():
    study = hpo.create_study(sampler=GridSampler({"x": [0.0, 1.0]}))
    with pytest.raises(InvalidSuggestion, match="'y' is not in the grid"):
        study.optimize(lambda trial: trial.suggest_float("y", 0, 1), n_trials=1)
    assert study.trials[0].state is TrialState.FAIL


def test_a_duplicate_in_a_grid_is_refused():
    with pytest.raises(InvalidArgument, match="twice"):
        GridSampler({"x": [1, 2, 1]})


@pytest.mark.parametrize("parallel", [{}, {"n_jobs": 3}, {"n_jobs": 3, "order": "deterministic"}])
def test_a_grid_is_visited_once_and_no_further_trial_is_left_behind(parallel):
    study = hpo.create_study(sampler=GridSampler({"x": [0.0, 0.5, 1.0], "n": [1, 2]}))
    study.optimize(lambda trial: unit(trial) + trial.suggest_int("n", 1, 2), n_trials=50, **parallel)
    tried = [(trial.params["x"], trial.params["n"]) for trial in study.trials]
    assert tried == [(x, n) for x in (0.0, 0.5, 1.0) for n in (1, 2)]
