"""`Study.optimize`, one trial after another."""

import gc
import operator
import time

import pytest

import hpo
from hpo.errors import NotOptimizing, SearchSpaceExhausted
from hpo.samplers import GridSampler, RandomSampler
from hpo.trial import TrialState

unit = operator.methodcaller("suggest_float", "x", 0, 1)


@pytest.fixture
def study():
    return hpo.create_study(sampler=RandomSampler(), seed=0)


def states(study):
    return [trial.state for trial in study.trials]


def test_trials_are_numbered_and_told_in_order(study):
    study.optimize(unit, n_trials=5)
    assert [trial.number for trial in study.state.finished] == [0, 1, 2, 3, 4]
    assert [trial.value for trial in study.trials] == [trial.params["x"] for trial in study.trials]


def test_same_seed_gives_the_same_study_in_one_run_or_several():
    whole, pieces = (hpo.create_study(seed=7) for _ in range(2))
    whole.optimize(unit, n_trials=24)
    for _ in range(4):
        pieces.optimize(unit, n_trials=6)
    assert [trial.params for trial in whole.trials] == [trial.params for trial in pieces.trials]


def test_an_exception_fails_its_trial_and_is_raised(study):
    def objective(trial):
        unit(trial)
        if trial.number == 1:
            raise ZeroDivisionError("a mistake\nin two lines")
        return 1.0

    with pytest.raises(ZeroDivisionError, match="a mistake") as caught:
        study.optimize(objective, n_trials=5)
    assert states(study) == [TrialState.COMPLETE, TrialState.FAIL]
    failed = study.trials[1]
    assert {*failed.params} == {"x"}
    assert failed.values is None
    assert "in objective" in failed.reason
    assert __file__ in failed.reason
    assert caught.traceback[-1].name == "objective"


def test_failure_reason_names_the_exception_and_its_place(study):
    def objective(trial):
        raise KeyError("gone")

    study.optimize(objective, n_trials=1, catch=KeyError)
    assert study.trials[0].reason.startswith("KeyError: 'gone' (")
    assert study.trials[0].reason.endswith("in objective)")


def test_an_exception_that_is_not_in_catch_ends_the_run(study):
    def objective(trial):
        raise (KeyError if trial.number < 2 else ValueError)(trial.number)

    with pytest.raises(ValueError, match="2"):
        study.optimize(objective, n_trials=9, catch=(KeyError,))
    assert states(study) == [TrialState.FAIL] * 3


def test_system_exit_fails_its_trial_and_leaves(study):
    def objective(trial):
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        study.optimize(objective, n_trials=2)
    assert states(study) == [TrialState.FAIL]


def test_sampler_error_leaves_no_trial_running():
    def broken(state, trial, space, key):
        raise LookupError("the sampler's mistake")

    study = hpo.create_study(sampler=broken)
    with pytest.raises(LookupError, match="the sampler's mistake"):
        study.optimize(unit, n_trials=2)
    assert all(trial.state is TrialState.FAIL for trial in study.trials)


def test_suggestion_outside_the_space_fails_the_trial():
    study = hpo.create_study(sampler=lambda state, trial, space, key: hpo.Suggestion(dict.fromkeys(space, 7.0)))
    with pytest.raises(ValueError, match=r"'x' can't be 7.0"):
        study.optimize(unit, n_trials=2)
    assert states(study) == [TrialState.FAIL]


def test_callbacks_are_called_in_order_for_every_outcome(study):
    calls = []

    def objective(trial):
        if trial.number == 0:
            raise KeyError
        if trial.number == 1:
            raise hpo.TrialPruned
        return float("nan") if trial.number == 2 else 1.0

    study.optimize(
        objective,
        n_trials=4,
        catch=KeyError,
        callbacks=[
            lambda study, trial: calls.append(("first", trial.number, trial.state.name, len(study.trials))),
            lambda study, trial: calls.append(("second", trial.number)),
        ],
    )
    assert calls == [
        ("first", 0, "FAIL", 1),
        ("second", 0),
        ("first", 1, "PRUNED", 2),
        ("second", 1),
        ("first", 2, "FAIL", 3),
        ("second", 2),
        ("first", 3, "COMPLETE", 4),
        ("second", 3),
    ]


def test_a_callback_stops_the_run(study):
    study.optimize(unit, n_trials=10, callbacks=[lambda study, trial: trial.number == 2 and study.stop()])
    assert len(study.trials) == 3
    study.optimize(unit, n_trials=2)
    assert len(study.trials) == 5


def test_stop_outside_of_a_run_is_an_error(study):
    with pytest.raises(NotOptimizing, match="inside an objective or a callback"):
        study.stop()
    study.optimize(unit, n_trials=1)
    with pytest.raises(RuntimeError):
        study.stop()


def test_timeout_starts_no_trial_and_lets_running_ones_end(study, monkeypatch):
    clock = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: clock)

    def objective(trial):
        nonlocal clock
        clock += 40.0
        return 1.0

    study.optimize(objective, timeout=100.0)
    assert states(study) == [TrialState.COMPLETE] * 3
    assert clock == 1120.0


def test_a_run_without_limits_lasts_until_something_ends_it(study):
    def objective(trial):
        if trial.number == 30:
            study.stop()
        return 0.0

    study.optimize(objective)
    assert len(study.trials) == 31


def test_exhausted_sampler_ends_the_run_quietly_and_ask_raises():
    study = hpo.create_study(sampler=GridSampler({"x": [0.0, 1.0]}))
    study.optimize(unit)
    assert [trial.params["x"] for trial in study.trials] == [0.0, 1.0]
    with pytest.raises(SearchSpaceExhausted, match="nothing is left"):
        study.ask()
    assert len(study.trials) == 2


def test_an_objective_may_tell_its_own_trial(study):
    def objective(trial):
        study.tell(trial, 5.0)
        return 1.0

    study.optimize(objective, n_trials=2)
    assert [trial.value for trial in study.trials] == [5.0, 5.0]


def test_unused_joint_parameters_are_dropped(study):
    def objective(trial):
        x = unit(trial)
        return x + (trial.suggest_float("y", 0, 1) if trial.number == 0 else 0)

    study.optimize(objective, n_trials=2)
    assert [{*trial.params} for trial in study.trials] == [{"x", "y"}, {"x"}]
    assert {*study.trials[1].distributions} == {"x"}


def test_gc_after_trial(study):
    collections = []

    def note(phase, info):
        if phase == "start" and info["generation"] == 2:
            collections.append(info)

    gc.collect()
    gc.callbacks.append(note)
    try:
        study.optimize(lambda trial: 1.0, n_trials=3)
        without = len(collections)
        study.optimize(lambda trial: 1.0, n_trials=3, gc_after_trial=True)
    finally:
        gc.callbacks.remove(note)
    assert without < 3 <= len(collections) - without


def test_results_are_told_by_metric_name():
    study = hpo.create_study(
        directions=["minimize", "maximize"], metric_names=["loss", "accuracy"], sampler=RandomSampler()
    )
    study.optimize(lambda trial: {"accuracy": 0.9, "loss": 0.1}, n_trials=1)
    assert study.trials[0].values == (0.1, 0.9)


def test_constraints_decide_which_trial_is_the_best(study):
    def objective(trial):
        trial.set_constraint("memory", [5.0, -1.0, 0.0][trial.number])
        return [0.0, 2.0, 1.0][trial.number]

    study.optimize(objective, n_trials=3)
    assert study.best_trial.number == 2
    assert [trial.feasible for trial in study.trials] == [False, True, True]
