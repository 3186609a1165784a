"""Run objectives: what they may be and return, what ends a run, enqueued trials, callbacks, ask and tell."""

import contextlib
import functools
import gc
import io
import pickle
import time

import numpy as np
import pytest
from optuna_programs import quadratic, same_with_optuna, states, unit
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

import hpo
from hpo.samplers import RandomSampler


def test_a_hundred_trials_find_a_minimum_and_more_can_follow():
    study = hpo.create_study(seed=0)
    study.optimize(quadratic, n_trials=100)

    assert study.best_params["x"] == pytest.approx(2, abs=0.5)
    assert study.best_value == (study.best_params["x"] - 2) ** 2
    assert study.best_trial.number == min(study.trials, key=lambda trial: trial.value).number
    assert len(study.trials) == 100

    study.optimize(quadratic, n_trials=100)
    assert len(study.trials) == 200
    assert [trial.number for trial in study.trials] == [*range(200)]


def test_a_script_prints_the_best_value_and_its_parameters():
    study = hpo.create_study()
    study.optimize(quadratic, n_trials=20)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        print(f"Best value: {study.best_value} (params: {study.best_params})")
    assert printed.getvalue() == f"Best value: {(study.best_params['x'] - 2) ** 2} (params: {study.best_params})\n"
    assert type(study.best_params) is dict


class Objective:
    def __init__(self, min_x, max_x):
        self.min_x = min_x
        self.max_x = max_x

    def __call__(self, trial):
        x = trial.suggest_float("x", self.min_x, self.max_x)
        return (x - 2) ** 2


def objective_of_three(trial, min_x, max_x):
    x = trial.suggest_float("x", min_x, max_x)
    return (x - 2) ** 2


@pytest.mark.parametrize(
    "objective",
    [
        Objective(-100, 100),
        lambda trial: objective_of_three(trial, -100, 100),
        functools.partial(objective_of_three, min_x=-100, max_x=100),
    ],
    ids=["callable object", "lambda", "partial"],
)
def test_an_objective_has_arguments_of_its_own(objective):
    study = hpo.create_study(seed=0)
    study.optimize(objective, n_trials=30)
    assert len(study.trials) == 30
    assert {trial.distributions["x"].high for trial in study.trials} == {100.0}
    assert study.best_value < 100


def test_a_model_is_saved_under_the_number_of_its_trial(tmp_path):
    train_x, valid_x, train_y, valid_y = train_test_split(*load_iris(return_X_y=True), random_state=0)

    def objective(trial):
        svc_c = trial.suggest_float("svc_c", 1e-10, 1e10, log=True)
        clf = SVC(C=svc_c)
        clf.fit(train_x, train_y)
        with (tmp_path / f"{trial.number}.pickle").open("wb") as fout:
            pickle.dump(clf, fout)
        return 1.0 - accuracy_score(valid_y, clf.predict(valid_x))

    study = hpo.create_study()
    study.optimize(objective, n_trials=10)

    assert len([*tmp_path.glob("*.pickle")]) == 10
    with (tmp_path / f"{study.best_trial.number}.pickle").open("rb") as fin:
        best_clf = pickle.load(fin)
    assert 1.0 - accuracy_score(valid_y, best_clf.predict(valid_x)) == study.best_value


@same_with_optuna
def test_what_an_objective_may_return(lib):
    ends = {}
    for result in (1, True, "x", None, (1.0, 2.0), float("nan"), float("inf"), np.float32(0.5)):
        study = lib.create_study()
        study.optimize(lambda _, result=result: result, n_trials=1)
        ends[repr(result)] = states(study), study.trials[0].values and list(study.trials[0].values)
    return ends


@same_with_optuna
def test_exceptions_end_a_run_unless_they_are_caught(lib):
    def objective(trial):
        if trial.number == 1:
            raise RuntimeError("no")
        return unit(trial)

    study = lib.create_study()
    with pytest.raises(RuntimeError, match="no"):
        study.optimize(objective, n_trials=5)
    other = lib.create_study()
    other.optimize(objective, n_trials=5, catch=(RuntimeError,), n_jobs=2, gc_after_trial=True)
    return states(study), states(other)


@pytest.mark.parametrize("catch", [(), (KeyboardInterrupt,)])
def test_an_interrupt_ends_the_run_unless_it_is_caught(agreed, catch):
    def objective(trial):
        if trial.number == 2:
            raise KeyboardInterrupt
        return unit(trial)

    def program(lib):
        study = lib.create_study()
        try:
            study.optimize(objective, n_trials=4, catch=catch)
        except KeyboardInterrupt:
            return "interrupted", states(study)
        return "finished", states(study)

    said = agreed(program)
    assert said[0] == ("finished" if catch else "interrupted")


def test_a_run_ends_after_its_timeout(agreed):
    def program(lib):
        study = lib.create_study()
        study.optimize(lambda trial: time.sleep(0.2) or unit(trial), timeout=1.5)
        return set(states(study))

    assert agreed(program) == {"COMPLETE"}


def test_stop_at_trial_four_makes_five_trials():
    study = hpo.create_study()

    def stopping(trial):
        if trial.number == 4:
            study.stop()
        x = trial.suggest_float("x", 0, 10)
        return x**2

    study.optimize(stopping, n_trials=10)
    assert len(study.trials) == 5


@same_with_optuna
def test_a_callback_stops_the_run(lib):
    class StopWhenPrunedKeepsOccurring:
        count = 0

        def __call__(self, study: lib.study.Study, trial: lib.trial.FrozenTrial) -> None:
            self.count = self.count + 1 if trial.state == lib.trial.TrialState.PRUNED else 0
            if self.count == 2:
                study.stop()

    def objective(trial):
        if trial.number > 4:
            raise lib.TrialPruned
        return unit(trial)

    study = lib.create_study()
    study.optimize(objective, n_trials=100, callbacks=[StopWhenPrunedKeepsOccurring()])
    return states(study)


@same_with_optuna
def test_a_limit_for_the_whole_study(lib):
    def objective(trial):
        if trial.number % 2:
            raise lib.TrialPruned
        return unit(trial)

    study = lib.create_study()
    limit = lib.study.MaxTrialsCallback(5, states=(lib.trial.TrialState.COMPLETE,))
    study.optimize(objective, callbacks=[limit])
    first = states(study)
    study.optimize(objective, callbacks=[lib.study.MaxTrialsCallback(20, states=None)])
    return first, states(study)


def test_callbacks_see_the_study_with_the_finished_trial(agreed):
    def program(lib):
        seen = []

        def look(study, trial):
            seen.append((trial.number, trial.state.name, len(study.trials), study.trials[-1] == trial))
            study.set_user_attr("last", trial.number)

        study = lib.create_study()
        study.optimize(unit, n_trials=2, callbacks=[look, lambda study, trial: seen.append(study.user_attrs["last"])])
        return seen

    assert agreed(program) == [(0, "COMPLETE", 1, True), 0, (1, "COMPLETE", 2, True), 1]


def test_garbage_is_collected_by_option_or_by_callback():
    collections = []

    def note(phase, info):
        if phase == "start" and info["generation"] == 2:
            collections.append(info)

    study = hpo.create_study(sampler=RandomSampler())
    gc.collect()
    gc.callbacks.append(note)
    try:
        study.optimize(quadratic, n_trials=3, gc_after_trial=True)
        by_option = len(collections)
        study.optimize(quadratic, n_trials=3, callbacks=[lambda study, trial: gc.collect()])
        by_callback = len(collections) - by_option
    finally:
        gc.callbacks.remove(note)
    assert by_option >= 3
    assert by_callback >= 3
    assert len(study.trials) == 6


def test_enqueued_parameters_are_tried_first_in_their_order():
    study = hpo.create_study()
    study.enqueue_trial({"x": 5})
    study.enqueue_trial({"x": 0})
    study.optimize(quadratic, n_trials=2)

    assert study.trials[0].params == {"x": 5}
    assert study.trials[1].params == {"x": 0}


@same_with_optuna
def test_enqueued_trials(lib):
    study = lib.create_study()
    study.enqueue_trial({"x": 0.5, "n": 1})
    study.enqueue_trial({"x": 0.25}, user_attrs={"memo": "good"})
    study.enqueue_trial({"x": 0.25}, skip_if_exists=True)
    waiting = states(study), study.trials[1].user_attrs, study.trials[0].params
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_int("n", 0, 7), n_trials=3)
    return (
        waiting,
        [trial.params["x"] for trial in study.trials[:2]],
        study.trials[0].params,
        study.trials[1].user_attrs,
    )


@same_with_optuna
def test_ask_and_tell(lib):
    study = lib.create_study(direction="maximize")
    for value in (1.0, 3.0):
        trial = study.ask()
        trial.suggest_float("c", 1e-7, 10.0, log=True)
        trial.suggest_categorical("solver", ("a", "b"))
        told = study.tell(trial, value)
    space = {
        "c": lib.distributions.FloatDistribution(1e-7, 10.0, log=True),
        "n": lib.distributions.IntDistribution(1, 9),
    }
    defined = study.ask(space)
    study.tell(defined.number, state=lib.trial.TrialState.FAIL)
    study.tell(study.ask(), state=lib.trial.TrialState.PRUNED)
    again = study.tell(trial, 99.0, skip_if_finished=True)
    return type(told).__name__, told.value, again.value, sorted(defined.params), states(study), study.best_value


@same_with_optuna
def test_studies_are_nested_and_pickled(lib):
    def objective(trial):
        x = unit(trial)
        inner = lib.create_study()
        inner.optimize(lambda inside: (inside.suggest_float("y", 0, 1) - x) ** 2, n_trials=2)
        return inner.best_value

    study = lib.create_study(study_name="outer")
    study.optimize(objective, n_trials=3)
    again = pickle.loads(pickle.dumps(study))
    again.optimize(objective, n_trials=2)
    for call in (study.stop, lambda: study.optimize(lambda _: study.optimize(objective, n_trials=1), n_trials=1)):
        with pytest.raises(RuntimeError):
            call()
    return states(study), states(again), again.study_name, pickle.loads(pickle.dumps(study.sampler)) is not None


def test_a_study_within_a_study_is_stopped_alone(agreed):
    def program(lib):
        def objective(trial):
            x = unit(trial)
            inner = lib.create_study()

            def within(other):
                if other.number == 1:
                    inner.stop()
                return (unit(other) - x) ** 2

            inner.optimize(within, n_trials=10)
            return len(inner.trials)

        study = lib.create_study()
        study.optimize(objective, n_trials=2)
        return [trial.value for trial in study.trials]

    assert agreed(program) == [2.0, 2.0]
