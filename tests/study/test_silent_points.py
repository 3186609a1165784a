"""What trials and studies do where the documents of the field are silent: points 1 to 8 and 15."""

import functools
import math
import operator

import numpy as np
import pytest

import hpo
from hpo.errors import (
    InvalidArgument,
    InvalidDistribution,
    InvalidSuggestion,
    InvalidType,
    NotOptimizing,
    StudyNotFound,
    TrialNotRunning,
)
from hpo.samplers import GridSampler, RandomSampler
from hpo.trial import TrialState

unit = operator.methodcaller("suggest_float", "x", 0, 1)


@pytest.fixture
def study():
    return hpo.create_study(sampler=RandomSampler(), seed=0)


# 1: one name twice in one trial


def test_a_name_asked_for_again_gives_the_same_value(study):
    trial = study.ask()
    assert trial.suggest_float("x", 0, 1) == trial.suggest_float("x", 0, 1)
    assert trial.suggest_categorical("c", ["a", "b"]) == trial.suggest_categorical("c", ["a", "b"])
    assert [*trial.params] == ["x", "c"]


def test_a_name_asked_for_again_with_another_range_keeps_its_value_with_a_warning(study):
    trial = study.ask()
    first = trial.suggest_float("x", 0, 1)
    with pytest.warns(UserWarning, match="'x' was suggested from .* is ignored"):
        assert trial.suggest_float("x", 5, 9) == first
    assert trial.distributions == {"x": hpo.FloatDistribution(0, 1)}


@pytest.mark.parametrize(
    "again",
    [
        operator.methodcaller("suggest_int", "x", 0, 1),
        operator.methodcaller("suggest_categorical", "x", [0.0, 1.0]),
    ],
)
def test_a_name_cannot_be_of_two_kinds_in_one_trial(study, again):
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    with pytest.raises(InvalidArgument, match="can't be .* too: use another name"):
        again(trial)


def test_the_choices_of_a_name_cannot_change_in_one_trial(study):
    trial = study.ask()
    trial.suggest_categorical("c", ["a", "b"])
    with pytest.raises(InvalidArgument, match="use another name"):
        trial.suggest_categorical("c", ["a", "b", "c"])


def test_a_name_may_change_its_range_and_even_its_kind_between_trials(study):
    for suggest in (
        unit,
        operator.methodcaller("suggest_float", "x", 5, 9),
        operator.methodcaller("suggest_int", "x", 3, 4),
        lambda trial: float(len(trial.suggest_categorical("x", ["a", "b"]))),
        unit,
    ):
        study.optimize(suggest, n_trials=1)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 5
    assert 5 <= study.trials[1].params["x"] <= 9


# 2: ranges that are none


@pytest.mark.parametrize(
    ("suggest", "problem"),
    [
        (operator.methodcaller("suggest_float", "x", 1, 0), "low <= high, got low=1.0, high=0.0"),
        (operator.methodcaller("suggest_int", "x", 1, 0), "low <= high"),
        (operator.methodcaller("suggest_float", "x", 0, 1, log=True), "low > 0"),
        (operator.methodcaller("suggest_int", "x", 0, 1, log=True), "low >= 1"),
        (operator.methodcaller("suggest_float", "x", 0, 1, step=0), "step > 0"),
        (operator.methodcaller("suggest_float", "x", 0, 1, step=-0.5), "step > 0"),
        (operator.methodcaller("suggest_int", "x", 0, 1, step=0), "step >= 1"),
        (operator.methodcaller("suggest_float", "x", 1, 2, step=0.5, log=True), "either step or log"),
        (operator.methodcaller("suggest_int", "x", 1, 2, step=2, log=True), "either step or log"),
        (operator.methodcaller("suggest_float", "x", 0, math.inf), "finite high"),
        (operator.methodcaller("suggest_float", "x", math.nan, 1), "finite low"),
        (operator.methodcaller("suggest_categorical", "x", []), "at least one choice"),
    ],
)
def test_a_range_that_holds_nothing_is_refused_and_leaves_no_parameter(study, suggest, problem):
    trial = study.ask()
    with pytest.raises(InvalidDistribution, match=problem) as caught:
        suggest(trial)
    assert isinstance(caught.value, ValueError)
    assert trial.params == {}


def test_a_step_larger_than_the_range_leaves_its_low_end_with_a_warning(study):
    trial = study.ask()
    with pytest.warns(UserWarning, match="high is lowered to 0"):
        assert trial.suggest_float("x", 0, 1, step=3) == 0.0
    with pytest.warns(UserWarning, match="high is lowered to 2"):
        assert trial.suggest_int("n", 2, 4, step=9) == 2


def test_a_range_of_one_value_gives_that_value(study):
    trial = study.ask()
    assert (trial.suggest_float("x", 2, 2), trial.suggest_int("n", 3, 3)) == (2.0, 3)


# 3: reports


def test_the_first_report_of_a_step_stands_and_a_second_one_warns(study):
    trial = study.ask()
    trial.report(0.5, 3)
    with pytest.warns(UserWarning, match="a value for step 3 already: it stays"):
        trial.report(0.1, 3)
    assert study.trials[0].intermediate_values == {3: 0.5}


@pytest.mark.parametrize(
    ("value", "step", "error"),
    [
        (0.5, -1, ValueError),
        (0.5, 1.5, TypeError),
        (0.5, "1", TypeError),
        (0.5, None, TypeError),
        (0.5, True, TypeError),
        ("much", 1, TypeError),
        (None, 1, TypeError),
        ([1.0], 1, TypeError),
    ],
)
def test_a_report_that_is_none_is_refused(study, value, step, error):
    trial = study.ask()
    with pytest.raises(error):
        trial.report(value, step)
    assert study.trials[0].intermediate_values == {}


def test_steps_and_values_of_numpy_become_builtin(study):
    trial = study.ask()
    trial.report(np.float32(0.5), np.int64(2))
    trial.report(np.array(0.25), 3.0)
    (step, other), values = study.trials[0].intermediate_values.keys(), study.trials[0].intermediate_values.values()
    assert (type(step), type(other), [*map(type, values)]) == (int, int, [float, float])


def test_nan_is_reported_and_may_prune(study):
    trial = study.ask()
    trial.report(math.nan, 0)
    trial.report(-math.inf, 1)
    reported = study.trials[0].intermediate_values
    assert math.isnan(reported[0])
    assert reported[1] == -math.inf


# 4: results that are none


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (None, "the objective returned None"),
        ("much", "the objective returned 'much'"),
        ("0.5", "the objective returned '0.5'"),
        (b"1", "the objective returned b'1'"),
        (1j, "the objective returned 1j"),
        ({"x": 1.0}, "metric names"),
        ((1.0, 2.0), "2 objective value"),
        ((), "0 objective value"),
        (math.nan, "NaN"),
        (np.float32("nan"), "NaN"),
    ],
)
def test_a_result_that_is_no_number_fails_its_trial_and_the_study_goes_on(study, result, why):
    results = [result, 1.0]
    study.optimize(lambda trial: results[trial.number], n_trials=2)
    failed, complete = study.trials
    assert (failed.state, failed.values) == (TrialState.FAIL, None)
    assert why in failed.reason
    assert complete.value == 1.0


@pytest.mark.parametrize("result", [2, np.float32(2), np.int64(2), np.array(2.0), [2.0], (2,), np.array([2.0])])
def test_whatever_stands_for_one_number_is_a_result(study, result):
    study.optimize(lambda trial: result, n_trials=1)
    assert study.best_value == 2.0
    assert type(study.best_value) is float


def test_infinities_are_results(study):
    study.optimize(lambda trial: math.inf if trial.number else -math.inf, n_trials=2)
    assert [trial.value for trial in study.trials] == [-math.inf, math.inf]
    assert study.best_trial.number == 0


@pytest.mark.parametrize("result", [1.0, (1.0,), (1.0, 2.0, 3.0), (1.0, None), (1.0, math.nan)])
def test_several_objectives_need_one_number_each(result):
    study = hpo.create_study(directions=["minimize", "maximize"], sampler=RandomSampler())
    study.optimize(lambda trial: (1.0, 2.0) if trial.number else result, n_trials=2)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.COMPLETE]
    assert study.trials[1].values == (1.0, 2.0)


# 5: pruned trials


def test_a_pruned_trial_has_the_value_of_its_last_step_and_is_never_the_best(study):
    def objective(trial):
        if trial.number:
            return 1.0
        trial.report(-3.0, 7)
        trial.report(-5.0, 2)
        raise hpo.TrialPruned("enough seen")

    study.optimize(objective, n_trials=2)
    pruned = study.trials[0]
    assert (pruned.state, pruned.value, pruned.reason) == (TrialState.PRUNED, -3.0, "enough seen")
    assert study.best_trial.number == 1


@pytest.mark.parametrize("reports", [[], [math.nan]])
def test_a_trial_pruned_without_a_number_has_no_value(study, reports):
    def objective(trial):
        for step, value in enumerate(reports):
            trial.report(value, step)
        raise hpo.TrialPruned

    study.optimize(objective, n_trials=1)
    assert (study.trials[0].state, study.trials[0].value) == (TrialState.PRUNED, None)
    with pytest.raises(ValueError, match="no trial is completed yet, out of 1"):
        _ = study.best_trial


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
    with pytest.raises(ValueError, match="'z' is no value of parameter 'c'"):
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
