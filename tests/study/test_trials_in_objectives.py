"""What trials suggest and report while they run, and which results they accept."""

import math
import operator

import numpy as np
import pytest

import hpo
from hpo.errors import InvalidArgument, InvalidDistribution
from hpo.samplers import RandomSampler
from hpo.trial import TrialState

unit = operator.methodcaller("suggest_float", "x", 0, 1)


@pytest.fixture
def study():
    return hpo.create_study(sampler=RandomSampler(), seed=0)


# one name twice in one trial


def test_a_name_asked_for_again_gives_the_same_value(study):
    trial = study.ask()
    assert trial.suggest_float("x", 0, 1) == trial.suggest_float("x", 0, 1)
    assert trial.suggest_categorical("c", ["a", "b"]) == trial.suggest_categorical("c", ["a", "b"])
    assert [*trial.params] == ["x", "c"]


def test_name_with_another_range_keeps_its_value_with_a_warning(study):
    trial = study.ask()
    first = trial.suggest_float("x", 0, 1)
    with pytest.warns(UserWarning, match=r"'x' was suggested from .* is ignored"):
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
    with pytest.raises(InvalidArgument, match=r"can't be .* too: use another name"):
        again(trial)


def test_the_choices_of_a_name_cannot_change_in_one_trial(study):
    trial = study.ask()
    trial.suggest_categorical("c", ["a", "b"])
    with pytest.raises(InvalidArgument, match="use another name"):
        trial.suggest_categorical("c", ["a", "b", "c"])


def test_name_may_change_range_and_type_between_trials(study):
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


# invalid ranges


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
def test_invalid_range_is_refused_and_leaves_no_parameter(study, suggest, problem):
    trial = study.ask()
    with pytest.raises(InvalidDistribution, match=problem) as caught:
        suggest(trial)
    assert isinstance(caught.value, ValueError)
    assert trial.params == {}


def test_step_larger_than_the_range_leaves_low_with_a_warning(study):
    trial = study.ask()
    with pytest.warns(UserWarning, match="high is lowered to 0"):
        assert trial.suggest_float("x", 0, 1, step=3) == 0.0
    with pytest.warns(UserWarning, match="high is lowered to 2"):
        assert trial.suggest_int("n", 2, 4, step=9) == 2


def test_a_range_of_one_value_gives_that_value(study):
    trial = study.ask()
    assert (trial.suggest_float("x", 2, 2), trial.suggest_int("n", 3, 3)) == (2.0, 3)


# intermediate values


def test_second_report_of_a_step_is_ignored_with_a_warning(study):
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
def test_invalid_report_is_refused(study, value, step, error):
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


# invalid results


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (None, "the objective returned None"),
        ("much", "the objective returned 'much'"),
        ("0.5", "the objective returned '0.5'"),
        (b"1", "the objective returned b'1'"),
        (1j, "the objective returned 1j"),
        ({"x": 1.0}, "metric names"),
        ((1.0, 2.0), "but got 2"),
        ((), "but got 0"),
        (math.nan, "NaN"),
        (np.float32("nan"), "NaN"),
    ],
)
def test_invalid_result_fails_its_trial_and_the_run_goes_on(study, result, why):
    results = [result, 1.0]
    study.optimize(lambda trial: results[trial.number], n_trials=2)
    failed, complete = study.trials
    assert (failed.state, failed.values) == (TrialState.FAIL, None)
    assert why in failed.reason
    assert complete.value == 1.0


@pytest.mark.parametrize("result", [2, np.float32(2), np.int64(2), np.array(2.0), [2.0], (2,), np.array([2.0])])
def test_numbers_of_any_type_are_results(study, result):
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


# pruned trials


def test_pruned_trial_has_its_last_value_and_is_never_the_best(study):
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
def test_trial_pruned_without_a_report_has_no_value(study, reports):
    def objective(trial):
        for step, value in enumerate(reports):
            trial.report(value, step)
        raise hpo.TrialPruned

    study.optimize(objective, n_trials=1)
    assert (study.trials[0].state, study.trials[0].value) == (TrialState.PRUNED, None)
    with pytest.raises(ValueError, match="none of its 1 trial is complete"):
        _ = study.best_trial
