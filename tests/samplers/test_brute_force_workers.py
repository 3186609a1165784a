"""Brute force by several workers at once: they miss nothing, repeat nothing, and come to an end."""

import concurrent.futures
import itertools
import threading

import pytest
from branching_objective import LEAVES, counted, objective, quiet_study

import hpo
from hpo.core import IntDistribution, TrialState
from hpo.errors import SearchSpaceExhausted
from hpo.samplers import BruteForceSampler
from hpo.study.studies import load_study


@pytest.mark.parametrize("order", ["any", "deterministic"])
@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("n_jobs", [3, 8])
def test_threads_try_each_combination_once_and_can_be_verified(order, seed, n_jobs):
    study = quiet_study(sampler=BruteForceSampler(seed=seed))
    study.optimize(objective, n_jobs=n_jobs, order=order)
    assert counted(study) == dict.fromkeys(LEAVES, 1)
    assert hpo.verify(study).clean


@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("n_jobs", [3, 8])
def test_workers_of_an_executor_try_each_combination_once(seed, n_jobs):
    study = quiet_study(sampler=BruteForceSampler(seed=seed))
    with concurrent.futures.ThreadPoolExecutor(n_jobs) as executor:
        study.optimize(objective, executor=executor)
    assert counted(study) == dict.fromkeys(LEAVES, 1)
    assert hpo.verify(study).clean


def test_fewer_combinations_than_workers_are_tried_once_each():
    for n_values, space in itertools.product([1, 2, 3], [None, True]):
        study = quiet_study(space=space and {"x": IntDistribution(1, n_values), "y": IntDistribution(0, 1)})
        study.optimize(lambda trial, n=n_values: trial.suggest_int("x", 1, n) + trial.suggest_int("y", 0, 1), n_jobs=8)
        assert sorted(tuple(t.params.values()) for t in study.trials) == [
            *itertools.product(range(1, n_values + 1), range(2))
        ]


def test_asking_again_is_advised_when_everything_known_is_taken():
    study = quiet_study()
    first, second = study.ask(), study.ask()
    assert {trial.suggest_int("x", 0, 1) for trial in (first, second)} == {0, 1}
    with pytest.raises(
        SearchSpaceExhausted, match="tried or running; ask again when a running trial has finished"
    ) as told:
        study.ask()
    assert told.value.for_now
    first.suggest_int("y", 0, 1)
    study.tell(first, 0.0)
    third = study.ask()
    assert third.suggest_int("x", 0, 1) == first.params["x"]
    assert third.suggest_int("y", 0, 1) != first.params["y"]
    second.suggest_int("z", 0, 0)
    for trial in (second, third):
        study.tell(trial, 0.0)
    with pytest.raises(SearchSpaceExhausted, match=r"all combinations are tried$") as told:
        study.ask()
    assert not told.value.for_now


def test_a_run_waits_for_trials_of_living_workers(monkeypatch):
    monkeypatch.setattr("hpo.study.running.session._LONGEST_WAIT", 0.01)
    study = quiet_study()
    both, go_on = threading.Barrier(3), threading.Event()

    def held_up_at_first(trial):
        if trial.number < 2:
            both.wait()
            go_on.wait()
        return objective(trial)

    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        others = threads.submit(study.optimize, held_up_at_first, n_jobs=2)
        both.wait()
        looked = threading.Timer(0.1, go_on.set)
        looked.start()
        load_study(study_name=study.study_name, storage=study.storage, sampler=BruteForceSampler()).optimize(objective)
        assert counted(study) == dict.fromkeys(LEAVES, 1)
        others.result()


def test_a_run_does_not_wait_for_trials_without_a_living_worker():
    study = quiet_study()
    for _ in range(2):
        study.ask()
    study.optimize(objective)
    assert len(study.trials) == 2


def test_workers_that_must_not_stop_try_every_combination():
    study = quiet_study(sampler=BruteForceSampler(avoid_premature_stop=True))
    study.optimize(objective, n_jobs=3, n_trials=100)
    assert counted(study).keys() == LEAVES


def test_threads_repeat_nothing_in_a_space_of_one_parameter():
    study = quiet_study()
    study.optimize(lambda trial: trial.suggest_int("x", 0, 30), n_jobs=3, n_trials=100)
    assert sorted(trial.params["x"] for trial in study.trials) == [*range(31)]
    assert hpo.verify(study).clean


def test_running_trials_of_a_dead_worker_do_not_block_the_end():
    study = quiet_study()
    dead = [study.ask() for _ in range(2)]
    dead[0].suggest_categorical("kind", ["a", "b", "c"])
    study.optimize(objective, n_trials=100)
    assert [trial.params["kind"] for trial in study.get_trials(states=[TrialState.COMPLETE])] == ["c"]
    busy = load_study(
        study_name=study.study_name, storage=study.storage, sampler=BruteForceSampler(avoid_premature_stop=True)
    )
    busy.optimize(objective, n_trials=100)
    assert counted(study).keys() >= LEAVES
    for trial in dead:
        study.tell(trial, state=TrialState.FAIL)
    n_trials = len(study.trials)
    study.optimize(objective, n_trials=100)
    assert len(study.trials) == n_trials


@pytest.mark.parametrize("asked", [lambda trial: trial.suggest_int("x", 0, 30), objective])
def test_workers_that_suggest_for_themselves_can_be_verified(asked):
    study = quiet_study()
    with concurrent.futures.ThreadPoolExecutor(3) as executor:
        study.optimize(asked, executor=executor, n_jobs=3, n_trials=60)
    assert hpo.verify(study).clean
    if asked is not objective:
        assert sorted(trial.params["x"] for trial in study.trials) == [*range(31)]


def test_a_second_run_tries_the_combinations_that_were_left():
    def slow_in_one_branch(trial):
        if trial.suggest_categorical("mode", ["plain", "fancy"]) == "fancy":
            return trial.suggest_int("z", 0, 4)
        return 0

    study = quiet_study()
    study.optimize(slow_in_one_branch, n_jobs=4, n_trials=60)
    study.optimize(slow_in_one_branch, n_trials=60)
    assert {trial.params.get("z") for trial in study.trials} == {None, 0, 1, 2, 3, 4}


def test_a_wrong_guess_about_a_branch_does_not_prevent_the_end():
    def objective_with_ranges_that_differ(trial):
        if trial.suggest_int("a", 0, 1):
            return 0
        if trial.suggest_int("b", 0, 1):
            return trial.suggest_int("d", 0, 2)
        return trial.suggest_int("c", 0, 0 if trial.suggest_int("e", 0, 1) else 3)

    study = quiet_study()
    study.optimize(objective_with_ranges_that_differ, n_jobs=3, order="deterministic", n_trials=60)
    assert len(study.trials) < 25
    assert len(counted(study)) >= 6
    study.optimize(objective_with_ranges_that_differ)
    assert len(counted(study)) == 9
