"""Trials that run at once before anything is known of the space: they get different values all the same."""

import threading

import pytest

import hpo
from hpo.core import Exhausted, IntDistribution, SearchSpace, ask_sampler, suggest_lone, trial_key
from hpo.samplers import CmaEsSampler, RandomSampler, TPESampler
from hpo.samplers.parts.first_trials import expected

MODELS = [TPESampler, CmaEsSampler]


def together(n_jobs, suggest):
    """An objective whose first trials are all running before one of them asks for a parameter."""
    barrier = threading.Barrier(n_jobs)

    def objective(trial):
        if trial.number < n_jobs:
            barrier.wait(60)
        return suggest(trial)

    return objective


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("sampler", MODELS)
@pytest.mark.parametrize(("n_choices", "n_jobs"), [(2, 2), (5, 3), (4, 4)])
def test_parallel_trials_of_an_undeclared_space_try_each_choice_once(seed, sampler, n_choices, n_jobs):
    study = hpo.create_study(sampler=sampler(), seed=seed)
    objective = together(n_jobs, lambda trial: trial.suggest_int("n", 1, n_choices))
    study.optimize(objective, n_trials=n_choices, n_jobs=n_jobs)
    assert sorted(trial.params["n"] for trial in study.trials) == [*range(1, n_choices + 1)]
    assert hpo.verify(study).clean


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("sampler", MODELS)
def test_a_fixed_order_keeps_first_trials_apart_too(seed, sampler):
    def run():
        study = hpo.create_study(sampler=sampler(), seed=seed)
        study.optimize(
            lambda trial: trial.suggest_categorical("c", [0, 1]), n_trials=2, n_jobs=2, order="deterministic"
        )
        return [trial.params["c"] for trial in study.trials]

    assert sorted(run()) == [0, 1]
    assert run() == run()


@pytest.mark.parametrize("seed", range(10))
def test_several_parameters_are_kept_apart_two_at_a_time(seed):
    study = hpo.create_study(sampler=TPESampler(), seed=seed)
    objective = together(2, lambda trial: trial.suggest_int("x", 0, 1) + trial.suggest_int("y", 0, 1))
    study.optimize(objective, n_trials=9, n_jobs=2)
    assert sorted((trial.params["x"], trial.params["y"]) for trial in study.trials) == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_a_later_trial_knows_what_a_silent_one_will_get():
    study = hpo.create_study(sampler=TPESampler(), seed=1)
    first, silent = study.ask(), study.ask()
    study.tell(first, float(first.suggest_int("x", 0, 2)))
    third = study.ask()
    found = third.suggest_int("x", 0, 2)
    state = study.state
    ((foreseen,),) = [
        [*other.params.values()]
        for other in expected(
            RandomSampler(), state, state.running[2], SearchSpace({"x": IntDistribution(0, 2)}), state.key
        )
    ]
    assert silent.suggest_int("x", 0, 2) == foreseen
    assert {first.params["x"], foreseen, found} == {0, 1, 2}
    assert hpo.verify(study).clean


def test_a_space_that_silent_trials_will_use_up_is_exhausted_for_now():
    study = hpo.create_study(sampler=TPESampler(), seed=1)
    first, _ = study.ask(), study.ask()
    study.tell(first, float(first.suggest_int("x", 0, 1)))
    state, sampler = study.state, TPESampler()
    running = hpo.FrozenTrial(2, hpo.TrialState.RUNNING)
    answer = ask_sampler(
        sampler, state, running, SearchSpace({"x": IntDistribution(0, 1)}), trial_key(state, sampler, 2)
    )
    assert answer == Exhausted("all 2 configurations are tried or running", for_now=True)


def test_one_trial_after_another_draws_as_before():
    study = hpo.create_study(sampler=TPESampler(), seed=1)
    trial = study.ask()
    space = SearchSpace({"x": IntDistribution(0, 9)})
    alone = suggest_lone(study.state, RandomSampler(), study.state.running[0], "x", space)
    assert trial.suggest_int("x", 0, 9) == alone.params["x"]


def test_repeats_are_allowed_where_the_user_says_so():
    twice = 0
    for seed in range(20):
        study = hpo.create_study(sampler=TPESampler(duplicates="allow"), seed=seed)
        study.optimize(together(2, lambda trial: trial.suggest_int("x", 0, 1)), n_trials=2, n_jobs=2)
        twice += len({trial.params["x"] for trial in study.trials}) == 1
    assert twice
